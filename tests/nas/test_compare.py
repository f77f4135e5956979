"""Measuring in turn: every round meets every architecture, every other one backwards."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hat.latency.workload import Workload
from hat.nas import compare as comparing
from hat.nas.compare import CompareSettings, Row, compare
from tests.models.conftest import tiny_config


class Predictor:
    """Predicts 1, 2, 3 ..."""

    def __init__(self, residuals: list[float]) -> None:
        self.residuals = np.array(residuals)

    def check_archs(self, archs: Any) -> None:
        """All are known."""

    def predict_ms(self, archs: Any) -> Any:
        return np.arange(1.0, 1.0 + len(archs))

    def upper_ms(self, archs: Any, *, confidence: float) -> Any:
        return 2 * self.predict_ms(archs)


class Network:
    config = tiny_config(max_source_positions=1024, max_target_positions=1024)

    def eval(self) -> "Network":
        return self


def rows(monkeypatch: pytest.MonkeyPatch, residuals: list[float]) -> tuple[list[Row], list[int]]:
    asked: list[int] = []

    def timed(arch: int) -> float:
        asked.append(arch)
        return 10.0 * (arch + 1) + len(asked)  # the machine grows slower all the time

    monkeypatch.setattr(comparing, "guarded", lambda *_: timed)
    monkeypatch.setattr("hat.models.super_transformer.SuperTransformer", lambda _: Network())
    settings = CompareSettings(ckpt_path=Path("x"), compare_rounds=4)
    given: Any = (None, [0, 1, 2], Workload(), Predictor(residuals), settings)
    return list(compare(*given, lambda _: None).rows), asked


def test_a_drift_meets_all_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    found, asked = rows(monkeypatch, [0.0])
    assert asked == [0, 1, 2, 2, 1, 0] * 2
    figures = [row.figures() for row in found]
    means = [one["latency_ms"] for one in figures]
    assert np.diff(means) == pytest.approx([10.0, 10.0]), "ratios are as if there were no drift"
    assert [one["predicted_ms"] for one in figures] == [1.0, 2.0, 3.0]
    assert [one["predicted_upper_ms"] for one in figures] == [2.0, 4.0, 6.0]
    assert all(one["rounds"] == 4 and one["std_ms"] > 0 for one in figures)


def test_the_error_is_students_interval_of_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Row(arch=None, predicted_ms=1.0, predicted_upper_ms=None, times_ms=(9.0, 10.0, 11.0))  # type: ignore[arg-type]
    assert row.figures()["error_ms"] == pytest.approx(4.3027 / 3**0.5, rel=1e-4)
    found, _ = rows(monkeypatch, [])
    assert [each.predicted_upper_ms for each in found] == [None] * 3, "nothing is calibrated"
