"""Beginning a latency dataset, or going on with one: only under the conditions it began under."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hat.conditions import what_differs
from hat.errors import DataError
from hat.files import split_lines
from hat.latency.samples import COLUMNS, LatencySample, read_samples, write_samples
from hat.latency.sidecar import Sidecar, read_sidecar, sidecar_path
from hat.measuring.reference import Baseline
from hat.reading import read_text


def begin(
    path: Path, facts: Mapping[str, Any], *, say: Callable[[str], None] = print
) -> tuple[list[LatencySample], Sidecar]:
    """Makes an empty dataset; an older one is kept under another name, which is said."""
    for old in (path, sidecar_path(path)):
        if old.exists():
            os.replace(old, f"{old}.old")
            say(f"| {old} was there already: kept as {old}.old")
    write_samples(path, [])
    return [], Sidecar.create(path, facts)


def go_on(
    path: Path, facts: Mapping[str, Any], *, say: Callable[[str], None] = print
) -> tuple[list[LatencySample], Sidecar]:
    """Opens the dataset that is there; a last row that a killed run cut short is removed.

    Args:
        path: the dataset.
        facts: what would be noted of one that is begun now.
        say: takes a line that says where it goes on.

    Raises:
        DataError: if there is none, it is damaged, or it was begun under other conditions.
    """
    if not path.exists():
        raise DataError(f"{path}: there is no dataset to resume")
    sidecar = read_sidecar(path)
    if sidecar is None:
        raise DataError(
            f"{path}: cannot be resumed, because {sidecar_path(path).name} is missing, which says "
            "how it was measured"
        )
    check_same_conditions(path, sidecar, facts)
    if read_text(path).partition("\n")[0].strip() != ",".join(COLUMNS):
        raise DataError(
            f"{path}:1: cannot be resumed, because it does not name a dataset's columns"
        )
    _repair(path)
    lines = split_lines(read_text(path))
    samples = read_samples(path) if len(lines) > 1 else []
    if any(sample.arch is None for sample in samples):
        raise DataError(f"{path}: cannot be resumed, because it holds rows without architecture")
    say(f"| goes on after row {len(samples) - 1}")
    return samples, sidecar


def last_baseline(sidecar: Sidecar) -> Baseline | None:
    """Returns what the reference was last found to take, if it was ever measured."""
    found = sidecar.reference()
    return None if found is None else Baseline(found["latency_ms"], found["noise"])


def unchecked_rows(sidecar: Sidecar, count: int) -> list[int]:
    """Returns those of ``count`` rows that came after the last look at the reference."""
    checked = 0
    for event in sidecar.events:
        if event.get("event") == "reference" and event["rows"]:
            checked = max(checked, max(event["rows"]) + 1)
    return list(range(checked, count))


def _repair(path: Path) -> None:
    text = read_text(path)
    if text and not text.endswith("\n"):
        path.write_text(text[: text.rfind("\n") + 1], encoding="utf-8")


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
