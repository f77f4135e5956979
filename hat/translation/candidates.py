"""The best continuations of a sentence's hypotheses, without sorting the dictionary.

The k largest of many numbers stand in the k blocks with the largest maxima. So one pass finds the
maximum of each block, the best blocks of all hypotheses of a sentence are chosen, and only their
members are compared: exact, and about three times as fast as ``topk`` over everything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

_BLOCK = 64
"""Words of a block: about as many blocks as members, for a dictionary of some thousand words."""


@dataclass(frozen=True)
class Candidates:
    """The k best continuations of each of B sentences, best first, each (B, k)."""

    sums: Tensor
    """Summed log-probability with the continuation, float32."""

    tokens: Tensor
    """The token that continues, int64."""

    beams: Tensor
    """The hypothesis that it continues, int64."""


def best_continuations(
    parts: Iterable[Tensor],
    sums: Tensor,
    *,
    count: int,
    barred: Sequence[int] = (),
    only: int | None = None,
    penalty: tuple[int, float] = (0, 0.0),
) -> Candidates:
    """Finds the ``count`` best continuations of each sentence.

    Args:
        parts: log-probabilities (rows, V) of several sentences each, as ``Decoding.step`` gives
            them. They are overwritten. What is not a number counts as impossible.
        sums: (B, n), summed log-probabilities of the hypotheses so far.
        count: how many; at most n * V - 1.
        barred: tokens that may not follow.
        only: the one token that may follow; None: any.
        penalty: a token and what to take off its log-probability.
    """
    beams = sums.size(1)
    found, start = [], 0
    for part in parts:
        size = part.size(0) // beams
        before = sums[start : start + size]
        start += size
        token, amount = penalty
        if amount:
            part[:, token] -= amount
        if only is not None:
            found.append(_ends(part, before, only))
            continue
        for index in barred:
            part[:, index] = -torch.inf
        found.append(_best_in(part, before, min(count, beams * part.size(1) - 1)))
    if len(found) == 1:
        return found[0]
    columns = zip(*((each.sums, each.tokens, each.beams) for each in found), strict=True)
    return Candidates(*(torch.cat(column) for column in columns))


def _ends(part: Tensor, sums: Tensor, token: int) -> Candidates:
    """All hypotheses continued by ``token``, best first."""
    total = _numbers(part[:, token].view_as(sums) + sums)
    total, beams = total.sort(dim=1, descending=True, stable=True)
    return Candidates(total, torch.full_like(beams, token), beams)


def _best_in(part: Tensor, sums: Tensor, count: int) -> Candidates:
    sentences, beams = sums.shape
    vocab = part.size(1)
    whole = vocab // _BLOCK * _BLOCK
    blocks = part[:, :whole].view(len(part), -1, _BLOCK).amax(-1) if whole else part[:, :0]
    if whole < vocab:
        blocks = torch.cat((blocks, part[:, whole:].amax(1, keepdim=True)), dim=1)
    per_row = blocks.size(1)
    reach = _numbers(blocks + sums.reshape(-1, 1)).view(sentences, -1)
    chosen = reach.topk(min(count, reach.size(1)), dim=1).indices  # (B, k) of (n * per_row)
    beam = chosen.div(per_row, rounding_mode="floor")
    # In the table of all rows: where the hypothesis begins, and there the block.
    rows = beam + _counting(sentences, beams, part.device)[:, None]
    begins = torch.sub(chosen, beam, alpha=per_row).mul_(_BLOCK)
    members = begins[:, :, None] + _counting(_BLOCK, 1, part.device)  # (B, k, block)
    # The last block may be shorter: what is not in it must not count.
    outside = members.ge(vocab) if whole < vocab else None
    if outside is not None:
        members.masked_fill_(outside, 0)
    places = torch.add(members, rows[:, :, None], alpha=vocab)
    values = part.reshape(-1).take(places)
    values += sums.gather(1, beam)[:, :, None]
    if outside is not None:
        values.masked_fill_(outside, -torch.inf)
    values = _numbers(values.flatten(1))
    total, index = values.topk(count, dim=1)
    blocks = index.div(_BLOCK, rounding_mode="floor")
    return Candidates(total, members.flatten(1).gather(1, index), beam.gather(1, blocks))


@cache
def _counting(length: int, step: int, device: torch.device) -> Tensor:
    """0, step, 2 * step, ...: (length,) int64."""
    return torch.arange(0, length * step, step, device=device)


def _numbers(values: Tensor) -> Tensor:
    """Makes what is not a number as bad as can be, in place."""
    return values.nan_to_num_(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
