"""What a step's result says that its owner should know: on the screen, and in the report."""

from collections.abc import Mapping, Sequence
from typing import Any

from hat.amounts import LARGE_ERROR_PERCENT
from hat.errors import DataError
from hat.step_results import check_result
from hat.text.zero_bleu import NEXT_TO_NOTHING

_MUCH_DISTURBED = 0.1
_MUCH_UNUSED = 10.0
"""Per cent of a limit."""


def notes(step: str, result: Mapping[str, Any]) -> list[str]:
    """Returns sentences about a result; warnings begin with ``warning:``.

    Args:
        step: name of the step.
        result: what its command printed last.
    """
    return _KINDS[step](result) if step in _KINDS and result else []


def _mostly_disturbed(result: Mapping[str, Any]) -> str | None:
    """Says so of a dataset most of whose rows were disturbed: nothing can be learned from that."""
    rows, marked = _rows(result)
    return None if 2 * marked <= rows else f"{marked} of {rows} rows were disturbed"


def _measured_slowly(result: Mapping[str, Any]) -> str | None:
    """Says so of a comparison on a machine that stayed slower than it was for the dataset."""
    percent = max((row.get("slower_percent", 0) for row in result["rows"].values()), default=0)
    return f"the machine was {percent:.0f} % slower than usual" if percent else None


def doubt(step: str, result: Mapping[str, Any], rows: Sequence[str] = ()) -> str | None:
    """Says why a result that an earlier run has noted is not to be relied on; None if it is.

    Args:
        step: name of the step.
        result: what is noted of it.
        rows: what a comparison of latencies must have measured.
    """
    try:
        check_result(step, result, "its result", rows)
    except DataError as error:
        return str(error)
    if step.startswith("compare-latencies"):
        return _measured_slowly(result)
    return _mostly_disturbed(result) if step.startswith("latency-dataset") else None


def cause(step: str, results: Mapping[str, Mapping[str, Any]]) -> str:
    """The end of a sentence about a search that failed, if its latencies were not worth much.

    Args:
        step: name of the step that failed.
        results: those of the steps before it, by name.
    """
    for name, result in results.items():
        suffix = name.removeprefix("latency-dataset")
        if suffix != name and step.startswith(f"evo-search{suffix}"):
            doubted = _mostly_disturbed(result)
            if doubted:
                return f"; {doubted} as latencies were measured: the same command measures again"
    return ""


def _rows(result: Mapping[str, Any]) -> tuple[int, int]:
    return int(result.get("rows", 0)), int(result.get("marked_rows", 0))


def _dataset(result: Mapping[str, Any]) -> list[str]:
    rows, marked = _rows(result)
    if not marked:
        return []
    warning = "warning: " if marked > _MUCH_DISTURBED * rows else ""
    told = f"{warning}{marked} of {rows} rows were measured while the machine was disturbed"
    if _mostly_disturbed(result):
        return [f"{told}: the next run of this pipeline measures again"]
    return [f"{told}, and are left out"]


def _predictor(result: Mapping[str, Any]) -> list[str]:
    error = result.get("cv_error_percent")
    if error is None:
        return []
    warning = "warning: " if error > LARGE_ERROR_PERCENT else ""
    return [f"{warning}the predictor is {error:.1f} % off on average, in cross-validation"]


def _search(result: Mapping[str, Any]) -> list[str]:
    measured, missed = result.get("finalists", 0), result.get("finalists_that_missed", 0)
    unused = result.get("unused_percent", 0)
    said = []
    if missed:
        said.append(
            f"{missed} of {measured} measured finalists missed the limit and were repaired or "
            "dropped"
        )
    if unused >= _MUCH_UNUSED:
        said.append(
            f"the winner leaves {unused:.0f} % of its limit: the predictor's bound is that far "
            "above what was measured; more latencies, or ones of a quieter machine, bring it down"
        )
    return said


def _comparison(result: Mapping[str, Any]) -> list[str]:
    slowly = _measured_slowly(result)
    if slowly is None:
        return []
    return [f"warning: {slowly} when winner and largest were measured: the next run does it again"]


def _score(result: Mapping[str, Any]) -> list[str]:
    if result["bleu"] >= NEXT_TO_NOTHING:
        return []
    return [f"warning: BLEU {result['bleu']:.2f} is next to nothing; the log of this step says why"]


def _average(result: Mapping[str, Any]) -> list[str]:
    warning = result.get("warning")
    return [] if warning is None else [f"warning: {warning}"]


_KINDS = {
    **{
        f"evaluate-{which}-{weights}": _score
        for which in ("best", "largest")
        for weights in ("inherited", "retrained")
    },
    "average-subtransformer": _average,
    "average-largest": _average,
    "latency-dataset": _dataset,
    "latency-predictor": _predictor,
    "compare-latencies": _comparison,
    "evo-search": _search,
}
