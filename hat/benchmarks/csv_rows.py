"""The lines of a CSV file, each with the place it stands for messages."""

import csv
import gzip
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np

from hat.arrays import Floats
from hat.errors import DataError, suggestion

_MISSING = ("", "nan", "null", "none", "na", "n/a")
"""How tables say that there is no number."""


@dataclass(frozen=True)
class CsvRows:
    """N lines under a first line that names the columns."""

    path: Path
    header: Sequence[str]
    fields: Sequence[Mapping[str, str]]
    """Column -> text, of each line."""

    places: Sequence[str]
    """File and number of each line."""

    @classmethod
    def read(cls, path: Path) -> "CsvRows":
        """Reads a file, gzipped or not.

        Raises:
            DataError: if it cannot be read, is empty or a line has not as many fields as the first.
        """
        reader = csv.DictReader(StringIO(_text(path), newline=""))
        header = list(reader.fieldnames or [])
        if not header:
            raise DataError(f"{path}: is empty; expected a first line that names the columns")
        rows, places = [], []
        for row in reader:
            if None in row or None in row.values():
                found = "more" if None in row else "fewer"
                raise DataError(
                    f"{path}:{reader.line_num}: expected {len(header)} fields, but found {found}"
                )
            rows.append(row)
            places.append(f"{path}:{reader.line_num}")
        return cls(path, header, rows, places)

    def __len__(self) -> int:
        return len(self.fields)

    def need(self, columns: Iterable[str]) -> None:
        """Checks that there are lines, and all of some columns.

        Raises:
            DataError: if there is one that is missing.
        """
        for column in columns:
            if column not in self.header:
                raise DataError(
                    f"{self.path}: has no column {column!r}{suggestion(column, self.header)}; "
                    # a file of another kind may be one line
                    f"the columns are {self.header!s:.500}"
                )
        if not self.fields:
            raise DataError(f"{self.path}: the table holds no architectures")

    def column(self, name: str) -> Iterator[tuple[str, str]]:
        """Text and place of each field of a column."""
        return zip((row[name] for row in self.fields), self.places, strict=True)

    def distinct(self, name: str) -> list[str]:
        """The texts of a column that names its lines.

        Raises:
            DataError: if two are equal; with both lines.
        """
        return distinct(self.column(name), name)

    def holds_numbers(self, name: str) -> bool:
        """Whether every field of a column is a number or says that there is none."""
        return all(_is_number(row[name]) for row in self.fields)

    def numbers(self, name: str) -> Floats:
        """The numbers of a column, (N,), with nan where there is none.

        Raises:
            DataError: if a field holds something else; with the line.
        """
        return np.array([_number(text, where, name) for text, where in self.column(name)])


def distinct(found: Iterable[tuple[str, str]], what: str) -> list[str]:
    """Returns the first of each pair of text and place.

    Raises:
        DataError: if two texts are equal; with both places.
    """
    first: dict[str, str] = {}
    for text, where in found:
        if text in first:
            raise DataError(f"{where}: the {what} {text!r:.100} stands at {first[text]} already")
        first[text] = where
    return list(first)


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


def _text(path: str | Path) -> str:
    try:
        data = Path(path).read_bytes()
        return (gzip.decompress(data) if str(path).endswith(".gz") else data).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path}: cannot be read: {reason}") from None
