"""The wall around commands: an error that nobody foresaw is one sentence, its traceback a file.

It is a bug in hat, and nothing that the user could mend. ``HAT_TRACEBACK=1`` in the environment
lets it through as Python shows it.
"""

import os
import platform
import re
import shlex
import sys
import tempfile
import traceback
from collections.abc import Sequence

from hat.version import __version__

SHOW = "HAT_TRACEBACK"
"""The variable of the environment that shows tracebacks; empty or 0: it does not."""

BUG = 1
"""Exit code of an error that nobody foresaw."""

_ALLOCATE = re.compile(
    r"(?:allocate|Unable to allocate) ([0-9.]+ [KMGTP]?i?[Bb](?:ytes)?)|can't allocate memory"
)
"""What torch and numpy say of the memory that they did not get."""

_MOST = 200
"""Characters of the error that the sentence repeats."""


def shows_tracebacks() -> bool:
    """Whether the user wants to see them."""
    return os.environ.get(SHOW, "") not in ("", "0")


def no_memory(error: BaseException) -> str | None:
    """Returns the sentence about memory that there is not enough of; None for other errors."""
    if not isinstance(error, MemoryError | RuntimeError):
        return None
    text = str(error)
    wanted = _ALLOCATE.search(text)
    if not (isinstance(error, MemoryError) or wanted or "out of memory" in text):
        return None
    amount = f": {wanted[1]} at once" if wanted and wanted[1] else ""
    return f"this takes more memory than there is{amount}; choose smaller sizes"


def report(error: BaseException, words: Sequence[str]) -> str:
    """Writes the traceback into a file of its own and returns the sentence that names it."""
    told = "".join(traceback.format_exception(error))
    facts = (
        f"hat {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
        f"command: {shlex.join(['hat', *words])}\n"
    )
    name = f"{type(error).__name__}: {_first_line(str(error))}".rstrip(": ")
    sentence = f"hat met an error that it did not foresee ({name}); please report it"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="hat-", suffix=".log", encoding="utf-8", errors="replace", delete=False
        ) as log:
            log.write(facts + told)
    except OSError:  # nowhere to write: the traceback is all there is
        sys.stderr.write(told)
        return sentence
    return f"{sentence} with the file {log.name}, which holds its traceback"


def _first_line(text: str) -> str:
    line = " ".join(text.split("\n")[0].split())
    return line if len(line) <= _MOST else f"{line[:_MOST]} ..."
