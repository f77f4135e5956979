"""One process at a time: a second one is told who writes, a dead one is noticed."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hat.errors import DataError
from hat.files import replacing, temporary_for, write_text
from hat.folders import replacing_folder
from hat.locks import LockedError, lock_path, locked

HOLDS = """
import subprocess, sys
from hat.locks import locked
with locked(sys.argv[1]) as lock:
    if len(sys.argv) > 2:
        child = subprocess.Popen([sys.executable, "-c", sys.argv[2]], pass_fds=[lock.descriptor])
        print(child.pid, flush=True)
    print("held", flush=True)
    input()
"""


@contextmanager
def held(output: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock of ``output``."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(output), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdin is not None
    try:
        if not words:
            assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_second_process_is_told_of_the_first_and_leaves_nothing(tmp_path: Path) -> None:
    output = tmp_path / "deep" / "run"
    with held(output) as first:
        there = sorted(tmp_path.rglob("*"))
        with pytest.raises(LockedError) as refusal, locked(output):
            pass
        assert str(refusal.value).startswith(
            f"{output}: process {first.pid} (-c {output}) has been writing here since 20"
        )
        assert "\n" not in str(refusal.value)
        link = tmp_path / "link"
        link.symlink_to(output.parent)
        with pytest.raises(LockedError, match=rf"link/run: process {first.pid} "):
            locked(link / "run").__enter__()
        link.unlink()
        assert sorted(tmp_path.rglob("*")) == there
        first.communicate("\n")  # it ends as it should
    assert list(tmp_path.iterdir()) == []
    with locked(output):
        assert output.parent.is_dir()
    assert list(tmp_path.iterdir()) == [], "a folder that is still empty goes"


def test_a_lock_of_a_dead_process_is_noticed_and_what_it_left_goes(tmp_path: Path) -> None:
    output, said = tmp_path / "run", list[str]()
    with held(output) as first:
        first.kill()
        first.wait()
        assert lock_path(output).exists()
    output.mkdir()
    (output / f".x.pt.{first.pid}.tmp").touch()
    (output / f".y.pt.{os.getppid()}.tmp").touch()  # of a process that lives
    (output / ".mine.tmp").touch()
    with locked(output, say=said.append):
        assert said == [
            f"{output}: process {first.pid} (-c {output}) was cut off while it wrote here"
        ]
        left = sorted(path.name for path in output.iterdir())
        assert left == sorted([".mine.tmp", f".y.pt.{os.getppid()}.tmp"])
    assert not lock_path(output).exists()


def test_what_a_dead_process_had_started_still_holds_its_lock(tmp_path: Path) -> None:
    output = tmp_path / "run"
    with held(output, "import time; time.sleep(60)") as first:
        assert first.stdout is not None
        orphan = int(first.stdout.readline())
        assert first.stdout.readline() == "held\n"
        first.kill()
        first.wait()
        try:
            words = f"a process that process {first.pid} .* had started still writes here"
            with pytest.raises(LockedError, match=words), locked(output):
                pass
        finally:
            os.kill(orphan, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while True:
        try:
            with locked(output, say=lambda _: None):
                break
        except LockedError:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_lock_that_is_garbage_is_no_obstacle(tmp_path: Path) -> None:
    for text in ("", "\0garbage", "[]", '{"pid": "x"}', json.dumps({"pid": 1})):
        lock_path(tmp_path / "run").write_text(text)
        with locked(tmp_path / "run", say=lambda _: pytest.fail("nobody was cut off")):
            pass


def test_a_place_without_room_for_a_lock_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for output, why in (
        (tmp_path / "file" / "deep" / "x", "file is not a folder"),
        (tmp_path / ("x" * 300), "File name too long"),
        (Path("/proc/x"), "No such file or directory"),
    ):
        with pytest.raises(DataError, match=rf"^{output}: cannot be written: .*{why}"):
            locked(output).__enter__()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_two_writers_of_a_folder_do_not_meet(tmp_path: Path) -> None:
    output = tmp_path / "model"
    with replacing_folder(output, lambda _: True) as temporary:
        write_text(temporary / "a", "1")
        with pytest.raises(LockedError), replacing_folder(output, lambda _: True):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_that_a_dead_process_had_set_aside_takes_its_place_again(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    old = tmp_path / f".model.{dead.pid}.old"
    old.mkdir()
    (old / "a").write_text("good")
    (tmp_path / f".model.{dead.pid}.tmp").mkdir()
    with (
        pytest.raises(ZeroDivisionError),
        replacing_folder(tmp_path / "model", lambda _: True) as temporary,
    ):
        write_text(temporary / "a", "half")
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "a").read_text() == "good"


def test_leftovers_go_when_the_same_file_is_written_again(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    for name in (f".x.{dead.pid}.tmp", f".y.{dead.pid}.tmp", ".x.tmp"):
        (tmp_path / name).touch()
    with replacing(tmp_path / "x") as temporary:
        assert temporary == temporary_for(tmp_path / "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".x.tmp", f".y.{dead.pid}.tmp", "x"]


def test_a_leftover_whose_process_is_hidden_but_holds_it_stays(tmp_path: Path) -> None:
    """As in another container, where the id means nothing here."""
    dead = subprocess.Popen(["true"])
    dead.wait()
    other = tmp_path / f".x.{dead.pid}.tmp"
    other.touch()
    with other.open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        write_text(tmp_path / "x", "text")
        assert other.exists()
    write_text(tmp_path / "x", "text")
    assert not other.exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_locks_is_said_once(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr("hat.locks._TOLD", set())
    said: list[str] = []
    for name in ("first", "second"):
        with locked(tmp_path / name, say=said.append), replacing(tmp_path / name / "x") as path:
            path.write_text("there")
        assert (tmp_path / name / "x").read_text() == "there"
    (sentence,) = said
    assert sentence.startswith(f"warning: {tmp_path / 'first'}: this file system knows no locks")
    assert [each.name for each in sorted(tmp_path.rglob("*"))] == ["first", "x", "second", "x"]
