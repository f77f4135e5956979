"""Every stage is killed at random moments, and goes on or begins again as if nothing had been.

Each kill is a SIGKILL of a process that writes for real. What counts is what it leaves: the files
of before or whole new ones, and after the next start the bytes of a run that was never cut off.
"""

import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from hat.latency.samples import read_samples
from hat.latency.sidecar import read_sidecar
from tests.fairseq_plugin.test_training import largest_difference
from tests.faults.fault import contents
from tests.faults.forked import Forker, forker
from tests.faults.test_outputs import FOLDERS, writers  # noqa: F401  (writers: a fixture)

SEARCH = (
    "search --configs space.yml --restore-file net.pt --ckpt-path predictor.pt --cpu "
    "--latency-constraint 1000 --write-config-path out/best.yml --evo-iter 8 --population-size 9 "
    "--parent-size 3 --mutation-size 3 --crossover-size 3 --measure-finalists 0 --rank-sample 0 "
    "--contest-seeds 0"
)
DATASET = (
    "latency-dataset --configs lat.yml --lat-threads 1 --lat-dataset-path out/lat.csv "
    "--lat-dataset-size 24 --lat-reference-every 12 --resume --set-aside"
)
EXPORT = "export c.pt arch.yml out/model --data numbers_en_fr --bpe-codes codes --tokeniser none"


@dataclass(frozen=True)
class Stage:
    """A command that is killed again and again."""

    name: str
    words: str
    """After ``hat``. It writes into ``out``."""
    kills: int
    """At least so many."""
    check: Callable[[Path, Path], None]
    """Compares what was cut off in its second argument with what never was, in its first one."""
    first: Callable[[Path], object] = field(default=lambda world: None)
    """Puts into ``out`` what stands there before."""


def same_bytes(whole: Path, killed: Path) -> None:
    assert contents(killed) == contents(whole)


def same_training(whole: Path, killed: Path) -> None:
    names = sorted(path.name for path in (whole / "super").iterdir())
    assert sorted(path.name for path in (killed / "super").iterdir()) == names
    for name in names:
        assert largest_difference(killed / "super" / name, whole / "super" / name) == 0.0


def same_architectures(whole: Path, killed: Path) -> None:
    found, expected = (read_samples(folder / "lat.csv") for folder in (killed, whole))
    assert [row.arch for row in found] == [row.arch for row in expected]
    sidecar = read_sidecar(killed / "lat.csv")
    assert sidecar is not None
    assert {e["row"] for e in sidecar.events if e["event"] == "row"} == set(range(24))
    assert sorted(path.name for path in killed.iterdir()) == ["lat.csv", "lat.csv.meta.jsonl"]


def same_search(whole: Path, killed: Path) -> None:
    for name in ("best.yml", "best.search/trials.jsonl"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    assert contents(killed).keys() == contents(whole).keys()


def with_an_average(world: Path) -> None:
    shutil.copy(world / "c.pt", world / "out" / "mean.pt")


STAGES = [
    Stage("train", "train --configs=more.yml --save-dir out/super", 10, same_training),
    Stage("dataset", DATASET, 10, same_architectures),
    Stage(
        "predictor",
        "latency-predictor --lat-dataset-path lat.csv --ckpt-path out/predictor.pt",
        4,
        same_bytes,
    ),
    Stage("search", SEARCH, 8, same_search),
    Stage("export", EXPORT, 6, same_bytes),
    Stage(
        "average",
        "average-checkpoints --inputs c.pt --output out/mean.pt",
        4,
        same_bytes,
        with_an_average,
    ),
    Stage(
        "numbers",
        "prepare numbers --source-lang en --target-lang fr --train 3000 --merges 90 "
        "--text-dir out/text",
        4,
        same_bytes,
    ),
    Stage(
        "binarise",
        "prepare binarise --source-lang xx --target-lang yy --text-dir text --binary-dir out/bin",
        4,
        same_bytes,
    ),
    Stage("new", FOLDERS["new"].format("out/mine"), 3, same_bytes),
    Stage("report", "report done.search --out out/page.html", 3, same_bytes),
]


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory,
    writers: Path,  # noqa: F811
    fork: Forker,
) -> Path:
    """What is there before a stage begins; ``done.search`` is a search that is over."""
    folder = tmp_path_factory.mktemp("kills") / "good"
    shutil.copytree(writers, folder)
    fork.run(SEARCH.replace("out/best", "done"), folder)
    more = "save-interval-updates: 2\nkeep-interval-updates: 2\n"
    (folder / "more.yml").write_text((folder / "space.yml").read_text() + more)
    return folder


@pytest.fixture(scope="module")
def fork() -> Iterator[Forker]:
    with forker() as one:
        yield one


def new_world(world: Path, folder: Path, stage: Stage) -> Path:
    shutil.copytree(world, folder)
    (folder / "out").mkdir()
    stage.first(folder)
    return folder


def killed_run(stage: Stage, world: Path, fork: Forker, kills: int, folder: Path) -> None:
    """Kills a stage so often, then lets it end, and compares."""
    whole = new_world(world, folder / "whole", stage)
    begun = time.monotonic()
    fork.run(stage.words, whole)
    seconds = time.monotonic() - begun
    assert_tidy(whole)
    rng = np.random.default_rng(len(stage.name))
    broken = new_world(world, folder / "broken", stage)
    done = 0
    for _ in range(20 * kills):
        process = fork.start(stage.words, broken)
        time.sleep(rng.uniform(0.0, 0.9) * seconds)
        if process.kill() == -signal.SIGKILL:
            done += 1
        else:  # it was over before the kill came: once more from the beginning
            shutil.rmtree(broken)
            broken = new_world(world, folder / "broken", stage)
        if done == kills:
            break
    assert done == kills, f"only {done} kills came in time"
    fork.run(stage.words, broken)
    assert_tidy(broken)
    stage.check(whole / "out", broken / "out")


def assert_tidy(world: Path) -> None:
    """No lock and nothing half-written is left."""
    left = [str(path) for path in world.rglob(".*") if re.search(r"\.(lock|tmp|old)$", path.name)]
    assert not left


SAMPLE = {"dataset": 2, "export": 2, "average": 2}
"""Kills that every ``make test`` tries."""


@pytest.mark.stage
@pytest.mark.parametrize(
    ("stage", "kills"),
    [
        *(pytest.param(one, SAMPLE[one.name], id=one.name) for one in STAGES if one.name in SAMPLE),
        *(
            pytest.param(one, one.kills, id=f"{one.name}-often", marks=pytest.mark.slow)
            for one in STAGES
        ),
    ],
)
def test_kills(stage: Stage, kills: int, world: Path, fork: Forker, tmp_path: Path) -> None:
    killed_run(stage, world, fork, kills, tmp_path)


@pytest.mark.stage
@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_sigterm_leaves_no_trace_of_what_is_not_done(
    stage: Stage, world: Path, fork: Forker, tmp_path: Path
) -> None:
    whole = new_world(world, tmp_path / "whole", stage)
    begun = time.monotonic()
    fork.run(stage.words, whole)
    seconds = time.monotonic() - begun
    for share in (0.6, 0.4, 0.2, 0.1):
        broken = new_world(world, tmp_path / f"broken{share}", stage)
        process = fork.start(stage.words, broken)
        time.sleep(share * seconds)
        code = process.kill(signal.SIGTERM)
        if code != 0:
            break
    assert code == 128 + signal.SIGTERM, process.said()
    assert_tidy(broken)
    fork.run(stage.words, broken)
    stage.check(whole / "out", broken / "out")


NOHUP = (signal.SIGHUP, signal.SIGINT)

BEGUN = {"search": "best.search/search_state.json", "train": "super/checkpoint_last.pt"}
"""What is there when a stage has done some of its work."""


@pytest.mark.stage
@pytest.mark.parametrize("name", ["search", pytest.param("train", marks=pytest.mark.slow)])
def test_what_nohup_started_ends_at_sigterm_alone(
    name: str, world: Path, fork: Forker, tmp_path: Path
) -> None:
    (stage,) = [each for each in STAGES if each.name == name]
    whole, broken = (new_world(world, tmp_path / each, stage) for each in ("whole", "broken"))
    fork.run(stage.words, whole)
    process = fork.start(stage.words, broken, ignored=NOHUP)
    while not (broken / "out" / BEGUN[name]).exists():
        assert process.poll() is None, process.said()
        time.sleep(0.002)
    for number in NOHUP:
        os.kill(process.pid, number)
    time.sleep(0.05)
    assert process.poll() is None, process.said()
    assert "stopping" not in process.said()
    assert process.kill(signal.SIGTERM) == 128 + signal.SIGTERM, process.said()
    assert_tidy(broken)
    fork.run(stage.words, broken)
    stage.check(whole / "out", broken / "out")


LOCKED = ("train", "dataset", "search", "export", "numbers", "binarise")


@pytest.mark.stage
@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(one, marks=() if one.name == "dataset" else pytest.mark.slow, id=one.name)
        for one in STAGES
        if one.name in LOCKED
    ],
)
def test_of_two_at_once_the_second_is_refused(
    stage: Stage, world: Path, fork: Forker, tmp_path: Path
) -> None:
    whole, both = (new_world(world, tmp_path / name, stage) for name in ("whole", "both"))
    fork.run(stage.words, whole)
    first = fork.start(stage.words, both)
    while not any(lock.stat().st_size for lock in (both / "out").glob(".*.lock")):
        assert first.poll() is None, first.said()
        time.sleep(0.002)
    os.kill(first.pid, signal.SIGSTOP)  # or it might be over too soon
    said = first.said()
    before = contents(both)
    second = fork.start(stage.words, both)
    assert second.wait() == 2, second.said()
    sentences = [line for line in second.said().splitlines() if "error: " in line]
    assert len(sentences) == 1 and f": process {first.pid} (hat " in sentences[0]
    assert re.search(r"error: out/\w+(\.csv|\.search)?: process", sentences[0]), sentences
    assert contents(both) == before, "the second one changed something"
    os.kill(first.pid, signal.SIGCONT)
    assert first.wait() == 0, said
    assert_tidy(both)
    stage.check(whole / "out", both / "out")
