"""What the operating system refuses or asks for, told as what every command says of it."""

import contextlib
import errno
import io
import os
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

NO_OUTPUT = "standard output is closed: redirect it to a file or to /dev/null"

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

_USERS = (
    *(*_FULL, errno.EROFS),
    *(errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTEMPTY, errno.ETXTBSY),
)
"""What a user can mend: disk, rights, names."""


def sentence_of(error: OSError) -> str | None:
    """Returns what is wrong with which file, or where the disk is full; None if that is a bug."""
    if error.errno not in _USERS:
        return None
    name = error.filename if error.filename2 is None else error.filename2
    if error.errno == errno.ENOENT and _is_nowhere():
        return "the current folder is gone: change into one that is there"
    if name is None and error.errno not in _FULL:
        return None
    what = os.strerror(error.errno)
    return what if name is None else f"{os.fsdecode(name)}: {what}"


def _is_nowhere() -> bool:
    """Whether the folder that the program works in was removed."""
    try:
        Path.cwd()
    except OSError:
        return True
    return False


def output_error(error: OSError) -> str | None:
    """Returns why standard output takes nothing more; None if ``error`` is of another file.

    What was printed and cannot be written is given up then.
    """
    if sys.stdout is None or error.filename is not None or error.errno not in _FULL:
        return None
    try:
        descriptor = sys.stdout.fileno()
    except ValueError:  # no file
        return None
    try:
        sys.stdout.flush()  # fails again, if there is a buffer
        is_device = stat.S_ISCHR(os.fstat(descriptor).st_mode)  # such as /dev/full
        if not is_device and os.fstatvfs(descriptor).f_bavail:
            return None
    except OSError:
        pass
    give_up(descriptor)
    return f"standard output cannot be written: {os.strerror(error.errno)}"


def write_utf8() -> None:
    """Makes standard output UTF-8, whatever the locale is: as all text that hat writes and reads.

    Else a letter that the locale lacks ends the command. Names of files that are no UTF-8 come out
    as they are.
    """
    if sys.stdout is sys.__stdout__ and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")


def give_up(descriptor: int) -> None:
    """Sends to nowhere what is still buffered for a descriptor."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def keep_descriptors() -> None:
    """Opens standard input, output and error where they are closed, to nowhere.

    Else the next file that is opened takes their number, and what is printed goes there.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number is free


@contextlib.contextmanager
def tidied_up() -> Iterator[None]:
    """SIGTERM ends a command in this block as Ctrl-C does: locks and half-written files go.

    A second one ends it at once. A command with a way of its own to stop takes the signal instead.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    own = os.getpid()

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() != own:  # a process that was forked has nothing to tidy up
            os.kill(os.getpid(), number)
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is end:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
