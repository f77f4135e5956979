"""Batches of sentence pairs, and the same sentences dealt into random blocks.

Blocks are small and sentences differ in length, so up to half of a block's batches would be
padding. Where a model can keep sentences apart that share a row, they are packed instead: Krell et
al., "Efficient Sequence Packing without Cross-contamination" (arXiv 2107.02027), but first-fit
decreasing on both sides at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from hat.errors import ConfigError
from hat.models.packing import Packing, packing_of

ROW_TOKENS = 48
"""Tokens of a packed row, on either side, unless its first sentence is longer. Attention is
quadratic in it, and shorter rows cannot be filled as well; 64 took 10 % longer on Multi30k."""


@dataclass(frozen=True)
class Batch:
    """One batch of sentence pairs on the device that scores it."""

    src_tokens: Tensor
    """(B, S) int64; padding may stand on either side."""

    src_lengths: Tensor
    """(B,) int64."""

    prev_output_tokens: Tensor
    """(B, T) int64: the target shifted right."""

    target: Tensor
    """(B, T) int64."""

    packing: Packing | None = None
    """If rows hold several sentences."""

    sentences: Tensor | None = None
    """(B, T) int64: the sentence that each target token belongs to, -1 at padding. None if that is
    its row."""

    @cached_property
    def num_sentences(self) -> int:
        """Sentence pairs in it."""
        return len(self.target) if self.sentences is None else int(self.sentences.max()) + 1


def deal_into_blocks(
    batches: Sequence[Batch],
    sizes: Sequence[int],
    *,
    padding_idx: int,
    max_tokens: int,
    rng: np.random.Generator,
    packed: torch.dtype | None = None,
) -> list[list[Batch]]:
    """Deals all sentences at random into blocks.

    Each block is a random sample of the sentences, drawn without replacement. Within a block,
    sentences of similar lengths share a batch, or as many as fit share a row.

    Args:
        batches: the sentences.
        sizes: sentences of each block; they add up to all of them.
        padding_idx: what pads.
        max_tokens: padded tokens that a batch may have on either side.
        rng: deals.
        packed: pack rows for a model of this type; None: a sentence is a row.

    Returns:
        The batches of each block.

    Raises:
        ConfigError: if the sizes do not add up.
    """
    sentences = [row for batch in batches for row in _rows(batch, padding_idx)]
    if sum(sizes) != len(sentences) or min(sizes, default=0) < 1:
        raise ConfigError(
            f"blocks of {list(sizes)} sentences do not make up the {len(sentences)} there are"
        )
    order = rng.permutation(len(sentences)).tolist()
    blocks = []
    for size in sizes:
        members = sorted(order[:size], key=lambda i: [len(part) for part in sentences[i]])
        order = order[size:]
        rows = [sentences[i] for i in members]
        if packed is None:
            blocks.append(_batched(rows, padding_idx, max_tokens))
        else:
            blocks.append(_packed(rows, padding_idx, max_tokens, packed))
    return blocks


_Row = tuple[Tensor, Tensor, Tensor]
"""Source, shifted target and target of one sentence, without padding."""


def _rows(batch: Batch, padding_idx: int) -> list[_Row]:
    sides = (batch.src_tokens, batch.prev_output_tokens, batch.target)
    return [tuple(row[row.ne(padding_idx)] for row in rows) for rows in zip(*sides, strict=True)]  # type: ignore[misc]


def _batched(rows: Sequence[_Row], padding_idx: int, max_tokens: int) -> list[Batch]:
    """Fills batches in the given order, longest sentences last."""
    groups: list[list[_Row]] = []
    widest = 0
    for row in rows:
        widest = max(widest, *(len(part) for part in row))
        if not groups or widest * (len(groups[-1]) + 1) > max_tokens:
            groups.append([])
            widest = max(len(part) for part in row)
        groups[-1].append(row)
    return [_collated(group, padding_idx) for group in groups]


def _collated(rows: Sequence[_Row], padding_idx: int) -> Batch:
    def padded(parts: Sequence[Tensor], *, left: bool) -> Tensor:
        width = max(len(part) for part in parts)
        table = parts[0].new_full((len(parts), width), padding_idx)
        for line, part in zip(table, parts, strict=True):
            start = width - len(part) if left else 0
            line[start : start + len(part)] = part
        return table

    sources, previous, targets = zip(*rows, strict=True)
    return Batch(
        src_tokens=padded(sources, left=True),
        src_lengths=torch.tensor([len(s) for s in sources], device=sources[0].device),
        prev_output_tokens=padded(previous, left=False),
        target=padded(targets, left=False),
    )


def _packed(
    sentences: Sequence[_Row], padding_idx: int, max_tokens: int, dtype: torch.dtype
) -> list[Batch]:
    """Fills rows with sentences, and batches with rows, widest first."""
    rows: list[list[_Row]] = []
    room: list[tuple[int, int]] = []
    for sentence in sorted(sentences, key=lambda parts: -max(map(len, parts))):
        source, target = len(sentence[0]), len(sentence[2])
        fits = (i for i, left in enumerate(room) if left[0] >= source and left[1] >= target)
        index = next(fits, len(rows))
        if index == len(rows):
            rows.append([])
            room.append((max(ROW_TOKENS, source, target),) * 2)
        rows[index].append(sentence)
        room[index] = (room[index][0] - source, room[index][1] - target)
    groups = []
    start = 0
    while start < len(rows):
        width = max(ROW_TOKENS, *map(len, rows[start][0]))
        end = start + max(1, max_tokens // width)
        groups.append(_collated_rows(rows[start:end], padding_idx, dtype))
        start = end
    return groups


def _collated_rows(rows: Sequence[Sequence[_Row]], padding_idx: int, dtype: torch.dtype) -> Batch:
    """A batch whose sentences are numbered row by row."""
    joined: list[_Row] = [
        tuple(torch.cat(parts) for parts in zip(*row, strict=True))  # type: ignore[misc]
        for row in rows
    ]
    batch = _collated(joined, padding_idx)
    # Sources are padded on the left, where a sentence ends with its row.
    source = torch.full_like(batch.src_tokens, -1)
    target = torch.full_like(batch.target, -1)
    number = 0
    for line, row in enumerate(rows):
        at_source = source.size(1) - sum(len(sentence[0]) for sentence in row)
        at_target = 0
        for sentence in row:
            source[line, at_source : at_source + len(sentence[0])] = number
            target[line, at_target : at_target + len(sentence[2])] = number
            at_source += len(sentence[0])
            at_target += len(sentence[2])
            number += 1
    return replace(batch, packing=packing_of(source, target, dtype), sentences=target)
