"""What a comparison of predictors says, in Markdown."""

from collections.abc import Mapping, Sequence

import numpy as np

from hat.arrays import Floats
from hat.studies.latency_bench import HAT_MLP, METHODS, BenchData, BenchRow

_FIGURES = (
    ("rmse_ms", 2),
    ("mape_percent", 2),
    ("kendall_tau", 3),
    ("coverage_percent", 1),
)


def bench_table(rows: Sequence[BenchRow]) -> str:
    """Returns a Markdown table: mean and standard deviation over the seeds."""
    lines = [
        "| predictor | rows | RMSE ms, all | MAPE %, all | tau, all | cov. %, all "
        "| RMSE ms, unsh. | MAPE %, unsh. | tau, unsh. | cov. %, unsh. | fit, CPU s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for method, size in dict.fromkeys((row.method, row.train_rows) for row in rows):
        group = [row for row in rows if (row.method, row.train_rows) == (method, size)]
        cells = [method, str(size)]
        for part in ("everything", "unshifted"):
            for name, digits in _FIGURES:
                values = np.array([getattr(getattr(row, part), name) for row in group])
                cells.append(f"{values.mean():.{digits}f} ± {values.std():.{digits}f}")
        cells.append(f"{np.mean([row.fit_seconds for row in group]):.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def bench_summary(results: Mapping[str, tuple[BenchData, Sequence[BenchRow]]]) -> str:
    """Returns the verdict on each dataset: is HAT's MLP beaten, and how far is it to the floor?

    Args:
        results: dataset and figures by the dataset's name.
    """
    with_mlp = any(row.method == HAT_MLP for _, rows in results.values() for row in rows)
    parts = [_against_mlp(results)] if with_mlp else []
    return "\n\n".join([*parts, _against_floor(results)])


def _against_mlp(results: Mapping[str, tuple[BenchData, Sequence[BenchRow]]]) -> str:
    lines = [
        "All rows, largest training set: ours against HAT's MLP; seeds won of those both have.\n",
        "| dataset | predictor | RMSE ms, MLP | ours | seeds won | MAPE %, MLP | ours | seeds won |"
        " HAT's MLP is beaten on |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
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
            cells.append(" and ".join(beaten) or "neither")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


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
    lines = [
        "Unshifted rows, `auto`: the error beside what the data allows, and how few rows do.\n",
        "| dataset | MAPE % | neighbours differ by % | fitted and tested on the same rows % "
        "| 100 rows against the largest set | coverage %, by rows |",
        "|---|---|---|---|---|---|",
    ]
    for name, (data, rows) in results.items():
        own = [row for row in rows if row.method == "auto"]
        sizes = sorted({row.train_rows for row in own}, reverse=True)
        mape = {size: _mean(own, size, "mape_percent") for size in sizes}
        worse = f"{100 * (mape[100] / mape[sizes[0]] - 1):+.1f} %" if 100 in mape else ""
        cover = ", ".join(f"{_mean(own, size, 'coverage_percent'):.1f}" for size in sizes)
        lines.append(
            f"| {name} | {mape[sizes[0]]:.2f} | {data.noise_floor_percent():.2f} "
            f"| {data.same_rows_percent():.2f} | {worse} | {cover} |"
        )
    return "\n".join(lines)


def _mean(rows: Sequence[BenchRow], size: int, field: str) -> float:
    return float(np.mean([getattr(r.unshifted, field) for r in rows if r.train_rows == size]))
