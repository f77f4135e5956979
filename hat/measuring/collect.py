"""Measuring a whole dataset while a reference SubTransformer stands guard.

Rows are measured in batches with a look at the reference after each. Where it has moved by more
than its own noise, the rows of the batch are marked, the run waits for the machine to settle, and
they are measured again. A machine that stays busy longer than the run will wait is measured all
the same, but its rows keep their mark and predictors leave them out.

A disturbance shorter than a batch is over when the reference is looked at. So rows that took longer
than all others together explain are measured again at the end, and the faster time counts: noise
only ever adds. None is left out for being unlike the others.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hat.arch.config import SubTransformerConfig
from hat.files import append_text
from hat.latency.drift import MIN_ROWS, find_shifted_runs
from hat.latency.samples import LatencySample, format_rows, write_samples
from hat.latency.sidecar import Sidecar
from hat.measuring.reference import Reference

MAX_ATTEMPTS = 4
"""A row that was disturbed so often is left marked."""

MAX_PAUSE_S = 4.0
"""Between two looks at a busy machine: it may be at rest for a few seconds only."""

_UNEXPLAINED_PERCENT, _UNEXPLAINED_NOISE = 20.0, 6.0
"""Slower than expected by that, and by so many standard deviations of the noise."""

Plan = Callable[[Sequence[LatencySample]], Sequence[SubTransformerConfig]]
"""Given the rows so far, says which architectures to measure next; none: the dataset is done."""


@dataclass
class Collector:
    """Measures what a plan asks for and keeps CSV and sidecar in step with it."""

    path: Path
    sidecar: Sidecar
    measure: Callable[[SubTransformerConfig], LatencySample]
    reference: Reference
    prepare: Callable[[Sequence[SubTransformerConfig]], None]
    """Is told what is measured next."""

    every: int
    """Rows between two looks at the reference."""

    patience_s: float
    """How long the run waits, in total, for a busy machine to settle."""

    say: Callable[[str], None]
    on_row: Callable[[], None] = lambda: None
    """Called after each new row, for a progress bar."""

    sleep: Callable[[float], None] = time.sleep
    samples: list[LatencySample] = field(default_factory=list)
    """All rows so far; those of a run that goes on are given here."""

    _attempts: Counter[int] = field(default_factory=Counter)
    _waited_s: float = 0.0
    _disturbed: float = 0.0

    def run(self, plan: Plan) -> list[LatencySample]:
        """Measures until the plan is done and no marked row can be helped. Returns all rows."""
        while True:
            again = self._marked() if self._disturbed == 0 else []
            if again:
                self._measure_again(again[: self.every])
                continue
            archs = list(plan(self.samples))[: self.every]
            if archs:
                self._measure_new(archs)
            elif self._disturbed and self._marked() and self._wait():
                continue
            elif not self._disturbed and (alone := self._unexplained()):
                self.say(
                    f"{len(alone)} rows took longer than the others explain: measured again"
                    if len(alone) > 1
                    else f"row {alone[0]} took longer than the others explain: measured again"
                )
                for start in range(0, len(alone), self.every):
                    self._measure_again(alone[start : start + self.every])
            else:
                break
        left = [index for index, sample in enumerate(self.samples) if not sample.trusted]
        if left:
            self.say(
                f"{len(left)} of {len(self.samples)} rows were measured while the machine was "
                "disturbed; they are marked and predictors leave them out"
            )
        return self.samples

    def _measure_new(self, archs: Sequence[SubTransformerConfig]) -> None:
        rows = []
        self.prepare(archs)
        for arch in archs:
            rows.append(len(self.samples))
            # Not yet vouched for, but kept: should the run be killed now, the next one looks at
            # the reference before it goes on.
            self.samples.append(self.measure(arch))
            append_text(self.path, format_rows(self.samples[-1:], header=False))
            self._note(rows[-1])
            self.on_row()
        self.check(rows)

    def _measure_again(self, rows: Sequence[int]) -> None:
        archs = [arch for row in rows if (arch := self.samples[row].arch) is not None]
        assert len(archs) == len(rows), "rows that are measured again were measured here"
        self.prepare(archs)
        for row, arch in zip(rows, archs, strict=True):
            before, again = self.samples[row], self.measure(arch)
            is_worse = before.trusted and before.total_ms <= again.total_ms
            self.samples[row] = before if is_worse else again
            self._note(row)
        self.check(rows)

    def _unexplained(self) -> list[int]:
        """Rows slower than a robust fit to all rows says, which may be measured once more."""
        known = [
            index
            for index, sample in enumerate(self.samples)
            if sample.trusted and sample.arch is not None
        ]
        if len(known) < MIN_ROWS:
            return []
        report = find_shifted_runs([self.samples[index] for index in known])
        most = max(_UNEXPLAINED_PERCENT, _UNEXPLAINED_NOISE * report.noise_percent)
        return [
            index
            for index, percent in zip(known, report.residual_percent, strict=True)
            if percent > most and self._attempts[index] < MAX_ATTEMPTS
        ]

    def _note(self, row: int) -> None:
        self._attempts[row] += 1
        sample = self.samples[row]
        self.sidecar.append(
            event="row",
            row=row,
            attempt=self._attempts[row],
            encoder_ms=sample.encoder_ms,
            decoder_ms=sample.decoder_ms,
        )

    def check(self, rows: Sequence[int]) -> None:
        """Looks at the reference; vouches for ``rows`` or marks them."""
        deviation = self.reference.deviation()
        self.sidecar.append(
            event="reference",
            baseline_ms=self.reference.baseline.latency_ms,
            noise=self.reference.baseline.noise,
            deviation=deviation,
            rows=list(rows),
        )
        was_disturbed, self._disturbed = self._disturbed, deviation
        if deviation < 0:
            self._start_over()
        elif deviation > 0 or was_disturbed > 0:
            self._mark(rows, deviation or was_disturbed)
            if deviation > 0 and was_disturbed == 0:
                # After a resume there may be no row yet that this look would vouch for.
                marked = f"rows {_span(rows)} are marked and will be measured again"
                self.say(
                    f"the reference is {100 * deviation:.0f} % slower than usual: "
                    f"{marked if rows else 'waiting for the machine to settle'}"
                )
                self._wait()
            elif deviation == 0:
                self.say("the reference is back to normal")
        write_samples(self.path, self.samples)

    def _start_over(self) -> None:
        """The machine got faster: what was taken for normal was the disturbance."""
        slower = self.reference.reset()
        self._disturbed = 0.0
        if slower <= self.reference.baseline.tolerance:
            return
        self.say(
            f"the reference is {100 * slower / (1 + slower):.0f} % faster than at the start: "
            f"the {len(self.samples)} rows so far are marked and will be measured again"
        )
        self._mark(range(len(self.samples)), slower)

    def _mark(self, rows: Sequence[int], deviation: float) -> None:
        percent = round(100 * deviation, 1) or 0.1
        for row in rows:
            self.samples[row] = replace(self.samples[row], shift_percent=percent)
        self.sidecar.append(event="marked", rows=list(rows), shift_percent=percent)

    def _marked(self) -> list[int]:
        return [
            index
            for index, sample in enumerate(self.samples)
            if not sample.trusted
            and sample.arch is not None
            and self._attempts[index] < MAX_ATTEMPTS
        ]

    def _wait(self) -> bool:
        """Waits for the machine to settle, a little longer each time; returns whether it did."""
        if self._waited_s >= self.patience_s:
            return False
        pause = 1.0
        while self._waited_s < self.patience_s:
            pause = min(pause, self.patience_s - self._waited_s)
            self.sleep(pause)
            self._waited_s += pause
            pause = min(2 * pause, MAX_PAUSE_S)
            self._disturbed = max(self.reference.deviation(), 0.0)
            if self._disturbed == 0:
                self.say("the reference is back to normal")
                return True
        self.say("the machine stays busy: going on, with the rows marked")
        return False


def _span(rows: Sequence[int]) -> str:
    return f"{rows[0]}-{rows[-1]}" if len(rows) > 1 else "".join(map(str, rows))
