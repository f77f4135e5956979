"""Ctrl-C and SIGTERM: the update under way is finished, all are saved, and the training goes on."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hat.errors import TrainingError
from hat.models.checkpoint import read_checkpoint
from tests.fairseq_plugin.conftest import ROOT, run_script
from tests.fairseq_plugin.test_training import largest_difference


def start(*words: str) -> "subprocess.Popen[str]":
    """A program that says what it does as it does it."""
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A shell may have started the tests with it ignored, as nohup does; then it stays so.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def read_until(process: "subprocess.Popen[str]", words: str) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it never said {words!r}, but:\n{said}")


def updates(checkpoint: Path) -> int:
    return int(read_checkpoint(checkpoint)["optimizer_history"][-1]["num_updates"])


@pytest.mark.stage
@pytest.mark.parametrize("name", ["SIGINT", pytest.param("SIGTERM", marks=pytest.mark.slow)])
def test_a_stopped_training_loses_nothing(
    name: str, trained: Path, space_yml: Path, tmp_path: Path
) -> None:
    number = getattr(signal, name)
    command = ["train.py", f"--configs={space_yml}", "--save-dir", str(tmp_path)]
    process = start(*command)
    read_until(process, "Start iterating over samples")
    process.send_signal(number)
    time.sleep(0.05)  # taken by now
    process.send_signal(number)  # as SLURM and torchrun both do: still one wish
    said = read_until(process, "stopped after update")
    assert process.wait() == 128 + number
    assert "saved; the same command goes on from there" in said
    last = tmp_path / "checkpoint_last.pt"
    stopped_at = updates(last)
    assert f"stopped after update {stopped_at}:" in said and 1 <= stopped_at < 12
    done = run_script(*command)
    assert f"@ {stopped_at} updates" in done.stdout
    for checkpoint in ("checkpoint_last.pt", "checkpoint_best.pt"):
        assert largest_difference(tmp_path / checkpoint, trained / checkpoint) == 0.0


def test_a_second_signal_stops_at_once_unless_it_comes_with_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopping = pytest.importorskip("hat.fairseq_plugin.stopping")
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    wish = stopping._Wish()
    wish.take(signal.SIGINT, None)
    wish.take(signal.SIGTERM, None)
    now[0] += 1.0
    wish.take(signal.SIGINT, None)
    assert wish.number == signal.SIGINT
    now[0] += 5.0
    with pytest.raises(SystemExit) as caught:
        wish.take(signal.SIGTERM, None)
    assert caught.value.code == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("rank", "says", "is_told"),
    [
        ("0", "[gloo/transport/tcp/pair.cc:537] Read error: Connection reset by peer", True),
        ("0", "Gloo connectFullMesh failed with timed out connecting", True),
        ("0", "shape '[2, 3]' is invalid for input of size 5", False),
        (None, "[gloo/transport/tcp/pair.cc:537] Read error: Connection reset by peer", False),
    ],
)
def test_a_lost_connection_is_told_and_other_errors_are_not(
    rank: str | None, says: str, is_told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hat.machine import lost_processes

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("RANK", rank)
    kind, words = (TrainingError, "does not reach another") if is_told else (RuntimeError, says[:9])
    with (
        pytest.raises(kind, match=re.escape(words)),
        lost_processes.lost_processes_told(),
    ):
        raise RuntimeError(says)


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(each) for each in text.split()]


@pytest.mark.stage
@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGTERM to all", "SIGKILL"])
def test_processes_go_on_after_one_of_them_is_gone(
    name: str, space_yml: Path, tmp_path: Path
) -> None:
    """One worker of two gets the signal, as when a node goes down; torchrun then ends the other.

    Or all get it, torchrun, too, which passes it on: so SLURM and systemd end what they started.
    """
    common = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "train.py"]
    common += [f"--configs={space_yml}", "--save-interval-updates", "1"]
    common += ["--keep-interval-updates", "1"]
    whole, broken = (tmp_path / each for each in ("whole", "broken"))
    assert start(*common, "--save-dir", str(whole)).wait(300) == 0
    process = start(*common, "--save-dir", str(broken))
    read_until(process, "@ 3 updates")
    number, _, to_all = name.partition(" ")
    workers = children(process.pid)
    for pid in (*workers, process.pid) if to_all else workers[-1:]:
        os.kill(pid, getattr(signal, number))
    assert process.stdout is not None
    said = process.stdout.read()
    if number == "SIGTERM":  # and nobody goes before it is saved
        assert said.count("stopped after update") == 2
        assert said.index("stopped after update") > said.rindex("Saved checkpoint")
    else:
        assert "error: process 0 of 2 does not reach another one any more" in said
        assert "did not foresee" not in said
    assert process.wait(300) != 0
    assert 3 <= updates(broken / "checkpoint_last.pt") < 12, "it was over before the signal came"
    process = start(*common, "--save-dir", str(broken))
    read_until(process, "Loaded checkpoint")
    process.stdout.read() if process.stdout else None
    assert process.wait(300) == 0
    ends = (whole / "checkpoint_last.pt", broken / "checkpoint_last.pt")
    assert largest_difference(*ends) == 0.0
