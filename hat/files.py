"""Writing files so that a reader never sees half of one: beside the target, then renamed."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Files = str | Path | Iterable[str | Path]
"""One file or several."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path beside ``path`` that takes its place when the block succeeds.

    The folder of ``path`` is created. If the block raises, the temporary file is removed and
    whatever stood at ``path`` stays as it was.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


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
