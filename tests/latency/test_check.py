"""Checking datasets and predicting files, from Python."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hat.arch.hat_yaml import write_arch
from hat.arch.space import SearchSpace
from hat.errors import ConfigError, DataError
from hat.latency.check import CheckSettings, check_dataset
from hat.latency.fit import FitSettings, fit_predictor
from hat.latency.metrics import doubt
from hat.latency.predict import PredictSettings, predict_files, predictions_result
from hat.latency.samples import write_samples
from hat.latency.workload import Workload
from tests.latency.conftest import Simulate


def test_shifted_runs_and_clean_rows(tmp_path: Path, simulate: Simulate) -> None:
    samples = simulate(120)
    for row in range(30, 70):
        samples[row] = replace(samples[row], decoder_ms=1.5 * samples[row].decoder_ms)
    samples[3] = replace(samples[3], shift_percent=4.0)
    path = tmp_path / "x.csv"
    write_samples(path, samples)
    checked = check_dataset(path)
    (run,) = checked.figures()["shifted_runs"]
    assert (run["first_row"], run["last_row"]) == (30, 69)
    assert checked.lines()[-1] == "  1 rows were marked while they were measured"
    assert checked.clean() == [
        s for row, s in enumerate(samples) if row != 3 and not 30 <= row < 70
    ]
    assert not check_dataset(path, CheckSettings(min_shift=300)).report.runs
    with pytest.raises(DataError, match="cannot be written: /dev/null is not a folder"):
        checked.plot("/dev/null/x.png")
    write_samples(path, samples[:5])
    with pytest.raises(DataError, match=r"x\.csv: 5 rows are too few"):
        check_dataset(path)


@pytest.mark.parametrize("shift", [0, -1, 1000])
def test_a_shift_is_a_positive_percentage(shift: float) -> None:
    with pytest.raises(ConfigError, match="min-shift must be"):
        CheckSettings(min_shift=shift)


def test_predicting_files(tmp_path: Path, simulate: Simulate, tiny_space: SearchSpace) -> None:
    csv, pt, yml = (tmp_path / name for name in ("x.csv", "p.pt", "a.yml"))
    write_samples(csv, simulate(60))
    fitted = fit_predictor([csv], say=lambda line: None)
    fitted.predictor.save(pt)
    arch = tiny_space.largest()
    write_arch(yml, arch)
    settings = PredictSettings(ckpt_path=pt, coverage=0.8)
    (found,) = predict_files([yml], settings)
    low, high = fitted.predictor.interval_ms([arch], coverage=0.8)
    assert found.latency_ms == pytest.approx(fitted.predictor.predict_ms([arch])[0])
    assert found.interval_ms == pytest.approx((low[0], high[0]))
    assert str(found) == f"{yml}: {found.latency_ms:.2f} ms [{low[0]:.2f}, {high[0]:.2f}]"
    figures = predictions_result([found], settings)
    assert figures["predictions"][0]["subtransformer"] == str(yml)
    assert "|workload:" not in figures["signature"], "the dataset does not say"
    workload = Workload(device="cpu", engine="onnxruntime", engine_version="1.2", num_threads=1)
    fitted.predictor.facts["workload"] = workload.to_dict()
    fitted.predictor.save(pt)
    figures = predictions_result(predict_files([yml], settings), settings)
    assert f"|workload:{workload.tag()}|" in figures["signature"]
    with pytest.raises(ConfigError, match="coverage must be below 1, but found 1"):
        PredictSettings(ckpt_path=pt, coverage=1)


def test_what_a_line_puts_below_0_is_not_known(
    tmp_path: Path, simulate: Simulate, tiny_space: SearchSpace
) -> None:
    rng = np.random.default_rng(1)
    disturbed = [
        replace(sample, encoder_ms=0.01, decoder_ms=float(rng.exponential()) + 0.01)
        for sample in simulate(14, seed=1)
    ]
    csv, pt, yml = (tmp_path / name for name in ("x.csv", "p.pt", "a.yml"))
    write_samples(csv, disturbed)
    fit = FitSettings(predictor="per-layer", keep_shifted=True)
    predictor = fit_predictor([csv], fit, say=lambda line: None).predictor
    predictor.save(pt)
    assert "comes to 0 ms for the smallest SubTransformer; more" in str(doubt(predictor))
    write_arch(yml, tiny_space.smallest())
    settings = PredictSettings(ckpt_path=pt)
    (found,) = predict_files([yml], settings)
    assert str(found) == f"{yml}: not known: the predictor comes to no more than 0 ms there"
    figures = predictions_result([found], settings)["predictions"][0]
    assert figures["latency_ms"] is None and figures["interval_ms"] is None


def test_a_sidecar_is_no_dataset(tmp_path: Path) -> None:
    sidecar = tmp_path / "x.csv.meta.jsonl"
    sidecar.write_text("{}")
    with pytest.raises(DataError, match=r"x\.csv\.meta\.jsonl: holds .* no rows: name .*x\.csv$"):
        check_dataset(sidecar)
