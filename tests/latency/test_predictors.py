from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from hat.arch.space import SearchSpace
from hat.errors import CheckpointError, ConfigError, DataError
from hat.latency.choices import observed_choices, space_choices
from hat.latency.fit import fit_auto
from hat.latency.metrics import doubt, evaluate
from hat.latency.predictor import LatencyPredictor, Lesson, Scales
from hat.latency.predictors.linear import fit_linear
from hat.latency.predictors.load import load_predictor
from hat.latency.predictors.mlp import MlpSettings, fit_mlp
from hat.latency.samples import LatencySample, read_samples
from hat.latency.table import ArchTable, table_of_samples
from hat.latency.workload import Workload
from tests.conftest import MADE_DATA
from tests.latency.conftest import Simulate, arrays, fitted


def small_mlp(samples: list[LatencySample], seed: int = 0) -> LatencyPredictor:
    table, latency_ms = arrays(samples)
    half = len(samples) // 2
    rows = np.arange(len(samples))
    return fit_mlp(
        table.take(rows[:half]),
        latency_ms[:half],
        table.take(rows[half:]),
        latency_ms[half:],
        scales=Scales.of(table.features, latency_ms),
        rng=np.random.default_rng(seed),
        settings=MlpSettings(hidden_dim=16, train_steps=300, bsz=20, lr=3e-3),
    )


@pytest.mark.parametrize(
    ("kind", "rows", "most_percent"),
    [
        ("additive", 600, 2.5),
        ("additive", 60, 5.0),
        ("depth-linear", 600, 4.0),
        ("per-layer", 600, 1.2),
    ],
)
def test_linear_predictors_learn(
    simulate: Simulate, kind: str, rows: int, most_percent: float
) -> None:
    predictor = fitted(kind, simulate(rows)).predictor
    metrics = evaluate(predictor, *arrays(simulate(500, seed=1)))
    assert metrics.mape_percent < most_percent
    assert metrics.kendall_tau > 0.9


def test_cross_validation_says_what_new_rows_say(simulate: Simulate) -> None:
    fit = fitted("per-layer", simulate(400))
    metrics = evaluate(fit.predictor, *arrays(simulate(1000, seed=1)))
    assert fit.cv_error_percent == pytest.approx(metrics.mape_percent, rel=0.2)


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_intervals_cover_what_they_promise(simulate: Simulate, coverage: float) -> None:
    shares = []
    for seed in range(5):
        predictor = fitted("additive", simulate(200, seed=seed)).predictor
        table, latency_ms = arrays(simulate(400, seed=100 + seed))
        archs = [sample.arch for sample in simulate(400, seed=100 + seed)]
        low, high = predictor.interval_ms(archs, coverage=coverage)  # type: ignore[arg-type]
        shares.append(np.mean((low <= latency_ms) & (latency_ms <= high)))
        assert len(table) == 400
    assert np.mean(shares) == pytest.approx(coverage, abs=0.03)


def test_upper_bound_is_one_sided(simulate: Simulate) -> None:
    predictor = fitted("additive", simulate(400)).predictor
    samples = simulate(2000, seed=1)
    archs = [sample.arch for sample in samples if sample.arch]
    upper = predictor.upper_ms(archs, confidence=0.9)
    measured = np.array([sample.total_ms for sample in samples])
    assert np.mean(measured <= upper) == pytest.approx(0.9, abs=0.04)


def test_small_samples_take_the_widest_error_there_is(simulate: Simulate) -> None:
    predictor = fitted("additive", simulate(12)).predictor
    assert predictor.relative_interval(0.99) == (
        predictor.residuals.min(),
        predictor.residuals.max(),
    )


def test_disturbed_rows_do_not_bend_the_robust_loss(simulate: Simulate) -> None:
    samples = simulate(300)
    for row in range(40):
        samples[row] = replace(samples[row], decoder_ms=1.4 * samples[row].decoder_ms)
    robust = evaluate(fitted("additive", samples).predictor, *arrays(simulate(300, seed=1)))
    clean = evaluate(fitted("additive", simulate(300)).predictor, *arrays(simulate(300, seed=1)))
    assert robust.mape_percent < clean.mape_percent + 0.6


def test_auto_takes_the_best_and_leaves_out_what_it_cannot_see(simulate: Simulate) -> None:
    table, latency_ms = arrays(simulate(400))

    def chosen(table: ArchTable) -> str:
        return fit_auto(Lesson.of(table, latency_ms)).predictor.kind

    assert chosen(table) == "per-layer"
    assert chosen(ArchTable(table.features)) != "per-layer"


def test_per_layer_says_what_is_missing(simulate: Simulate) -> None:
    table, latency_ms = arrays(simulate(50))
    with pytest.raises(DataError, match="per-layer predictor needs the architecture of every row"):
        fit_linear(
            "per-layer",
            ArchTable(table.features),
            latency_ms,
            choices=observed_choices(table),
            scales=Scales.of(table.features, latency_ms),
            rng=np.random.default_rng(0),
        )


def test_too_few_rows(simulate: Simulate) -> None:
    with pytest.raises(DataError, match="9 rows are too few to fit a predictor"):
        fitted("additive", simulate(9))


@pytest.mark.parametrize("kind", ["additive", "depth-linear", "per-layer", "mlp"])
def test_every_kind_survives_saving(
    tmp_path: Path, simulate: Simulate, tiny_space: SearchSpace, kind: str
) -> None:
    samples = simulate(80)
    predictor = small_mlp(samples) if kind == "mlp" else fitted(kind, samples).predictor
    predictor.facts = {"workload": Workload().to_dict(), "seed": 3}
    predictor.choices = space_choices(tiny_space)
    predictor.save(tmp_path / "p.pt")
    loaded = load_predictor(tmp_path / "p.pt")
    archs = [sample.arch for sample in simulate(30, seed=1) if sample.arch]
    np.testing.assert_array_equal(loaded.predict_ms(archs), predictor.predict_ms(archs))
    assert loaded.predict_ms(archs).dtype == np.float64
    np.testing.assert_array_equal(loaded.residuals, predictor.residuals)
    assert (loaded.kind, loaded.scales, loaded.facts) == (kind, predictor.scales, predictor.facts)


@pytest.mark.parametrize("kind", ["additive", "mlp"])
def test_same_seed_same_predictor_other_seed_other(simulate: Simulate, kind: str) -> None:
    samples = simulate(80)

    def prediction(seed: int) -> float:
        if kind == "mlp":
            return float(small_mlp(samples, seed).predict_table(table_of_samples(samples))[0])
        return float(fitted(kind, samples, seed).predictor.residuals[3])

    assert prediction(0) == prediction(0)
    assert prediction(0) != prediction(1)


def test_scales_are_checked(tmp_path: Path, simulate: Simulate) -> None:
    predictor = fitted("additive", simulate(80)).predictor
    predictor.save(tmp_path / "p.pt")
    own = predictor.scales
    load_predictor(tmp_path / "p.pt", feature_norm=own.feature_norm, lat_norm=own.lat_norm)
    with pytest.raises(ConfigError, match=r"lat-norm is 300, but .*p\.pt was trained with"):
        load_predictor(tmp_path / "p.pt", lat_norm=300)
    with pytest.raises(ConfigError, match=r"feature-norm is 1 2, but .* was trained with 32 3 48"):
        load_predictor(tmp_path / "p.pt", feature_norm=[1, 2])


@pytest.mark.parametrize(
    ("feature_norm", "lat_norm", "message"),
    [
        ([1.0] * 9, 1.0, "feature-norm needs 10 numbers, one per feature, but found 9"),
        ([1.0] * 9 + [0.0], 1.0, "feature-norm must be positive, but found 0"),
        ([1.0] * 10, -5.0, "lat-norm must be positive, but found -5"),
    ],
)
def test_impossible_scales(feature_norm: list[float], lat_norm: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Scales(tuple(feature_norm), lat_norm)


def test_predictors_know_their_space_and_workload(
    simulate: Simulate, tiny_space: SearchSpace
) -> None:
    predictor = fitted("additive", simulate(200)).predictor
    predictor.check_space(tiny_space)
    predictor.check_space(replace(tiny_space, decoder_layer_nums=(2,)))
    wider = replace(tiny_space, decoder_embed_dims=(64, 32))
    with pytest.raises(
        ConfigError, match=r"another search space: it knows decoder_embed_dim in \[16, 32\]"
    ):
        predictor.check_space(wider)
    with pytest.raises(ConfigError, match=r"but this architecture has 64"):
        predictor.check_archs([wider.largest()])


def test_what_is_no_predictor(tmp_path: Path) -> None:
    path = tmp_path / "p.pt"
    with pytest.raises(CheckpointError, match="cannot be read: No such file"):
        load_predictor(path)
    path.write_bytes(b"no torch file")
    with pytest.raises(CheckpointError, match="is not a latency predictor that hat can read"):
        load_predictor(path)
    torch.save({"weight": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match="is not a latency predictor"):
        load_predictor(path)
    torch.save({"format": "hat-latency-predictor-1", "kind": "additive"}, path)
    with pytest.raises(CheckpointError, match="is a damaged latency predictor"):
        load_predictor(path)


def test_mlp_needs_rows_for_a_batch(simulate: Simulate) -> None:
    table, latency_ms = arrays(simulate(20))
    with pytest.raises(ConfigError, match="bsz is 128, but there are only 20 rows"):
        fit_mlp(
            table,
            latency_ms,
            table,
            latency_ms,
            scales=Scales.of(table.features, latency_ms),
            rng=np.random.default_rng(0),
        )


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("made.xx-yy", "made_cpu_quiet"),
        ("iwslt14.de-en", "iwslt14deen_gpu_titanxp"),
        ("wmt14.en-de", "wmt14ende_gpu_titanxp"),
    ],
)
def test_hats_published_predictors_give_hats_predictions(
    request: pytest.FixtureRequest, task: str, name: str
) -> None:
    is_made = task.startswith("made")
    folder = (MADE_DATA if is_made else request.getfixturevalue("shared_data")) / "hat"
    (config,) = (folder / "configs" / task / "latency_predictor").glob(
        f"{name.partition('_')[2]}.yml"
    )
    norms = yaml.safe_load(config.read_text())
    path = folder / "predictors" / f"{name}.pt"
    predictor = load_predictor(path, feature_norm=norms["feature-norm"], lat_norm=norms["lat-norm"])
    table, latency_ms = arrays(read_samples(folder / "latency" / f"{name}_all.csv"))

    state = {k: v.double().numpy() for k, v in torch.load(path, weights_only=True).items()}
    x = table.features / np.array(norms["feature-norm"], dtype=float)
    for layer in ("first_layer", "layers.0", "layers.1", "layers.2"):
        x = np.maximum(x @ state[f"{layer}.weight"].T + state[f"{layer}.bias"], 0)
    expected = norms["lat-norm"] * (x @ state["predict.weight"].T + state["predict.bias"])[:, 0]
    predicted = predictor.predict_table(table)
    np.testing.assert_allclose(predicted, expected, rtol=1e-5)
    assert np.median(np.abs(predicted / latency_ms - 1)) < 0.1
    with pytest.raises(ConfigError, match="holds no calibration, so it has no interval"):
        predictor.relative_interval()
    with pytest.raises(ConfigError, match="give --feature-norm and --lat-norm"):
        load_predictor(path)


@pytest.mark.parametrize(
    ("error", "doubtful"), [(75.0, True), (10.1, True), (9.9, False), (None, False), ("x", False)]
)
def test_a_predictor_that_is_far_off_says_so(
    simulate: Simulate, error: object, doubtful: bool
) -> None:
    predictor = fitted("additive", simulate(20)).predictor
    predictor.facts = {"cv_error_percent": error}
    assert (doubt(predictor) is not None) == doubtful
    if doubtful:
        assert f"{error} % off on average" in str(doubt(predictor))
