"""What a step that runs is doing, for who watches: a line that renews itself, or milestones."""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from hat.errors import HatError
from hat.json_reader import read_object
from hat.numerals import duration

_SECONDS = 0.5
_COLUMNS = 80
"""Of a terminal that does not say how wide it is."""

_MILESTONES = 4
"""Lines for a piece of work where nobody sees a line renew itself: one for each quarter."""

_LONG_SECONDS = 20.0
"""A piece of work that takes less gets no milestones."""


@contextmanager
def shown_progress(say: Callable[[str], None], stream: TextIO | None = None) -> Iterator[str]:
    """Shows what the command of a step tells (``hat.progress``) while the block runs.

    Args:
        say: takes milestones, where ``stream`` is no terminal.
        stream: what a person may look at; standard error if None.

    Yields:
        The file that the command is to write to.
    """
    stream = sys.stderr if stream is None else stream
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "progress.json"
        over = threading.Event()
        show = _on_terminal if stream.isatty() else _as_milestones
        watching = threading.Thread(target=show, args=(path, over, say, stream), daemon=True)
        watching.start()
        try:
            yield str(path)
        finally:
            over.set()
            watching.join()


def _on_terminal(
    path: Path, over: threading.Event, say: Callable[[str], None], stream: TextIO
) -> None:
    width = 0
    while not over.wait(_SECONDS):
        text = describe(_read(path))
        if text:
            columns = os.get_terminal_size(stream.fileno()).columns or _COLUMNS
            line = f"  {text}"[: columns - 1]
            stream.write(f"\r{line:<{width}}")
            stream.flush()
            width = max(width, len(line))
    if width:
        stream.write(f"\r{'':<{width}}\r")
        stream.flush()


def _as_milestones(
    path: Path, over: threading.Event, say: Callable[[str], None], stream: TextIO
) -> None:
    last: tuple[str, int] = ("", 0)
    while not over.wait(_SECONDS):
        told = _read(path)
        if not told:
            continue
        quarter = _MILESTONES * int(told["done"]) // int(told["total"])
        if (told["unit"], quarter) != last and 0 < quarter < _MILESTONES:
            if time.time() - told["started"] > _LONG_SECONDS:
                say(f"  {describe(told)}")
            last = (told["unit"], quarter)


def describe(told: dict[str, Any] | None) -> str:
    """Returns ``50 of 740 updates, 3.2 min left``; nothing if nothing is told."""
    if not told:
        return ""
    done, total, begin = int(told["done"]), int(told["total"]), int(told["begin"])
    text = f"{done:,} of {total:,} {told['unit']}"
    if done <= begin or done >= total:
        return text
    # The speed is that until the last unit was done. Time since then counts down, by one unit at
    # most: a figure that grows while one waits says nothing.
    each = (told["written"] - told["started"]) / (done - begin)
    left = each * (total - done) - min(time.time() - told["written"], each)
    return f"{text}, {duration(left)} left"


def _read(path: Path) -> dict[str, Any] | None:
    """What the command told last; None while it is writing, or has told nothing."""
    try:
        return read_object(path, "what a command told last")
    except HatError:
        return None
