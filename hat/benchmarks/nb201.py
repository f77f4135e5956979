"""NAS-Bench-201, the topology space of NATS-Bench: all 15,625 cells (arXiv 2009.00437).

Read from a table in CSV; a cell's identifier is its string. ``hat nasbench convert`` makes such a
table of the published files.
"""

import re
from collections.abc import Sequence

import numpy as np

from hat.arch.nb201_cell import Nb201Cell, parse_nb201
from hat.arrays import Floats
from hat.benchmarks.base import Metric, TableBenchmark, TableSettings
from hat.benchmarks.row_checks import COUNT, PERCENT, PLACE, SECONDS, Range
from hat.csv_reader import CsvRows, distinct
from hat.errors import DataError

EPOCHS = 200
"""Length of the training behind an accuracy whose column does not say."""

_ACCURACY = Metric("fraction", higher_is_better=True)
_TIME = Metric("s", higher_is_better=False)

METRICS = {
    "cifar10_test_accuracy": _ACCURACY,
    "cifar100_test_accuracy": _ACCURACY,
    "num_params": Metric("count", higher_is_better=False),
    "epsinas_cifar10_reference": Metric("", higher_is_better=True),
    "cifar10_valid_validation_accuracy": _ACCURACY,
    "cifar10_valid_test_accuracy": _ACCURACY,
    "cifar100_validation_accuracy": _ACCURACY,
    "imagenet16_120_validation_accuracy": _ACCURACY,
    "imagenet16_120_test_accuracy": _ACCURACY,
    "cifar10_valid_training_time": _TIME,
    "cifar10_training_time": _TIME,
    "cifar100_training_time": _TIME,
    "imagenet16_120_training_time": _TIME,
    "flops": Metric("count", higher_is_better=False),
    "latency": _TIME,
}
"""Data set that was trained on, then what was measured. ``cifar10_valid`` is CIFAR-10's training
set cut in two halves, to learn from and to validate on; ``cifar10`` is all of it."""

_RANGES: dict[str, Range] = {"fraction": PERCENT, "s": SECONDS, "count": COUNT}
_RUN = re.compile(r"(?P<metric>\w+)@(?P<epochs>[1-9][0-9]*):(?P<seed>[0-9]+)")


def run_column(metric: str, epochs: int, seed: int) -> str:
    """The column of one training run: ``cifar10_test_accuracy@200:777``."""
    return f"{metric}@{epochs}:{seed}"


class NasBench201(TableBenchmark[Nb201Cell]):
    """CSV with the column ``arch`` and any of ``METRICS``; percentages become fractions.

    A metric stands in one column, for the mean of all runs of 200 epochs, or in one column for each
    length and seed of training; see ``run_column``. A column ``index`` is the benchmark's number of
    the cell. The reference scores of epsinas (arXiv 2302.04406) are nan where its authors got no
    finite one.
    """

    @classmethod
    def build(cls, settings: TableSettings) -> "NasBench201":
        """Loads the table.

        Raises:
            DataError: if the file cannot be read, lacks a column, or a row holds what cannot be;
                with the line.
            ConfigError: if a string is no cell; with the line.
        """
        rows = CsvRows.read(settings.path, columns=["arch"])
        rows.need_rows("architectures")
        columns = _columns(rows)
        cells = [parse_nb201(text, where) for text, where in rows.column("arch")]
        ids = distinct(zip(map(str, cells), rows.places, strict=True), "cell")
        if "index" in rows.header:
            rows.distinct("index")
            PLACE.check(rows.numbers("index"), "index", rows.places.__getitem__)
        runs = [run for found in columns.values() for run in found if run]
        means = [m for m, found in columns.items() if None in found and METRICS[m] is _ACCURACY]
        epochs = sorted({epochs for epochs, _ in runs} | ({EPOCHS} if means or not runs else set()))
        seeds = sorted({seed for _, seed in runs}) or [0]
        values = {
            metric: _values(rows, metric, found, epochs, seeds) for metric, found in columns.items()
        }
        percent = [metric for metric in values if METRICS[metric] is _ACCURACY]
        _check_percent(settings, [values[metric] for metric in percent])
        return cls(
            name="nasbench201",
            ids=ids,
            arch_at=cells.__getitem__,
            metrics={metric: METRICS[metric] for metric in values},
            values={m: v / 100 if m in percent else v for m, v in values.items()},
            epochs=epochs,
            seeds=seeds,
            id_of=str,
            files=[settings.path],
        )


_Run = tuple[int, int] | None
"""Epochs and seed that a column speaks of; ``None`` is the mean of all runs of 200 epochs."""


def _columns(rows: CsvRows) -> dict[str, list[_Run]]:
    """The metrics that the table has, with the columns of each."""
    found: dict[str, list[_Run]] = {metric: [] for metric in METRICS}
    for name in rows.header:
        if name in METRICS:
            found[name].append(None)
        elif (run := _RUN.fullmatch(name)) and run["metric"] in METRICS:
            found[run["metric"]].append((int(run["epochs"]), int(run["seed"])))
    found = {metric: columns for metric, columns in found.items() if columns}
    if not found:
        raise DataError(
            f"{rows.path}: has no column of NAS-Bench-201's values, such as "
            f"'cifar10_test_accuracy' or {run_column('cifar10_test_accuracy', 200, 777)!r}; "
            f"the columns are {rows.header!s:.500}"
        )
    for metric, columns in found.items():
        if len(set(columns)) < len(columns) or (None in columns and len(columns) > 1):
            raise DataError(
                f"{rows.path}: {metric} must stand in one column, or in one for each run, "
                f"but found {[n for n in rows.header if n.partition('@')[0] == metric]}"
            )
    return found


def _values(
    rows: CsvRows, metric: str, runs: Sequence[_Run], epochs: Sequence[int], seeds: Sequence[int]
) -> Floats:
    """What a metric was measured to be: (N,), or (N, epochs, seeds) where runs are told apart."""
    limits = _RANGES.get(METRICS[metric].unit)
    values: Floats = np.full((len(rows), len(epochs), len(seeds)), np.nan)
    for run in runs:
        name = metric if run is None else run_column(metric, *run)
        column = rows.numbers(name)
        if limits is not None:
            limits.check(column, name, rows.places.__getitem__)
        if run is None and METRICS[metric] is not _ACCURACY:
            return column
        at, seed = run or (EPOCHS, None)
        places: int | slice = slice(None) if seed is None else seeds.index(seed)
        target = values[:, epochs.index(at), places]
        target[...] = column.reshape(-1, *[1] * (target.ndim - 1))
    return values


def _check_percent(settings: TableSettings, accuracies: Sequence[Floats]) -> None:
    """Tells fractions, whose hundredth would be taken, from the percentages of the benchmark."""
    largest = max((np.nanmax(a, initial=0) for a in accuracies), default=100.0)
    if 0 < largest <= 1:
        raise DataError(
            f"{settings.path}: accuracies must be percent between 0 and 100, but none is above "
            f"{largest:g}: they look like fractions"
        )
