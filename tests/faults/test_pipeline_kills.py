"""A whole pipeline: killed in every step, stopped, two at once, and twice with the same seed."""

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hat.files import is_alive
from hat.models.checkpoint import read_checkpoint
from hat.pipeline.run import Pipeline
from tests.faults.fault import contents
from tests.faults.forked import Forked, Forker, forker
from tests.faults.test_kills import assert_tidy
from tests.faults.tiny_pipeline import write_pipeline
from tests.test_extending import installed

__all__ = ["installed"]

pytestmark = [pytest.mark.stage, pytest.mark.slow]

RUN = "pipeline pipeline.yml --set compare-latencies.compare-patience=0 " + " ".join(
    f"--set {step}.device=counted:2"
    for step in ("latency-dataset", "evo-search", "compare-latencies")
)
"""With a device that needs no clock, of ``docs/extending.md``: equal seeds give equal latencies."""

LONG = 1800.0
"""Seconds that a pipeline may take on a machine with much else to do."""


@pytest.fixture(scope="module")
def fork(installed: Path) -> Iterator[Forker]:
    with forker(installed) as one:
        yield one


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, fork: Forker) -> Path:
    """The folder of a pipeline that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "tiny"
    write_pipeline(folder)
    fork.run(RUN, folder, seconds=LONG)
    assert_tidy(folder)
    return folder


def without_times(value: Any, path: tuple[str, ...] = ()) -> Any:
    """What a checkpoint holds, tensors as bytes, but the clocks of fairseq's meters."""
    if path[-2:] == ("extra_state", "metrics") or path[-1:] == ("previous_training_time",):
        return None
    if isinstance(value, torch.Tensor):
        return value.dtype, tuple(value.shape), value.numpy().tobytes()
    if isinstance(value, Mapping):
        return [(key, without_times(each, (*path, str(key)))) for key, each in value.items()]
    if isinstance(value, list | tuple):
        return [without_times(each, path) for each in value]
    return vars(value) if hasattr(value, "__dict__") else value


def without_digests(text: str) -> str:
    """A text but for digests of files that hold times, as checkpoints do."""
    return re.sub(r"\b(?=\d*[a-f])[0-9a-f]{16,64}\b", "DIGEST", text)


def without_numbers(text: str) -> list[str]:
    """The lines of a text in which every number may be a time, and decide their order."""
    text = re.sub(r"-?\d+(\.\d+)?(e[+-]?\d+)?", "N", without_digests(text))
    return sorted(text.splitlines())


BUT_DIGESTS = r"run/best\.yml|.*/exp/.*\.out|run/model/(README\.md|export\.json)"
BUT_TIMES = (
    r"run/(logs|steps)/.*|run/(page|report|results)\.(json|md)|.*/search_state\.json"
    r"|.*\.meta\.jsonl|run/best\.search/report/report\.md"
)
TIMES = r"run/logs/compare-latencies\.log|run/steps/digests\.json|run/page\.html"
"""Rounds until two latencies are told apart, times of files, and a drawing of times."""


def compared(folder: Path, name: str) -> Any:
    """What must be equal of a file: its bytes, or what is in it but times."""
    path = folder / name
    if re.fullmatch(TIMES, name):
        return None
    if path.name.startswith("checkpoint") and path.suffix == ".pt":
        return without_times(read_checkpoint(path))
    if re.fullmatch(BUT_DIGESTS, name):
        return without_digests(path.read_text())
    if re.fullmatch(BUT_TIMES, name):
        return without_numbers(path.read_text().replace(str(folder), "FOLDER"))
    return path.read_bytes()


def assert_same(found: Path, expected: Path, but: str = "(?!)") -> None:
    """Compares every file of two pipelines, ``but`` those of a pattern."""
    names = {name for name, what in contents(expected).items() if what != "folder"}
    assert {name for name, what in contents(found).items() if what != "folder"} == names
    checked = [name for name in sorted(names) if not re.fullmatch(but, name)]
    differ = [name for name in checked if compared(found, name) != compared(expected, name)]
    assert not differ


def test_the_same_seed_gives_the_same_bytes(whole: Path, fork: Forker, tmp_path: Path) -> None:
    again = tmp_path / "again" / "tiny"
    write_pipeline(again)
    fork.run(RUN, again, seconds=LONG)
    assert_same(again, whole)


def said(process: Forked, *words: str) -> str:
    """Waits until a command has printed one of some words, and tells which."""
    deadline = time.monotonic() + LONG
    while True:
        is_over, printed = process.poll() is not None, process.said()
        found = next((word for word in words if word in printed), None)
        if found is not None:
            return found
        assert not is_over, printed
        assert time.monotonic() < deadline
        time.sleep(0.02)


def step_of(folder: Path) -> int | None:
    """The process of the step that a pipeline runs, or has left behind."""
    for path in (folder / "run" / "logs").glob(".*.lock"):
        noted = json.loads(path.read_text() or "{}")
        if "hat.cli" in noted.get("command", "") and is_alive(noted["pid"]):
            return int(noted["pid"])
    return None


def test_a_pipeline_that_is_killed_in_every_step(whole: Path, fork: Forker, tmp_path: Path) -> None:
    folder = tmp_path / "killed" / "tiny"
    path = write_pipeline(folder)
    rng = np.random.default_rng(0)
    steps = [step.name for step in Pipeline(path).steps()]
    killed = found_orphans = 0
    for number, step in enumerate(steps):
        process = fork.start(RUN, folder)
        # A quick step may have ended before the pipeline was killed that ran it last.
        if said(process, f"> {step}: ", f"= {step}: ") == f"> {step}: ":
            time.sleep(rng.uniform(0.3, 4.0))
        process.kill()
        orphan = step_of(folder)
        if orphan is None:
            continue
        killed += 1
        try:
            if number % 4 == 1 and is_alive(orphan):
                os.kill(orphan, signal.SIGSTOP)  # or it might be over too soon
                second = fork.start(RUN, folder)
                assert second.wait(LONG) == 2, second.said()
                # Quick steps may have ended, so the one that was left may come after this one.
                assert re.search(r"step '[a-z-]+' still runs: ", second.said())
                assert f"process {orphan} (" in second.said()
                assert "Traceback" not in second.said()
                found_orphans += 1
        finally:
            os.killpg(orphan, signal.SIGKILL)
        while step_of(folder) is not None:
            time.sleep(0.01)
    assert killed >= len(steps) // 2
    assert found_orphans >= 2
    fork.run(RUN, folder, seconds=LONG)
    assert_tidy(folder)
    # What goes on after a kill says so in its log, and its trials have other times.
    assert_same(folder, whole, but=rf"{BUT_TIMES}|run/.*/checkpoint_\d.*")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_pipeline_that_is_told_to_stop_takes_its_step_along(
    name: str, fork: Forker, tmp_path: Path
) -> None:
    folder = tmp_path / "tiny"
    write_pipeline(folder)
    number = getattr(signal, name)
    process = fork.start("pipeline pipeline.yml --only preprocess train-supertransformer", folder)
    log = folder / "run" / "logs" / "train-supertransformer.log"
    wait_for(process, lambda: log.exists() and "Start iterating over samples" in log.read_text())
    step = step_of(folder)
    assert step is not None
    second = fork.start("pipeline pipeline.yml --only train-supertransformer", folder)
    assert second.wait(LONG) == 2
    assert f"error: run: process {process.pid} (hat pipeline) has been writing" in second.said()
    assert process.kill(number) == 128 + number, process.said()
    assert not is_alive(step)
    assert "stopped; the same command goes on with this step" in process.said()
    assert_tidy(folder)


def wait_for(process: Forked, holds: Callable[[], bool]) -> None:
    """Waits until something holds that a command brings about."""
    deadline = time.monotonic() + LONG
    while not holds():
        assert process.poll() is None, process.said()
        assert time.monotonic() < deadline
        time.sleep(0.02)
