"""How far a command has come, told to the pipeline that runs it: no bars in logs, none guessed.

A pipeline names a file in the environment; the command writes there what is done and what there
is in all, and the pipeline shows it. Without such a file nothing happens.
"""

import contextlib
import json
import os
import time
from pathlib import Path

VARIABLE = "HAT_PROGRESS"
"""The environment variable with the file's path."""

_SECONDS = 0.5
"""The least time between two writings, but for the last one."""


class Progress:
    """What is done of one piece of work."""

    def __init__(self, total: int, unit: str, *, done: int = 0) -> None:
        """Begins a piece of work.

        Args:
            total: of units; 0 or less: nobody knows, and nothing is told.
            unit: what is counted, in the plural.
            done: before; it does not count for the speed.
        """
        # Of several processes, the first one tells.
        path = os.environ.get(VARIABLE) if os.environ.get("RANK", "0") == "0" else None
        self._path = Path(path) if path and total > 0 else None
        self._total, self._unit, self._begin, self.done = total, unit, done, done
        self._started = time.time()
        self._written = 0.0
        self._write()

    def advance(self, count: int = 1) -> None:
        """So many more are done."""
        self.reach(self.done + count)

    def reach(self, done: int) -> None:
        """So many are done."""
        self.done = done
        if self._path and (done >= self._total or time.time() - self._written > _SECONDS):
            self._write()

    def _write(self) -> None:
        if self._path is None:
            return
        self._written = time.time()
        told = {
            "done": self.done,
            "total": self._total,
            "unit": self._unit,
            "begin": self._begin,
            "started": self._started,
            "written": self._written,
        }
        with contextlib.suppress(OSError):  # whoever asked has gone
            self._path.write_text(json.dumps(told), encoding="utf-8")
