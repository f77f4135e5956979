"""Tables from rows of any type: aligned text, Markdown and CSV from one description."""

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")
Cell = str | int | float | None


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column: its title, where its values come from, and how floats are printed."""

    title: str
    value: Callable[[Row], Cell]
    format: str = ".4g"

    def text(self, row: Row) -> str:
        """The value as printed; ``-`` where there is none."""
        value = self.value(row)
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return "-"
        return format(value, self.format) if isinstance(value, float) else str(value)


def places(*titles: str) -> list[Column[Any]]:
    """Returns the columns of rows that are tuples, one for each place."""
    return [Column(title, itemgetter(place)) for place, title in enumerate(titles)]


def text_table(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> str:
    """Returns an aligned table for a terminal: words to the left, numbers to the right."""
    lines = [[column.title for column in columns]]
    lines += [[column.text(row) for column in columns] for row in rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    numeric = [_is_numeric(rows, column) for column in columns]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    )


def markdown_table(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> str:
    """Returns a Markdown table; numbers are aligned to the right."""
    numeric = [_is_numeric(rows, column) for column in columns]
    lines = [
        [column.title for column in columns],
        ["---:" if right else "---" for right in numeric],
        *([column.text(row).replace("|", "\\|") for column in columns] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def csv_table(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> str:
    """Returns CSV with a header and all digits; missing values are empty fields."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.title for column in columns])
    for row in rows:
        values = (column.value(row) for column in columns)
        writer.writerow(
            ["" if v is None or (isinstance(v, float) and math.isnan(v)) else v for v in values]
        )
    return stream.getvalue()


def _is_numeric(rows: Sequence[Row], column: Column[Row]) -> bool:
    values = [column.value(row) for row in rows]
    return any(value is not None for value in values) and all(
        value is None or isinstance(value, int | float) for value in values
    )
