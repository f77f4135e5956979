"""Every loader of the package is fed the same damaged and malicious files.

The loaders are found by searching the source, so that a new one cannot be forgotten.
"""

import resource
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from types import FrameType

import pytest

from hat.errors import HatError
from tests.faults.damage import MARKER, hostile, odd_places, spoilt, texts
from tests.faults.exempt import EXEMPT
from tests.faults.loader import Loader
from tests.faults.loaders import LOADERS
from tests.faults.readers import readers

LONGEST = 5.0
"""Seconds of processor time that one file may take."""

MOST_MEMORY_KIB = 700 * 1024
"""What all damaged files may add to the memory of the process, for one loader."""


def test_every_reader_of_the_package_is_in_the_table() -> None:
    found = readers()
    listed = [*chain.from_iterable(loader.covers for loader in LOADERS), *EXEMPT]
    forgotten = sorted(set(found) - set(listed))
    assert not forgotten, f"these read files, but no loader of the table goes there: {forgotten}"
    gone = sorted(set(listed) - set(found))
    assert not gone, f"these are listed, but read nothing: {gone}"


@pytest.fixture(scope="module", params=LOADERS, ids=lambda loader: loader.name)
def loader_and_file(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Loader, Path]:
    loader: Loader = request.param
    if loader.name.startswith(("onnx", "ctranslate2")):
        pytest.importorskip({"onnx": "onnxruntime", "ctra": "ctranslate2"}[loader.name[:4]])
    return loader, loader.make(tmp_path_factory.mktemp(loader.name))


def test_a_good_file_is_read(loader_and_file: tuple[Loader, Path]) -> None:
    loader, path = loader_and_file
    with _bounded():
        loader.load(path)


def test_damaged_files_are_refused_in_one_sentence(
    loader_and_file: tuple[Loader, Path], tmp_path: Path
) -> None:
    """What is still a good file may be read; everything else is one sentence that names it."""
    loader, path = loader_and_file
    good = path.read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    marker = tmp_path / MARKER
    must_fail = {name for name, _ in chain(hostile(marker), texts(marker))}
    if loader.lenient:
        must_fail = set()
    taken = []
    try:
        for name, content in chain(spoilt(good), hostile(marker), texts(marker)):
            path.write_bytes(content)
            if not _is_refused(loader, path, name) and name in must_fail:
                taken.append(name)
            assert not marker.exists(), f"{name}: code of the file was run"
    finally:
        path.write_bytes(good)
    assert not taken, f"{loader.name} takes these for good files: {taken}"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < MOST_MEMORY_KIB, f"{grown // 1024} MiB more memory"


def test_what_is_no_file_is_refused_in_one_sentence(
    loader_and_file: tuple[Loader, Path], tmp_path: Path
) -> None:
    loader, path = loader_and_file
    if loader.elsewhere:
        for kind, place in odd_places(tmp_path, path.name):
            refused = _is_refused(loader, place, kind)
            assert refused or (kind == "folder" and loader.lenient), kind
        return
    shutil.copytree(path.parent, tmp_path / "whole")
    for kind, place in odd_places(tmp_path / "odd", path.name):
        shutil.copytree(
            tmp_path / "whole",
            place.parent,
            ignore=shutil.ignore_patterns(path.name),
            dirs_exist_ok=True,
        )
        _is_refused(loader, place, kind)


def _is_refused(loader: Loader, path: Path, what: str) -> bool:
    told = f"{loader.name}, {what}"
    started = time.process_time()
    try:
        with _bounded():
            loader.load(path)
    except HatError as error:
        sentence = str(error)
        assert "\n" not in sentence, f"{told}: more than a line: {sentence}"
        assert len(sentence) < 1500, f"{told}: {len(sentence)} letters: {sentence:.300}"
        sentence.encode()  # half a character could not be printed
        known = (path.name, path.stem, path.parent.name)
        assert any(name in sentence for name in known), f"{told}: names no file: {sentence}"
        refused = True
    except Exception as error:
        raise AssertionError(f"{told}: {type(error).__name__}: {error!s:.300}") from error
    else:
        refused = False
    seconds = time.process_time() - started
    assert seconds < LONGEST, f"{told}: {seconds:.1f} s"
    return refused


@contextmanager
def _bounded() -> Iterator[None]:
    """Ends what waits for ever."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError("it waits")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(60)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
