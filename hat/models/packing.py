"""Several sentences in one row of a batch, so that little of it is padding."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Packing:
    """Where sentences that share rows begin anew, and what keeps them from seeing one another.

    The masks are added to the scores of an attention: 0 where a token may look, -inf elsewhere.
    Every token may look somewhere, padding too, since a softmax over nothing is not a number.
    """

    source_positions: Tensor
    """(B, S) int64: the place of each token in its sentence, from 0."""

    source_mask: Tensor
    """(B, 1, S, S)."""

    target_positions: Tensor
    """(B, T) int64."""

    target_mask: Tensor
    """(B, 1, T, T): of the sentence, what is not later."""

    cross_mask: Tensor
    """(B, 1, T, S): from a sentence to its source."""


def packing_of(source: Tensor, target: Tensor, dtype: torch.dtype) -> Packing:
    """Builds a packing.

    Args:
        source: (B, S) int64, the number of the sentence that each token belongs to, -1 at padding.
            The tokens of a sentence stand side by side.
        target: (B, T) int64, the same for the other side.
        dtype: of the masks, that of the model.
    """
    causal = torch.ones(target.size(1), target.size(1), dtype=torch.bool, device=target.device)
    to_source = _same(target, source) | target.lt(0)[:, :, None]
    return Packing(
        source_positions=_positions(source),
        source_mask=_additive(_same(source, source), dtype),
        target_positions=_positions(target),
        target_mask=_additive(_same(target, target) & causal.tril(), dtype),
        cross_mask=_additive(to_source, dtype),
    )


def _same(queries: Tensor, keys: Tensor) -> Tensor:
    return queries[:, :, None] == keys[:, None, :]


def _positions(sentences: Tensor) -> Tensor:
    """How many tokens of the same sentence stand before each, 0 at padding."""
    place = torch.arange(sentences.size(1), device=sentences.device).expand_as(sentences)
    begins = torch.ones_like(sentences, dtype=torch.bool)
    begins[:, 1:] = sentences[:, 1:] != sentences[:, :-1]
    return (place - torch.where(begins, place, 0).cummax(dim=1).values) * sentences.ge(0)


def _additive(allowed: Tensor, dtype: torch.dtype) -> Tensor:
    mask = torch.zeros(allowed.shape, dtype=dtype, device=allowed.device)
    return mask.masked_fill_(~allowed, -torch.inf)[:, None]
