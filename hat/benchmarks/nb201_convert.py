"""From the published files of NAS-Bench-201 and NATS-Bench to the CSV table of ``nb201``."""

import csv
import gzip
import io
import math
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from hat.benchmarks.nb201 import METRICS, run_column
from hat.benchmarks.nb201_files import PublishedFile
from hat.errors import ConfigError, DataError
from hat.files import replacing

_COSTS = ("num_params", "flops", "latency")


@dataclass(frozen=True)
class Nb201Conversion:
    """What ``convert_nb201`` found."""

    num_architectures: int
    num_cells: int | None
    """How many the source lists; ``None`` if it has no list."""

    num_runs: int
    """Training runs."""

    epochs: tuple[int, ...]
    seeds: tuple[int, ...]
    metrics: tuple[str, ...]

    def summary(self) -> dict[str, Any]:
        """For the last line of a command."""
        return {
            "architectures": self.num_architectures,
            "cells": self.num_cells,
            "trainings": self.num_runs,
            "epochs": list(self.epochs),
            "seeds": list(self.seeds),
            "metrics": list(self.metrics),
        }


def convert_nb201(
    source: str | Path, target: str | Path, *, progress: bool = False
) -> Nb201Conversion:
    """Converts NAS-Bench-201's or NATS-Bench's published file or folder to CSV.

    A line is an architecture, a column a metric of one training run; accuracies stay percent, as
    published, and keep every digit. What a run lacks stays empty. Memory holds one architecture and
    the table, whatever the size of the source. If anything is wrong, no file is left.

    Args:
        source: what ``PublishedFile`` reads.
        target: the ``.csv`` or ``.csv.gz`` to write; replaced only by a complete one.
        progress: whether to show a bar on stderr.

    Raises:
        ConfigError: if the target has another ending.
        DataError: if the source is not what it should be, or the target cannot be written.
    """
    if not str(target).endswith((".csv", ".csv.gz")):
        raise ConfigError(f"{target}: this table is written as .csv or .csv.gz")
    published = PublishedFile(Path(source))
    try:
        size = published.num_bytes
    except OSError as error:
        raise DataError(f"{source}: cannot be read: {error.strerror}") from None
    rows: list[tuple[int, str]] = []
    columns: dict[tuple[str, int, int], array[float]] = {}
    costs = {name: array("d") for name in _COSTS}
    num_runs = 0
    with tqdm(total=size, unit="B", unit_scale=True, disable=not progress, desc="convert") as bar:
        for entry in published.entries(bar.update):
            row = len(rows)
            rows.append((entry.index, entry.arch))
            for key, value in entry.runs.items():
                column = columns.setdefault(key, array("d"))
                column.extend([math.nan] * (row - len(column)))
                column.append(value)
            for name, found in costs.items():
                found.append(entry.costs.get(name, math.nan))
            num_runs += entry.num_runs
    for column in columns.values():
        column.extend([math.nan] * (len(rows) - len(column)))
    order = list(METRICS)
    keys = sorted(columns, key=lambda key: (order.index(key[0]), key[1:]))
    header = ["index", "arch", *_COSTS, *(run_column(*key) for key in keys)]
    numbers = [*costs.values(), *(columns[key] for key in keys)]
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(header)
    for row in sorted(range(len(rows)), key=rows.__getitem__):
        writer.writerow([*rows[row], *(_text(column[row]) for column in numbers)])
    _write(target, lines.getvalue())
    return Nb201Conversion(
        num_architectures=len(rows),
        num_cells=published.num_cells,
        num_runs=num_runs,
        epochs=tuple(sorted({epochs for _, epochs, _ in keys})),
        seeds=tuple(sorted({seed for *_, seed in keys})),
        metrics=tuple(dict.fromkeys(metric for metric, *_ in keys)),
    )


def _text(value: float) -> str:
    """As many digits as the number has; nothing for what was not measured."""
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() and value > 1000 else repr(value)


def _write(target: str | Path, text: str) -> None:
    data = text.encode()
    if str(target).endswith(".gz"):
        data = gzip.compress(data, mtime=0)
    try:
        with replacing(target) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise DataError(f"{target}: cannot be written: {error.strerror or error}") from None
