"""Whether the rows of NAS-Bench-101 agree with themselves: graph, hash, ranges, no cell twice."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hat.arch.cell import INPUT, MAX_VERTICES, OPERATIONS, OUTPUT, CellGraph
from hat.benchmarks.row_checks import COUNT, FRACTION, SECONDS, Place
from hat.csv_reader import distinct
from hat.errors import DataError

COLUMNS = ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")
"""Last axis of the HDF5 file's ``metrics``: seconds, then fractions in [0, 1]."""

OPERATION_IDS = {INPUT: -1, OUTPUT: -2, **{name: i for i, name in enumerate(OPERATIONS)}}
"""How the HDF5 file spells operations; unused vertices are 0."""

HASHED_AT_ONCE = 20_000
"""Tables of more rows have a row's hash computed when its cell is first asked for: all 423,624 take
as long as it takes to list them, over half a minute."""


class HashChecks:
    """Compares the hashes of rows with those of their cells, each row once."""

    def __init__(self, ids: Sequence[str], place: Place) -> None:
        """Args: ids: the table's hashes; place: where a row stands."""
        self._ids = ids
        self._place = place
        self._done = np.zeros(len(ids), dtype=bool)

    def check(self, row: int, cell: CellGraph) -> CellGraph:
        """Returns the cell.

        Raises:
            DataError: if it has another hash.
        """
        if not self._done[row]:
            check_hash(cell, self._ids[row], self._place(row))
            self._done[row] = True
        return cell

    def check_all(self, arch_at: Callable[[int], CellGraph]) -> None:
        """Checks all rows of a table that is small; see ``HASHED_AT_ONCE``."""
        if len(self._ids) <= HASHED_AT_ONCE:
            for row in range(len(self._ids)):
                self.check(row, arch_at(row))


def check_hash(cell: CellGraph, hash: str, where: str) -> None:
    """Checks that a cell has the hash of its row.

    Raises:
        DataError: if it has another.
    """
    if cell.canonical_hash != hash:
        raise DataError(
            f"{where}: the hash must be that of the row's cell, {cell.canonical_hash}, "
            f"but found {hash!r:.40}"
        )


def check_columns(arrays: Mapping[str, NDArray[Any]], path: object) -> list[str]:
    """Checks all rows of an HDF5 table but for the hashes' values.

    Args:
        arrays: the datasets, of the right shapes.
        path: names the file.

    Returns:
        The hashes.

    Raises:
        DataError: for the first row that is no cell, has a number out of range or stands twice.
    """

    def place(row: int) -> str:
        return f"{path}: row {row}"

    hashes = [_text(hash) for hash in arrays["hash"].tolist()]
    for row, hash in enumerate(hashes):
        if len(hash) != 32 or not set(hash) <= set("0123456789abcdef"):
            raise DataError(
                f"{place(row)}: a hash has 32 hexadecimal digits, but found {hash!r:.60}"
            )
    distinct(((hash, place(row)) for row, hash in enumerate(hashes)), "hash")
    _check_graphs(arrays["num_vertices"], arrays["adjacency"], arrays["operations"], place)
    COUNT.check(arrays["trainable_parameters"], "trainable_parameters", place)
    for index, column in enumerate(COLUMNS):
        limits = FRACTION if index else SECONDS
        limits.check(arrays["metrics"][..., index], column, place)
    return hashes


def _text(value: Any) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)


def _check_graphs(
    sizes: NDArray[Any], adjacency: NDArray[Any], operations: NDArray[Any], place: Place
) -> None:
    """Forward edges and known operations between input and output; nothing beyond the last."""
    vertices = np.arange(MAX_VERTICES)
    sizes = sizes.astype(np.int64)
    inner = (vertices > 0) & (vertices < sizes[:, None] - 1)
    last = vertices == sizes[:, None] - 1
    beyond = vertices >= sizes[:, None]
    known = np.isin(operations, list(range(len(OPERATIONS))))
    forward = np.triu(np.ones((MAX_VERTICES, MAX_VERTICES), dtype=bool), k=1)
    reachable = forward & ~beyond[:, None, :]
    wrong = {
        f"num_vertices must be 2 to {MAX_VERTICES}": (sizes < 2) | (sizes > MAX_VERTICES),
        f"operations must begin with {OPERATION_IDS[INPUT]}, the input": (
            operations[:, 0] != OPERATION_IDS[INPUT]
        ),
        f"operations must end with {OPERATION_IDS[OUTPUT]}, the output": (
            last & (operations != OPERATION_IDS[OUTPUT])
        ).any(axis=1),
        f"operations between must be 0 to {len(OPERATIONS) - 1}": (inner & ~known).any(axis=1),
        "operations beyond the cell's vertices must be 0": (beyond & (operations != 0)).any(axis=1),
        "adjacency must be 0 or 1": ~np.isin(adjacency, (0, 1)).all(axis=(1, 2)),
        "edges must go forward, between the cell's vertices": ((adjacency != 0) & ~reachable).any(
            axis=(1, 2)
        ),
    }
    for rule, rows in wrong.items():
        if rows.any():
            row = int(np.argmax(rows))
            raise DataError(
                f"{place(row)}: {rule}, but found {sizes[row]} vertices, "
                f"operations {operations[row].tolist()}, adjacency {adjacency[row].tolist()}"
            )
