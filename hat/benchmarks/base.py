"""What a benchmark is: architectures with measured values, asked for by identifier.

Accuracies are fractions in [0, 1], losses nats per token, times seconds, whatever the file says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from hat.conditions import content_digest
from hat.errors import DataError, suggestion
from hat.settings import Settings

A = TypeVar("A")
Values = NDArray[np.floating]


@dataclass(frozen=True)
class Metric:
    """What a column of a benchmark means."""

    unit: str
    """Such as ``fraction``, ``s`` or ``nats/token``."""

    higher_is_better: bool


@dataclass(frozen=True, kw_only=True)
class TableSettings(Settings):
    """Where a table stands: what ``KIND:PATH`` says behind the colon."""

    path: Path
    """The file."""


class Benchmark(Protocol[A]):
    """A table of architectures that can be queried as if it trained them."""

    @property
    def name(self) -> str:
        """Short name for tables and signatures."""

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The metrics that ``query`` knows."""

    def signature(self) -> dict[str, Any]:
        """What decides the values: the name, and the content of the files that were read."""

    def ids(self) -> Sequence[str]:
        """All identifiers, sorted."""

    def arch(self, id: str) -> A:
        """The architecture behind an identifier.

        Raises:
            DataError: if there is no such identifier.
        """

    def id_of(self, arch: A) -> str:
        """The identifier of an architecture, however it is spelt.

        Raises:
            DataError: if the table does not hold it.
        """

    def query(
        self, id: str, metric: str, *, epochs: int | None = None, seed: int | None = None
    ) -> float:
        """The value measured after ``epochs`` with training seed ``seed``.

        Args:
            id: one of ``ids()``.
            metric: one of ``metrics``.
            epochs: length of training; ``None`` for the longest.
            seed: which training run; ``None`` for the mean over those in the table.

        Returns:
            The value, or nan where this one architecture was not measured.

        Raises:
            DataError: if the identifier, metric, epochs or seed is not in the table.
        """


class TableBenchmark(Generic[A]):
    """A ``Benchmark`` in memory: one array of shape (N, epochs, seeds) per metric.

    A kind of benchmark that users can name is a class of its own with a class method ``build`` that
    reads the file of its ``Settings``; see ``hat.benchmarks.load``.
    """

    Settings: ClassVar[type[TableSettings]] = TableSettings

    def __init__(
        self,
        *,
        name: str,
        ids: Sequence[str],
        arch_at: Callable[[int], A],
        metrics: Mapping[str, Metric],
        values: Mapping[str, Values],
        epochs: Sequence[int] = (1,),
        seeds: Sequence[int] = (0,),
        id_of: Callable[[A], str] | None = None,
        files: Sequence[Path] = (),
    ) -> None:
        """Takes the columns of a table.

        Args:
            name: short name for tables and signatures.
            ids: N identifiers, in the order of the rows of ``values``.
            arch_at: makes the architecture of a row.
            metrics: what each column means.
            values: per metric an array (N, len(epochs), len(seeds)), or (N,) where neither
                matters; nan where nothing was measured.
            epochs: the lengths of training, ascending.
            seeds: the names of the training runs.
            id_of: spells an architecture as its identifier; without it, architectures are looked
                up by equality.
            files: what was read; the signature holds their content.

        Raises:
            DataError: if the table is empty or names an identifier twice.
        """
        if not ids:
            raise DataError(f"{name}: the table holds no architectures")
        self.name = name
        self._digest = content_digest(files) if files else None
        self.metrics = dict(metrics)
        self.epochs = tuple(epochs)
        self.seeds = tuple(seeds)
        self._rows = {id: row for row, id in enumerate(ids)}
        if len(self._rows) != len(ids):
            twice = next(id for row, id in enumerate(ids) if self._rows[id] != row)
            raise DataError(f"{name}: the table holds {twice!r} twice")
        self._ids = tuple(sorted(ids))
        self._order = np.fromiter((self._rows[id] for id in self._ids), np.int64, len(ids))
        shape = (len(ids), len(self.epochs), len(self.seeds))
        self._values = {
            metric: np.broadcast_to(array.reshape(-1, 1, 1), shape) if array.ndim == 1 else array
            for metric, array in values.items()
        }
        self._means: dict[str, Values] = {}
        self._available: dict[str, NDArray[np.bool_]] = {}
        self._arch_at = arch_at
        self._spell = id_of
        self._found: dict[A, str] | None = None

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, id: object) -> bool:
        return id in self._rows

    def signature(self) -> dict[str, Any]:
        """The name, and the digests of the files that were read; see ``Benchmark.signature``."""
        return {"benchmark": self.name, "data": self._digest}

    def ids(self) -> Sequence[str]:
        """All N identifiers, sorted."""
        return self._ids

    def arch(self, id: str) -> A:
        """The architecture behind an identifier; see ``Benchmark.arch``."""
        return self._arch_at(self._row(id))

    def id_of(self, arch: A) -> str:
        """The identifier of an architecture; see ``Benchmark.id_of``."""
        if self._spell is not None:
            id = self._spell(arch)
        else:
            if self._found is None:
                self._found = {self.arch(id): id for id in reversed(self._ids)}
            id = self._found.get(arch, str(arch))
        if id not in self._rows:
            raise DataError(f"{self.name}: the table does not hold the architecture {id}")
        return id

    def query(
        self, id: str, metric: str, *, epochs: int | None = None, seed: int | None = None
    ) -> float:
        """One measured value in about a microsecond; see ``Benchmark.query``."""
        row = self._row(id)
        column = self._epoch_index(metric, epochs)
        if seed is None:
            return float(self._mean(metric)[row, column])
        return float(self._values[metric][row, column, self._seed_index(seed)])

    def column(
        self,
        metric: str,
        ids: Sequence[str] | None = None,
        *,
        epochs: int | None = None,
        seed: int | None = None,
    ) -> NDArray[np.float64]:
        """The values of a metric for some of ``ids()`` or for all, (N,); nan where there is none.

        Raises:
            DataError: as ``query`` does.
        """
        column = self._epoch_index(metric, epochs)
        if seed is None:
            values = self._mean(metric)[:, column]
        else:
            values = self._values[metric][:, column, self._seed_index(seed)]
        rows = self._order if ids is None else [self._row(id) for id in ids]
        return values[rows].astype(np.float64)

    def places_of_rows(self, rows: NDArray[np.integer]) -> NDArray[np.int64]:
        """Where rows of the file, counted from 0 in its order, stand in ``ids()``: (N,) to (N,)."""
        places = np.empty(len(self._order), dtype=np.int64)
        places[self._order] = np.arange(len(self._order))
        chosen: NDArray[np.int64] = places[rows]
        return chosen

    def is_known(self, metric: str, epochs: int | None = None) -> bool:
        """Whether a metric of the table was measured after ``epochs``; None for the longest."""
        if metric not in self._available:
            self._available[metric] = np.any(~np.isnan(self._mean(metric)), axis=0)
        asked = self.epochs[-1] if epochs is None else epochs
        return asked in self.epochs and bool(self._available[metric][self.epochs.index(asked)])

    def _row(self, id: str) -> int:
        try:
            return self._rows[id]
        except KeyError:
            raise DataError(f"{self.name}: the table holds no architecture {id!r}") from None

    def _seed_index(self, seed: int) -> int:
        if seed not in self.seeds:
            raise DataError(
                f"{self.name}: there is no training run with seed {seed}; "
                f"the seeds are {list(self.seeds)}"
            )
        return self.seeds.index(seed)

    def _epoch_index(self, metric: str, epochs: int | None) -> int:
        if metric not in self._values:
            raise DataError(
                f"{self.name}: there is no metric {metric!r}{suggestion(metric, self._values)}; "
                f"the metrics are {sorted(self._values)}"
            )
        index = len(self.epochs) - 1
        if epochs is not None:
            index = self.epochs.index(epochs) if epochs in self.epochs else -1
        if not self.is_known(metric, epochs):
            known = [e for e in self.epochs if self.is_known(metric, e)]
            raise DataError(
                f"{self.name}: {metric} is not known after {epochs or self.epochs[-1]} epochs; "
                f"the table has it after {known}"
            )
        return index

    def _mean(self, metric: str) -> Values:
        """Mean over the seeds that were measured, (N, epochs)."""
        if metric not in self._means:
            values = self._values[metric]
            there = ~np.isnan(values)
            count = there.sum(axis=2)
            total = np.where(there, values, 0.0).sum(axis=2, dtype=np.float64)
            self._means[metric] = np.divide(
                total, count, out=np.full(count.shape, np.nan), where=count > 0
            )
        return self._means[metric]
