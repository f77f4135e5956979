from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.latency.samples import LatencySample, read_samples, write_samples
from hat.latency.sidecar import Sidecar, read_sidecar
from hat.latency.workload import Workload
from hat.measuring.collect import MAX_ATTEMPTS, Collector
from hat.measuring.reference import Baseline, Reference, tightest_half
from tests.latency.conftest import formula_ms


class Machine:
    """A pretended machine that is busy while the counter of measurements is in some ranges."""

    def __init__(self, *busy: range, factor: float = 1.5, noise: float = 0.002) -> None:
        self.busy, self.factor, self.noise = busy, factor, noise
        self.count = 0
        self.slept = 0.0
        self.rng = np.random.default_rng(0)

    def _slowness(self) -> float:
        self.count += 1
        slow = self.factor if any(self.count in span for span in self.busy) else 1.0
        return slow * float(np.exp(self.noise * self.rng.standard_normal()))

    def measure(self, arch: SubTransformerConfig) -> LatencySample:
        total = formula_ms(arch) * self._slowness()
        return LatencySample.of(arch, encoder_ms=0.2 * total, decoder_ms=0.8 * total)

    def reference_ms(self) -> float:
        return 20.0 * self._slowness()

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


def collector_on(
    machine: Machine, folder: Path, said: list[str], patience_s: float = 60.0
) -> Collector:
    """Has an empty dataset, ``x.csv``, before it."""
    path = folder / "x.csv"
    write_samples(path, [])
    return Collector(
        path=path,
        sidecar=Sidecar.create(path, {"workload": Workload().to_dict()}),
        measure=machine.measure,
        reference=Reference(machine.reference_ms),
        prepare=lambda archs: None,
        every=10,
        patience_s=patience_s,
        say=said.append,
        sleep=machine.sleep,
    )


Run = Callable[..., tuple[list[LatencySample], list[str], list[SubTransformerConfig]]]


@pytest.fixture
def run(tmp_path: Path, tiny_space: SearchSpace) -> Run:
    """``run(machine, rows=40)`` collects a dataset; returns rows, messages and architectures."""

    def collect(
        machine: Machine, rows: int = 40, patience_s: float = 60.0
    ) -> tuple[list[LatencySample], list[str], list[SubTransformerConfig]]:
        rng = np.random.default_rng(0)
        archs = [tiny_space.sample(rng) for _ in range(rows)]
        said: list[str] = []
        collector = collector_on(machine, tmp_path, said, patience_s)
        samples = collector.run(lambda done: archs[len(done) :])
        assert read_samples(tmp_path / "x.csv") == samples
        return samples, said, archs

    return collect


def errors(samples: list[LatencySample]) -> np.ndarray:
    return np.array([s.total_ms / formula_ms(s.arch) - 1 for s in samples if s.arch is not None])


def test_a_quiet_machine(run: Run) -> None:
    samples, said, archs = run(Machine())
    assert [sample.arch for sample in samples] == archs
    assert all(sample.trusted for sample in samples)
    assert said == []


def test_disturbed_rows_are_measured_again(run: Run) -> None:
    # 5 for the baseline, then 10 rows and a reference at a time: the second batch is hit
    samples, said, archs = run(Machine(range(18, 32)))
    assert [sample.arch for sample in samples] == archs
    assert all(sample.trusted for sample in samples)
    assert np.abs(errors(samples)).max() < 0.02
    assert "the reference is 50 % slower than usual: rows 10-19 are marked" in said[0]
    assert "the reference is back to normal" in said


def test_rows_that_a_short_disturbance_hit_are_measured_again(run: Run) -> None:
    """Between two looks at the reference: 5 measurements are its baseline, every 11th a look."""
    samples, said, archs = run(Machine(range(9, 11), range(44, 45)), rows=60)
    assert [sample.arch for sample in samples] == archs
    assert all(sample.trusted for sample in samples)
    assert np.abs(errors(samples)).max() < 0.02
    assert said == ["3 rows took longer than the others explain: measured again"]


def test_an_architecture_that_is_slow_stays_slow(run: Run) -> None:
    """It is measured a few times more and then taken as it is, whatever the others explain."""

    class Slow(Machine):
        def measure(self, arch: SubTransformerConfig) -> LatencySample:
            sample = super().measure(arch)
            self.first = getattr(self, "first", arch)
            factor = 1.6 if arch == self.first else 1.0
            return LatencySample.of(
                arch,
                encoder_ms=factor * sample.encoder_ms,
                decoder_ms=factor * sample.decoder_ms,
            )

    machine = Slow()
    samples, said, _ = run(machine, rows=60)
    assert samples[0].trusted and errors(samples)[0] == pytest.approx(0.6, abs=0.02)
    assert said == ["row 0 took longer than the others explain: measured again"] * 3


def test_one_spike_of_the_reference_is_no_disturbance(run: Run) -> None:
    samples, said, _ = run(Machine(range(16, 17)))
    assert said == []
    assert len(samples) == 40


def test_a_machine_that_stays_busy(run: Run) -> None:
    samples, said, _ = run(Machine(range(20, 10**6)))
    good = [sample for sample in samples if sample.trusted]
    assert len(samples) == 40
    assert len(good) == 10
    assert np.abs(errors(good)).max() < 0.02
    assert samples[-1].shift_percent == pytest.approx(50, abs=2)
    assert any("the machine stays busy: going on, with the rows marked" in text for text in said)
    assert "30 of 40 rows were measured while the machine was disturbed" in said[-1]


def test_waiting_is_bounded(run: Run) -> None:
    machine = Machine(range(20, 10**6))
    run(machine, patience_s=30.0)
    assert machine.slept == 30.0


def test_a_machine_that_was_busy_at_the_start(run: Run) -> None:
    samples, said, _ = run(Machine(range(25)))
    assert all(sample.trusted for sample in samples)
    assert np.abs(errors(samples)).max() < 0.02
    assert any("faster than at the start" in text for text in said)


def test_a_flickering_machine_ends(run: Run) -> None:
    busy = [range(start, start + 9) for start in range(10, 4000, 18)]
    samples, _, _ = run(Machine(*busy))
    assert len(samples) == 40


def test_events_tell_the_story(run: Run, tmp_path: Path) -> None:
    run(Machine(range(18, 32)))
    sidecar = read_sidecar(tmp_path / "x.csv")
    assert sidecar is not None
    rows = [event for event in sidecar.events if event["event"] == "row"]
    assert {event["row"] for event in rows} == set(range(40))
    assert max(event["attempt"] for event in rows) in range(2, MAX_ATTEMPTS + 1)
    assert any(event["event"] == "marked" for event in sidecar.events)
    assert all("at" in event for event in sidecar.events)


def steady(*times: float) -> Callable[[], float]:
    values: Iterator[float] = iter(times)
    return lambda: next(values)


def test_the_reference_knows_its_own_noise() -> None:
    noisy = Reference(steady(100, 104, 96, 102, 98, 108, 130, 131, 129))
    assert noisy.deviation() == 0.0  # 8 % is within four times its noise
    assert noisy.deviation() == pytest.approx(0.33, abs=0.01)
    quiet = Reference(steady(100, 100, 100, 100, 100, 108, 108, 108))
    assert quiet.deviation() == pytest.approx(0.08)


def test_two_speeds_are_no_noise(rng: np.random.Generator) -> None:
    # Two of five looks, then a third of all, meet a machine that is slower by half.
    assert tightest_half([52.0, 33.0, 55.0, 33.4, 33.1]).latency_ms == 33.1
    assert tightest_half([52.0, 33.0, 55.0, 33.4, 33.1]).noise < 0.03
    times = 40 * np.exp(0.02 * rng.standard_normal(60))
    assert tightest_half(times).noise == pytest.approx(0.02, rel=0.4)
    times[::3] *= 1.6
    assert tightest_half(times).latency_ms == pytest.approx(40, rel=0.02)
    assert tightest_half(times).noise < 0.04


def test_tolerance_has_limits() -> None:
    assert Baseline(10.0, 0.0).tolerance == 0.03
    assert Baseline(10.0, 0.02).tolerance == 0.08
    assert Baseline(10.0, 0.5).tolerance == 0.2


def test_a_faster_reference_sets_a_new_baseline() -> None:
    reference = Reference(steady(*[130.0] * 5, *[100.0] * 8))
    assert reference.deviation() == pytest.approx(-0.23, abs=0.01)
    assert reference.reset() == pytest.approx(0.3)
    assert reference.baseline.latency_ms == 100.0


def test_a_disturbed_machine_with_no_row_to_mark_waits(tmp_path: Path) -> None:
    """A resume looks at the reference before it has measured anything."""
    machine, said = Machine(range(6, 9)), list[str]()
    collector_on(machine, tmp_path, said).check([])
    assert said[0] == "the reference is 50 % slower than usual: waiting for the machine to settle"
    assert machine.slept > 0
