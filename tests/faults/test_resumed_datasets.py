"""Latency datasets whose sidecar tells of rows that are not their own."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.fault import Fault, Spoil, as_tests, refused, run_here

CSV, SIDECAR = "own.csv", "own.csv.meta.jsonl"
ROWS = 6
MEASURE = (
    "latency-dataset --configs=space.yml --configs=latency.yml --lat-patience 0 "
    f"--lat-dataset-path {CSV}"
)
RESUME = f"{MEASURE} --lat-dataset-size {ROWS} --resume"
FIT = f"latency-predictor --lat-dataset-path {CSV} --ckpt-path new.pt --predictor additive"


@pytest.fixture(scope="module")
def measured(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The good inputs with two datasets that were measured under equal conditions."""
    folder = tmp_path_factory.mktemp("measured") / "world"
    shutil.copytree(good, folder, symlinks=True)
    for name in (CSV, "other.csv"):
        words = RESUME.removesuffix(" --resume").replace(CSV, name)
        ended = run_here(words.split(), folder)
        assert ended.code == 0, ended.err
        _without_attempts(folder / f"{name}.meta.jsonl")
    return folder


def _without_attempts(sidecar: Path) -> None:
    """Leaves one event of each row, the last: a busy machine's rows are measured several times."""
    first, *others = sidecar.read_text().splitlines(keepends=True)
    found = [json.loads(line) for line in others]
    last = {event["row"]: event for event in found if event["event"] == "row"}
    begin = [event for event in found if event["event"] == "baseline"][:1]
    look = [{**event, "rows": []} for event in found if event["event"] == "reference"][:1]
    kept = [*begin, *(last[row] for row in range(ROWS)), *look]
    sidecar.write_text(first + "".join(f"{json.dumps(event)}\n" for event in kept))


def events(change: Callable[[list[dict[str, Any]]], object]) -> Spoil:
    """Changes the events, which stand in line 2 and after it."""

    def spoil(world: Path) -> None:
        first, *others = (world / SIDECAR).read_text().splitlines()
        found = [json.loads(line) for line in others]
        change(found)
        lines = [first, *map(json.dumps, found)]
        (world / SIDECAR).write_text("".join(f"{line}\n" for line in lines))

    return spoil


def add(**event: Any) -> Spoil:
    return events(lambda found: found.append(event))


def rows(change: Callable[[list[str]], list[str]]) -> Spoil:
    """Changes the lines of the dataset behind the first."""

    def spoil(world: Path) -> None:
        first, *others = (world / CSV).read_text().splitlines(keepends=True)
        (world / CSV).write_text("".join([first, *change(others)]))

    return spoil


def other(name: str) -> Spoil:
    """Puts a file of the other dataset in the place of one of this one."""
    return lambda world: shutil.copy(world / name.replace("own", "other"), world / name)


LOOK = {"event": "reference", "baseline_ms": 1.0, "noise": 0.1, "deviation": 0.0}
WITH_IT = "expected the file that was written with it"
NOT_ITS_OWN = (f"{CSV}: its row 0 took", f"{SIDECAR} tells of", WITH_IT)
BEYOND = (f"{SIDECAR}:", "tells of row 6", f"{CSV} has 6 rows", WITH_IT)

FAULTS = [
    Fault("sidecar-of-another", RESUME, NOT_ITS_OWN, other(SIDECAR)),
    Fault("rows-of-another", RESUME, NOT_ITS_OWN, other(CSV)),
    Fault("learn-with-sidecar-of-another", FIT, NOT_ITS_OWN, other(SIDECAR)),
    Fault(
        "learn-from-fewer-rows", FIT, ("tells of row 5", "has 5 rows"), rows(lambda all: all[:-1])
    ),
    Fault(
        "report-with-sidecar-of-another",
        "report run --out new.html",
        ("latency_cpu.csv: its row 0 took", "latency_cpu.csv.meta.jsonl tells of", WITH_IT),
        lambda world: shutil.copy(world / SIDECAR, world / "run/latency_cpu.csv.meta.jsonl"),
    ),
    Fault("row-beyond", RESUME, BEYOND, add(event="row", row=6, encoder_ms=1.0, decoder_ms=1.0)),
    Fault("look-beyond", RESUME, BEYOND, add(**LOOK, rows=[3, 6])),
    Fault("mark-beyond", RESUME, BEYOND, add(event="marked", rows=[6, 2], shift_percent=5.0)),
    Fault("rows-removed", RESUME, ("tells of row 5", "has 5 rows"), rows(lambda all: all[:-1])),
    Fault("no-rows", RESUME, ("tells of row 0", "has 0 rows"), rows(lambda all: [])),
    Fault("rows-swapped", RESUME, NOT_ITS_OWN, rows(lambda all: all[::-1])),
    Fault(
        "row-removed",
        RESUME,
        ("tells of row 5", "has 5 rows"),
        rows(lambda all: [*all[:2], *all[3:]]),
    ),
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, measured: Path, tmp_path: Path) -> None:
    refused(fault, measured, tmp_path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda world: None,
        # as one that was killed between a row and its event, or by a hat that noted no figures
        events(lambda found: found.__delitem__(slice(-2, None))),
        events(lambda found: [event.pop("encoder_ms", None) for event in found]),
        add(event="row", row=2, attempt=2, encoder_ms=1.0, decoder_ms=1.0),
        add(event="of-a-newer-hat", rows="all"),
    ],
    ids=["as-it-was", "cut", "without-figures", "measured-again", "unknown-event"],
)
def test_its_own_is_gone_on_with(spoil: Spoil, measured: Path, tmp_path: Path) -> None:
    world = shutil.copytree(measured, tmp_path / "world", symlinks=True)
    spoil(world)
    ended = run_here(RESUME.replace(f"size {ROWS}", f"size {ROWS + 2}").split(), world)
    assert ended.code == 0, ended.err
    assert len((world / CSV).read_text().splitlines()) == 1 + ROWS + 2
