"""``--scorer table``: the scores are looked up, and only a table's rows are candidates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.benchmarks.base import Metric, TableBenchmark
from hat.benchmarks.csv_table import CsvSettings, CsvTable
from hat.errors import ConfigError
from hat.nas.scorers.base import Arch, SearchScorer
from hat.nas.supernet import Supernet
from hat.scoring.table import BenchmarkScorer
from hat.search.operators import GeneOperators, SingleOperators
from hat.search.table_operators import table_operators
from hat.settings import Settings, Shown


@dataclass(frozen=True, kw_only=True)
class TableSettings(Settings):
    """The table, and which of its columns."""

    scorer_table: Annotated[Path | None, Shown("CSV")] = None
    """for --scorer table: a file with an architecture a line, the only ones to choose from"""

    scorer_column: Annotated[str | None, Shown("NAME")] = None
    """its column with the scores"""


class Table(SearchScorer):
    """A column of a table. Better is what such columns usually mean: BLEU up, loss down."""

    Settings: ClassVar[type] = TableSettings
    reads_data: ClassVar[bool] = False
    compares: ClassVar[bool] = False
    is_truth: ClassVar[bool] = True

    def __init__(self, settings: TableSettings, table: "TableInSpace", column: str) -> None:
        """Args: table: the rows that lie in the space; column: of scores."""
        self.settings = settings
        self._table = table
        self._scorer = BenchmarkScorer(table, column)
        self.name = self._scorer.name
        self.higher_is_better = self._scorer.higher_is_better

    @classmethod
    def build(cls, settings: TableSettings, supernet: Supernet) -> Self:
        """Reads the table.

        Raises:
            ConfigError: if a setting is missing or no row lies in the space.
            DataError: if the file is damaged.
        """
        if settings.scorer_table is None:
            raise ConfigError("--scorer-table is missing")
        if settings.scorer_column is None:
            raise ConfigError("--scorer-column is missing")
        table: TableBenchmark[Arch] = CsvTable.build(CsvSettings(path=settings.scorer_table))
        if not all(isinstance(table.arch(id), SubTransformerConfig) for id in table.ids()):
            raise ConfigError(f"{settings.scorer_table}: its architectures are not SubTransformers")
        return cls(settings, TableInSpace(table, supernet.space), settings.scorer_column)

    def score(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Looks up N architectures: float64 (N,)."""
        return self._scorer.score(archs)

    def operators(self, genes: GeneOperators) -> SingleOperators[Arch]:
        """Returns operators on the rows of the table."""
        print(
            f"| {self.settings.scorer_table}: {len(self._table.ids())} architectures to choose from"
        )
        return replace(table_operators(self._table), encode=genes.to_json, decode=genes.from_json)


class TableInSpace:
    """The rows of a table whose architectures lie in a search space."""

    def __init__(self, table: TableBenchmark[Arch], space: SearchSpace) -> None:
        """Args: table: any; space: decides which rows count.

        Raises:
            ConfigError: if there is no such row.
        """
        self.name = table.name
        self.metrics: dict[str, Metric] = dict(table.metrics)
        self._table = table
        # An architecture that stands twice counts once: with the row that looking it up finds.
        archs = {id: table.arch(id) for id in table.ids()}
        inside = [id for id, arch in archs.items() if _holds(space, arch)]
        self._ids = tuple(dict.fromkeys(table.id_of(archs[id]) for id in inside))
        if not self._ids:
            raise ConfigError(
                f"{self.name}: none of its {len(table)} architectures lies in the search space"
            )

    def signature(self) -> dict[str, Any]:
        """What decides the values: those of the whole table."""
        return self._table.signature()

    def ids(self) -> Sequence[str]:
        """Identifiers of the rows that count."""
        return self._ids

    def arch(self, id: str) -> Arch:
        """The architecture of a row."""
        return self._table.arch(id)

    def id_of(self, arch: Arch) -> str:
        """The row of an architecture; raises a ``DataError`` if there is none."""
        return self._table.id_of(arch)

    def query(
        self, id: str, metric: str, *, epochs: int | None = None, seed: int | None = None
    ) -> float:
        """The value of a column."""
        return self._table.query(id, metric, epochs=epochs, seed=seed)


def _holds(space: SearchSpace, arch: Arch) -> bool:
    try:
        space.check(arch)
    except ConfigError:
        return False
    return True
