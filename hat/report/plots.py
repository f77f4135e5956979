"""Plots as PNG files, each written whole or not at all. Drawn without a display."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hat.arrays import Floats
from hat.files import replacing


@dataclass(frozen=True, kw_only=True)
class Axes:
    """What stands along a plot."""

    x: str
    y: str
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Band:
    """Several runs on one grid: drawn as their median and the range between two quantiles."""

    x: Floats
    """(N,)"""

    runs: Floats
    """(R, N); ``nan`` where a run has no value yet."""


@dataclass(frozen=True, kw_only=True)
class Front:
    """A cloud of candidates, the best of them, and what they are compared with."""

    points: Floats
    """(N, 2): cost and score of every candidate."""

    front: Floats
    """(F, 2): those that no other beats, by increasing cost."""

    marks: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Named points, such as the winner and the baselines; the first is the largest."""

    budget: float | None = None
    """Where the budget line stands."""


def band_plot(
    path: str | Path,
    bands: Mapping[str, Band],
    axes: Axes,
    *,
    quantiles: tuple[float, float] = (0.25, 0.75),
    lines: Mapping[str, float] | None = None,
) -> None:
    """Draws the median of each group of runs with a band around it.

    Args:
        path: the PNG to write.
        bands: runs by name.
        axes: titles.
        quantiles: lower and upper edge of the band.
        lines: horizontal lines by name, such as the optimum.
    """
    figure, plot = _figure(axes)
    drawn = list((lines or {}).values())
    for name, band in bands.items():
        known = ~np.isnan(band.runs).all(axis=0)
        x, runs = band.x[known], band.runs[:, known]
        edges = np.nanquantile(runs, (quantiles[0], 0.5, quantiles[1]), axis=0)
        (line,) = plot.plot(x, edges[1], drawstyle="steps-post", label=name)
        if len(runs) > 1:
            shade = {"color": line.get_color(), "alpha": 0.2, "linewidth": 0, "step": "post"}
            plot.fill_between(x, edges[0], edges[2], **shade)
        drawn += edges[:, len(x) // 20 :].ravel().tolist()
    for name, height in (lines or {}).items():
        plot.axhline(height, linestyle="--", color="grey", label=name)
    # The first twentieth is far from the end and would squeeze the rest into a line.
    margin = 0.05 * (max(drawn) - min(drawn)) if drawn else 0.0
    if margin:
        plot.set_ylim(min(drawn) - margin, max(drawn) + margin)
    plot.legend(loc="upper left", bbox_to_anchor=(1.01, 1))  # inside it would cover a band
    _save(figure, path)


def front_plot(path: str | Path, front: Front, axes: Axes) -> None:
    """Draws candidates by cost and score with their front, named points and a budget line."""
    figure, plot = _figure(axes)
    if len(front.points):
        plot.scatter(*front.points.T, s=8, color="lightgrey", label="candidates")
    if len(front.front):
        # A staircase: between two points of a front, the cheaper one is what can be had.
        plot.plot(
            *front.front.T,
            "o-",
            markersize=4,
            drawstyle="steps-post",
            color="tab:blue",
            label="front",
        )
    markers = "*sD^vPX"
    for place, (name, (x, y)) in enumerate(front.marks.items()):
        plot.scatter(
            [x],
            [y],
            s=180 if place == 0 else 60,
            marker=markers[place % len(markers)],
            label=name,
            edgecolor="black",
            zorder=3,
        )
    if front.budget is not None:
        plot.axvline(front.budget, linestyle="--", color="tab:red", label="budget")
    plot.legend()
    _save(figure, path)


def scatter_plot(path: str | Path, x: ArrayLike, y: ArrayLike, axes: Axes) -> None:
    """Draws points (N,) by (N,)."""
    figure, plot = _figure(axes)
    plot.scatter(np.asarray(x), np.asarray(y), s=10, alpha=0.6)
    _save(figure, path)


def best_so_far(values: Sequence[float] | Floats, *, higher_is_better: bool) -> Floats:
    """Returns the running best (N,); ``nan`` until the first value that is a number."""
    array = np.asarray(values, dtype=np.float64)
    running = np.fmax if higher_is_better else np.fmin
    return np.asarray(running.accumulate(array), dtype=np.float64)


def _figure(axes: Axes) -> tuple[Any, Any]:
    from matplotlib.figure import Figure  # slow to import, and most of hat never draws

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    plot = figure.add_subplot()
    plot.set(xlabel=axes.x, ylabel=axes.y, title=axes.title)
    plot.grid(alpha=0.3)
    return figure, plot


def _save(figure: Any, path: str | Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)
