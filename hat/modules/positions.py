"""Positional embeddings: sinusoidal or learned, computed at full width and then cut.

Positions count from ``padding_idx + 1`` over the tokens that are not padding, so that a sentence
gets the same positions whether it is padded on the left, on the right or not at all. Padding has
position ``padding_idx``, whose vector is zero.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hat.errors import DataError
from hat.modules.embedding import draw_vectors


def token_positions(tokens: Tensor, padding_idx: int) -> Tensor:
    """tokens: (B, S) int64 -> positions (B, S) int64."""
    present = tokens.ne(padding_idx).long()
    return torch.cumsum(present, dim=1) * present + padding_idx


def sinusoidal_table(num_positions: int, embed_dim: int, padding_idx: int) -> Tensor:
    """Returns the (num_positions, embed_dim) table of tensor2tensor and fairseq, float32.

    The first half of a row holds the sines and the second the cosines, which differs from the
    interleaving of "Attention Is All You Need", section 3.5, only by a permutation. An odd width
    ends with a zero.
    """
    table = torch.zeros(num_positions, embed_dim)
    if table.is_meta:  # shapes alone: see draw_vectors
        return table
    half = embed_dim // 2
    step = math.log(10000) / max(half - 1, 1)
    frequencies = torch.exp(torch.arange(half, dtype=torch.float) * -step)
    angles = torch.arange(num_positions, dtype=torch.float).unsqueeze(1) * frequencies
    table[:, :half] = torch.sin(angles)
    table[:, half : 2 * half] = torch.cos(angles)
    table[padding_idx] = 0.0
    return table


_FIRST = 2**25
"""Numbers of a first table at most: a limit of millions is a way to say that there is none."""


class SinusoidalPositions(nn.Module):
    """Fixed sinusoidal positions. Without parameters; the table grows when it has to.

    Args:
        max_positions: longest sentence; the table is first made for it, unless it is very long.
        embed_dim: full width; narrower ones are cut from it.
        padding_idx: the padding token.
    """

    table: Tensor

    def __init__(self, max_positions: int, embed_dim: int, padding_idx: int) -> None:
        super().__init__()
        self.embed_dim = embed_dim
        self.padding_idx = padding_idx
        first = min(max_positions, max(1, _FIRST // embed_dim)) + padding_idx + 1
        table = sinusoidal_table(first, embed_dim, padding_idx)
        self.register_buffer("table", table, persistent=False)

    def forward(self, tokens: Tensor, embed_dim: int, *, start: int = 0) -> Tensor:
        """tokens: (B, S) -> (B, S - start, embed_dim), the vectors from token ``start`` on."""
        self._reach(tokens.size(1))
        positions = token_positions(tokens, self.padding_idx)[:, start:]
        return F.embedding(positions, self.table[:, :embed_dim])

    def at(self, places: Tensor, embed_dim: int) -> Tensor:
        """places: (B, S) int64 in the sentence, from 0 and below S -> (B, S, embed_dim)."""
        self._reach(places.size(1))
        return F.embedding(places + self.padding_idx + 1, self.table[:, :embed_dim])

    def unpadded(self, length: int, embed_dim: int) -> Tensor | None:
        """The (length, embed_dim) vectors of a sentence without padding, if the table has them."""
        first = self.padding_idx + 1
        if first + length > self.table.size(0):
            return None
        return self.table[first : first + length, :embed_dim]

    def _reach(self, length: int) -> None:
        """Makes the table long enough for ``length`` tokens."""
        last = self.padding_idx + length
        if last >= self.table.size(0):
            self.table = sinusoidal_table(2 * last, self.embed_dim, self.padding_idx).to(self.table)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        # Neither is a parameter: fairseq's marker for a device, and the tables of old versions.
        for name in ("_float_tensor", "weights"):
            state_dict.pop(prefix + name, None)
        super()._load_from_state_dict(state_dict, prefix, *args)


class LearnedPositions(nn.Embedding):
    """Learned positions.

    Args:
        max_positions: longest sentence.
        embed_dim: full width; narrower ones are cut from it.
        padding_idx: the padding token.
    """

    padding_idx: int

    def __init__(self, max_positions: int, embed_dim: int, padding_idx: int) -> None:
        super().__init__(max_positions + padding_idx + 1, embed_dim, padding_idx)

    def reset_parameters(self) -> None:
        """Draws new vectors: normal with deviation width^-0.5, as in fairseq."""
        draw_vectors(self.weight)
        self._fill_padding_idx_with_zero()

    def forward(self, tokens: Tensor, embed_dim: int, *, start: int = 0) -> Tensor:  # type: ignore[override]
        """tokens: (B, S) -> (B, S - start, embed_dim), the vectors from token ``start`` on.

        Raises:
            DataError: if a sentence is longer than the positions that were learned.
        """
        self._check(tokens.size(1))
        positions = token_positions(tokens, self.padding_idx)[:, start:]
        return F.embedding(positions, self.weight, self.padding_idx)[..., :embed_dim]

    def at(self, places: Tensor, embed_dim: int) -> Tensor:
        """places: (B, S) int64 in the sentence, from 0 -> (B, S, embed_dim).

        Raises:
            DataError: if a sentence is longer than the positions that were learned.
        """
        self._check(int(places.max()) + 1)
        return F.embedding(places + self.padding_idx + 1, self.weight)[..., :embed_dim]

    def _check(self, length: int) -> None:
        longest = self.num_embeddings - self.padding_idx - 1
        if length > longest:
            raise DataError(
                f"a sentence has {length} tokens, but the model has learned positions for {longest}"
            )

    def unpadded(self, length: int, embed_dim: int) -> Tensor | None:
        """None: learned positions always go through ``forward``."""
        return None
