"""A whole pipeline: cut off in every step, two at once, and twice with the same seed."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.fault import contents
from tests.faults.forked import Forker, forker
from tests.faults.test_kills import assert_tidy
from tests.faults.tiny_pipeline import write_pipeline
from tests.test_extending import installed

__all__ = ["installed"]

pytestmark = [pytest.mark.stage, pytest.mark.slow]

RUN = "pipeline pipeline.yml " + " ".join(
    f"--set {step}.device=counted:2"
    for step in ("latency-dataset", "evo-search", "measure-best", "measure-largest")
)
"""With a device that needs no clock, of ``docs/extending.md``: equal seeds give equal latencies."""


@pytest.fixture(scope="module")
def fork(installed: Path) -> Iterator[Forker]:  # noqa: F811
    with forker(installed) as one:
        yield one


def new_pipeline(folder: Path) -> Path:
    write_pipeline(folder)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, fork: Forker) -> Path:
    """The folder of a pipeline that nobody disturbed."""
    folder = new_pipeline(tmp_path_factory.mktemp("whole") / "run")
    fork.run(RUN, folder)
    assert_tidy(folder)
    return folder


TIMES = re.compile(
    r"(?P<name>\"?(?:\w*seconds|\w*_s|at|started_at|since|elapsed_s|measured_at|time|wall)\"?[:=] ?)"
    r"[\d.e+-]+"
)
CLOCK = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def test_the_same_seed_gives_the_same_bytes(whole: Path, fork: Forker, tmp_path: Path) -> None:
    again = new_pipeline(tmp_path / "again")
    fork.run(RUN, again)
    found, expected = contents(again), contents(whole)
    assert found.keys() == expected.keys()
    differ = sorted(name for name in found if found[name] != expected[name])
    for name in differ:
        print(name)
    assert differ == []
