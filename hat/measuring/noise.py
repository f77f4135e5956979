"""How steady this machine is: the same product again and again for a few seconds.

What is measured on a machine that wavers needs more runs, and what is measured on one that does
two things at once is measured twice as long as it takes. Both show within seconds.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from hat.machine.processor import file_text
from hat.machine.threads import limited_to
from hat.measuring.reference import tightest_half

_SIZE = 384
"""Rows and columns: a product takes about a millisecond, as a decoder's step does."""

_BLOCKS = 10
"""Stretches of time whose typical products are compared: a machine may change its speed."""


@dataclass(frozen=True)
class TimingNoise:
    """What a few seconds of equal products tell."""

    runs: int
    noise_percent: float
    """Standard deviation of one product's time, neighbours' disturbances left out."""

    disturbed_percent: float
    """Products that took more than a tenth longer than usual."""

    drift_percent: float
    """How far the slowest tenth of the time lies above the fastest, by its median product."""

    busy_percent: float
    """The share of the time that this process really ran: less than 100, others ran, too."""

    stolen_percent: float | None
    """The share that the host of a virtual machine took away; None if it is not told."""


def timing_noise(
    seconds: float = 2.5, *, clock: Callable[[], float] = time.perf_counter
) -> TimingNoise:
    """Times one product of matrices on one thread for some seconds.

    Args:
        seconds: how long.
        clock: seconds, for tests.
    """
    with limited_to(1):  # of several, the slowest would speak for all
        factor = torch.ones(_SIZE, _SIZE)
        torch.mm(factor, factor)  # the first one includes generating its code
        times: list[float] = []
        stolen, began, ran = _stolen(), clock(), time.thread_time()
        while not times or clock() - began < seconds:
            before = clock()
            torch.mm(factor, factor)
            times.append(clock() - before)
        took, ran = clock() - began, time.thread_time() - ran
        after = _stolen()
    share = None
    if stolen is not None and after is not None and after[1] > stolen[1]:
        share = 100 * (after[0] - stolen[0]) / (after[1] - stolen[1])
    return summary(times, busy=min(1.0, ran / took) if took > 0 else 1.0, stolen_percent=share)


def summary(times: list[float], *, busy: float, stolen_percent: float | None) -> TimingNoise:
    """Returns what these times tell.

    Args:
        times: seconds of each product, in their order.
        busy: share of the time in which the process ran, in [0, 1].
        stolen_percent: share that a host took away.
    """
    usual = tightest_half(times)
    blocks = [block for block in np.array_split(np.asarray(times), _BLOCKS) if len(block)]
    medians = [float(np.median(block)) for block in blocks]
    slow = sum(seconds > 1.1 * usual.latency_ms for seconds in times) / len(times)
    return TimingNoise(
        runs=len(times),
        noise_percent=round(100 * usual.noise, 2),
        disturbed_percent=round(100 * slow, 1),
        drift_percent=round(100 * (max(medians) / min(medians) - 1), 1),
        busy_percent=round(100 * busy, 1),
        stolen_percent=None if stolen_percent is None else round(stolen_percent, 1),
    )


def _stolen() -> tuple[int, int] | None:
    """Ticks that a host took away and all ticks, of all processors since they started."""
    line = (file_text("/proc/stat") or "").partition("\n")[0].split()
    ticks = [int(word) for word in line[1:9] if word.isdigit()]
    return (ticks[7], sum(ticks)) if len(ticks) == 8 else None
