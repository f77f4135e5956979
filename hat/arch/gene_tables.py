"""Sums over the layers of many architectures, by table look-up from their genes.

What a layer adds to a sum depends on its choice and on whether the layer exists, so everything
that a list of per-layer decisions adds up to can be worked out once for each sequence of choices
and depth. One matrix product turns the genes into positions in those tables, and one look-up per
list replaces the work on every layer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hat.arch.gene_batch import LAYER_GENES, gene_columns
from hat.arch.space import SearchSpace
from hat.arrays import Floats

_MOST_SEQUENCES = 4096
"""Sequences of choices in one table; longer lists are looked up in several parts."""

_WIDTHS = {
    "encoder_layer_nums": "encoder_embed_dims",
    "decoder_layer_nums": "decoder_embed_dims",
}

LayerValue = Callable[[str, float, int], float]
"""Field of the space, width of its side, choice of a layer -> what the layer adds to the sum."""


@dataclass(frozen=True)
class _Part:
    """Some consecutive layers of one list, whose choices are looked up together."""

    field: str
    side: str
    """The field that says how many layers there are."""

    first_layer: int
    num_layers: int


class GeneTables:
    """The layout of the tables of one space; ``gene_tables`` keeps it."""

    def __init__(self, space: SearchSpace) -> None:
        """Args: space: whose genes are looked up."""
        self.space = space
        self.columns = gene_columns(space)
        self.parts = list(_parts(space))
        num_genes = max(column.stop for column in self.columns.values())
        # Positions stay below 2^24, where float32 counts exactly and its products are fast.
        self._weights = np.zeros((len(self.parts), num_genes), dtype=np.float32)
        for row, part in zip(self._weights, self.parts, strict=True):
            base = len(getattr(space, part.field))
            start = self.columns[part.field].start + part.first_layer
            row[start : start + part.num_layers] = base ** np.arange(part.num_layers)
            sequences = base**part.num_layers
            row[self.columns[part.side].start] = sequences
            depths = len(getattr(space, part.side))
            row[self.columns[_WIDTHS[part.side]].start] = sequences * depths
        self._averages = self.tabulate(lambda field, width, value: float(value), average=True)

    def positions(self, matrix: NDArray[np.int8]) -> NDArray[np.intp]:
        """Returns (parts, N): where the N architectures with genes (N, G) stand in each table."""
        positions: NDArray[np.intp] = (self._weights @ matrix.T.astype(np.float32)).astype(np.intp)
        return positions

    def tabulate(self, value: LayerValue, *, average: bool = False) -> list[Floats]:
        """Returns one table per part: the sum of ``value`` over the part's existing layers.

        Args:
            value: what one layer adds.
            average: divide by the depth.
        """
        return [self._table(part, value, average) for part in self.parts]

    def _table(self, part: _Part, value: LayerValue, average: bool) -> Floats:
        space = self.space
        choices = getattr(space, part.field)
        depths = np.array(getattr(space, part.side))
        sequence = np.arange(len(choices) ** part.num_layers)
        layers = np.arange(part.num_layers)
        digits = sequence[:, None] // len(choices) ** layers % len(choices)
        # (D, 1, L): of the part's layers those that exist at each depth
        used = (part.first_layer + layers) < depths[:, None, None]
        blocks = []
        for width in getattr(space, _WIDTHS[part.side]):
            added = np.array([value(part.field, float(width), choice) for choice in choices])
            block = (added[digits] * used).sum(axis=2)
            blocks.append(block / depths[:, None] if average else block)
        return np.concatenate(blocks, axis=None)

    def add_up(self, tables: list[Floats], positions: NDArray[np.intp]) -> Floats:
        """Returns (N,) the sum of all ``tables`` at ``positions`` (parts, N)."""
        total: Floats = tables[0].take(positions[0])
        for table, position in zip(tables[1:], positions[1:], strict=True):
            total += table.take(position)
        return total

    def features(self, matrix: NDArray[np.int8], positions: NDArray[np.intp]) -> Floats:
        """Returns HAT's features (10, N) of genes (N, G)."""
        features = np.empty((len(self.columns), len(matrix)))
        place = {field: index for index, field in enumerate(self.columns)}
        for field in (*_WIDTHS, *_WIDTHS.values()):
            choices = np.array(getattr(self.space, field), dtype=np.float64)
            choices.take(matrix[:, self.columns[field].start], out=features[place[field]])
        for part, table, position in zip(self.parts, self._averages, positions, strict=True):
            if part.first_layer == 0:
                table.take(position, out=features[place[part.field]])
            else:
                features[place[part.field]] += table.take(position)
        return features


@lru_cache(maxsize=8)
def gene_tables(space: SearchSpace) -> GeneTables:
    """Returns the tables of ``space``; they are built once."""
    return GeneTables(space)


def _parts(space: SearchSpace) -> list[_Part]:
    parts = []
    for side, fields in LAYER_GENES.items():
        deepest = max(getattr(space, side))
        for field in fields:
            base = len(getattr(space, field))
            most = deepest
            while base**most > _MOST_SEQUENCES:
                most -= 1
            for first in range(0, deepest, most):
                parts.append(_Part(field, side, first, min(most, deepest - first)))
    return parts
