"""What every command does the same way: one sentence for an error, one line of result."""

import atexit
import contextlib
import functools
import gc
import json
import logging
import os
import select
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from hat.cli.asked import asked_help
from hat.cli.extras import missing_package
from hat.cli.system_errors import (
    NO_OUTPUT,
    give_up,
    keep_descriptors,
    output_error,
    sentence_of,
    tidied_up,
    write_utf8,
)
from hat.cli.wall import BUG, no_memory, report, shows_tracebacks
from hat.errors import HatError

INPUT_ERROR = 2
"""Exit code when the input is wrong."""

CLOSED_PIPE = 141
"""Exit code when nobody reads the output any more: a shell's, for a program that SIGPIPE ends."""


class Main(Protocol):
    """The entry point of a command."""

    def __call__(self, argv: Sequence[str] | None = None) -> None:
        """Runs the command line ``argv``; the program's own if None."""


def program_words(argv: Sequence[str] | None) -> list[str]:
    """Returns the command line ``argv``; the program's own if None, which then ends quickly.

    As it ends, Python searches all that is there for garbage. What torch and fairseq define are
    half a million objects, which takes most of a second, and nobody will use what it finds.
    """
    if argv is not None:
        return list(argv)
    atexit.register(gc.freeze)
    return sys.argv[1:]


def command(main: Main) -> Main:
    """Makes ``main(argv)`` end with one sentence and exit code 2 on a ``HatError``.

    It does so, too, where the package of an extra is not installed, or where the machine refuses a
    file or memory. It ends without a word where the reader of its output went away, as ``head``
    does. Any other exception is a bug in hat: one sentence names the file that holds its traceback,
    and the exit code is 1; see ``hat.cli.wall``.
    """

    @functools.wraps(main)
    def run(argv: Sequence[str] | None = None) -> None:
        words = program_words(argv)
        with one_sentence([_name(main), *words]), written_out():
            short, words = asked_help(_name(main), words)
            if short is not None:
                print(short)
            else:
                Path.cwd()  # in a folder that is gone, MKL would end the process
                main(words)

    return run


def _name(main: Main) -> str:
    """The command of an entry point: its module's name."""
    return str(getattr(main, "__module__", "")).rpartition(".")[2].replace("_", "-")


@contextlib.contextmanager
def one_sentence(words: Sequence[str]) -> Iterator[None]:
    """Ends the program with one sentence, whatever went wrong.

    Args:
        words: the command line behind ``hat``.
    """
    keep_descriptors()
    try:
        with tidied_up():
            if sys.stdout is None:  # what it finds out would be lost
                raise HatError(NO_OUTPUT)
            write_utf8()
            yield
    except HatError as error:
        raise _ended(str(error), INPUT_ERROR) from None
    except KeyboardInterrupt:
        _tell("interrupted")
        raise SystemExit(130) from None
    except Exception as error:
        missing = missing_package(error) if isinstance(error, ModuleNotFoundError) else None
        if missing is not None:
            raise _ended(missing, INPUT_ERROR) from None
        sentence = sentence_of(error) if isinstance(error, OSError) else no_memory(error)
        if sentence is not None:
            raise _ended(sentence, INPUT_ERROR) from None
        if shows_tracebacks():
            raise
        raise _ended(report(error, words), BUG) from None


def _ended(sentence: str, code: int) -> SystemExit:
    """Prints a sentence and returns the end of the program."""
    _tell(f"error: {sentence}")
    return SystemExit(code)


def _tell(line: str) -> None:
    if sys.stderr is None:  # print would take standard output instead
        return
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:  # the exit code says it as well
        give_up(2)


_is_checking = False


def stop_if_checking() -> None:
    """Ends a command here, its settings read and right, if no more is wanted; see ``checking``.

    Commands that do long work call it when they have read all their settings, before they load
    anything.
    """
    if _is_checking:
        raise SystemExit(0)


@contextlib.contextmanager
def checking() -> Iterator[None]:
    """Commands that run in this block read and check their settings, and do nothing else."""
    global _is_checking
    _is_checking = True
    try:
        yield
    finally:
        _is_checking = False


@contextlib.contextmanager
def written_out() -> Iterator[None]:
    """Writes out what was printed; exits quietly if nobody reads it any more."""
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:  # as in programs without a console
                sys.stdout.flush()
    except BrokenPipeError:
        if not _is_closed(sys.stdout.fileno()):
            raise  # another pipe, between processes: a bug
        give_up(sys.stdout.fileno())
        raise SystemExit(CLOSED_PIPE) from None
    except OSError as error:
        refused = output_error(error)
        if refused is None:
            raise  # another file
        raise HatError(refused) from None


def _is_closed(descriptor: int) -> bool:
    """Whether a descriptor is a pipe that nobody reads."""
    poll = select.poll()
    poll.register(descriptor, select.POLLERR)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def set_up_logging(level: str = "INFO") -> None:
    """Sends log lines to standard output in fairseq's format.

    Must run before fairseq is imported, which otherwise sets up a format of its own.

    Args:
        level: lowest level to show, unless the environment's ``LOGLEVEL`` says otherwise.

    Raises:
        HatError: if that is no level.
    """
    if os.environ.get("RANK", "0") != "0":
        level = "WARNING"  # as fairseq: of several processes, only the first tells what goes on
    level = os.environ.get("LOGLEVEL", level).upper()
    known = logging.getLevelNamesMapping()
    if level not in known:
        names = ", ".join(known)
        raise HatError(f"LOGLEVEL in the environment: expected one of {names}, found {level!r:.40}")
    logging.basicConfig(
        format="%(asctime)s | %(levelname)s | %(name)s | %(message)s",
        datefmt="%Y-%m-%d %H:%M:%S",
        level=level,
        stream=sys.stdout,
    )
    logging.captureWarnings(True)  # fairseq's dependencies deprecate much; keep it out of sight
    logging.getLogger("py.warnings").setLevel(logging.ERROR)


def print_result(result: Mapping[str, Any]) -> None:
    """Prints ``result`` as one line of JSON: the last line of every stage, for scripts to read."""
    print(json.dumps(dict(result), allow_nan=False), flush=True)
