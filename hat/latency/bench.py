"""Comparing predictors on one dataset: the same splits, all rows and the undisturbed ones."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hat.latency.drift import DriftReport, find_shifted_runs
from hat.latency.fit import Rows, fit_auto, split_rows
from hat.latency.metrics import Metrics, evaluate
from hat.latency.predictor import LatencyPredictor, Scales, observed_choices
from hat.latency.predictors.mlp import MlpRecipe, fit_mlp
from hat.latency.samples import read_samples
from hat.latency.table import ArchTable, Floats, table_of_samples

TRAIN_ROWS = (1600, 400, 100, 40)
HAT_FEATURE_NORM = (640.0, 6.0, 2048.0, 6.0, 640.0, 6.0, 2048.0, 6.0, 6.0, 2.0)


@dataclass(frozen=True)
class BenchData:
    """A dataset with its shifted runs."""

    name: str
    table: ArchTable
    latency_ms: Floats
    report: DriftReport

    @classmethod
    def read(cls, path: str | Path) -> "BenchData":
        """Reads a CSV and looks for shifted runs."""
        samples = read_samples(path)
        latency_ms = np.array([sample.total_ms for sample in samples])
        report = find_shifted_runs(samples)
        return cls(Path(path).stem, table_of_samples(samples), latency_ms, report)

    def noise_floor_percent(self) -> float:
        """Mean absolute error that remains when only neighbouring rows are compared.

        ``mean |e_i - e_(i+1)| / sqrt(2)`` of the residuals: no slow drift is in it, so no model of
        the architecture alone gets far below it, and only one that knows the hour gets down to it.
        """
        good = self.report.residual_percent[~self.report.shifted()]
        return float(np.abs(np.diff(good)).mean() / np.sqrt(2))


@dataclass(frozen=True)
class BenchRow:
    """One predictor on one split."""

    method: str
    train_rows: int
    seed: int
    everything: Metrics
    unshifted: Metrics
    fit_seconds: float


Fit = Callable[[BenchData, Rows, Rows, int], LatencyPredictor]


def hat_mlp(data: BenchData, train: Rows, valid: Rows, seed: int) -> LatencyPredictor:
    """HAT's perceptron by HAT's recipe, on all rows, as HAT does."""
    # HAT picks 200 for GPUs, 300 for a Xeon and 5000 for a Pi: about the mean latency.
    lat_norm = float(f"{data.latency_ms[train].mean():.1g}")
    return fit_mlp(
        data.table.take(train),
        data.latency_ms[train],
        data.table.take(valid),
        data.latency_ms[valid],
        scales=Scales(HAT_FEATURE_NORM, lat_norm),
        rng=np.random.default_rng(seed),
        recipe=MlpRecipe(),
    )


def auto_clean(data: BenchData, train: Rows, valid: Rows, seed: int) -> LatencyPredictor:
    """What ``latency_predictor.py`` does: shifted runs left out, robust loss, automatic choice."""
    del valid
    shifted = data.report.shifted()
    return _auto(data, train[~shifted[train]], seed, "robust")


def auto_squared(data: BenchData, train: Rows, valid: Rows, seed: int) -> LatencyPredictor:
    """``--keep-shifted --loss squared``: the average of the busy and the quiet machine."""
    del valid
    return _auto(data, train, seed, "squared")


def _auto(data: BenchData, rows: Rows, seed: int, loss: str) -> LatencyPredictor:
    table, latency_ms = data.table.take(rows), data.latency_ms[rows]
    return fit_auto(
        table,
        latency_ms,
        choices=observed_choices(data.table),
        scales=Scales.of(table.features, latency_ms),
        seed=seed,
        loss=loss,
    ).predictor


METHODS: dict[str, Fit] = {
    "HAT's MLP": hat_mlp,
    "auto": auto_clean,
    "auto, squared, all rows": auto_squared,
}


def bench(data: BenchData, *, seeds: Iterable[int], with_mlp: bool = True) -> Iterable[BenchRow]:
    """Yields every method at every training size on the splits of every seed."""
    for seed in seeds:
        split = split_rows(np.arange(len(data.table)), seed)
        clean_test = split.test[~data.report.shifted()[split.test]]
        for method, fit in METHODS.items():
            if fit is hat_mlp and not with_mlp:
                continue
            sizes = [size for size in TRAIN_ROWS if size <= len(split.train)] or [len(split.train)]
            for size in sizes[:1] if fit is hat_mlp else sizes:
                started = time.perf_counter()
                predictor = fit(data, split.train[:size], split.valid, seed)
                seconds = time.perf_counter() - started
                yield BenchRow(
                    method=method,
                    train_rows=size,
                    seed=seed,
                    everything=_on(predictor, data, split.test),
                    unshifted=_on(predictor, data, clean_test),
                    fit_seconds=seconds,
                )


def _on(predictor: LatencyPredictor, data: BenchData, rows: Rows) -> Metrics:
    return evaluate(predictor, data.table.take(rows), data.latency_ms[rows])


def bench_table(rows: Sequence[BenchRow]) -> str:
    """Returns a Markdown table: mean and standard deviation over the seeds."""
    lines = [
        "| predictor | rows | RMSE ms, all | MAPE %, all | tau, all | cov. %, all "
        "| RMSE ms, unsh. | MAPE %, unsh. | tau, unsh. | cov. %, unsh. | fit s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for method, size in dict.fromkeys((row.method, row.train_rows) for row in rows):
        group = [row for row in rows if (row.method, row.train_rows) == (method, size)]
        cells = [method, str(size)]
        for part in ("everything", "unshifted"):
            for name, digits in (
                ("rmse_ms", 2),
                ("mape_percent", 2),
                ("kendall_tau", 3),
                ("coverage_percent", 1),
            ):
                values = np.array([getattr(getattr(row, part), name) for row in group])
                cells.append(f"{values.mean():.{digits}f} ± {values.std():.{digits}f}")
        cells.append(f"{np.mean([row.fit_seconds for row in group]):.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
