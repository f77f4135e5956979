"""Whether a latency dataset may be gone on with: only under the conditions it was begun under."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hat.conditions import what_differs
from hat.errors import DataError
from hat.latency.sidecar import Sidecar


def check_same_conditions(path: str | Path, sidecar: Sidecar, facts: Mapping[str, Any]) -> None:
    """Checks that rows measured now may stand beside those that are there.

    How often something is timed counts as well: the sidecar says it once for all rows.

    Args:
        path: the dataset.
        sidecar: what was noted when it was begun.
        facts: what would be noted now.

    Raises:
        DataError: naming what differs, old and new.
    """
    difference = what_differs(_conditions(sidecar.facts), _conditions(facts))
    if difference:
        raise DataError(f"{path}: cannot be resumed under other conditions: {difference}")


def _conditions(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that decide what is measured, on one level."""
    workload = dict(facts.get("workload") or {})
    device = facts.get("device") or {}
    if workload.get("device") == "cuda":
        workload.pop("num_threads", None)  # of the CPU, which only feeds the GPU
    chosen_by = {}
    if facts.get("until_error") is not None:  # rows are chosen a batch at a time
        chosen_by["lat-reference-every"] = facts.get("reference_every")
    conditions = {
        "hat": facts.get("hat"),
        "torch": device.get("torch"),
        "machine": device.get("name"),
        **workload,
        "search space": facts.get("space_fingerprint"),
        "seed": facts.get("seed"),
        "until-error": facts.get("until_error"),
        **chosen_by,
        **(facts.get("model") or {}),
        "reference": facts.get("reference"),
    }
    return {name: value for name, value in conditions.items() if value is not None}
