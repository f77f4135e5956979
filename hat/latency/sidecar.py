"""The file beside every dataset: what was measured, where, and what happened on the way.

``x.csv.meta.jsonl`` has one JSON object per line. The first holds the facts: workload, device,
space, model, seed, reference SubTransformer and versions. Each later line is an event with its
time: a row measured (each attempt with its figures), the reference measured, rows marked. Lines are
only ever appended, so a killed run leaves a file that reads.
"""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hat.amounts import LEAST_MS, MOST_MS
from hat.arch.config import MAX_WIDTH
from hat.errors import ConfigError, DataError
from hat.fields import Fields, whole_lists
from hat.files import append_text, write_text
from hat.json_reader import read_objects
from hat.latency.choices import CHOICE_FIELDS
from hat.latency.samples import LatencySample
from hat.latency.workload import Workload
from hat.versioned import check_format

FORMAT = "hat-latency-dataset-1"


def sidecar_path(dataset: str | Path) -> Path:
    """Returns the path of the sidecar of ``dataset``."""
    return Path(f"{dataset}.meta.jsonl")


class Sidecar:
    """Facts and events of one dataset."""

    def __init__(self, path: Path, facts: dict[str, Any], events: list[dict[str, Any]]) -> None:
        """Use ``create`` or ``read_sidecar``."""
        self.path = path
        self.facts = facts
        self.events = events

    @classmethod
    def create(cls, dataset: str | Path, facts: Mapping[str, Any]) -> "Sidecar":
        """Writes a new sidecar with its facts; an older one is replaced."""
        path = sidecar_path(dataset)
        full = {"format": FORMAT, "started_at": round(time.time(), 3), **facts}
        write_text(path, json.dumps(full, allow_nan=False) + "\n")
        return cls(path, full, [])

    @property
    def workload(self) -> Workload:
        """What was timed."""
        return Workload.from_dict(self.facts["workload"], str(self.path))

    def reference(self) -> dict[str, Any] | None:
        """Returns the reference's ``arch`` and its last ``latency_ms`` and ``noise``, if known."""
        for event in reversed(self.events):
            if "baseline_ms" in event and "reference" in self.facts:
                return {
                    "arch": self.facts["reference"],
                    "latency_ms": event["baseline_ms"],
                    "noise": event["noise"],
                }
        return None

    def append(self, **event: Any) -> None:
        """Adds one event; its time is added."""
        event = {**event, "at": round(time.time(), 3)}
        self.events.append(event)
        append_text(self.path, json.dumps(event, allow_nan=False) + "\n")


def read_sidecar(dataset: str | Path) -> Sidecar | None:
    """Reads the sidecar of ``dataset``; HAT's datasets have none, and then this is ``None``.

    A last line that a killed run cut short is left out.

    Raises:
        DataError: if it is there, but not ours or damaged.
    """
    path = sidecar_path(dataset)
    if not path.exists():
        return None
    records = read_objects(path, "a fact or an event of a latency dataset", may_be_cut=True)
    if not records:
        raise DataError(f"{path}: is empty; expected the facts of a latency dataset")
    check_format(records[0].get("format"), FORMAT, f"{path}:1")
    try:
        _check_facts(records[0], f"{path}:1")
    except ConfigError as error:
        raise DataError(str(error)) from None
    for number, event in enumerate(records[1:], start=2):
        _check_event(event, f"{path}:{number}")
    return Sidecar(path, records[0], records[1:])


def _check_facts(found: Mapping[str, Any], where: str) -> None:
    facts = Fields(found, where)
    Workload.from_dict(facts.mapping("workload"), where)
    for name in ("device", "model", "reference", "space"):
        if found.get(name) is not None:
            facts.mapping(name)
    device, space = found.get("device") or {}, found.get("space") or {}
    if device.get("name") is not None:
        Fields(device, f"{where}: device").text("name")
    whole_lists(space, CHOICE_FIELDS, MAX_WIDTH, f"{where}: space")


def _check_event(event: Mapping[str, Any], where: str) -> None:
    """Checks an event; of kinds that are not known here, only that they have a name."""
    fields = Fields(event, where)
    kind = fields.text("event")
    if "baseline_ms" in event or kind == "baseline":
        fields.number("baseline_ms", least=LEAST_MS, most=MOST_MS)
        fields.number("noise", least=0)
    if kind in ("reference", "marked"):
        fields.wholes("rows")
    if kind == "marked":
        fields.number("shift_percent")
    if kind == "row":
        fields.whole("row")
        for name in ("encoder_ms", "decoder_ms"):
            if name in event:
                fields.number(name, least=LEAST_MS, most=MOST_MS)


def check_events(
    path: str | Path, sidecar: Sidecar, samples: Sequence[LatencySample], *, is_cut: bool = False
) -> None:
    """Checks that the rows are those whose events are noted: else what it tells is of others.

    Of a row that was measured again, each attempt is noted before the row is replaced.

    Args:
        path: the dataset.
        sidecar: what lies beside it.
        samples: the rows.
        is_cut: whether one more row was cut off, which is measured anew.

    Raises:
        DataError: naming the row that is not there, or that took another time.
    """
    noted: dict[int, list[tuple[float, float]]] = {}
    for number, event in enumerate(sidecar.events, start=2):
        kind = event["event"]
        rows = event["rows"] if kind in ("reference", "marked") else []
        rows = [event["row"]] if kind == "row" else rows
        if rows and max(rows) >= len(samples) + is_cut:
            raise DataError(
                f"{sidecar.path}:{number}: tells of row {max(rows)}, but {path} has "
                f"{len(samples)} rows, counted from 0: expected the file that was written with it"
            )
        if kind == "row" and "encoder_ms" in event and "decoder_ms" in event:
            figures = (event["encoder_ms"], event["decoder_ms"])
            noted.setdefault(event["row"], []).append(figures)
    for row, attempts in noted.items():
        if row == len(samples):
            continue
        found = (samples[row].encoder_ms, samples[row].decoder_ms)
        if found not in attempts:
            raise DataError(
                f"{path}: its row {row} took {found[0]:g} and {found[1]:g} ms, but "
                f"{sidecar.path.name} tells of {attempts[-1][0]:g} and {attempts[-1][1]:g} ms: "
                "expected the file that was written with it"
            )


def common_workload(datasets: Sequence[str | Path]) -> Workload | None:
    """Returns the workload that several datasets share; ``None`` if no sidecar tells.

    Raises:
        DataError: if two datasets are of different workloads or devices.
    """
    first: tuple[str | Path, Sidecar] | None = None
    for dataset in datasets:
        sidecar = read_sidecar(dataset)
        if sidecar is None:
            continue
        if first is None:
            first = (dataset, sidecar)
            continue
        difference = first[1].workload.difference(sidecar.workload)
        names = [(one.facts.get("device") or {}).get("name") for one in (first[1], sidecar)]
        if difference is None and names[0] != names[1]:
            difference = f"the device is {names[0]} in one and {names[1]} in the other"
        if difference:
            raise DataError(
                f"{first[0]} and {dataset} were measured under different workloads and cannot "
                f"be joined: {difference}"
            )
    return None if first is None else first[1].workload
