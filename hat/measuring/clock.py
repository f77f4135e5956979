"""Stopwatches: a monotonic clock for the CPU, events for a GPU."""

import time
from collections.abc import Callable
from typing import Protocol

import torch


class Clock(Protocol):
    """Times one call."""

    def elapsed_ms(self, run: Callable[[], object]) -> float:
        """Runs ``run`` and returns how long it took in milliseconds."""


class CpuClock:
    """The monotonic clock with the finest resolution."""

    def elapsed_ms(self, run: Callable[[], object]) -> float:
        """Runs ``run`` and returns how long it took in milliseconds."""
        start = time.perf_counter_ns()
        run()
        return (time.perf_counter_ns() - start) / 1e6


class CudaClock:
    """CUDA events: the time on the GPU between the first and the last kernel of the call.

    The GPU is idle before each call, so the time to launch kernels counts where the GPU waits
    for them, as in real use.
    """

    def __init__(self) -> None:
        self._start = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        self._end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]

    def elapsed_ms(self, run: Callable[[], object]) -> float:
        """Runs ``run`` and returns how long it took in milliseconds."""
        torch.cuda.synchronize()
        self._start.record()
        run()
        self._end.record()
        torch.cuda.synchronize()
        return float(self._start.elapsed_time(self._end))


def clock_for(device: str) -> Clock:
    """Returns the stopwatch for ``cpu`` or ``cuda``."""
    return CudaClock() if device == "cuda" else CpuClock()
