"""Beginning a latency dataset, or going on with one: only under the conditions it began under."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hat.conditions import what_differs
from hat.errors import ConfigError, DataError
from hat.files import check_writable, repair_lines
from hat.latency.samples import COLUMNS, LatencySample, read_samples, write_samples
from hat.latency.sidecar import Sidecar, check_events, read_sidecar, sidecar_path
from hat.measuring.reference import Baseline
from hat.measuring.settings import DatasetSettings
from hat.reading import read_bytes, read_text


@dataclass(frozen=True)
class Beginning:
    """How a dataset is begun or gone on with: decided first, so that a refusal changes nothing."""

    path: Path
    goes_on: Sidecar | None = None
    """Of the dataset that is gone on with; None: a new one."""

    samples: Sequence[LatencySample] = ()
    """The rows that are there, without one that was cut off."""

    puts_away: bool = False
    """Whether what is there gets another name."""

    def opened(
        self, facts: Mapping[str, Any], *, say: Callable[[str], None] = print
    ) -> tuple[list[LatencySample], Sidecar]:
        """Returns the rows that are there and their sidecar; a row that was cut off is removed.

        Args:
            facts: what is noted of a new dataset.
            say: takes a line that says where it goes on, or what was put away.
        """
        path = self.path
        if self.goes_on is not None:
            repair_lines(path)
            repair_lines(sidecar_path(path))
            after = f"after row {len(self.samples) - 1}" if self.samples else "with the first row"
            say(f"| goes on {after}")
            return list(self.samples), self.goes_on
        if self.puts_away:
            _put_away(path, say)
        # The sidecar first: a dataset that is there can be gone on with.
        sidecar = Sidecar.create(path, facts)
        write_samples(path, [])
        return [], sidecar


def beginning(settings: DatasetSettings, facts: Mapping[str, Any]) -> Beginning:
    """Decides what becomes of a dataset that is there; changes nothing.

    Args:
        settings: its path, and whether it may be gone on with or put away.
        facts: what would be noted of one that is begun now.

    Raises:
        DataError: if there is none to go on with, it is damaged, or it was begun under other
            conditions.
    """
    path = Path(settings.lat_dataset_path)
    if settings.resume and (path.exists() or not settings.set_aside):
        try:
            return _to_go_on_with(path, facts)
        except DataError:
            if not settings.set_aside:
                raise
    return Beginning(path, puts_away=bool(_content(path)))


def check_path(settings: DatasetSettings) -> None:
    """Checks that nothing is lost if a dataset is begun; that it can be is ``beginning``'s to say.

    Raises:
        ConfigError: if its path is a folder.
        DataError: if a dataset is there, and nobody said what becomes of it, or no file can be
            written there.
    """
    path = Path(settings.lat_dataset_path)
    if path.is_dir():
        raise ConfigError(f"--lat-dataset-path names the CSV file to write, but {path} is a folder")
    check_writable(path, form="CSV")
    if not settings.resume and not settings.set_aside and (found := _content(path)):
        raise DataError(
            f"{path}: holds {found} already: --resume goes on with it, --set-aside moves it to "
            f"{path.name}.old and measures anew"
        )


def _content(path: Path) -> str:
    """What a file holds that would be lost, in words; nothing if that is at most a header."""
    if not path.exists():
        return ""
    rows = path.read_bytes().count(b"\n") - 1
    if rows < 1:
        return "" if rows == 0 or not path.stat().st_size else "a line"
    return f"{rows} rows" if rows > 1 else "a row"


def _put_away(path: Path, say: Callable[[str], None]) -> None:
    """Renames a dataset to a name that is free: what took hours is never replaced."""
    number = 1
    while True:
        old = Path(f"{path}.old{number if number > 1 else ''}")
        if not old.exists() and not sidecar_path(old).exists():
            break
        number += 1
    os.replace(path, old)
    say(f"| {path} was there already: kept as {old}")
    if sidecar_path(path).exists():
        os.replace(sidecar_path(path), sidecar_path(old))


def _to_go_on_with(path: Path, facts: Mapping[str, Any]) -> Beginning:
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
    content = read_bytes(path)
    samples = read_samples(path, was_cut_off=True) if content.count(b"\n") > 1 else []
    if any(sample.arch is None for sample in samples):
        raise DataError(f"{path}: cannot be resumed, because it holds rows without architecture")
    check_events(path, sidecar, samples, is_cut=not content.endswith(b"\n"))
    return Beginning(path, goes_on=sidecar, samples=samples)


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
        "content of prior": facts.get("prior"),
        **chosen_by,
        **(facts.get("model") or {}),
        "reference": facts.get("reference"),
    }
    return {name: value for name, value in conditions.items() if value is not None}
