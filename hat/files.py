"""Writing files so that a reader never sees half of one: beside the target, then renamed."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hat.errors import DataError

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
        yield temporary
        with _told_as_of(target):
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
    except OSError as error:
        raise DataError(f"{target}: cannot be written: {error.strerror}") from None


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
