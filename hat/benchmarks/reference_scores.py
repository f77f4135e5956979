"""Scores that somebody else's code gave, to compare ours with."""

import json
import math
from pathlib import Path
from typing import Any

from hat.errors import DataError


def read_reference_scores(path: str | Path) -> dict[str, float]:
    """Reads ``{"scores": [{"recepie_id": ..., "epsinas": ...}, ...]}`` (the benchmark's spelling).

    Returns:
        Scores by identifier; ``nan`` where the code gave none, or none that is finite.

    Raises:
        DataError: if the file cannot be read, is not of this form or holds an entry that is
            neither a number nor ``null``.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise DataError(f"{path}: is not JSON: {error}") from None
    rows = content.get("scores") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not rows:
        raise DataError(f"{path}: is no file of reference scores: it has no list 'scores'")
    scores: dict[str, float] = {}
    for place, row in enumerate(rows):
        where = f"{path}: entry {place} of 'scores'"
        if not isinstance(row, dict) or "recepie_id" not in row or "epsinas" not in row:
            raise DataError(f"{where} needs 'recepie_id' and 'epsinas'")
        id = str(row["recepie_id"])
        if id in scores:
            raise DataError(f"{where}: recipe {id} stands there twice")
        scores[id] = _number(row["epsinas"], f"{where}: 'epsinas' of recipe {id}")
    return scores


def _number(value: Any, where: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{where} must be a number or null, but found {value!r}")
    return float(value) if math.isfinite(value) else math.nan
