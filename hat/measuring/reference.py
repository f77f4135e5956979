"""The reference SubTransformer: measured again and again, it tells when the machine changes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hat.arrays import Floats

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

_HALF_WIDTH = ((5, 6, 10, 20, 40, 200), (0.64, 1.0, 1.03, 1.11, 1.17, 1.28))
"""By the number of measurements, how many standard deviations of normal noise the tightest half
of them spans on average (simulated)."""


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


def tightest_half(times_ms: Sequence[float] | Floats) -> Baseline:
    """Returns the latency and noise of the half of ``times_ms`` that lies closest together.

    A shared processor has two speeds, with and without a neighbour. A mean or median of both
    belongs to neither, and their distance is no noise; the shortest half (Rousseeuw, "Least Median
    of Squares Regression", JASA 1984) is of one of them, of the faster one if they are alike.
    """
    ordered = np.sort(np.asarray(times_ms, dtype=np.float64))
    count = len(ordered)
    half = count // 2 + 1
    widths = ordered[half - 1 :] - ordered[: count - half + 1]
    first = int(np.argmin(widths))
    middle = float(np.median(ordered[first : first + half]))
    width_of_noise = float(np.interp(count, *_HALF_WIDTH))
    return Baseline(middle, float(widths[first]) / width_of_noise / middle)


class Reference:
    """Measures the reference and says how far it is off."""

    def __init__(self, measure_ms: Callable[[], float], baseline: Baseline | None = None) -> None:
        """Args: measure_ms: times the reference; baseline: from an earlier run, if it goes on."""
        self._measure_ms = measure_ms
        self._usual: list[float] = []
        self.baseline = baseline or self._establish()

    def _establish(self) -> Baseline:
        self._usual = [self._measure_ms() for _ in range(BASELINE_RUNS)]
        return tightest_half(self._usual)

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
            noise = tightest_half(self._usual).noise
            self.baseline = Baseline(self.baseline.latency_ms, noise)

    def reset(self) -> float:
        """Establishes a new baseline; returns how far the old one lay above it (0.3: by 30 %)."""
        before = self.baseline.latency_ms
        self.baseline = self._establish()
        return before / self.baseline.latency_ms - 1

    def _relative(self, times: list[float]) -> float:
        return float(np.median(times)) / self.baseline.latency_ms - 1
