"""Reading the files of a run that may be anybody's: only inside its folder, and nothing is run."""

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hat.errors import DataError
from hat.files import split_lines


def read_text(path: Path) -> str:
    """Returns the text of a file.

    Raises:
        DataError: if it cannot be read or is no UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: is not a UTF-8 text file") from None


def read_object(path: Path, what: str) -> dict[str, Any]:
    """Returns the JSON object in a file.

    Args:
        path: the file.
        what: what it should be, for the message: ``the state of a search``.

    Raises:
        DataError: if it holds anything else.
    """
    return as_object(read_text(path), str(path), what)


def read_objects(path: Path, what: str, count: int | None = None) -> list[dict[str, Any]]:
    """Returns the JSON objects of the first ``count`` lines of a file, or of all.

    Raises:
        DataError: naming file and line, if a line is no object, or there are too few.
    """
    lines = split_lines(read_text(path))
    if count is not None and len(lines) < count:
        raise DataError(f"{path}: expected {count} lines, but found {len(lines)}")
    return [
        as_object(line, f"{path}:{number}", what)
        for number, line in enumerate(lines[:count], start=1)
    ]


def as_object(text: str, where: str, what: str) -> dict[str, Any]:
    """Returns the JSON object that ``text`` is.

    Raises:
        DataError: naming ``where``, if it is none.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise DataError(f"{where}: is not {what}")
    return value


def read_rows(path: Path) -> list[dict[str, str]]:
    """Returns the rows of a CSV file with a header; none where there is no such file.

    Raises:
        DataError: if a row has not as many values as the header.
    """
    if not path.is_file():
        return []
    rows = csv.reader(io.StringIO(read_text(path)))
    try:
        header, *rest = [row for row in rows if row] or [[]]
    except csv.Error as error:
        raise DataError(f"{path}: is not a CSV file: {error}") from None
    for row in rest:
        if len(row) != len(header):
            raise DataError(
                f"{path}: a row has {len(row)} values, but the first line has {len(header)}"
            )
    return [dict(zip(header, row, strict=True)) for row in rest]


def number(value: Any) -> float | None:
    """Returns a finite number, also from text; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def numbers(values: Any, where: str, what: str) -> dict[str, float]:
    """Returns the numbers of a JSON object; ``null`` is left out.

    Raises:
        DataError: naming ``where``, if it is no object of numbers.
    """
    if not isinstance(values, Mapping):
        raise DataError(f"{where}: {what} should be numbers by name, but found {values!r:.60}")
    found = {}
    for name, value in values.items():
        if value is None:
            continue
        read = number(value)
        if read is None:
            raise DataError(f"{where}: {what}: {name} is no number: {value!r:.60}")
        found[str(name)] = read
    return found


def inside(folder: Path, *parts: str) -> Path | None:
    """Returns a file in ``folder``; None where there is none, or it lies elsewhere.

    A run of somebody else may name any file of this machine; what it names outside is not read.
    """
    path = folder.joinpath(*parts)
    root = folder.resolve()
    return path if path.is_file() and path.resolve().is_relative_to(root) else None
