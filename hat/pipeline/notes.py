"""What a step's result says that its owner should know: on the screen, and in the report."""

from collections.abc import Mapping
from typing import Any

_MUCH_DISTURBED = 0.1
_LARGE_ERROR = 10.0
"""Per cent; a limit that is kept by prediction is worth little then."""


def notes(step: str, result: Mapping[str, Any]) -> list[str]:
    """Returns sentences about a result; warnings begin with ``warning:``.

    Args:
        step: name of the step.
        result: what its command printed last.
    """
    return _KINDS[step](result) if step in _KINDS and result else []


def _dataset(result: Mapping[str, Any]) -> list[str]:
    rows, marked = int(result.get("rows", 0)), int(result.get("marked_rows", 0))
    if not marked:
        return []
    warning = "warning: " if marked > _MUCH_DISTURBED * rows else ""
    return [
        f"{warning}{marked} of {rows} rows were measured while the machine was disturbed, and are "
        "left out"
    ]


def _predictor(result: Mapping[str, Any]) -> list[str]:
    error = result.get("cv_error_percent")
    if error is None:
        return []
    warning = "warning: " if error > _LARGE_ERROR else ""
    return [f"{warning}the predictor is {error:.1f} % off on average, in cross-validation"]


def _search(result: Mapping[str, Any]) -> list[str]:
    measured, missed = result.get("finalists", 0), result.get("finalists_that_missed", 0)
    if not missed:
        return []
    return [
        f"{missed} of {measured} measured finalists missed the limit and were repaired or dropped"
    ]


def _average(result: Mapping[str, Any]) -> list[str]:
    warning = result.get("warning")
    return [] if warning is None else [f"warning: {warning}"]


_KINDS = {
    "average-subtransformer": _average,
    "average-largest": _average,
    "latency-dataset": _dataset,
    "latency-predictor": _predictor,
    "evo-search": _search,
}
