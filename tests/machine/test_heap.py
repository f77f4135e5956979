"""Freed memory stays with the process where the C library can be told so."""

import ctypes
import os
import subprocess
import sys

import pytest

from hat.machine import heap

COUNT_FAULTS = """
import resource, sys
from hat.machine.heap import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()

def touch():
    block = bytearray(64 * 2**20)

touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    touch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-c", COUNT_FAULTS, how],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return int(done.stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not glibc")
def test_blocks_are_used_again() -> None:
    assert faults("keep") * 20 < faults("leave")


def test_a_user_s_choice_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000")
    assert not heap.keep_freed_memory()
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_")
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=1000")
    assert not heap.keep_freed_memory()


@pytest.mark.parametrize("missing", [OSError, AttributeError, TypeError])
def test_another_c_library_is_left_alone(
    missing: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_library(name: object) -> object:
        raise missing

    monkeypatch.setattr(heap.ctypes, "CDLL", no_library)
    monkeypatch.setattr(heap.os, "environ", {})
    assert not heap.keep_freed_memory()
