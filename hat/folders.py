"""Writing whole folders so that nobody sees half of one: beside the target, then renamed."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hat.errors import ConfigError, DataError
from hat.files import hold, place_of, sync, sync_folder, temporary_for, told_as_of, why_full
from hat.locks import locked


@contextmanager
def replacing_folder(path: str | Path, is_ours: Callable[[Path], bool]) -> Iterator[Path]:
    """Yields a temporary folder beside ``path`` that takes its place when the block succeeds.

    No other process can do the same at the same time.

    Args:
        path: the folder to write. It may be missing or empty, or one that ``is_ours``. A link
            stays one, and the folder that it leads to is replaced.
        is_ours: whether a file or folder in the folder is one that may be replaced.

    Raises:
        ConfigError: if ``path`` is a file, or a folder that holds anything else or cannot be
            renamed: the one in which this process runs, or a disk of its own.
        DataError: if nothing can be written there, or not all of it, as where the disk is full.
        LockedError: if another process writes it.
    """
    target = place_of(path)
    check_replaced_folder(target, is_ours)
    with locked(target):
        temporary, old = temporary_for(target), temporary_for(target, "old")
        with told_as_of(target):
            temporary.mkdir()
            held = os.open(temporary, os.O_RDONLY | os.O_DIRECTORY)
        try:
            hold(held)  # says that its process lives, to processes that cannot see its id
            with _told_of(target, temporary):
                yield temporary
            check_replaced_folder(target, is_ours)  # others may have written while the block ran
            with told_as_of(target):
                _sync_all(temporary)
                if target.exists():
                    os.replace(target, old)
                os.replace(temporary, target)
            sync_folder(target.parent)
        finally:
            os.close(held)
            if old.exists() and not target.exists():
                os.replace(old, target)
            shutil.rmtree(temporary, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)


def check_replaced_folder(target: Path, is_ours: Callable[[Path], bool]) -> None:
    """Checks that a folder may take the place of what is there: see ``replacing_folder``.

    Raises:
        ConfigError: if it may not.
        DataError: if nobody can look.
    """
    if target.exists() and not target.is_dir():
        raise ConfigError(f"{target}: is a file, but a folder is to be written there")
    real = Path(os.path.realpath(target))
    if real in (here := Path.cwd(), *here.parents):
        raise ConfigError(
            f"{target}: cannot be replaced, because this command runs in it: name another folder"
        )
    if os.path.ismount(target):
        raise ConfigError(
            f"{target}: cannot be replaced, because a disk is mounted there: name a folder in it"
        )
    with told_as_of(target):
        others = sorted(each for each in target.glob("*") if not is_ours(each))
    if others:
        raise ConfigError(
            f"{target}: is not replaced, because it holds {others[0].name}, which is not of a model"
        )


@contextmanager
def _told_of(target: Path, temporary: Path) -> Iterator[None]:
    """Says of ``target`` why ``temporary`` could not be filled."""
    try:
        yield
    except DataError as error:
        raise DataError(str(error).replace(str(temporary), str(target))) from None
    except Exception as error:
        probe = temporary / ".probe"
        reason = why_full(error, probe)
        with suppress(OSError):
            probe.unlink()
        if reason is None:
            raise
        raise DataError(f"{target}: cannot be written: {reason}") from None


def _sync_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            sync(path)
        elif path.is_dir():
            sync_folder(path)
    sync_folder(folder)
