"""Measuring a few architectures while the reference SubTransformer vouches for the machine.

A dataset has a run of its own that marks and repeats (``collect``). Here each figure is wanted at
once, on the machine as it was when the predictor's dataset was measured.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from hat.arch.config import SubTransformerConfig
from hat.measuring.collect import MAX_PAUSE_S
from hat.measuring.reference import Reference


@dataclass
class SteadyMeasure:
    """Measures between two looks at a reference that is where it should be.

    On a machine that stays slower, what is measured counts as it is: who fits then, fits; who does
    not, perhaps would (``slower``). One that stays faster would flatter, so times are scaled to
    its usual speed.
    """

    measure_ms: Callable[[SubTransformerConfig], float]
    reference: Reference
    patience_s: float
    """How long to wait, in total, for a machine that is slower or faster than it was."""

    say: Callable[[str], None]
    sleep: Callable[[float], None] = time.sleep
    slower: float = 0.0
    """By which part of its usual time the machine was slower when something was measured as it is,
    at most."""

    _vouched: bool = False
    """Whether the last look was good, and nothing was measured since."""

    _scale: float = 1.0
    """Usual time over the present one, if the machine has become faster for good."""

    def __post_init__(self) -> None:
        self._usual = self.reference.baseline

    def __call__(self, arch: SubTransformerConfig) -> float:
        """Returns milliseconds, those of the machine at its usual speed if it comes back to it."""
        while True:
            if not self._vouched:
                self._settle()
            time_ms = self.measure_ms(arch) * self._scale
            deviation = self.reference.deviation()
            self._vouched = deviation == 0
            if not self._vouched and self.patience_s > 0:
                continue
            usual = self.reference.baseline.latency_ms / self._usual.latency_ms
            self.slower = max(self.slower, (1 + deviation) * usual - 1)
            return time_ms

    def _settle(self) -> None:
        """Waits until the reference is where it should be, or takes the machine as it is."""
        deviation, pause, told = self.reference.deviation(), 1.0, False
        while deviation != 0 and self.patience_s > 0:
            if not told:
                self.say(f"the reference is {_off(deviation)} than usual: waiting")
                told = True
            self.sleep(pause)
            self.patience_s -= pause
            pause = min(2 * pause, MAX_PAUSE_S)
            deviation = self.reference.deviation()
        if deviation != 0:
            self.reference.reset()
            self._accept()

    def _accept(self) -> None:
        """Goes on at the present speed, and says how far it is from that of the beginning."""
        present = self.reference.baseline.latency_ms / self._usual.latency_ms
        self._scale = 1.0
        if abs(present - 1) <= self._usual.tolerance:
            self.say("the machine is at its usual speed again")
        elif present > 1:
            self.say(f"the machine stays {_off(present - 1)} than usual: measured as it is")
        else:
            self._scale = 1 / present
            how = f"times are multiplied by {self._scale:.2f}"
            self.say(f"the machine stays {_off(present - 1)} than usual: {how}")


def _off(deviation: float) -> str:
    return f"{100 * abs(deviation):.0f} % {'slower' if deviation > 0 else 'faster'}"
