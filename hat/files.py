"""Writing files so that nobody sees half of one: beside the target, then renamed.

What a process that was killed left behind, ``.NAME.PID.tmp``, is removed by the next one that
writes the same file, or that takes the lock of the folder (``hat.locks``).
"""

import errno
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from hat.errors import DataError, HatError
from hat.file_kinds import Form, Kind, check_end, check_replaced

Files = str | Path | Iterable[str | Path]
"""One file or several."""

_LEFT = re.compile(r"\.(?P<name>.+)\.(?P<pid>\d+)\.(?P<kind>tmp|old)")

_RUST = re.compile(r"\(os error (\d+)\)")

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""What stops a file from growing."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path beside ``path`` that takes its place when the block succeeds.

    The folder of ``path`` is created. If the block raises, the temporary file and the folders that
    were created are removed and whatever stood at ``path`` stays as it was. If ``path`` is a link,
    it stays one, and what it leads to is replaced.

    Raises:
        DataError: if nothing can be written there, or not all of it, as where the disk is full; or
            if a pipe, a device or another thing that is no file stands there.
    """
    target = place_of(path)
    with made_folder(target.parent, target):
        remove_leftovers(target.parent, target.name)
        temporary = temporary_for(target)
        with told_as_of(target):
            _check_replaceable(target)
            held = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            hold(held)  # says that its process lives, to those that cannot see its id
            mode = os.fstat(held).st_mode
            with _told_if_full(target, temporary):
                yield temporary
            with told_as_of(target):
                temporary.chmod(mode)  # safetensors makes files that only their owner can read
                sync(temporary)
                os.replace(temporary, target)
            sync_folder(target.parent)
        finally:
            os.close(held)
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextmanager
def writing(path: str | Path) -> Iterator[BinaryIO]:
    """Yields a stream whose bytes take the place of ``path`` when the block succeeds.

    Of what ``torch.save`` writes into a stream, unlike what it writes to a path, no byte depends
    on the name of the file.

    Raises:
        DataError: as ``replacing``.
    """
    with replacing(path) as temporary, open(temporary, "wb") as stream:
        yield stream


def write_text(path: str | Path, text: str) -> None:
    """Writes ``text`` as UTF-8, atomically."""
    with writing(path) as stream:
        stream.write(text.encode())


def append_text(path: str | Path, text: str) -> None:
    """Adds whole lines to a file: all of ``text`` or, where the disk is full, nothing.

    Raises:
        DataError: if it cannot be added.
    """
    path = Path(path)
    with told_as_of(path):
        _check_replaceable(path)  # to open a pipe would wait until somebody reads it
    with told_as_of(path), open(path, "ab", buffering=0) as stream:
        size = stream.tell()
        left = memoryview(text.encode())
        try:
            while left:
                left = left[stream.write(left) :]
        except OSError:
            stream.truncate(size)
            raise


def repair_lines(path: str | Path) -> None:
    """Removes a last line that was cut off: with one behind it, it would ruin the file."""
    text = Path(path).read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        with writing(path) as stream:
            stream.write(whole)


def split_lines(text: str) -> list[str]:
    """Returns the lines of a file of ours, such as JSON lines: they end at line feeds only.

    ``str.splitlines`` also ends them at U+2028, U+0085 and others, which JSON may hold as they are.
    """
    return text.removesuffix("\n").split("\n") if text else []


def write_json(path: str | Path, value: Any) -> None:
    """Writes ``value`` as indented JSON, atomically. NaN and infinities are refused."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def as_paths(files: Files) -> list[str]:
    """Returns the paths that an argument names."""
    return [str(files)] if isinstance(files, str | Path) else [str(path) for path in files]


def check_writable(
    *paths: str | Path | None, kind: Kind = "text", form: Form | None = None
) -> None:
    """Checks, before work that takes long, that its results can be written. Leaves nothing.

    Args:
        paths: files that will be written; None stands for none.
        kind: what they will be. A file that is there may be replaced by one of its own kind only:
            a slip costs no other file.
        form: their format, if their names may not end as those of others do.

    Raises:
        DataError: if one of them is a folder or a file of another kind, if its name is that of
            another format, or if nothing can be written there.
    """
    for path in (each for each in paths if each is not None):
        target = place_of(path)
        check_replaced(target, kind)
        if form is not None:
            check_end(Path(path), form)
        with made_folder(target.parent, target, keep=False), told_as_of(target):
            _check_replaceable(target)
            probe = temporary_for(target)
            os.close(os.open(probe, os.O_WRONLY | os.O_CREAT, 0o666))
            probe.unlink()


def place_of(path: str | Path) -> Path:
    """Returns where a path leads: links are followed, and its name is that of a file or folder.

    What is written lies beside that place first. A link's own folder may be on another disk, and
    ``model/../model`` leads nowhere while ``model`` is renamed.

    Raises:
        DataError: if no file can have such a name, links lead in a circle, or it names what a
            program has open.
    """
    if "\0" in str(path):
        raise DataError(f"{str(path)!r}: no name holds the character U+0000")
    given = Path(path)
    is_link = os.path.islink(given)  # noqa: PTH114 - False, too, of a name that is too long
    is_plain = given.name and ".." not in given.parts and not is_link
    if is_plain:
        return given
    if is_link and _is_open_file(given):
        raise DataError(
            f"{given}: cannot be written: it is what a program has open: expected the name of a "
            "file"
        )
    place = real_path(given)
    if place.is_symlink():  # links in a circle lead nowhere
        raise DataError(f"{given}: cannot be written: {os.strerror(errno.ELOOP)}")
    return place


def real_path(path: str | Path) -> Path:
    """Returns where a path leads in the end; unlike ``Path.resolve``, also of links in a circle."""
    return Path(os.path.realpath(path))


def _is_open_file(link: Path) -> bool:
    """Whether a link leads through a process's open files, as ``/dev/stdout`` does.

    If that is a file, it would be replaced, and what is printed later would be lost with the old
    one.
    """
    place = link
    for _ in range(40):  # as many links as Linux follows
        if real_path(place.parent).parts[:2] == ("/", "proc"):
            return True
        if not place.is_symlink():
            return False
        place = place.parent / place.readlink()
    return False


def _check_replaceable(target: Path) -> None:
    """Checks that a regular file, or nothing, stands where one is to be written.

    A device or a pipe would be replaced by the file: ``/dev/null`` would be none any more.
    """
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if target.exists() and not target.is_file():
        raise DataError(
            f"{target}: cannot be written: it is a pipe or a device: expected the name of a file"
        )


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Removes what dead processes left half-written in a folder that nobody else writes to.

    A folder that one of them had set aside, and not replaced yet, takes its place again.

    Args:
        folder: where to look, but not below it.
        name: of the file or folder that was written; None: all that were.
    """
    with suppress(OSError):
        for path in sorted(folder.iterdir()):
            found = _LEFT.fullmatch(path.name)
            if not found or name not in (None, found["name"]) or not _is_dead(path, found["pid"]):
                continue
            target = path.with_name(found["name"])
            if found["kind"] == "old" and not target.exists():
                os.replace(path, target)
            elif path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def temporary_for(target: Path, kind: str = "tmp") -> Path:
    """Returns the name beside ``target`` that this process writes to before it renames."""
    return target.with_name(f".{target.name}.{os.getpid()}.{kind}")


def is_alive(pid: int) -> bool:
    """Whether there is such a process on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def hold(descriptor: int) -> bool | None:
    """Takes the lock on an open file or folder, which ends with the process.

    Returns:
        Whether it could be taken: else another process has it. None: this file system knows no
        locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_dead(path: Path, pid: str) -> bool:
    """Whether the process that made ``path`` is dead, here or where else the folder is seen."""
    if is_alive(int(pid)):
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return hold(descriptor) is True
    finally:
        os.close(descriptor)


@contextmanager
def made_folder(folder: Path, target: Path, *, keep: bool = True) -> Iterator[None]:
    """Makes a folder, and those that it lies in; removes what it made if the block raises.

    Args:
        folder: the folder.
        target: what is to be written, which is said to be impossible if the folder is.
        keep: whether it stays when the block succeeds, though nothing is in it.

    Raises:
        DataError: if they cannot be made.
    """
    made: list[Path] = []
    try:
        with told_as_of(target):
            missing = [each for each in (folder, *folder.parents) if not each.exists()]
            for each in reversed(missing):
                each.mkdir(exist_ok=True)
                made.append(each)
            if not folder.is_dir():
                raise NotADirectoryError
        yield
    except BaseException:
        keep = False
        raise
    finally:
        for each in reversed(made) if not keep else ():
            with suppress(OSError):  # what others have written to stays
                each.rmdir()


@contextmanager
def told_as_of(target: Path) -> Iterator[None]:
    """Says of ``target`` what the operating system says of it, its folder or its temporary file.

    Raises:
        DataError: in place of ``OSError``.
    """
    try:
        yield
    except (FileExistsError, NotADirectoryError):  # where a folder should be
        place = next((each for each in target.parents if each.exists()), target.parent)
        message = f"{place} is not a folder"
        raise DataError(f"{target}: cannot be written: {message}") from None
    except OSError as error:
        raise DataError(f"{target}: cannot be written: {error.strerror}") from None


@contextmanager
def _told_if_full(target: Path, temporary: Path) -> Iterator[None]:
    """Says in one sentence that ``temporary`` could not grow, whatever a library makes of it."""
    try:
        yield
    except HatError:
        raise
    except Exception as error:
        reason = why_full(error, temporary)
        if reason is None:
            raise
        raise DataError(f"{target}: cannot be written: {reason}") from None


def why_full(error: Exception, file: Path) -> str | None:
    """Returns why ``file`` cannot grow, which may be what is behind an error; None if it can."""
    rust = _RUST.search(str(error))  # as safetensors says it, which has removed its file by then
    number = int(rust[1]) if rust else getattr(error, "errno", None)
    if number in _FULL and getattr(error, "filename", None) is None:
        return os.strerror(number)
    # Other libraries have errors of their own for it, so one more block is tried.
    try:
        with open(file, "ab") as stream:
            stream.write(bytes(1 << 16))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as found:
        return found.strerror if found.errno in _FULL else None
    return None


def sync(path: Path) -> None:
    """Returns when the content of a file is on the disk."""
    with open(path, "rb") as stream:
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Returns when the names in a folder are on the disk, where its file system can say so."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
