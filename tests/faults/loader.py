"""What a loader is, and files that are simply there."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import MADE_DATA

FREE_TEXT = "any text is one"
"""Says of a loader that it takes lines as they come."""


@dataclass(frozen=True)
class Loader:
    """One way into the package."""

    name: str
    covers: tuple[str, ...]
    """Functions that ``tests.faults.readers`` finds, which it goes through."""

    make: Callable[[Path], Path]
    """Makes a good file in a folder, with what belongs beside it, and returns it."""

    load: Callable[[Path], Any]
    lenient: str = ""
    """Why it may take what is no file of its kind."""

    elsewhere: bool = True
    """Whether the file may be called and lie otherwise: not where a folder says what it is."""


def made(name: str, target: str = "") -> Callable[[Path], Path]:
    """A file of ``tests/data``, under its own name."""

    def copy(folder: Path) -> Path:
        return Path(shutil.copy(MADE_DATA / name, folder / (target or Path(name).name)))

    return copy


def text(name: str, content: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_text(content, encoding="utf-8")
        return folder / name

    return write
