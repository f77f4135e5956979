"""Digests go by content; a file that has not changed is not read again."""

import json
import os
import time
from pathlib import Path

import pytest

from hat.pipeline.digests import Digests
from hat.reading import open_file


def write(path: Path, text: str, seconds_ago: float = 60.0) -> None:
    path.write_text(text)
    then = time.time() - seconds_ago
    os.utime(path, (then, then))


def test_unchanged_files_are_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, young, kept = tmp_path / "old", tmp_path / "young", tmp_path / "kept.json"
    write(old, "a" * 100)
    with monkeypatch.context() as later:  # nobody can set when a file was changed
        now = time.time_ns()
        later.setattr("hat.pipeline.digests.time.time_ns", lambda: now + 60 * 10**9)
        Digests(kept).of([old])
    write(young, "b" * 100, seconds_ago=60.0)
    first = Digests(kept).of([old, young])
    read: list[str] = []

    def noting(file: Path) -> object:
        read.append(str(file))
        return open_file(file)

    monkeypatch.setattr("hat.pipeline.digests.open_file", noting)
    assert Digests(kept).of([old, young]) == first
    assert str(old) not in read, "its size and times are those of before"
    assert str(young) in read, "it may have been written again within the same instant"
    write(old, "A" * 100)
    assert Digests(kept).of([old, young]) != first, "whatever time it was given"


def test_content_decides_whatever_else_changes(tmp_path: Path) -> None:
    path, kept = tmp_path / "x", tmp_path / "kept.json"
    write(path, "same")
    first = Digests(kept).of([path])
    write(path, "same", seconds_ago=30.0)
    assert Digests(kept).of([path]) == first
    write(path, "SAME", seconds_ago=30.0)
    os.utime(path, ns=(1, 1))
    assert Digests(kept).of([path]) != first
    for damaged in ("{", "[]", json.dumps({str(path): [4, 1, 2, "zz"]})):
        kept.write_text(damaged)
        assert Digests(kept).of([path]) != first
    (tmp_path / "folder").mkdir()
    empty = Digests(kept).of([tmp_path / "folder"])
    write(tmp_path / "folder" / "y", "y")
    assert Digests(kept).of([tmp_path / "folder"]) != empty
