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

MAX_TOLERANCE = 0.2
"""Larger ones always are, however noisy the machine: rows that far off teach nothing."""

NOISES = 4.0
"""A deviation counts beyond so many standard deviations of the reference's own noise."""

NOISY = 0.05
"""Relative noise from which the user should hear of it."""


@dataclass(frozen=True)
class Baseline:
    """The usual latency of the reference and how much it varies by itself."""

    latency_ms: float
    noise: float
    """Relative standard deviation of one measurement."""

    @property
    def tolerance(self) -> float:
        """The relative deviation that is still usual."""
        return min(max(MIN_TOLERANCE, NOISES * self.noise), MAX_TOLERANCE)


class Reference:
    """Measures the reference and says how far it is off."""

    def __init__(self, measure_ms: Callable[[], float], baseline: Baseline | None = None) -> None:
        """Args: measure_ms: times the reference; baseline: from an earlier run, if it goes on."""
        self._measure_ms = measure_ms
        self._usual: list[float] = []
        self.baseline = baseline or self._establish()

    def _establish(self) -> Baseline:
        times = np.array([self._measure_ms() for _ in range(BASELINE_RUNS)])
        self._usual = [float(time) for time in times]
        middle = float(np.median(times))
        return Baseline(middle, self._noise(middle))

    def _noise(self, middle: float) -> float:
        return 1.4826 * float(np.median(np.abs(np.array(self._usual) - middle))) / middle

    def deviation(self) -> float:
        """Returns 0.0 if the reference is where it should be, else how far it is off.

        0.25 is slower by a quarter. A faster reference is a deviation too: then the baseline was
        the busy one.
        """
        times = [self._measure_ms()]
        if abs(self._relative(times)) <= self.baseline.tolerance:
            self._learn(times[0])
            return 0.0
        times += [self._measure_ms() for _ in range(RECHECKS)]
        deviation = self._relative(times)
        return 0.0 if abs(deviation) <= self.baseline.tolerance else deviation

    def _learn(self, time_ms: float) -> None:
        """Makes the noise better known with one more usual measurement.

        The latency itself stays, or it would creep along with a machine that slows bit by bit.
        """
        self._usual.append(time_ms)
        if len(self._usual) > BASELINE_RUNS:
            noise = self._noise(self.baseline.latency_ms)
            self.baseline = Baseline(self.baseline.latency_ms, noise)

    def reset(self) -> float:
        """Establishes a new baseline; returns how far the old one lay above it (0.3: by 30 %)."""
        before = self.baseline.latency_ms
        self.baseline = self._establish()
        return before / self.baseline.latency_ms - 1

    def _relative(self, times: list[float]) -> float:
        return float(np.median(times)) / self.baseline.latency_ms - 1
