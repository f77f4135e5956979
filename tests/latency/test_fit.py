from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from hat.errors import DataError
from hat.latency.dataset import load_datasets, split_rows
from hat.latency.fit import FitSettings, average_machine, fit_auto, fit_predictor
from hat.latency.metrics import evaluate, kendall_tau
from hat.latency.predictor import Lesson
from hat.latency.predictors.mlp import MlpSettings
from hat.latency.samples import write_samples
from hat.latency.sidecar import Sidecar
from hat.latency.table import table_of_samples
from hat.latency.workload import Workload
from tests.latency.conftest import Simulate, disturbed


def test_splits_are_disjoint_complete_and_seeded() -> None:
    rows = np.arange(5, 205)
    split = split_rows(rows, 0)
    assert [len(part) for part in (split.train, split.valid, split.test)] == [160, 20, 20]
    assert sorted(np.concatenate([split.train, split.valid, split.test])) == list(rows)
    assert (split.train == split_rows(rows, 0).train).all()
    assert (split.train != split_rows(rows, 1).train).any()


def test_marked_and_shifted_rows_are_left_out(tmp_path: Path, simulate: Simulate) -> None:
    first, second = simulate(200), simulate(60, seed=1)
    for row in range(100, 140):
        first[row] = replace(first[row], decoder_ms=1.5 * first[row].decoder_ms)
    first[7] = replace(first[7], shift_percent=20.0)
    write_samples(tmp_path / "a.csv", first)
    write_samples(tmp_path / "b.csv", second)
    dataset = load_datasets([tmp_path / "a.csv", tmp_path / "b.csv"])
    left_out = sorted(set(range(260)) - set(dataset.good_rows().tolist()))
    assert left_out[0] == 7
    assert left_out[1:] == pytest.approx(list(range(100, 140)), abs=3)
    assert len(dataset.runs[str(tmp_path / "a.csv")]) == 1
    everything = load_datasets([tmp_path / "a.csv"], look_for_shifts=False)
    assert len(everything.good_rows()) == 199


def test_the_sidecar_tells_the_space(tmp_path: Path, simulate: Simulate) -> None:
    write_samples(tmp_path / "a.csv", simulate(20))
    facts = {
        "workload": Workload().to_dict(),
        "space": {"encoder_embed_dim": [8, 24, 32]},
        "device": {"name": "X"},
    }
    Sidecar.create(tmp_path / "a.csv", facts)
    dataset = load_datasets([tmp_path / "a.csv"])
    assert dataset.choices["encoder_embed_dim"] == [8, 24, 32]
    assert dataset.choices["decoder_layer_num"] == [1, 2, 3]
    assert (dataset.workload, dataset.device) == (Workload(), "X")


def test_different_workloads_are_refused(tmp_path: Path, simulate: Simulate) -> None:
    for name, beam in (("a.csv", 5), ("b.csv", 1)):
        write_samples(tmp_path / name, simulate(20))
        Sidecar.create(tmp_path / name, {"workload": Workload(beam=beam).to_dict()})
    with pytest.raises(DataError, match="beam is 5 in one and 1 in the other"):
        load_datasets([tmp_path / "a.csv", tmp_path / "b.csv"])


def test_kendall_counts_pairs(rng: np.random.Generator) -> None:
    left, right = rng.integers(0, 5, 30).astype(float), rng.normal(size=30)
    pairs = [(i, j) for i in range(30) for j in range(i)]
    signs = [np.sign(left[i] - left[j]) * np.sign(right[i] - right[j]) for i, j in pairs]
    untied = [sum(x[i] != x[j] for i, j in pairs) for x in (left, right)]
    expected = sum(signs) / np.sqrt(untied[0] * untied[1])
    assert kendall_tau(left, right) == pytest.approx(expected)
    assert kendall_tau(left, right) == pytest.approx(scipy.stats.kendalltau(left, right)[0])


def test_the_average_machine_is_right_on_average(simulate: Simulate) -> None:
    samples = disturbed(simulate)
    table = table_of_samples(samples)
    latency_ms = np.array([sample.total_ms for sample in samples])
    slow = np.zeros(200, dtype=bool)
    slow[20:60] = True
    quiet = Lesson.of(table.take(np.flatnonzero(~slow)), latency_ms[~slow])
    steady = fit_auto(quiet).predictor
    average = average_machine(steady, table.take(np.flatnonzero(slow)), latency_ms[slow])
    # A fifth of the rows takes 1.4 times as long (the decoder is 80 % of each).
    factor = average.predict_table(table) / steady.predict_table(table)
    np.testing.assert_allclose(factor, 1 / (0.8 + 0.2 / 1.4), rtol=0.005)
    on_all, before = (evaluate(p, table, latency_ms) for p in (average, steady))
    assert on_all.rmse_ms < before.rmse_ms
    assert 85 < on_all.coverage_percent < 95
    assert before.coverage_percent < 80
    nobody = average_machine(steady, table.take([]), latency_ms[:0])
    np.testing.assert_allclose(nobody.predict_table(table), steady.predict_table(table), rtol=1e-3)


def test_a_dataset_given_twice_is_refused(tmp_path: Path, simulate: Simulate) -> None:
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path in paths:
        write_samples(path, simulate(40))
    with pytest.raises(DataError, match=r"b\.csv: holds the same dataset as .*a\.csv: give each"):
        fit_predictor(paths)


def test_a_predictor_that_diverged_is_none(tmp_path: Path, simulate: Simulate) -> None:
    write_samples(tmp_path / "a.csv", simulate(40))
    wild = MlpSettings(lr=1e9, train_steps=30, bsz=16)
    with pytest.raises(DataError, match=r"a\.csv: the predictor mlp learned no finite latency"):
        fit_predictor(tmp_path / "a.csv", FitSettings(predictor="mlp"), wild)
