"""Files are written whole or not at all, and what hinders that is one sentence."""

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
import torch

from hat.errors import DataError
from hat.file_kinds import Kind
from hat.files import append_text, check_writable, repair_lines, replacing, write_text
from hat.models.weights import write_weights


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(lambda folder: folder / "file" / "x.json", id="below a file"),
        pytest.param(lambda folder: folder / "file" / "deep" / "x.json", id="deep below a file"),
        pytest.param(lambda folder: folder, id="a folder"),
        pytest.param(lambda folder: Path("/proc/x.json"), id="where nothing can be made"),
        pytest.param(lambda folder: folder / ("x" * 300), id="a name too long"),
    ],
)
def test_a_place_where_nothing_can_be_written_is_named(
    place: Callable[[Path], Path], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("good")
    path = place(tmp_path)
    with pytest.raises(DataError, match=rf"^{path}: cannot be written: ") as refusal:
        write_text(path, "text")
    assert "\n" not in str(refusal.value)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "good"


def test_what_fails_while_it_is_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    write_text(path, "good")
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "good"
    assert list(tmp_path.iterdir()) == [path]


def test_others_may_read_what_a_library_makes_for_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    with replacing(tmp_path / "file") as temporary:
        temporary.unlink()
        temporary.touch(mode=0o600)
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file can grow beyond 50,000 bytes, as where the disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


BIG = {"weight": torch.zeros(100_000)}


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("x.txt", lambda path: write_text(path, "x" * 100_000)),
        ("x.pt", lambda path: write_weights(path, BIG)),
        ("x.safetensors", lambda path: write_weights(path, BIG)),
    ],
)
def test_a_file_that_cannot_grow_is_one_sentence(
    name: str, write: Callable[[Path], None], small_files: None, tmp_path: Path
) -> None:
    path = tmp_path / "deep" / name
    with pytest.raises(DataError, match=rf"^{path}: cannot be written: File too large$"):
        write(path)
    assert list(tmp_path.iterdir()) == []


def test_lines_are_added_whole_or_not_at_all(small_files: None, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("good\n")
    append_text(path, "more\n")
    with pytest.raises(DataError, match=rf"^{path}: cannot be written: File too large$"):
        append_text(path, "x" * 100_000)
    assert path.read_text() == "good\nmore\n"
    for text in ("good\n", "", "a\nb\n"):
        path.write_text(f"{text}torn")
        repair_lines(path)
        assert path.read_text() == text


def test_other_failures_keep_their_names(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "x"):
        (tmp_path / "nowhere").read_text()
    with pytest.raises(RuntimeError, match="a bug"), replacing(tmp_path / "x"):
        raise RuntimeError("a bug")


def test_no_byte_depends_on_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for number in (4321, 54321):
        monkeypatch.setattr(os, "getpid", lambda number=number: number)
        write_weights(tmp_path / "x.pt", BIG)
        found.append((tmp_path / "x.pt").read_bytes())
    assert found[0] == found[1]


def test_what_will_be_written_is_checked_and_leaves_nothing(tmp_path: Path) -> None:
    check_writable(tmp_path / "deep" / "x", None)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="folder: cannot be written: it is a folder"):
        check_writable(tmp_path / "x", tmp_path / "folder")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\3\4weights", "archive"),
        (b"\x89HDF\r\n", "archive"),
        (b"\x89PNG\r\n\0", "picture"),
        (b"a: 1\n", "text"),
    ],
)
def test_only_a_file_of_the_same_kind_is_written_over(
    content: bytes, kind: Kind, tmp_path: Path
) -> None:
    (tmp_path / "there").write_bytes(content)
    (tmp_path / "empty").touch()
    for each in get_args(Kind):
        check_writable(tmp_path / "empty", kind=each)
        if each == kind or (each == "text" and b"\0" not in content):
            check_writable(tmp_path / "there", kind=each)
        else:
            with pytest.raises(DataError, match=r"there: would be written over, but is no "):
                check_writable(tmp_path / "there", kind=each)
    assert (tmp_path / "there").read_bytes() == content


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("disk/real.txt")
    write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "disk" / "real.txt").read_text() == "new"
    (tmp_path / "later.txt").symlink_to("disk/later.txt")  # to nothing yet
    write_text(tmp_path / "later.txt", "first")
    assert (tmp_path / "later.txt").is_symlink()
    assert (tmp_path / "disk" / "later.txt").read_text() == "first"


@pytest.mark.parametrize("write", [check_writable, lambda path: write_text(path, "text")])
@pytest.mark.parametrize("is_linked", [False, True])
def test_a_pipe_or_a_device_is_not_replaced_by_a_file(
    write: Callable[[Path], None], is_linked: bool, tmp_path: Path
) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    if is_linked:
        path = tmp_path / "link"
        path.symlink_to("pipe")
    with pytest.raises(DataError, match="it is a pipe or a device: expected the name of a file"):
        write(path)
    assert (tmp_path / "pipe").is_fifo()
    assert len(list(tmp_path.iterdir())) == 1 + is_linked
