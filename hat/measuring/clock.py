"""Stopwatches: a monotonic clock for the CPU, events for a GPU."""

from collections.abc import Callable

import torch

from hat.measuring.timing import Clock, CpuClock

__all__ = ["Clock", "CpuClock", "CudaClock", "clock_for"]


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
