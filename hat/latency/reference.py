"""The reference SubTransformer: measured again and again, it tells when the machine changes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

BASELINE_RUNS = 5
"""Measurements that establish the usual latency and its noise."""

RECHECKS = 2
"""Measurements added before a deviation is believed: one spike is not a disturbance."""

MIN_TOLERANCE = 0.03
"""Smaller relative deviations are never called a disturbance."""

NOISES = 4.0
"""A deviation counts beyond so many standard deviations of the reference's own noise."""


@dataclass(frozen=True)
class Baseline:
    """The usual latency of the reference and how much it varies by itself."""

    latency_ms: float
    noise: float
    """Relative standard deviation of one measurement."""

    @property
    def tolerance(self) -> float:
        """The relative deviation that is still usual."""
        return max(MIN_TOLERANCE, NOISES * self.noise)


class Reference:
    """Measures the reference and says how far it is off."""

    def __init__(self, measure_ms: Callable[[], float], baseline: Baseline | None = None) -> None:
        """Args: measure_ms: times the reference; baseline: from an earlier run, if it goes on."""
        self._measure_ms = measure_ms
        self.baseline = baseline or self._establish()

    def _establish(self) -> Baseline:
        times = np.array([self._measure_ms() for _ in range(BASELINE_RUNS)])
        middle = float(np.median(times))
        noise = 1.4826 * float(np.median(np.abs(times - middle))) / middle
        return Baseline(middle, noise)

    def deviation(self) -> float:
        """Returns 0.0 if the reference is where it should be, else how far it is off (0.25: slower
        by a quarter). A faster reference is a deviation too: then the baseline was the busy one.
        """
        times = [self._measure_ms()]
        if abs(self._relative(times)) <= self.baseline.tolerance:
            return 0.0
        times += [self._measure_ms() for _ in range(RECHECKS)]
        deviation = self._relative(times)
        return 0.0 if abs(deviation) <= self.baseline.tolerance else deviation

    def reset(self) -> float:
        """Establishes a new baseline; returns how far the old one lay above it (0.3: by 30 %)."""
        before = self.baseline.latency_ms
        self.baseline = self._establish()
        return before / self.baseline.latency_ms - 1

    def _relative(self, times: list[float]) -> float:
        return float(np.median(times)) / self.baseline.latency_ms - 1
