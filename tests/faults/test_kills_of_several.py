"""Stages of several processes are killed: a retraining's steps, and what torchrun starts."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from hat.files import is_alive
from tests.fairseq_plugin.conftest import ROOT, TRAINING
from tests.fairseq_plugin.test_stopping import read_until, start
from tests.fairseq_plugin.test_training import largest_difference
from tests.faults.fault import contents
from tests.faults.forked import Forker, forker
from tests.faults.test_kills import SEARCH, assert_tidy
from tests.faults.test_outputs import writers
from tests.tiny_yaml import NETWORK

__all__ = ["writers"]

pytestmark = [pytest.mark.stage, pytest.mark.slow]

RETRAIN = f"{SEARCH} --retrain-top 1 --retrain-configs sub_training.yml --bleu-beam 2"


@pytest.fixture(scope="module")
def fork() -> Iterator[Forker]:
    with forker() as one:
        yield one


def left_behind(folder: Path) -> list[int]:
    """The processes of steps that a search left behind."""
    found = []
    for path in folder.rglob(".*.lock"):
        with suppress(ValueError, FileNotFoundError):
            noted = json.loads(path.read_text())
            if "hat.cli" in noted["command"] and is_alive(noted["pid"]):
                found.append(int(noted["pid"]))
    return found


def new_world(writers: Path, folder: Path) -> Path:
    shutil.copytree(writers, folder)
    (folder / "out").mkdir()
    more = "train-subtransformer: True\ndata: bin\ncpu: True\nsave-interval-updates: 3\n"
    (folder / "sub_training.yml").write_text(f"{TRAINING}{NETWORK}{more}")
    return folder


def test_a_retraining_is_killed(writers: Path, fork: Forker, tmp_path: Path) -> None:
    whole, broken = (new_world(writers, tmp_path / name) for name in ("whole", "broken"))
    fork.run(RETRAIN, whole, seconds=900)
    rng = np.random.default_rng(0)
    refusals = 0
    for kill in range(5):
        process = fork.start(RETRAIN, broken)
        logs = broken / "out" / "best.search" / "retrained" / "logs"
        count = len(list(logs.glob("[!.]*.log"))) if logs.is_dir() else 0
        while process.poll() is None and (
            not left_behind(broken) or (kill == 2 and len(list(logs.glob("[!.]*.log"))) == count)
        ):
            time.sleep(0.02)
        time.sleep(rng.uniform(0.0, 3.0))
        assert process.kill() == -signal.SIGKILL, process.said()
        for step in left_behind(broken):
            os.kill(step, signal.SIGSTOP)
            again = fork.start(RETRAIN, broken)
            assert again.wait() == 2, again.said()
            assert re.search(rf"error: step '.*' still runs: .*process {step} \(", again.said())
            refusals += 1
            os.killpg(step, signal.SIGKILL)
        while left_behind(broken):
            time.sleep(0.01)
    assert refusals >= 2
    fork.run(RETRAIN, broken, seconds=900)
    for world in (whole, broken):
        assert_tidy(world)
    found, expected = (contents(world / "out") for world in (broken, whole))
    names = [name for name in expected if not re.search(r"logs/|steps/", name)]
    assert set(names) <= set(found)
    for name in names:
        if name.endswith(".pt"):
            assert largest_difference(broken / "out" / name, whole / "out" / name) == 0.0
    assert found["best.yml"] == expected["best.yml"]


def workers_of(process: "subprocess.Popen[str]") -> list[int]:
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(word) for word in path.read_text().split()]


def test_torchrun_itself_is_killed(space_yml: Path, tmp_path: Path) -> None:
    """Its processes may outlive it; a new start is refused until they are gone, and goes on."""
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "train.py"]
    words += [f"--configs={space_yml}", "--cpu", "--save-interval-updates", "1"]
    words += ["--keep-interval-updates", "1"]
    whole, broken = (tmp_path / each for each in ("whole", "broken"))
    assert start(*words, "--save-dir", str(whole)).wait(900) == 0
    for updates in (3, 6):
        process = start(*words, "--save-dir", str(broken))
        read_until(process, f"@ {updates} updates")
        workers = workers_of(process)
        for worker in workers:
            os.kill(worker, signal.SIGSTOP)  # or they might see at once that it is gone
        process.kill()
        process.wait()
        refused = subprocess.run(
            [sys.executable, "train.py", f"--configs={space_yml}", "--save-dir", str(broken)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert refused.returncode == 2, refused.stderr
        named = re.search(r"error: .*/broken: process (\d+) \(train.py ", refused.stderr)
        assert named is not None and int(named[1]) in workers, refused.stderr
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
    process = start(*words, "--save-dir", str(broken))
    read_until(process, "Loaded checkpoint")
    assert process.stdout is not None
    said = process.stdout.read()
    assert process.wait(900) == 0, said
    names = sorted(path.name for path in whole.iterdir())
    assert sorted(path.name for path in broken.iterdir()) == names
    for name in names:
        assert largest_difference(broken / name, whole / name) == 0.0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
