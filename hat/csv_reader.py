"""Tables as text: one row a line, fields between commas, a first line that names the columns.

Python's reader takes a stray quote for the beginning of a field that goes on for pages, and keeps
the last of two columns of one name. Here every row has as many fields as the first line, each
column one name, and what is wrong is said with file and line. Files may be gzipped, begin with a
byte-order mark and end their lines with carriage returns, as spreadsheets write them.
"""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hat.arrays import Floats
from hat.errors import DataError, suggestion
from hat.numerals import real
from hat.reading import read_text

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
    def read(
        cls,
        path: str | Path,
        *,
        columns: Iterable[str] = (),
        one_line: bool = False,
        was_cut_off: bool = False,
    ) -> "CsvRows":
        """Reads a file, gzipped or not.

        Args:
            path: the file.
            columns: that it must have; others may stand beside them.
            one_line: whether a line end within quotes is a mistake: where fields are numbers.
            was_cut_off: whether a last line without an end is left out.

        Raises:
            DataError: if it cannot be read, is empty, a quote is not closed, a column stands twice
                or a line has not as many fields as the first.
        """
        path = Path(path)
        text = read_text(path)
        if was_cut_off:
            text = text[: text.rfind("\n") + 1]
        lines = _rows(text, path)
        number, header = next(lines, (1, []))
        header = [name.strip() for name in header]
        if not header:
            raise DataError(f"{path}: is empty; expected a first line that names the columns")
        _check_header(header, columns, f"{path}:{number}")
        fields, places = [], []
        for number, row in lines:
            where = f"{path}:{number}"
            if len(row) != len(header):
                raise DataError(
                    f"{where}: expected {len(header)} fields as in the first line, but found "
                    f"{len(row)}"
                )
            if one_line and any("\n" in field or "\r" in field for field in row):
                raise DataError(f"{where}: a field holds a line end: expected one row a line")
            fields.append(dict(zip(header, row, strict=True)))
            places.append(where)
        return cls(path, header, fields, places)

    def __len__(self) -> int:
        return len(self.fields)

    def need_rows(self, what: str) -> None:
        """Checks that there are rows; ``what`` they are stands in the message.

        Raises:
            DataError: if there is none.
        """
        if not self.fields:
            raise DataError(f"{self.path}: the table holds no {what}")

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
        """Whether a column is one of numbers: it holds more of them than of other texts, if any.

        One slip among a thousand numbers is a mistake to be named, not another kind of column.
        """
        held = [row[name] for row in self.fields if row[name].strip().lower() not in _MISSING]
        numbers = sum(map(is_number, held))
        return numbers > len(held) - numbers or not held

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
    return math.nan if text.strip().lower() in _MISSING else real(text)


def _rows(text: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of its first line."""
    # A carriage return alone ends a line in files of old spreadsheets.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(
                f"{path}:{number}: is no row of a CSV file: {error}; is a quote there that is not "
                "closed?"
            ) from None
        if len(row) > 1 or any(field.strip() for field in row):
            yield number, row


def _check_header(header: Sequence[str], columns: Iterable[str], where: str) -> None:
    if len(header) == 1:
        for mark, name in ((";", "semicolons"), ("\t", "tabs")):
            if mark in header[0]:
                raise DataError(f"{where}: the columns are parted by {name}: expected commas")
    seen: set[str] = set()
    for name in header:
        if name in seen:
            raise DataError(f"{where}: the column {name!r:.60} stands twice")
        seen.add(name)
    for column in columns:
        if column not in seen:
            raise DataError(
                f"{where}: has no column {column!r}{suggestion(column, header)}; "
                # a file of another kind may be one line
                f"the columns are {header!s:.500}"
            )


def is_number(text: str) -> bool:
    """Whether a field holds a number."""
    try:
        real(text)
    except ValueError:
        return False
    return True


def _number(text: str, where: str, column: str) -> float:
    """The number in a field; one that is missing was not measured."""
    try:
        return number_or_missing(text)
    except ValueError:
        raise DataError(f"{where}: {column} must be a number, but found {text!r:.60}") from None
