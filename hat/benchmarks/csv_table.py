"""Any CSV file of (architecture, scores) as a benchmark."""

import csv
import gzip
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from hat.arch.cell import CellGraph
from hat.arch.hat_yaml import arch_from_mapping
from hat.arch.nb201_cell import parse_nb201
from hat.arch.recipe import parse_recipe
from hat.benchmarks.base import Metric, TableBenchmark, TableSettings
from hat.errors import ConfigError, DataError, suggestion

A = TypeVar("A")
ParseArch = Callable[[str, str], A]
"""From the text of a field and the place it stands to an architecture."""

_LOWER_IS_BETTER = re.compile(
    r"loss|latency|flops|param|time|second|error|perplexity|\bppl", re.IGNORECASE
)


_MISSING = ("", "nan", "null", "none", "na", "n/a")
"""How tables say that there is no number."""


def parse_architecture(text: str, where: str) -> Any:
    """Reads an architecture in any of the toolkit's one-line spellings.

    These are a NAS-Bench-201 string, JSON of a recurrent recipe, JSON of a NAS-Bench-101 cell
    (``adjacency`` and ``operations``) and JSON of a SubTransformer with HAT's keys.

    Raises:
        ConfigError: if it is none of them; the sentence starts with ``where``.
    """
    if text.lstrip().startswith("|"):
        return parse_nb201(text, where)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{where}: an architecture is a NAS-Bench-201 string or JSON, "
            f"but found {text[:60]!r} ({error.msg})"
        ) from None
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
        reader = csv.DictReader(StringIO(_text(path), newline=""))
        header = list(reader.fieldnames or [])
        if not header:
            raise DataError(f"{path}: is empty; expected a first line that names the columns")
        rows: list[dict[str, Any]] = []
        lines: list[int] = []
        for row in reader:
            if None in row or None in row.values():
                found = "more" if None in row else "fewer"
                raise DataError(
                    f"{path}:{reader.line_num}: expected {len(header)} fields, but found {found}"
                )
            rows.append(row)
            lines.append(reader.line_num)
        wanted = [arch_column, *([id_column] if id_column else []), *(metrics or {})]
        for column in wanted:
            if column not in header:
                raise DataError(
                    f"{path}: has no column {column!r}{suggestion(column, header)}; "
                    f"the columns are {header!s:.500}"  # a file of another kind may be one line
                )
        if not rows:
            raise DataError(f"{path}: the table holds no architectures")
        places = [f"{path}:{line}" for line in lines]
        archs = [parse(row[arch_column], place) for row, place in zip(rows, places, strict=True)]
        if metrics is None:
            others = [name for name in header if name not in (arch_column, id_column)]
            numeric = [name for name in others if all(_is_number(row[name]) for row in rows)]
            metrics = {
                name: Metric("", higher_is_better=not _LOWER_IS_BETTER.search(name))
                for name in numeric
            }
        values = {
            name: np.array(
                [_number(row[name], place, name) for row, place in zip(rows, places, strict=True)]
            )
            for name in metrics
        }
        width = max(4, len(str(len(rows))))
        ids = [row[id_column] if id_column else f"{i:0{width}}" for i, row in enumerate(rows)]
        table = cls(
            name=path.name.split(".")[0],
            ids=ids,
            arch_at=archs.__getitem__,
            metrics=metrics,
            values=values,
            files=[path],
        )
        table.path, table._texts = path, rows
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
        if name not in self.metrics:
            raise DataError(
                f"{self.path}: has no column of numbers {name!r}{asked}"
                + (suggestion(name, self.metrics) or f"; it has {', '.join(self.metrics)}")
            )

    def labels(self, column: str) -> list[str]:
        """The texts of a column in the order of ``ids()``; the table's name if it has no such."""
        rows = [self._texts[self._row(id)] for id in self.ids()]
        return [row.get(column, self.name) for row in rows]


def _text(path: str | Path) -> str:
    try:
        data = Path(path).read_bytes()
        return (gzip.decompress(data) if str(path).endswith(".gz") else data).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path}: cannot be read: {reason}") from None


def number_or_missing(text: str) -> float:
    """Returns the number in a field, ``nan`` where it says in one of the usual words that none is.

    Raises:
        ValueError: if it holds something else.
    """
    return math.nan if text.strip().lower() in _MISSING else float(text)


def _is_number(text: str) -> bool:
    try:
        number_or_missing(text)
    except ValueError:
        return False
    return True


def _number(text: str, where: str, column: str) -> float:
    """The number in a field; one that is missing was not measured."""
    try:
        return number_or_missing(text)
    except ValueError:
        raise DataError(f"{where}: {column} must be a number, but found {text!r}") from None
