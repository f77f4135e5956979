"""What a fault is, and how one is tried: the same way for every command."""

import contextlib
import hashlib
import io
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hat.cli.main import main

Spoil = Callable[[Path], object]
"""Spoils something in the folder of good inputs."""

LONGEST = 5.0
"""Seconds of processor time that a refusal may take."""


@dataclass(frozen=True)
class Fault:
    """A command line that must be refused."""

    name: str
    """Of the test."""
    words: str
    """After ``hat``, split at blanks. Files are named as they lie in the folder of good inputs."""
    says: tuple[str, ...]
    """What the sentence must hold: the file and place or the option, what was found, expected."""
    spoil: Spoil | None = None
    """Done to a copy of the folder first; None: it is the words that are wrong."""
    real: bool = False
    """Run as a real process; otherwise in this one."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str
    seconds: float


def as_tests(faults: list[Fault]) -> pytest.MarkDecorator:
    """Parametrises a test with ``fault``; doubled names are a mistake in the table."""
    names = [fault.name for fault in faults]
    doubled = {name for name in names if names.count(name) > 1}
    assert not doubled, f"faults share the names {doubled}"
    return pytest.mark.parametrize("fault", faults, ids=names)


def refused(fault: Fault, good: Path, folder: Path) -> str:
    """Tries ``fault`` in a copy of ``good`` and returns its sentence.

    Raises:
        AssertionError: if the command did not end with code 2 and one sentence that holds what it
            must, printed a traceback, took too long, or left or changed anything.
    """
    world = folder / "world"
    shutil.copytree(good, world, symlinks=True)
    if fault.spoil is not None:
        fault.spoil(world)
    before = contents(world)
    ended = (run_process if fault.real else run_here)(fault.words.split(), world)
    told = f"{fault.words}\nexit code {ended.code}\nstdout: {ended.out}\nstderr: {ended.err}"
    assert "Traceback" not in ended.err + ended.out, told
    assert ended.code == 2, told
    sentences = [line for line in ended.err.splitlines() if re.search(r"\berror: ", line)]
    assert len(sentences) == 1, told
    missing = [words for words in fault.says if words not in sentences[0]]
    assert not missing, f"the sentence lacks {missing}\n{told}"
    assert str(world) not in sentences[0] or str(world) in fault.words, told
    assert ended.seconds < LONGEST, f"{ended.seconds:.1f} s\n{told}"
    after = contents(world)
    assert after == before, f"left or changed: {sorted(set(after.items()) ^ set(before.items()))}"
    shutil.rmtree(world)  # hundreds of them fill a disk
    return sentences[0]


def contents(folder: Path) -> dict[str, str]:
    """Every file, link and folder below ``folder``, with a digest of what it holds."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        elif path.is_dir():
            found[name] = "folder"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[name] = "neither file nor folder"
    return found


def run_here(words: list[str], folder: Path) -> Ended:
    """Runs ``hat WORDS`` in this process, in ``folder``.

    ``hat train`` and others set up logging for the whole process: that is undone.
    """
    out, err = io.StringIO(), io.StringIO()
    started = time.process_time()
    with (
        contextlib.chdir(folder),
        same_logging(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main(words)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1 if end.code else 0
    return Ended(code, out.getvalue(), err.getvalue(), time.process_time() - started)


@contextlib.contextmanager
def same_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:], root.level = handlers, level


def run_process(words: list[str], folder: Path) -> Ended:
    """Runs ``hat WORDS`` as a user does, in ``folder``. Its imports do not count as its time."""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "hat.cli", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr, 0.0)
