from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping
from hat.arch.space import SearchSpace
from hat.latency.predictor import LatencyPredictor
from hat.latency.workload import Workload
from hat.machine.instructions import FULL, REDUCED
from hat.measuring.device import device_name
from hat.nas.limits.base import SearchLimit
from hat.nas.measure import build_measure, guarded


def toy_predictor(space: SearchSpace, reference: bool) -> LatencyPredictor:
    facts: dict[str, Any] = {"reference": None}
    if reference:
        arch = arch_to_mapping(space.smallest())
        facts["reference"] = {"arch": arch, "latency_ms": 10.0, "noise": 0.01}
    return cast(LatencyPredictor, SimpleNamespace(facts=facts, source="p.pt"))


@pytest.mark.parametrize(
    ("reference", "expected", "asked"), [(True, 30.0, 9), (False, 45.0, 1)], ids=["guard", "none"]
)
def test_the_datasets_reference_stands_guard(
    tiny_space: SearchSpace,
    reference: bool,
    expected: float,
    asked: int,
) -> None:
    # The machine slows down for the first finalist and the look after it.
    factors: Iterator[float] = iter([1.0, 1.5, 1.5, 1.5, 1.5] if reference else [1.5])
    seen = []

    def measure_ms(arch: SubTransformerConfig) -> float:
        seen.append(arch)
        usual = 10.0 if arch == tiny_space.smallest() else 30.0
        return usual * next(factors, 1.0)

    timer = guarded(toy_predictor(tiny_space, reference), measure_ms, 9.0)
    assert timer(tiny_space.largest()) == pytest.approx(expected)
    assert len(seen) <= asked
    assert tiny_space.largest() in seen


def test_int8_that_would_overflow_here_is_not_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hat.measuring.precision.int8_range", lambda: REDUCED)
    workload = Workload(precision="int8", int8_range=FULL)
    facts = {"workload": workload.to_dict(), "device": device_name("cpu")}
    predictor = SimpleNamespace(facts=facts, source="p.pt")
    each = SimpleNamespace(predictor=predictor, limit=SimpleNamespace(name="latency_ms"))
    limits = [cast(SearchLimit, each)]
    assert build_measure(limits, cast(Any, None), str, patience_s=1.0) is None
    assert "latency_ms is not measured: the workload is int8 over" in capsys.readouterr().out
