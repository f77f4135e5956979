"""From datasets to a predictor: joining files, leaving out disturbed rows, splitting, choosing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hat.arrays import Floats
from hat.errors import DataError
from hat.latency.drift import MIN_ROWS as MIN_ROWS_FOR_DRIFT
from hat.latency.drift import ShiftedRun, find_shifted_runs
from hat.latency.predictor import Scales, observed_choices
from hat.latency.predictors.kinds import LINEAR_KINDS
from hat.latency.predictors.linear import LinearFit, LinearPredictor, fit_linear
from hat.latency.samples import LAYER_COLUMNS, LatencySample, read_samples
from hat.latency.sidecar import common_workload, read_sidecar
from hat.latency.table import ArchTable, table_of_samples
from hat.latency.workload import Workload

Rows = NDArray[np.intp]

MIN_ROWS_PER_CHOICE = 2
"""The per-layer predictor learns a price for a choice from no fewer rows."""


@dataclass(frozen=True)
class Dataset:
    """Rows of one or several files, ready to learn from."""

    table: ArchTable
    latency_ms: Floats
    """(N,) encoder and decoder together."""

    choices: dict[str, list[int]]
    """The choices of the space that was sampled, or what the rows show of it."""

    workload: Workload | None
    device: str | None
    marked: Rows
    """Rows that the reference SubTransformer marked during measurement."""

    reference: dict[str, Any] | None = None
    """The reference SubTransformer's ``arch`` (HAT's keys), ``latency_ms`` and ``noise``."""

    runs: dict[str, tuple[ShiftedRun, ...]] = field(default_factory=dict)
    """Shifted runs found in each file."""

    shifted: Rows = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    """Rows of those runs, counted over all files."""

    def good_rows(self) -> Rows:
        """Returns the rows that are neither marked nor in a shifted run."""
        bad = np.union1d(self.marked, self.shifted)
        return np.setdiff1d(np.arange(len(self.table)), bad)


def load_datasets(paths: Sequence[str | Path], *, look_for_shifts: bool = True) -> Dataset:
    """Reads and joins latency datasets.

    Raises:
        DataError: if a file is damaged or two were measured under different workloads.
    """
    workload = common_workload(paths)
    samples: list[LatencySample] = []
    marked: list[int] = []
    shifted: list[int] = []
    runs: dict[str, tuple[ShiftedRun, ...]] = {}
    spaces: list[Mapping[str, list[int]]] = []
    device, reference = None, None
    for path in paths:
        start = len(samples)
        own = read_samples(path)
        samples += own
        trusted = [index for index, sample in enumerate(own) if sample.trusted]
        marked += [start + index for index, sample in enumerate(own) if not sample.trusted]
        if look_for_shifts and len(trusted) >= MIN_ROWS_FOR_DRIFT:
            runs[str(path)] = find_shifted_runs([own[index] for index in trusted]).runs
            for run in runs[str(path)]:
                inside = trusted[run.first_row : run.last_row + 1]
                shifted += [start + index for index in inside]
        sidecar = read_sidecar(path)
        if sidecar is not None:
            spaces.append(sidecar.facts.get("space", {}))
            device = sidecar.facts.get("device", {}).get("name")
            reference = sidecar.reference() or reference
    table = table_of_samples(samples)
    choices = _union([observed_choices(table), *spaces])
    return Dataset(
        table=table,
        latency_ms=np.array([sample.total_ms for sample in samples]),
        choices=choices,
        workload=workload,
        device=device,
        reference=reference,
        marked=np.array(marked, dtype=np.intp),
        runs=runs,
        shifted=np.array(shifted, dtype=np.intp),
    )


def _union(spaces: Sequence[Mapping[str, list[int]]]) -> dict[str, list[int]]:
    names = dict.fromkeys(name for space in spaces for name in space)
    return {
        name: sorted({value for space in spaces for value in space.get(name, [])}) for name in names
    }


@dataclass(frozen=True)
class Split:
    """Which rows train, validate and test: 80, 10 and 10 % as in HAT, drawn by a seed."""

    train: Rows
    valid: Rows
    test: Rows


def split_rows(rows: Rows, seed: int) -> Split:
    """Deals ``rows`` (N,) into 80 % training, 10 % validation and the rest for testing."""
    mixed = np.random.default_rng(seed).permutation(rows)
    train, valid = int(0.8 * len(rows)), int(0.1 * len(rows))
    return Split(mixed[:train], mixed[train : train + valid], mixed[train + valid :])


def fit_auto(
    table: ArchTable,
    latency_ms: Floats,
    *,
    choices: Mapping[str, list[int]],
    scales: Scales,
    seed: int,
    loss: str = "robust",
    kinds: Sequence[str] = LINEAR_KINDS,
) -> LinearFit:
    """Fits every kind that the rows allow and returns the one that cross-validates best.

    All kinds see the same folds.

    Args:
        table: N architectures.
        latency_ms: (N,) milliseconds.
        choices: the values that each decision can take.
        scales: what features and latency are divided by.
        seed: deals the folds.
        loss: ``robust`` or ``squared``, see ``fit_linear``.
        kinds: what to choose from.

    Raises:
        DataError: if there are too few rows, or none of the kinds fits the dataset.
    """
    fits = [
        fit_linear(
            kind,
            table,
            latency_ms,
            choices=choices,
            scales=scales,
            rng=np.random.default_rng(seed),
            loss=loss,
        )
        for kind in kinds
        if kind != "per-layer" or len(kinds) == 1 or _sees_all_choices(table, choices)
    ]
    if not fits:
        raise DataError("no kind of predictor fits this dataset")
    return min(fits, key=lambda fit: fit.cv_error_percent)


def average_machine(
    steady: LinearPredictor, table: ArchTable, latency_ms: Floats
) -> LinearPredictor:
    """Returns the predictor of a machine that is disturbed as often as the dataset was.

    No architecture tells whether it will meet a busy machine, so one number cannot be right on
    the quiet one and on average. What differs is a factor, the harmonic mean of measured over
    predicted: it minimises ``sum (measured - factor * predicted)^2 / (measured * predicted)``,
    squared errors of which each counts as much as its row is fast. The interval then has room for
    the disturbances.

    Args:
        steady: fitted to the undisturbed rows.
        table: the disturbed rows that were left out of that fit.
        latency_ms: (N,) their latency.
    """
    left_out = latency_ms / steady.predict_table(table)
    ratios = np.concatenate([1 + steady.residuals, left_out])
    factor = float(1 / np.mean(1 / ratios))
    residuals = np.sort(ratios / factor - 1)
    return replace(steady, prices=factor * steady.prices, residuals=residuals)


def _sees_all_choices(table: ArchTable, choices: Mapping[str, list[int]]) -> bool:
    if table.layers is None:
        return False
    return all(
        (table.layers[:, index] == value).any(axis=1).sum() >= MIN_ROWS_PER_CHOICE
        for index, name in enumerate(LAYER_COLUMNS)
        for value in choices[name]
    )
