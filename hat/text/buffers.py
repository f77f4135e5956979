"""Lines of a stream as they come, several at a time."""

import os
import queue
import stat
import threading
from collections.abc import Iterator
from typing import IO

from hat.text.lines import Changes, iterate_stream

_PATIENCE = 0.05
"""Seconds without a new line after which those that are there are not kept waiting."""


def buffered_stream(
    stream: IO[bytes], name: str, size: int, changes: Changes
) -> Iterator[list[str]]:
    """Yields the lines of a stream under the rule of ``hat.text.lines``, up to ``size`` at a time.

    Of a file they are always so many, so that a run can be repeated. Of a pipe or a terminal they
    are those that have come when no more come: nobody waits for a full buffer.

    Raises:
        DataError: if a line is not UTF-8; the lines before it have been yielded.
    """
    lines = iterate_stream(stream, name, changes)
    patience = None if _is_file(stream) else _PATIENCE
    waiting: queue.Queue[str | Exception | None] = queue.Queue(maxsize=2 * size)

    def read() -> None:
        try:
            for line in lines:
                waiting.put(line)
            waiting.put(None)
        except Exception as error:
            waiting.put(error)

    threading.Thread(target=read, daemon=True).start()
    while True:
        buffer, end = _taken(waiting, size, patience)
        if buffer:
            yield buffer
        if isinstance(end, Exception):
            raise end
        if end:
            return


def _taken(
    waiting: "queue.Queue[str | Exception | None]", size: int, patience: float | None
) -> tuple[list[str], bool | Exception]:
    """Up to ``size`` lines, and whether the stream is over or broken after them."""
    buffer: list[str] = []
    while len(buffer) < size:
        try:
            item = waiting.get(timeout=patience if buffer else None)
        except queue.Empty:
            break
        if not isinstance(item, str):
            return buffer, True if item is None else item
        buffer.append(item)
    return buffer, False


def _is_file(stream: IO[bytes]) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except OSError:
        return False
