from collections.abc import Iterator

import pytest

from hat.arch.space import SearchSpace
from hat.measuring.reference import Baseline, Reference
from hat.measuring.steady import SteadyMeasure


class Machine:
    """Its speed is the next of ``factors`` each time that something is measured; then 1."""

    def __init__(self, *factors: float) -> None:
        self.factors: Iterator[float] = iter(factors)
        self.said: list[str] = []
        self.slept = 0.0

    def time(self, usual_ms: float) -> float:
        return usual_ms * next(self.factors, 1.0)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def measure(self, patience_s: float = 30.0) -> SteadyMeasure:
        reference = Reference(lambda: self.time(10.0), Baseline(10.0, 0.01))
        return SteadyMeasure(
            lambda arch: self.time(50.0),
            reference,
            patience_s=patience_s,
            say=self.said.append,
            sleep=self.sleep,
        )


def test_a_machine_at_rest_is_measured_at_once(tiny_space: SearchSpace) -> None:
    machine = Machine()
    measure = machine.measure()
    assert [measure(tiny_space.largest()) for _ in range(3)] == [50.0] * 3
    assert machine.said == [] and measure.slower == 0


@pytest.mark.parametrize("factor", [1.6, 0.7])
def test_what_was_measured_under_a_disturbance_is_measured_again(
    tiny_space: SearchSpace, factor: float
) -> None:
    # reference, measured, reference and its two rechecks, one more look
    machine = Machine(1.0, factor, *[factor] * 3, *[factor] * 3)
    assert machine.measure()(tiny_space.largest()) == 50.0
    speed = "slower" if factor > 1 else "faster"
    assert machine.said == [
        f"the reference is {abs(100 * factor - 100):.0f} % {speed} than usual: waiting"
    ]
    assert machine.slept == 1.0


def test_patience_ends(tiny_space: SearchSpace) -> None:
    machine = Machine(*[1.5] * 1000)
    measure = machine.measure(patience_s=20.0)
    assert measure(tiny_space.largest()) == 75.0
    assert 20 <= machine.slept < 25
    assert machine.said[-1] == "the machine stays 50 % slower than usual: measured as it is"
    assert measure(tiny_space.largest()) == 75.0
    assert measure.slower == pytest.approx(0.5)
    assert len(machine.said) == 2


def test_a_machine_that_stays_faster_does_not_flatter(tiny_space: SearchSpace) -> None:
    machine = Machine(*[0.5] * 30)
    measure = machine.measure(patience_s=5.0)
    assert measure(tiny_space.largest()) == pytest.approx(50.0)
    assert machine.said[-1] == (
        "the machine stays 50 % faster than usual: times are multiplied by 2.00"
    )
    assert measure(tiny_space.largest()) == pytest.approx(50.0)
    assert len(machine.said) == 2
    machine.factors = iter([])  # at its usual speed again
    assert [measure(tiny_space.largest()) for _ in range(2)][-1] == pytest.approx(50.0)
    assert machine.said[-1] == "the machine is at its usual speed again"
    assert measure.slower == 0  # than before it was faster


def test_usual_is_the_speed_of_the_beginning_however_often_it_changes(
    tiny_space: SearchSpace,
) -> None:
    machine = Machine(*[4.0] * 60)
    measure = machine.measure(patience_s=5.0)
    assert measure(tiny_space.largest()) == 200.0
    machine.factors = iter([2.0] * 60)  # half as slow as before, and still not as fast as usual
    assert [measure(tiny_space.largest()) for _ in range(2)][-1] == 100.0
    assert [line for line in machine.said if "stays" in line] == [
        "the machine stays 300 % slower than usual: measured as it is",
        "the machine stays 100 % slower than usual: measured as it is",
    ]
