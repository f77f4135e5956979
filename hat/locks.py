"""One process at a time writes an output: a lock on a file beside it, ``.NAME.lock``.

The system lets go of a lock when its process dies, however it dies. The file then stays, with the
id of the process, and tells the next one that the work was cut off. A lock that ends as it should
takes its file, and the folders that were made for it, with it.
"""

import fcntl
import json
import os
import shlex
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

from hat.errors import HatError
from hat.files import hold, is_alive, made_folder, remove_leftovers, told_as_of

_PATIENCE_S = 0.5
"""Whoever has the lock writes at once who it is."""

_ORPHANS_S = 6.0
"""How long processes may take to notice that the one which started them was killed."""


_TOLD: set[int] = set()
"""File systems without locks that this process has spoken of."""


class LockedError(HatError):
    """Another process writes the same output."""


@dataclass(frozen=True)
class Lock:
    """A lock that is held."""

    output: Path
    descriptor: int | None
    """Of the open lock file. A process that inherits it holds the lock as well; None where the
    file system knows no locks."""

    def note(self, pid: int, command: Sequence[str]) -> None:
        """Notes on whose behalf it is held: what others are told."""
        if self.descriptor is None:
            return
        text = json.dumps(
            {
                "pid": pid,
                "host": socket.gethostname(),
                "command": shorten(shlex.join(command), 100, placeholder=" ..."),
                "since": time.strftime("%Y-%m-%d %H:%M:%S"),
            }
        )
        with suppress(OSError):  # a full disk: the lock holds all the same
            os.ftruncate(self.descriptor, 0)
            os.pwrite(self.descriptor, f"{text}\n".encode(), 0)


def lock_path(output: str | Path) -> Path:
    """Returns the lock file of an output, whatever links lead to it."""
    target = Path(os.path.realpath(output))
    return target.with_name(f".{target.name}.lock")


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def locked(output: str | Path, *, say: Callable[[str], None] = _to_stderr) -> Iterator[Lock]:
    """Holds the lock of an output while the block runs, and tidies up after dead processes.

    Args:
        output: the file or folder that is written, which need not be there.
        say: takes a line if a process that held the lock died before it was done, or if the file
            system knows no locks, which is said once.

    Raises:
        LockedError: if another process holds it: naming output and process.
        DataError: if no file can be made beside the output.
    """
    output, path = Path(output), lock_path(output)
    target = Path(os.path.realpath(output))
    with made_folder(path.parent, output, keep=False):
        with told_as_of(output):
            descriptor = _open(path, output)
        if descriptor is None and (system := path.parent.stat().st_dev) not in _TOLD:
            _TOLD.add(system)
            say(
                f"warning: {output}: this file system knows no locks, so nothing keeps another "
                "process from writing here at the same time: see to it that none does"
            )
        lock = Lock(output, descriptor)
        try:
            if descriptor is not None and (before := _read(descriptor)):
                say(f"{output}: {_who(before)} was cut off while it wrote here")
            lock.note(os.getpid(), _command())
            remove_leftovers(target.parent, target.name)
            remove_leftovers(target)  # if it is a folder
            yield lock
        finally:
            if descriptor is not None:
                with suppress(OSError):
                    path.unlink()
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # for processes that inherited it, too
                os.close(descriptor)


def _open(path: Path, output: Path) -> int | None:
    """Opens the lock file, locked; None where there are no locks."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            is_held = hold(descriptor)
            if is_held is False:
                is_held = _held_after_orphans(descriptor)
            if is_held is False:
                raise LockedError(_refusal(output, descriptor))
            with suppress(FileNotFoundError):
                if is_held and os.path.samestat(os.fstat(descriptor), path.stat()):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        if is_held is None:
            path.unlink(missing_ok=True)
            return None
        # Whoever had it has just removed its file: the name is free again.


def _held_after_orphans(descriptor: int) -> bool:
    """Waits a little for the lock where its process is dead: what it had started ends, too.

    A loader of sentences looks every five seconds whether its training is still there.
    """
    begun = time.monotonic()
    while time.monotonic() - begun < _ORPHANS_S:
        found = _read(descriptor)
        if not found or found["host"] != socket.gethostname() or is_alive(found["pid"]):
            return False
        if hold(descriptor):
            return True
        time.sleep(0.05)
    return False


def _refusal(output: Path, descriptor: int) -> str:
    begun = time.monotonic()
    while not (found := _read(descriptor)) and time.monotonic() - begun < _PATIENCE_S:
        time.sleep(0.01)
    if not found:
        return f"{output}: another process writes here"
    advice = "wait until it is done or stop it"
    here = found["host"] == socket.gethostname()
    if here and not is_alive(found["pid"]):
        started = f"a process that {_who(found)} had started still writes here"
        return f"{output}: {started}; {advice}"
    return f"{output}: {_who(found)} has been writing here since {found['since']}; {advice}"


def _who(noted: dict[str, Any]) -> str:
    there = "" if noted["host"] == socket.gethostname() else f" on {noted['host']}"
    return f"process {noted['pid']}{there} ({noted['command']})"


def _read(descriptor: int) -> dict[str, Any]:
    """What a lock file says; nothing if it is empty or says nothing that can be read."""
    try:
        found = json.loads(os.pread(descriptor, 1 << 16, 0))
        return {
            "pid": int(found["pid"]),
            **{name: str(found[name]) for name in ("host", "command", "since")},
        }
    except (ValueError, TypeError, KeyError):
        return {}


def _command() -> list[str]:
    """The command of this process, briefly: its program and first word."""
    program, *words = sys.argv or ["python"]
    name = Path(program).name
    if name == "__main__.py":  # python -m hat.cli
        name = Path(program).resolve().parts[-3]
    return [name, *words[:1]]
