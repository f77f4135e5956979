from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from hat.errors import DataError
from hat.latency.dataset import load_datasets, split_rows
from hat.latency.fit import average_machine, fit_auto
from hat.latency.metrics import Metrics, evaluate, kendall_tau
from hat.latency.predictor import Lesson
from hat.latency.samples import LatencySample, write_samples
from hat.latency.sidecar import Sidecar
from hat.latency.table import table_of_samples
from hat.latency.workload import Workload
from hat.studies.latency_bench import HAT_MLP, METHODS, BenchData, BenchRow, BenchStore, bench
from hat.studies.latency_bench_report import bench_summary, bench_table
from hat.version import __version__

Simulate = Callable[..., list[LatencySample]]


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


def disturbed(simulate: Simulate, count: int = 200) -> list[LatencySample]:
    samples = simulate(count)
    for row in range(20, 60):
        samples[row] = replace(samples[row], decoder_ms=1.5 * samples[row].decoder_ms)
    return samples


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


def test_bench_uses_the_same_splits_for_all(tmp_path: Path, simulate: Simulate) -> None:
    write_samples(tmp_path / "a.csv", disturbed(simulate))
    data = BenchData.read(tmp_path / "a.csv")
    rows = list(bench(data, seeds=range(2), with_mlp=False))
    sizes = {(row.method, row.train_rows) for row in rows}
    assert sizes == {(m, n) for m in METHODS if m != HAT_MLP for n in (100, 40)}
    for seed in (0, 1):
        tests = {(r.everything.rows, r.unshifted.rows) for r in rows if r.seed == seed}
        assert len(tests) == 1
    auto = next(row for row in rows if row.method == "auto")
    assert auto.unshifted.mape_percent < 3 < auto.everything.mape_percent
    table = bench_table(rows).splitlines()
    assert len(table) == 2 + len(sizes)
    assert len({line.count("|") for line in table}) == 1


def test_a_killed_bench_goes_on(tmp_path: Path, simulate: Simulate) -> None:
    write_samples(tmp_path / "a.csv", disturbed(simulate, 80))
    data, file = BenchData.read(tmp_path / "a.csv"), tmp_path / "rows.jsonl"
    first = bench(data, seeds=[0], with_mlp=False, store=BenchStore(file))
    before = [next(first), next(first)]
    whole = list(bench(data, seeds=[0], with_mlp=False, store=BenchStore(file)))
    assert whole[:2] == before
    assert list(bench(data, seeds=[0], with_mlp=False, store=BenchStore(file))) == whole
    other = replace(data, digest="of another file")
    assert BenchStore(file).find(other, "auto", 64, 0) is None
    found = BenchStore(file).find(data, whole[1].method, whole[1].train_rows, 0)
    assert found == whole[1]
    text = file.read_text()
    file.write_text(text.replace(f'"hat": "{__version__}"', '"hat": "0.0.9"'))
    assert BenchStore(file).find(data, whole[1].method, whole[1].train_rows, 0) is None
    file.write_text(text)
    file.write_text(file.read_text() + "{}\n")
    with pytest.raises(DataError, match="not what an earlier benchmark wrote"):
        BenchStore(file)


def test_the_summary_says_who_wins(tmp_path: Path, simulate: Simulate) -> None:
    write_samples(tmp_path / "a.csv", disturbed(simulate, 80))
    data = BenchData.read(tmp_path / "a.csv")

    def row(method: str, seed: int, rmse_ms: float, mape_percent: float) -> BenchRow:
        metrics = Metrics(8, rmse_ms, mape_percent, 0.9, 90.0)
        return BenchRow(method, 64, seed, metrics, metrics, 0.1)

    rows = [row(HAT_MLP, seed, 10.0, 5.0) for seed in (0, 1)]
    rows += [row("auto", 0, 9.0, 4.0), row("auto", 1, 12.0, 4.5)]
    rows += [row("auto, average machine", seed, 9.0, 4.0) for seed in (0, 1)]
    rows += [row("auto, squared, all rows", seed, 11.0, 6.0) for seed in (0, 1)]
    lines = bench_summary({"a": (data, rows)}).splitlines()
    assert "| a | auto | 10.00 | 10.50 | 1 of 2 | 5.00 | 4.25 | 2 of 2 | MAPE |" in lines
    assert any(line.endswith("| 2 of 2 | RMSE and MAPE |") for line in lines)
    assert any(line.endswith("| 0 of 2 | neither |") for line in lines)
