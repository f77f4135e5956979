"""Comparing latency predictors: the same splits for all, figures that are kept, a verdict."""

from dataclasses import replace
from pathlib import Path

import pytest

from hat.errors import ConfigError, DataError
from hat.latency.metrics import Metrics
from hat.latency.samples import write_samples
from hat.studies.latency_bench import (
    HAT_MLP,
    METHODS,
    BenchData,
    BenchRow,
    BenchSettings,
    BenchStore,
    bench,
)
from hat.studies.latency_bench_report import bench_summary, bench_table, report_bench
from hat.version import __version__
from tests.latency.conftest import Simulate, disturbed


def test_bench_uses_the_same_splits_for_all(tmp_path: Path, simulate: Simulate) -> None:
    write_samples(tmp_path / "a.csv", disturbed(simulate))
    data = BenchData.read(tmp_path / "a.csv")
    rows = list(bench(data, BenchSettings(seeds=2, without_mlp=True)))
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
    settings = BenchSettings(seeds=1, without_mlp=True, resume=file)
    first = bench(data, settings)
    before = [next(first), next(first)]
    whole = list(bench(data, settings))
    assert whole[:2] == before
    assert list(bench(data, settings)) == whole
    other = replace(data, digest="of another file")
    assert BenchStore(file).find(other, "auto", 64, 0) is None
    known = (data, whole[1].method, whole[1].train_rows, 0)
    assert BenchStore(file).find(*known) == whole[1]
    text = file.read_text()
    file.write_text(text.replace(f'"hat": "{__version__}"', '"hat": "0.0.9"'))
    assert BenchStore(file).find(*known) is None
    file.write_text(text + "{}\n")
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


def test_a_report_of_two_datasets(
    tmp_path: Path, simulate: Simulate, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for seed, path in enumerate(paths):
        write_samples(path, simulate(120, seed=seed))
    found = report_bench(paths, BenchSettings(seeds=1, without_mlp=True))
    assert list(found["bench"]) == ["a", "b"]
    assert {"all", "unshifted", "fit_seconds"} == set(found["bench"]["a"]["auto|40|0"])
    text = capsys.readouterr().out
    assert "### a" in text and "### Summary" in text
    write_samples(paths[0], simulate(120, seed=5))
    again = report_bench(paths, BenchSettings(seeds=1, without_mlp=True))
    assert again["signature"] != found["signature"]


def test_seeds_are_counted_from_one() -> None:
    with pytest.raises(ConfigError, match="seeds must be at least 1, but found 0"):
        BenchSettings(seeds=0)
