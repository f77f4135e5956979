"""What a comparison of predictors says, in Markdown."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hat.arrays import Floats
from hat.files import check_writable
from hat.latency.fit import check_each_once
from hat.latency.metrics import Metrics
from hat.latency.plots import runs_text
from hat.latency.predictors.regression import fit_prices
from hat.locks import locked
from hat.report.tables import markdown_table, places
from hat.signature import signature
from hat.studies.latency_bench import (
    HAT_MLP,
    METHODS,
    BenchData,
    BenchRow,
    BenchSettings,
    BenchStore,
    bench,
)

_FIGURES = (
    ("rmse_ms", "RMSE ms", 2),
    ("mape_percent", "MAPE %", 2),
    ("kendall_tau", "tau", 3),
    ("coverage_percent", "cov. %", 1),
)
"""Of ``Metrics``: the field, its title, digits."""


def report_bench(paths: Sequence[str | Path], settings: BenchSettings) -> dict[str, Any]:
    """Compares the predictors on each dataset; prints tables as they are done, then a verdict.

    Returns:
        The figures by dataset, and the signature.

    Raises:
        DataError: if a file is damaged, or holds the same as another.
        LockedError: if another process keeps its figures in the same file.
    """
    check_writable(settings.resume)
    with nullcontext() if settings.resume is None else locked(settings.resume):
        return _report_bench(paths, settings)


def _report_bench(paths: Sequence[str | Path], settings: BenchSettings) -> dict[str, Any]:
    datasets = _read(paths)
    # The first fit imports scikit-learn, which is not what is timed here.
    fit_prices(np.eye(3) + 1, np.ones(3))
    store = BenchStore(settings.resume)
    result, found_rows = {}, {}
    for data in datasets:
        print(f"\n### {data.name}\n")
        found = "; ".join(runs_text(data.report)) or "none"
        print(f"Shifted runs: {found}. Noise floor: {data.noise_floor_percent():.2f} %.\n")
        rows = list(bench(data, settings, store))
        print(bench_table(rows), flush=True)
        found_rows[data.name] = (data, rows)
        result[data.name] = {
            f"{row.method}|{row.train_rows}|{row.seed}": {
                "all": row.everything.to_dict(),
                "unshifted": row.unshifted.to_dict(),
                "fit_seconds": round(row.fit_seconds, 3),
            }
            for row in rows
        }
    print(f"\n### Summary\n\n{bench_summary(found_rows)}\n")
    digests = "+".join(data.digest for data in datasets)
    text = signature(stage="latency-bench", data=digests, seeds=settings.seeds)
    return {"bench": result, "signature": text}


def _read(paths: Sequence[str | Path]) -> list[BenchData]:
    """Reads datasets, each under a name of its own: figures are told apart by it."""
    check_each_once(paths)
    datasets = [BenchData.read(path) for path in paths]
    names = [data.name for data in datasets]
    return [
        data if names.count(data.name) == 1 else replace(data, name=str(path))
        for path, data in zip(paths, datasets, strict=True)
    ]


def bench_table(rows: Sequence[BenchRow]) -> str:
    """Returns a Markdown table: mean and standard deviation over the seeds."""
    titles = [f"{name}, {part}" for part in ("all", "unsh.") for _, name, _ in _FIGURES]
    lines = []
    for method, size in dict.fromkeys((row.method, row.train_rows) for row in rows):
        group = [row for row in rows if (row.method, row.train_rows) == (method, size)]
        cells = [method, str(size)]
        cells += figure_cells([row.everything for row in group])
        cells += figure_cells([row.unshifted for row in group])
        cells.append(f"{np.mean([row.fit_seconds for row in group]):.2f}")
        lines.append(cells)
    return markdown_table(lines, places("predictor", "rows", *titles, "fit, CPU s"))


def figure_cells(metrics: Sequence[Metrics]) -> list[str]:
    """Returns mean and standard deviation of RMSE, MAPE, tau and coverage, as text."""
    cells = []
    for name, _, digits in _FIGURES:
        values = np.array([getattr(one, name) for one in metrics])
        cells.append(f"{values.mean():.{digits}f} ± {values.std():.{digits}f}")
    return cells


def bench_summary(results: Mapping[str, tuple[BenchData, Sequence[BenchRow]]]) -> str:
    """Returns the verdict on each dataset: is HAT's MLP beaten, and how far is it to the floor?

    Args:
        results: dataset and figures by the dataset's name.
    """
    with_mlp = any(row.method == HAT_MLP for _, rows in results.values() for row in rows)
    parts = [_against_mlp(results)] if with_mlp else []
    return "\n\n".join([*parts, _against_floor(results)])


def _against_mlp(results: Mapping[str, tuple[BenchData, Sequence[BenchRow]]]) -> str:
    head = "All rows, largest training set: ours against HAT's MLP; seeds won of those both have."
    titles = [f"{name}, MLP|ours|seeds won".split("|") for name in ("RMSE ms", "MAPE %")]
    lines = []
    for name, (_, rows) in results.items():
        for method in METHODS:
            if method == HAT_MLP:
                continue
            cells, beaten = [name, method], []
            for field, label in (("rmse_ms", "RMSE"), ("mape_percent", "MAPE")):
                theirs, ours = _paired(rows, method, field)
                cells += [
                    f"{theirs.mean():.2f}",
                    f"{ours.mean():.2f}",
                    f"{int((ours < theirs).sum())} of {len(ours)}",
                ]
                beaten += [label] if ours.mean() < theirs.mean() else []
            lines.append([*cells, " and ".join(beaten) or "neither"])
    columns = places("dataset", "predictor", *titles[0], *titles[1], "HAT's MLP is beaten on")
    return f"{head}\n\n{markdown_table(lines, columns)}"


def _paired(rows: Sequence[BenchRow], method: str, field: str) -> tuple[Floats, Floats]:
    """The figure of HAT's MLP and of ``method``, (S,) each, on the seeds that both have."""
    theirs = {r.seed: getattr(r.everything, field) for r in rows if r.method == HAT_MLP}
    size = max(row.train_rows for row in rows if row.method == method)
    ours = {
        row.seed: getattr(row.everything, field)
        for row in rows
        if row.method == method and row.train_rows == size
    }
    both = sorted(theirs.keys() & ours.keys())
    return np.array([theirs[seed] for seed in both]), np.array([ours[seed] for seed in both])


def _against_floor(results: Mapping[str, tuple[BenchData, Sequence[BenchRow]]]) -> str:
    head = "Unshifted rows, `auto`: the error beside what the data allows, and how few rows do."
    columns = places(
        *("dataset", "MAPE %", "neighbours differ by %", "fitted and tested on the same rows %"),
        *("100 rows against the largest set", "coverage %, by rows"),
    )
    lines = []
    for name, (data, rows) in results.items():
        own = [row for row in rows if row.method == "auto"]
        sizes = sorted({row.train_rows for row in own}, reverse=True)
        mape = {size: _mean(own, size, "mape_percent") for size in sizes}
        worse = f"{100 * (mape[100] / mape[sizes[0]] - 1):+.1f} %" if 100 in mape else ""
        cover = ", ".join(f"{_mean(own, size, 'coverage_percent'):.1f}" for size in sizes)
        error = (mape[sizes[0]], data.noise_floor_percent(), data.same_rows_percent())
        lines.append((name, *(f"{percent:.2f}" for percent in error), worse, cover))
    return f"{head}\n\n{markdown_table(lines, columns)}"


def _mean(rows: Sequence[BenchRow], size: int, field: str) -> float:
    return float(np.mean([getattr(r.unshifted, field) for r in rows if r.train_rows == size]))
