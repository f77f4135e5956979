"""Pictures of latency datasets and predictors, as PNG files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hat.arrays import Floats
from hat.files import replacing
from hat.latency.drift import DriftReport


def plot_shifts(path: str | Path, latency_ms: Floats, report: DriftReport, title: str) -> None:
    """Draws latency and its residual against the row, with the shifted runs shaded."""
    figure, (top, bottom) = _subplots(2, 1, figsize=(10, 6), sharex=True)
    rows = np.arange(len(latency_ms))
    shifted = report.shifted()
    for axes, values in ((top, latency_ms), (bottom, report.residual_percent)):
        axes.plot(rows[~shifted], values[~shifted], ".", markersize=3, color="tab:blue")
        axes.plot(rows[shifted], values[shifted], ".", markersize=3, color="tab:red")
        for run in report.runs:
            axes.axvspan(run.first_row - 0.5, run.last_row + 0.5, color="tab:red", alpha=0.12)
    for run in report.runs:
        bottom.annotate(
            f"{run.shift_percent:+.0f} %",
            ((run.first_row + run.last_row) / 2, 0.98),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="top",
            fontsize=8,
        )
    low, high = np.quantile(report.residual_percent, [0.002, 0.998])
    bottom.set_ylim(low - 5, high + 10)
    top.set_ylabel("latency [ms]")
    bottom.set_ylabel("off the robust fit [%]")
    bottom.set_xlabel("row, in the order of measurement")
    top.set_title(title, fontsize=10)
    _save(figure, path)


def plot_predictions(
    path: str | Path,
    measured_ms: Floats,
    predicted_ms: Floats,
    interval: tuple[float, float],
    title: str,
) -> None:
    """Draws predicted against measured latency, with the 90 % interval around the prediction."""
    figure, axes = _subplots(1, 1, figsize=(5.5, 5.5))
    ends = np.array([measured_ms.min() * 0.95, measured_ms.max() * 1.05])
    axes.plot(ends, ends, color="gray", linewidth=1)
    axes.fill_betweenx(
        ends,
        ends * (1 + interval[0]),
        ends * (1 + interval[1]),
        color="tab:blue",
        alpha=0.15,
        label="90 % interval",
    )
    axes.plot(measured_ms, predicted_ms, ".", markersize=5, color="tab:blue")
    axes.set_xlabel("measured [ms]")
    axes.set_ylabel("predicted [ms]")
    axes.set_title(title, fontsize=10)
    axes.legend(loc="upper left")
    _save(figure, path)


def _subplots(*shape: int, **options: Any) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt.subplots(*shape, **options)  # type: ignore[no-any-return]


def _save(figure: Any, path: str | Path) -> None:
    figure.tight_layout()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
    import matplotlib.pyplot as plt

    plt.close(figure)


def runs_text(report: DriftReport) -> Sequence[str]:
    """Returns one line per shifted run."""
    return [
        f"rows {run.first_row}-{run.last_row}: {run.num_rows} rows, {run.shift_percent:+.1f} %"
        for run in report.runs
    ]
