"""Any CSV file of (architecture, scores) as a benchmark."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hat.arch.cell import CellGraph
from hat.arch.hat_yaml import arch_from_mapping
from hat.arch.nb201_cell import parse_nb201
from hat.arch.recipe import parse_recipe
from hat.benchmarks.base import Metric, TableBenchmark, TableSettings
from hat.csv_reader import CsvRows, is_number
from hat.errors import ConfigError, DataError, suggestion
from hat.json_reader import parse_json

A = TypeVar("A")
ParseArch = Callable[[str, str], A]
"""From the text of a field and the place it stands to an architecture."""

_LOWER_IS_BETTER = re.compile(
    r"loss|latency|flops|param|time|second|error|perplexity|\bppl", re.IGNORECASE
)


def parse_architecture(text: str, where: str) -> Any:
    """Reads an architecture in any of the toolkit's one-line spellings.

    These are a NAS-Bench-201 string, JSON of a recurrent recipe, JSON of a NAS-Bench-101 cell
    (``adjacency`` and ``operations``) and JSON of a SubTransformer with HAT's keys.

    Raises:
        ConfigError: if it is none of them; the sentence starts with ``where``.
    """
    if text.lstrip().startswith("|"):
        return parse_nb201(text, where)
    if not text.lstrip().startswith("{"):
        raise ConfigError(
            f"{where}: an architecture is a NAS-Bench-201 string or a JSON object, "
            f"but found {text[:60]!r}"
        )
    content = parse_json(text, where, ConfigError)
    if not isinstance(content, Mapping):
        raise ConfigError(f"{where}: expected a JSON object, but found {text[:60]!r}")
    if "adjacency" in content and "operations" in content:
        try:
            return CellGraph.from_lists(content["adjacency"], content["operations"])
        except (ConfigError, TypeError, ValueError) as error:
            raise ConfigError(f"{where}: {error}") from None
    if content and all(isinstance(node, Mapping) and "op" in node for node in content.values()):
        return parse_recipe(content, where)
    return arch_from_mapping(content, where)


@dataclass(frozen=True, kw_only=True)
class CsvSettings(TableSettings):
    """Which columns of the file say what."""

    arch_column: str = "arch"
    """Where the architecture stands."""

    id_column: str | None = None
    """Where an identifier stands; without it, lines are numbered from ``0000``."""


class CsvTable(TableBenchmark[A]):
    """A table with one architecture a line, gzipped or not; its first line names the columns."""

    Settings: ClassVar = CsvSettings
    path: Path
    _texts: Sequence[Mapping[str, str]]
    _places: Sequence[str]

    @classmethod
    def build(
        cls,
        settings: CsvSettings,
        *,
        metrics: Mapping[str, Metric] | None = None,
        parse: ParseArch[A] = parse_architecture,
    ) -> "CsvTable[A]":
        """Loads the table.

        Args:
            settings: file and columns.
            metrics: the columns to load. By default all that hold numbers, as they stand; a metric
                is better when lower if its name speaks of loss, perplexity, error, latency, time,
                FLOPs or parameters.
            parse: reads an architecture.

        Raises:
            DataError: if the file cannot be read, is empty, lacks a column or holds something that
                is not a number; with the line.
            ConfigError: if an architecture cannot be read; with the line.
        """
        path, arch_column, id_column = settings.path, settings.arch_column, settings.id_column
        needed = [arch_column, *([id_column] if id_column else []), *(metrics or {})]
        rows = CsvRows.read(path, columns=needed)
        rows.need_rows("architectures")
        archs = [parse(text, where) for text, where in rows.column(arch_column)]
        if metrics is None:
            others = [name for name in rows.header if name not in (arch_column, id_column)]
            metrics = {
                name: Metric("", higher_is_better=not _LOWER_IS_BETTER.search(name))
                for name in others
                if rows.holds_numbers(name)
            }
        width = max(4, len(str(len(rows))))
        ids = rows.distinct(id_column) if id_column else [f"{i:0{width}}" for i in range(len(rows))]
        table = cls(
            name=path.name.split(".")[0],
            ids=ids,
            arch_at=archs.__getitem__,
            metrics=metrics,
            values={name: rows.numbers(name) for name in metrics},
            files=[path],
        )
        table.path, table._texts, table._places = path, rows.fields, rows.places
        return table

    def signature(self) -> dict[str, Any]:
        """As of any table, but without its name: that is the file's, which decides nothing."""
        return {**super().signature(), "benchmark": "csv"}

    def check_column(self, name: str, asked: str = "") -> None:
        """Checks that the table has a column of numbers.

        Args:
            name: of the column.
            asked: who wants it, for the message.

        Raises:
            DataError: if there is none.
        """
        for row, where in zip(self._texts, self._places, strict=True):
            if name in row and name not in self.metrics and not is_number(row[name]):
                raise DataError(
                    f"{where}: {name}{asked} must be a number, but found {row[name]!r:.60}"
                )
        if name not in self.metrics:
            raise DataError(
                f"{self.path}: has no column of numbers {name!r}{asked}"
                + (suggestion(name, self.metrics) or f"; it has {', '.join(self.metrics)}")
            )

    def groups(self, column: str, asked: str = "") -> dict[str, list[str]]:
        """Identifiers by the text of a column; all under the table's name if it has no such.

        Raises:
            DataError: if it has no such, and somebody asked for it.
        """
        if asked and not all(column in self._texts[self._row(id)] for id in self.ids()):
            raise DataError(f"{self.path}: has no column {column!r} ({asked})")
        groups: dict[str, list[str]] = {}
        for id in self.ids():
            groups.setdefault(self._texts[self._row(id)].get(column, self.name), []).append(id)
        return groups
