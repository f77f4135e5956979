"""Searching in a table: the scores are looked up, and only its rows are candidates."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.benchmarks.base import Metric, TableBenchmark
from hat.benchmarks.csv_table import CsvSettings, CsvTable
from hat.errors import ConfigError
from hat.nas.options import require
from hat.search.operators import GeneOperators, SingleOperators
from hat.search.table_operators import table_operators

Arch = SubTransformerConfig


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


def read_table(args: argparse.Namespace, space: SearchSpace) -> TableInSpace:
    """Reads the table that ``--scorer-table`` names.

    Raises:
        ConfigError: if an option is missing or no row lies in the space.
        DataError: if the file is damaged.
    """
    require(args, "scorer_table", "scorer_column")
    table: TableBenchmark[Arch] = CsvTable.build(CsvSettings(path=Path(args.scorer_table)))
    if not all(isinstance(table.arch(id), SubTransformerConfig) for id in table.ids()):
        raise ConfigError(f"{args.scorer_table}: its architectures are not SubTransformers")
    return TableInSpace(table, space)


def search_operators(
    args: argparse.Namespace, space: SearchSpace
) -> GeneOperators | SingleOperators[Arch]:
    """Returns HAT's operators, or for ``--scorer table`` those on the rows of the table.

    Raises:
        ConfigError: if the mutation probability or the table is wrong.
    """
    genes = GeneOperators(space, mutation_prob=args.mutation_prob)
    if args.scorer != "table":
        return genes
    table = read_table(args, space)
    print(f"| {args.scorer_table}: {len(table.ids())} architectures to choose from")
    return replace(table_operators(table), encode=genes.to_json, decode=genes.from_json)


def _holds(space: SearchSpace, arch: Arch) -> bool:
    try:
        space.check(arch)
    except ConfigError:
        return False
    return True
