"""Batches of sentence pairs, and the same sentences dealt into random blocks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hat.errors import ConfigError


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


def deal_into_blocks(
    batches: Sequence[Batch],
    sizes: Sequence[int],
    *,
    padding_idx: int,
    max_tokens: int,
    rng: np.random.Generator,
) -> list[list[Batch]]:
    """Deals all sentences at random into blocks; within a block, similar lengths share a batch.

    Each block is a random sample of the sentences, drawn without replacement.

    Args:
        batches: the sentences.
        sizes: sentences of each block; they add up to all of them.
        padding_idx: what pads.
        max_tokens: padded tokens that a batch may have on either side.
        rng: deals.

    Returns:
        The batches of each block, shortest sentences first.

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
        blocks.append(_batched([sentences[i] for i in members], padding_idx, max_tokens))
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
