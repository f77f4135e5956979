"""Operators: HAT's on the genes of SubTransformers, and an adapter for any other architecture."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from hat.arch.config import SubTransformerConfig
from hat.arch.gene_batch import LAYER_GENES, GeneBatch, gene_columns, used_genes
from hat.arch.genes import Genes
from hat.arch.hat_yaml import arch_from_mapping, arch_to_mapping
from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.search.base import A


class GeneOperators:
    """HAT's genetic operators (``fairseq/evolution.py`` of its repository) on SubTransformers.

    Sampling draws every gene uniformly; mutation draws each gene again with a probability (HAT:
    0.3), which may give the old value; crossover takes each gene from either of two parents.
    Genes of layers beyond an architecture's depth are drawn afresh before each operation: in HAT
    they are leftovers of an ancestor, which is as good as random.
    """

    def __init__(self, space: SearchSpace, *, mutation_prob: float = 0.3) -> None:
        """Args: space: where to search; mutation_prob: chance of each gene to be drawn again.

        Raises:
            ConfigError: if ``mutation_prob`` is not in (0, 1].
        """
        if not 0.0 < mutation_prob <= 1.0:
            raise ConfigError(f"mutation-prob must lie in (0, 1], but found {mutation_prob}")
        self.space = space
        self.mutation_prob = mutation_prob
        self._genes = Genes(space)
        self._columns = gene_columns(space)

    def sample(self, rng: np.random.Generator, count: int) -> GeneBatch:
        """Draws every gene of ``count`` architectures uniformly."""
        return GeneBatch(self._genes, self._random(rng, count))

    def mutate(
        self, parents: Sequence[SubTransformerConfig], rng: np.random.Generator, count: int
    ) -> GeneBatch:
        """Draws ``count`` times a parent, and each of its genes again with ``mutation_prob``."""
        rows, free = self._encode(parents)
        picks = rng.integers(len(parents), size=count)
        matrix = rows[picks]
        # 16 random bits per gene: half the time of floats, and right to 1 in 100,000.
        bits = rng.integers(1 << 16, size=matrix.shape, dtype=np.uint16)
        again = bits < round(self.mutation_prob * (1 << 16))
        np.copyto(matrix, self._random(rng, count), where=again | free[picks])
        return GeneBatch(self._genes, matrix)

    def crossover(
        self, parents: Sequence[SubTransformerConfig], rng: np.random.Generator, count: int
    ) -> GeneBatch:
        """Draws ``count`` times two different parents, and each gene from either of them."""
        rows, free = self._encode(parents)
        first = rng.integers(len(parents), size=count)
        step = rng.integers(1, max(2, len(parents)), size=count)
        second = (first + step) % len(parents)
        from_second = rng.integers(2, size=(count, rows.shape[1]), dtype=np.bool_)
        matrix = np.where(from_second, rows[second], rows[first])
        unused = np.where(from_second, free[second], free[first])
        np.copyto(matrix, self._random(rng, count), where=unused)
        return GeneBatch(self._genes, matrix)

    def neighbours(self, arch: SubTransformerConfig) -> GeneBatch:
        """Returns every architecture that differs from ``arch`` in one gene that it uses.

        A deeper neighbour gets copies of the last layer. Shallower ones lose their last layers.
        """
        row = self._repeat_last_layer(arch)
        used = used_genes(self.space, row[None])[0]
        rows = []
        for gene, num_choices in enumerate(self._genes.num_choices):
            if not used[gene]:
                continue
            for choice in range(num_choices):
                if choice != row[gene]:
                    changed = row.copy()
                    changed[gene] = choice
                    rows.append(changed)
        matrix = np.array(rows, dtype=np.int8).reshape(len(rows), len(row))
        return GeneBatch(self._genes, matrix)

    def smallest_first(self, rng: np.random.Generator, count: int) -> GeneBatch:
        """Draws the smallest architecture, then ones with ever more genes drawn at random."""
        matrix = self._random(rng, count)
        smallest = np.array(self._genes.num_choices, dtype=np.int8) - 1
        free = np.linspace(0.0, 0.5, count)[:, None]
        keep = rng.random(matrix.shape) >= free
        np.copyto(matrix, np.broadcast_to(smallest, matrix.shape), where=keep)
        return GeneBatch(self._genes, matrix)

    def one_hot(self, archs: Sequence[SubTransformerConfig]) -> NDArray[np.float64]:
        """Returns one indicator per choice of each gene; unused genes are all zero: (N, D)."""
        rows = [self._genes.encode(arch) for arch in archs]
        matrix = np.array(rows, dtype=np.int8).reshape(len(rows), len(self._genes.num_choices))
        used = used_genes(self.space, matrix)
        columns = [
            (matrix[:, gene] == choice) & used[:, gene]
            for gene, num_choices in enumerate(self._genes.num_choices)
            for choice in range(num_choices)
        ]
        return np.stack(columns, axis=1).astype(np.float64)

    def to_json(self, arch: SubTransformerConfig) -> dict[str, Any]:
        """Returns the keys and values of HAT's SubTransformer YAML."""
        return dict(arch_to_mapping(arch))

    def from_json(self, value: Any) -> SubTransformerConfig:
        """Reads what ``to_json`` wrote.

        Raises:
            ConfigError: if ``value`` does not describe a SubTransformer of this space.
        """
        arch = arch_from_mapping(value, "trial")
        self.space.check(arch)
        return arch

    def _random(self, rng: np.random.Generator, count: int) -> NDArray[np.int8]:
        matrix = np.empty((count, len(self._genes.num_choices)), dtype=np.int8)
        for name, column in self._columns.items():
            num_choices = len(getattr(self.space, name))
            size = (count, column.stop - column.start)
            matrix[:, column] = rng.integers(num_choices, size=size, dtype=np.int8)
        return matrix

    def _encode(
        self, parents: Sequence[SubTransformerConfig]
    ) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
        """Genes of the parents (P, G), and which of them are free (P, G)."""
        rows = np.array([self._genes.encode(parent) for parent in parents], dtype=np.int8)
        return rows, ~used_genes(self.space, rows)

    def _repeat_last_layer(self, arch: SubTransformerConfig) -> NDArray[np.int8]:
        row = np.array(self._genes.encode(arch), dtype=np.int8)
        depths = (arch.encoder.num_layers, arch.decoder.num_layers)
        for names, depth in zip(LAYER_GENES.values(), depths, strict=True):
            for name in names:
                genes = row[self._columns[name]]
                genes[depth:] = genes[depth - 1]
        return row


@dataclass(frozen=True, kw_only=True)
class SingleOperators(Generic[A]):
    """Turns functions that make one architecture at a time into ``Operators`` and a ``Codec``."""

    sample_one: Callable[[np.random.Generator], A]
    mutate_one: Callable[[A, np.random.Generator], A]
    crossover_two: Callable[[A, A, np.random.Generator], A] | None = None
    """Without it, a crossover is the mutation of one of the two parents."""

    neighbours_of: Callable[[A], Iterable[A]] | None = None
    """Without it, an architecture has no neighbours and local search restarts at once."""

    smallest: Sequence[A] = ()
    """Architectures to try where random ones fail the constraints, smallest first."""

    encode: Callable[[A], Any] = lambda arch: arch
    decode: Callable[[Any], A] = lambda value: value

    def sample(self, rng: np.random.Generator, count: int) -> list[A]:
        """Draws ``count`` architectures."""
        return [self.sample_one(rng) for _ in range(count)]

    def mutate(self, parents: Sequence[A], rng: np.random.Generator, count: int) -> list[A]:
        """Draws ``count`` times a parent and mutates it."""
        picks = rng.integers(len(parents), size=count)
        return [self.mutate_one(parents[i], rng) for i in picks]

    def crossover(self, parents: Sequence[A], rng: np.random.Generator, count: int) -> list[A]:
        """Draws ``count`` times two different parents and crosses them."""
        if self.crossover_two is None:
            return self.mutate(parents, rng, count)
        first = rng.integers(len(parents), size=count)
        second = (first + rng.integers(1, max(2, len(parents)), size=count)) % len(parents)
        pairs = zip(first, second, strict=True)
        return [self.crossover_two(parents[i], parents[j], rng) for i, j in pairs]

    def neighbours(self, arch: A) -> list[A]:
        """Returns the neighbours of ``arch``."""
        return [] if self.neighbours_of is None else list(self.neighbours_of(arch))

    def smallest_first(self, rng: np.random.Generator, count: int) -> list[A]:
        """Returns the first ``count`` of ``smallest``."""
        return list(self.smallest[:count])

    def to_json(self, arch: A) -> Any:
        """Returns ``encode(arch)``."""
        return self.encode(arch)

    def from_json(self, value: Any) -> A:
        """Returns ``decode(value)``."""
        return self.decode(value)
