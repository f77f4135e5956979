"""Comparing predictors on one dataset: the same splits, all rows and the undisturbed ones."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from hat.arrays import Floats, Rows
from hat.conditions import file_digest
from hat.fields import Fields
from hat.files import append_text, repair_lines
from hat.json_reader import read_objects
from hat.latency.check import check_dataset
from hat.latency.choices import observed_choices
from hat.latency.dataset import split_rows
from hat.latency.drift import DriftReport
from hat.latency.fit import average_machine, fit_auto
from hat.latency.metrics import Metrics, evaluate
from hat.latency.predictor import LatencyPredictor, Lesson, Scales
from hat.latency.predictors.linear import LinearSettings, fit_linear
from hat.latency.predictors.mlp import MlpSettings, fit_mlp
from hat.latency.table import ArchTable, table_of_samples
from hat.settings import NO_OUTCOME, AtLeast, Settings, Shown
from hat.version import __version__


@dataclass(frozen=True, kw_only=True)
class BenchSettings(Settings):
    """How predictors are compared."""

    seeds: Annotated[int, AtLeast(1)] = 6
    """splits of each dataset, by the seeds 0 to N - 1"""

    without_mlp: bool = False
    """leave HAT's MLP out, which needs some 400 rows and minutes"""

    resume: Annotated[Path | None, Shown("FILE"), NO_OUTCOME] = None
    """keep every figure in this file as it comes, and take over those that are there"""


TRAIN_ROWS = (1600, 400, 100, 40)
HAT_FEATURE_NORM = (640.0, 6.0, 2048.0, 6.0, 640.0, 6.0, 2048.0, 6.0, 6.0, 2.0)


@dataclass(frozen=True)
class BenchData:
    """A dataset with its shifted runs."""

    name: str
    table: ArchTable
    latency_ms: Floats
    report: DriftReport
    digest: str
    """Of the file's content: figures of another file are not taken for this one's."""

    @classmethod
    def read(cls, path: str | Path) -> "BenchData":
        """Reads a CSV and looks for shifted runs."""
        found = check_dataset(path)
        latency_ms = np.array([sample.total_ms for sample in found.samples])
        table = table_of_samples(found.samples)
        return cls(Path(path).stem, table, latency_ms, found.report, file_digest(path))

    def noise_floor_percent(self) -> float:
        """Mean absolute error that remains when only neighbouring rows are compared.

        ``mean |e_i - e_(i+1)| / sqrt(2)`` of the residuals: no slow drift is in it, so no model of
        the architecture alone gets far below it, and only one that knows the hour gets down to it.
        """
        good = self.report.residual_percent[~self.report.shifted()]
        return float(np.abs(np.diff(good)).mean() / np.sqrt(2))

    def same_rows_percent(self) -> float:
        """Mean absolute percentage error of a fit tested on its own rows, the unshifted ones.

        The linear model with all interactions by decoder depth and nothing held back: what it
        leaves over is not in the features, so no honest test can expect to do much better.
        """
        rows = np.flatnonzero(~self.report.shifted())
        table, latency_ms = self.table.take(rows), self.latency_ms[rows]
        fit = fit_linear(
            "depth-linear",
            table,
            latency_ms,
            choices=observed_choices(table),
            scales=Scales.of(table.features, latency_ms),
            rng=np.random.default_rng(0),
        )
        return evaluate(fit.predictor, table, latency_ms).mape_percent


@dataclass(frozen=True)
class BenchRow:
    """One predictor on one split."""

    method: str
    train_rows: int
    seed: int
    everything: Metrics
    unshifted: Metrics
    fit_seconds: float
    """CPU time, so that a shared machine does not spoil it."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields, ready for JSON."""
        return {
            **asdict(self),
            "everything": self.everything.to_dict(),
            "unshifted": self.unshifted.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str) -> "BenchRow":
        """Reads what ``to_dict`` wrote; ``where`` it stands is said in messages.

        Raises:
            DataError: if a figure is missing or cannot be.
        """
        fields = Fields(values, where)

        def metrics(part: str) -> Metrics:
            return Metrics.from_dict(fields.mapping(part), f"{where}: {part}")

        return cls(
            method=fields.text("method"),
            train_rows=fields.whole("train_rows", least=1),
            seed=fields.whole("seed"),
            everything=metrics("everything"),
            unshifted=metrics("unshifted"),
            fit_seconds=fields.number("fit_seconds", least=0),
        )


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
        settings=MlpSettings(),
    )


def auto_clean(data: BenchData, train: Rows, valid: Rows, seed: int) -> LatencyPredictor:
    """What ``latency_predictor.py`` does: shifted runs left out, robust loss, automatic choice."""
    del valid
    shifted = data.report.shifted()
    return _auto(data, train[~shifted[train]], seed, "robust")


def auto_average(data: BenchData, train: Rows, valid: Rows, seed: int) -> LatencyPredictor:
    """``--machine average``: the same fit, times how disturbed the machine was on average."""
    del valid
    shifted = data.report.shifted()[train]
    steady = _auto(data, train[~shifted], seed, "robust")
    left_out = train[shifted]
    return average_machine(steady, data.table.take(left_out), data.latency_ms[left_out])


def auto_squared(data: BenchData, train: Rows, valid: Rows, seed: int) -> LatencyPredictor:
    """``--keep-shifted --loss squared``: nothing is left out, and large errors count most."""
    del valid
    return _auto(data, train, seed, "squared")


def _auto(
    data: BenchData, rows: Rows, seed: int, loss: Literal["robust", "squared"]
) -> LatencyPredictor:
    table, latency_ms = data.table.take(rows), data.latency_ms[rows]
    lesson = Lesson.of(table, latency_ms, seed=seed, choices=observed_choices(data.table))
    return fit_auto(lesson, LinearSettings(loss=loss)).predictor


HAT_MLP = "HAT's MLP"
METHODS: dict[str, Fit] = {
    HAT_MLP: hat_mlp,
    "auto": auto_clean,
    "auto, average machine": auto_average,
    "auto, squared, all rows": auto_squared,
}


class BenchStore:
    """Figures that an earlier run left, by dataset, method, rows and seed; one JSON per line.

    Those of another version of hat are passed over: its methods may have been others.
    """

    def __init__(self, path: str | Path | None) -> None:
        """Reads ``path`` if it is there; ``None`` keeps nothing.

        Raises:
            DataError: if it is something else, or a figure in it cannot be.
        """
        self._path = None if path is None else Path(path)
        self._rows: dict[tuple[str, str, int, int], BenchRow] = {}
        if self._path is None or not self._path.exists():
            return
        found = read_objects(self._path, "a figure of an earlier benchmark", may_be_cut=True)
        for number, values in enumerate(found, start=1):
            where = f"{path}:{number}: is not what an earlier benchmark wrote"
            fields = Fields(values, where)
            digest, version = fields.text("digest"), fields.text("hat")
            if version == __version__:
                row = BenchRow.from_dict(values, where)
                self._rows[digest, row.method, row.train_rows, row.seed] = row
        repair_lines(self._path)

    def find(self, data: BenchData, method: str, size: int, seed: int) -> BenchRow | None:
        """Returns the figures if they are there."""
        return self._rows.get((data.digest, method, size, seed))

    def add(self, data: BenchData, row: BenchRow) -> None:
        """Keeps new figures, at once."""
        self._rows[data.digest, row.method, row.train_rows, row.seed] = row
        if self._path is not None:
            kept = {"digest": data.digest, "hat": __version__, **row.to_dict()}
            append_text(self._path, json.dumps(kept) + "\n")


def bench(
    data: BenchData, settings: BenchSettings, store: BenchStore | None = None
) -> Iterator[BenchRow]:
    """Yields every method at every training size on the splits of every seed.

    Args:
        data: the dataset.
        settings: splits; and whether HAT's MLP takes part, a fit of which takes a minute.
        store: figures of an earlier run, which are not worked out again.
    """
    store = store or BenchStore(settings.resume)
    for seed in range(settings.seeds):
        split = split_rows(np.arange(len(data.table)), seed)
        clean_test = split.test[~data.report.shifted()[split.test]]
        for method, fit in METHODS.items():
            if fit is hat_mlp and settings.without_mlp:
                continue
            sizes = [size for size in TRAIN_ROWS if size <= len(split.train)] or [len(split.train)]
            for size in sizes[:1] if fit is hat_mlp else sizes:
                row = store.find(data, method, size, seed)
                if row is None:
                    started = time.process_time()
                    predictor = fit(data, split.train[:size], split.valid, seed)
                    seconds = time.process_time() - started
                    row = BenchRow(
                        method=method,
                        train_rows=size,
                        seed=seed,
                        everything=_on(predictor, data, split.test),
                        unshifted=_on(predictor, data, clean_test),
                        fit_seconds=round(seconds, 4),
                    )
                    store.add(data, row)
                yield row


def _on(predictor: LatencyPredictor, data: BenchData, rows: Rows) -> Metrics:
    return evaluate(predictor, data.table.take(rows), data.latency_ms[rows])
