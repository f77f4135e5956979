"""Operators on the architectures of a table: nothing outside it can be scored."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hat.arch.cell import CellGraph, mutate_cell
from hat.arch.nb201_cell import Nb201Cell
from hat.errors import HatError
from hat.search.base import A
from hat.search.cell_operators import cell_neighbours
from hat.search.operators import SingleOperators

_NUM_SIMILAR = 10


class Table(Protocol[A]):
    """The part of a benchmark that drawing from it needs."""

    def ids(self) -> Sequence[str]:
        """All identifiers, in a fixed order."""

    def arch(self, id: str) -> A:
        """The architecture behind an identifier."""

    def id_of(self, arch: A) -> str:
        """The identifier of an architecture; raises a ``HatError`` if there is none."""


def table_operators(table: Table[A]) -> SingleOperators[A]:
    """Returns operators whose samples are the rows of ``table``, each equally likely.

    Cells of NAS-Bench-101 and 201 are mutated by editing them, which may lead out of a table that
    is not complete: use ``in_table`` as the constraint. Other architectures are mutated into one
    of the ten most similar ones of the table. As JSON, an architecture is its identifier.
    """
    ids = table.ids()
    mutate, neighbours = _edits_of(table)
    return SingleOperators(
        sample_one=lambda rng: table.arch(ids[int(rng.integers(len(ids)))]),
        mutate_one=mutate,
        neighbours_of=neighbours,
        encode=table.id_of,
        decode=table.arch,
    )


def in_table(table: Table[A]) -> Callable[[Sequence[A]], NDArray[np.bool_]]:
    """Returns the constraint that a candidate is in ``table``."""

    def known(arch: A) -> bool:
        try:
            table.id_of(arch)
        except HatError:
            return False
        return True

    return lambda archs: np.array([known(arch) for arch in archs], dtype=bool)


def part_features(
    table: Table[A], *, num_rows: int = 1000
) -> Callable[[Sequence[A]], NDArray[np.float64]]:
    """Returns one indicator per (place, value) that occurs in the first rows of ``table``.

    For models that guide a search; what never occurred in those rows has no indicator.
    """
    ids = table.ids()[:: max(1, len(table.ids()) // num_rows)]
    vocabulary = {part: 0 for id in ids for part in _parts(table.arch(id))}
    places = {part: place for place, part in enumerate(vocabulary)}

    def features(archs: Sequence[A]) -> NDArray[np.float64]:
        matrix = np.zeros((len(archs), len(places)))
        for row, arch in zip(matrix, archs, strict=True):
            row[[places[part] for part in _parts(arch) if part in places]] = 1.0
        return matrix

    return features


def _edits_of(
    table: Table[A],
) -> tuple[Callable[[A, np.random.Generator], A], Callable[[A], Sequence[A]]]:
    """Chooses mutation and neighbours by the kind of architecture in the table."""
    first: Any = table.arch(table.ids()[0])

    def mutate_nb201(arch: Any, rng: np.random.Generator) -> Any:
        near = list(arch.neighbours())
        return near[int(rng.integers(len(near)))]

    if isinstance(first, CellGraph):
        return _any(mutate_cell), _any(cell_neighbours)
    if isinstance(first, Nb201Cell):
        return mutate_nb201, lambda arch: list(_any(arch).neighbours())
    similar = _similar(table)

    def mutate_similar(arch: A, rng: np.random.Generator) -> A:
        near = similar(arch)
        return near[int(rng.integers(len(near)))]

    return mutate_similar, similar


def _any(value: Any) -> Any:
    """Hides a type that only the table's content decides."""
    return value


def _similar(table: Table[A]) -> Callable[[A], list[A]]:
    """Returns a function to the most similar other architectures of a small table."""
    archs = list(dict.fromkeys(table.arch(id) for id in table.ids()))
    parts = [Counter(_parts(arch)) for arch in archs]

    @cache
    def similar(arch: A) -> list[A]:
        own = Counter(_parts(arch))
        shared = np.array([(own & other).total() / (own | other).total() for other in parts])
        order = np.argsort(-shared, kind="stable")
        near = [archs[int(i)] for i in order if archs[int(i)] != arch]
        return near[:_NUM_SIMILAR]

    return similar


def _parts(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yields the leaves of nested dataclasses, mappings and tuples with the way to them."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _parts(getattr(value, field.name), (*path, field.name))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _parts(inner, (*path, str(key)))
    elif isinstance(value, tuple | list):
        yield (*path, "length"), len(value)
        for index, inner in enumerate(value):
            place = path if is_dataclass(inner) else (*path, str(index))
            yield from _parts(inner, place)
    else:
        yield path, value
