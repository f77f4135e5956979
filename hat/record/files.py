"""The files of a run that may be anybody's: only inside its folder, and what tables hold."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hat.csv_reader import CsvRows
from hat.errors import DataError
from hat.files import real_path
from hat.numerals import real


def read_rows(path: Path) -> list[dict[str, str]]:
    """Returns the rows of a CSV file with a header; none where there is no such file.

    Raises:
        DataError: if it is no such table; see ``CsvRows.read``.
    """
    if not path.is_file() or not path.stat().st_size:
        return []
    return [dict(row) for row in CsvRows.read(path).fields]


def number(value: Any) -> float | None:
    """Returns a finite number, also from text; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        found = real(value) if isinstance(value, str) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def numbers(values: Any, where: str, what: str) -> dict[str, float]:
    """Returns the numbers of a JSON object, none below 0; ``null`` is left out.

    Raises:
        DataError: naming ``where``, if it is no object of such numbers.
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
        if read < 0:
            raise DataError(f"{where}: {what}: {name} is below 0: {value!r:.60}")
        found[str(name)] = read
    return found


def inside(folder: Path, *parts: str) -> Path | None:
    """Returns a file in ``folder``; None where there is none, or it lies elsewhere.

    A run of somebody else may name any file of this machine; what it names outside is not read.
    """
    path = folder.joinpath(*parts)
    root = real_path(folder)
    return path if path.is_file() and real_path(path).is_relative_to(root) else None
