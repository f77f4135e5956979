"""Results of a pipeline's steps, as others read them: which must hold numbers, and in which range.

A step's result is what its command printed last. It is kept in a file that anybody can edit, and
what stands there becomes a table of the report.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hat.amounts import MOST_MS
from hat.fields import Fields


def check_result(
    step: str, result: Mapping[str, Any], where: str, rows: Sequence[str] = ()
) -> None:
    """Checks the result of a step whose name says what it holds; that of any other is its own.

    Args:
        step: the step, such as ``compare-latencies.phone``.
        result: what its command printed last.
        where: names the file in messages.
        rows: what a comparison of latencies must have measured.

    Raises:
        DataError: naming ``where`` and what is missing or wrong.
    """
    known = next((kind for kind in _NUMBERS if step.startswith(kind)), None)
    if known is None:
        return
    fields = Fields(result, where)
    for name, number in _NUMBERS[known].items():
        is_none = number.or_none and result.get(name) is None
        if not is_none and (number.needed or name in result):
            fields.number(name, least=number.least, most=number.most)
    for name in ("signature", "warning"):
        if result.get(name) is not None:
            fields.text(name)
    if known == "compare-latencies":
        _check_rows(fields.mapping("rows"), f"{where}: rows", rows)


def _check_rows(found: Mapping[str, Any], where: str, needed: Sequence[str]) -> None:
    measured = Fields(found, where)
    for name in dict.fromkeys((*needed, *found)):
        row = measured.mapping(name)
        figures = Fields(row, f"{where}: {name}")
        for key in ("latency_ms", "error_ms"):
            figures.number(key, least=0, most=MOST_MS)
        for key in ("predicted_ms", "predicted_upper_ms"):
            if row.get(key) is not None:
                figures.number(key)
        if "slower_percent" in row:  # older versions did not note it
            figures.number("slower_percent", least=0)


@dataclass(frozen=True)
class _Number:
    least: float = 0
    most: float = math.inf
    needed: bool = False
    or_none: bool = False


_NUMBERS: dict[str, dict[str, _Number]] = {
    "compare-latencies": {},
    "evaluate-": {
        "bleu": _Number(most=100, needed=True),
        "chrf": _Number(most=100, or_none=True),
        "exact_match": _Number(most=1, or_none=True),
    },
    "latency-dataset": {"rows": _Number(), "marked_rows": _Number()},
    "latency-predictor": {"cv_error_percent": _Number(or_none=True)},
    "evo-search": {
        "limit_ms": _Number(most=MOST_MS, or_none=True),
        "finalists": _Number(),
        "finalists_that_missed": _Number(),
        "unused_percent": _Number(most=100),
    },
    "average-": {},
}
"""Beginning of a step's name -> key -> what may stand there."""
