"""One test of everything that any kind of latency predictor must do, on a simulated device."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hat.errors import ConfigError
from hat.latency.predictor import Fitted, LatencyPredictor, Lesson
from hat.latency.predictors import PREDICTORS
from hat.latency.predictors.load import load_predictor
from hat.latency.predictors.mlp import MlpSettings
from hat.latency.table import table_of_samples
from hat.settings import Settings, all_settings
from tests.latency.conftest import Simulate

SMALLER: dict[str, Settings] = {"mlp": MlpSettings(hidden_dim=8, train_steps=200, bsz=16, lr=1e-2)}
"""Settings of kinds whose defaults take long; the others have theirs."""

every_kind = pytest.mark.parametrize("kind", PREDICTORS.names())


@pytest.fixture
def lesson(simulate: Simulate) -> Lesson:
    samples = simulate(150)
    latency_ms = np.array([sample.total_ms for sample in samples])
    table = table_of_samples(samples)
    other_ms = 3 * latency_ms + table.features[:, 0]
    prior: Any = PREDICTORS.load("additive")
    return replace(
        Lesson.of(table, latency_ms, seed=1),
        valid=np.arange(120, 150),
        report=lambda line: None,
        prior=prior.build(prior.Settings(), Lesson.of(table, other_ms)).predictor,
    )


def fit(kind: str, lesson: Lesson) -> Fitted:
    part: Any = PREDICTORS.load(kind)
    fitted: Fitted = part.build(SMALLER.get(kind, part.Settings()), lesson)
    return fitted


@every_kind
def test_it_predicts_and_comes_back_from_its_file(
    kind: str, lesson: Lesson, tmp_path: Path
) -> None:
    predictor = fit(kind, lesson).predictor
    assert isinstance(predictor, LatencyPredictor) and predictor.kind == kind
    predicted = predictor.predict_table(lesson.table)
    assert predicted.shape == lesson.latency_ms.shape and predicted.dtype == np.float64
    assert np.corrcoef(predicted, lesson.latency_ms)[0, 1] > 0.8
    assert len(predictor.residuals) and (np.diff(predictor.residuals) >= 0).all()
    predictor.save(tmp_path / "p.pt")
    again = load_predictor(tmp_path / "p.pt")
    assert type(again) is type(predictor)
    np.testing.assert_array_equal(again.predict_table(lesson.table), predicted)
    assert again.signature() == predictor.signature()


@every_kind
def test_its_signature_is_stable_and_sensitive(kind: str, lesson: Lesson) -> None:
    signed = fit(kind, lesson).predictor.signature()
    assert fit(kind, lesson).predictor.signature() == signed
    assert signed["predictor"] == kind
    slower = replace(lesson, latency_ms=lesson.latency_ms * 1.5)
    assert fit(kind, slower).predictor.signature() != signed


@every_kind
def test_it_keeps_what_its_attributes_promise(kind: str, lesson: Lesson) -> None:
    part: Any = PREDICTORS.load(kind)
    fitted = fit(kind, lesson)
    without_layers = replace(lesson.table, layers=None)
    assert part.suits(lesson)
    assert part.suits(replace(lesson, prior=None)) != part.takes_prior
    if part.needs_layers:
        assert not part.suits(replace(lesson, table=without_layers))
    else:
        assert fitted.predictor.predict_table(without_layers).shape == (150,)
    if part.competes:
        assert fitted.cv_error_percent is not None and 0 < fitted.cv_error_percent < 20
    if part.learns_average:
        twice = fitted.predictor.scaled(2).predict_table(lesson.table)
        np.testing.assert_allclose(twice, 2 * fitted.predictor.predict_table(lesson.table))
    else:
        with pytest.raises(ConfigError, match=f"'{kind}' cannot be scaled by 2"):
            fitted.predictor.scaled(2)


@every_kind
def test_its_settings_have_defaults_and_help(kind: str) -> None:
    settings = all_settings(PREDICTORS.load(kind).Settings)  # type: ignore[attr-defined]
    assert all(setting.help and not setting.is_required for setting in settings)
