"""Writing files and folders so that nobody sees half of one: beside the target, then renamed."""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hat.errors import ConfigError, DataError

Files = str | Path | Iterable[str | Path]
"""One file or several."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path beside ``path`` that takes its place when the block succeeds.

    The folder of ``path`` is created. If the block raises, the temporary file is removed and
    whatever stood at ``path`` stays as it was.

    Raises:
        DataError: if nothing can be written there.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with _told_as_of(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.touch()
            mode = temporary.stat().st_mode
        yield temporary
        with _told_as_of(target):
            temporary.chmod(mode)  # safetensors makes files that only their owner can read
            with open(temporary, "rb") as stream:
                os.fsync(stream.fileno())
            os.replace(temporary, target)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def _told_as_of(target: Path) -> Iterator[None]:
    """Says of ``target`` what the operating system says of it, its folder or its temporary file."""
    try:
        yield
    except FileExistsError:  # what mkdir says of a file where a folder should be
        message = f"{target.parent} is not a folder"
        raise DataError(f"{target}: cannot be written: {message}") from None
    except OSError as error:
        raise DataError(f"{target}: cannot be written: {error.strerror}") from None


@contextmanager
def replacing_folder(path: str | Path, is_ours: Callable[[Path], bool]) -> Iterator[Path]:
    """Yields a temporary folder beside ``path`` that takes its place when the block succeeds.

    Args:
        path: the folder to write. It may be missing or empty, or one that ``is_ours``.
        is_ours: whether a file in the folder is one that may be replaced.

    Raises:
        ConfigError: if ``path`` is a file, or a folder that holds anything else.
    """
    target = Path(path)
    _check_folder(target, is_ours)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    try:
        temporary.mkdir()
        yield temporary
        _check_folder(target, is_ours)  # others may have written while the block ran
        if target.exists():
            os.replace(target, old)
        os.replace(temporary, target)
    finally:
        if old.exists() and not target.exists():
            os.replace(old, target)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _check_folder(target: Path, is_ours: Callable[[Path], bool]) -> None:
    if target.exists() and not target.is_dir():
        raise ConfigError(f"{target}: is a file, but a folder is to be written there")
    others = sorted(each for each in target.glob("*") if each.is_dir() or not is_ours(each))
    if others:
        raise ConfigError(
            f"{target}: is not replaced, because it holds {others[0].name}, which is not of a model"
        )


def write_text(path: str | Path, text: str) -> None:
    """Writes ``text`` as UTF-8, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


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
