"""Timing a call again and again: warm-up, trimming, and when to stop.

hat sends this file as it is to devices that have neither hat nor torch, so it imports the standard
library alone.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

MIN_CONVERGED_RUNS = 8
"""Fewer runs say nothing about their own spread."""

_Z95 = 1.96


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


@dataclass(frozen=True)
class Timing:
    """Times of repeated runs after trimming."""

    mean_ms: float
    std_ms: float | None
    """None where trimming left one run, which has no spread."""

    runs: int
    """How many were timed, before trimming."""

    joules: float | None = None
    """Energy of one run, over all that were timed; None where nothing tells it."""

    is_cut_off: bool = False
    """Whether the most runs were done before the mean had settled as was asked."""

    def told(self, name: str) -> str:
        """The figures for readers, of what has a name."""
        std = "not known" if self.std_ms is None else f"{self.std_ms:.3f} ms"
        runs = f"{self.runs} run{'' if self.runs == 1 else 's'}"
        cut = ", cut off by --latiter: the mean has not settled as --lat-ci asks"
        line = f"{name} latency: mean {self.mean_ms:.3f} ms, std {std}, {runs}"
        return line + (cut if self.is_cut_off else "")


Meter = Callable[[], float]
"""Says how many joules were used since some moment in the past."""


def time_passes(
    passes: Any, workload: Any, clock: Clock, meter: Meter | None = None
) -> tuple[Timing, Timing]:
    """Times encoder and decoder of what an engine calls ``Passes``.

    An engine that does not part the two runs the encoder and one step in the one, and everything
    in the other; then the decoder's time is the difference.
    """
    encoder = time_runs(passes.encode, workload, clock, meter)
    decoder = time_runs(passes.decode, workload, clock, meter)
    if passes.is_whole:
        joules = None
        if encoder.joules is not None and decoder.joules is not None:
            joules = max(decoder.joules - encoder.joules, 0.0)
        rest_ms = max(decoder.mean_ms - encoder.mean_ms, 1e-3)
        cut_off = encoder.is_cut_off or decoder.is_cut_off
        decoder = Timing(rest_ms, decoder.std_ms, decoder.runs, joules, cut_off)
    return encoder, decoder


def time_runs(
    run: Callable[[], object], workload: Any, clock: Clock, meter: Meter | None = None
) -> Timing:
    """Warms up and times ``run`` as often as the workload says, or until the mean has settled.

    Settled means that the 95 % confidence interval of the trimmed mean is within
    ``workload.ci_percent``. It takes runs for independent of each other; slow changes of the
    machine are the business of the reference SubTransformer, not of more runs.
    """
    for _ in range(workload.warmup_runs):
        run()
    times: list[float] = []
    settled = workload.ci_percent is None
    with _no_garbage_collection():
        before = None if meter is None else meter()
        while len(times) < workload.runs:
            times.append(clock.elapsed_ms(run))
            if workload.ci_percent is None or len(times) < MIN_CONVERGED_RUNS:
                continue
            mean, std = _spread(_trimmed(times, workload.trim_fraction), 1)
            kept = len(_trimmed(times, workload.trim_fraction))
            settled = _Z95 * std / math.sqrt(kept) <= workload.ci_percent / 100 * mean
            if settled:
                break
        after = None if meter is None else meter()
    kept_times = _trimmed(times, workload.trim_fraction)
    mean, std = _spread(kept_times, 0)
    joules = None if before is None or after is None else (after - before) / len(times)
    known = std if len(kept_times) > 1 else None
    return Timing(mean, known, len(times), joules, not settled)


def _trimmed(times: list[float], fraction: float) -> list[float]:
    """Drops ``fraction`` at each end; from three runs on at least the slowest one, as HAT does."""
    drop = int(len(times) * fraction)
    ordered = sorted(times)
    slowest = max(drop, 1) if fraction > 0 and len(times) > 2 else drop
    return ordered[drop : len(times) - slowest]


def _spread(times: list[float], lost: int) -> tuple[float, float]:
    """Mean and standard deviation with ``lost`` degrees of freedom lost."""
    mean = math.fsum(times) / len(times)
    squares = math.fsum((each - mean) ** 2 for each in times)
    return mean, math.sqrt(squares / max(len(times) - lost, 1))


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
