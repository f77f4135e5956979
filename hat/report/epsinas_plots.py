"""Plots of scores without training: against the truth, against size, inside a search."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hat.arrays import Floats
from hat.files import replacing


def plot_scores(
    path: str | Path,
    *,
    score: Floats,
    truth: Floats,
    params: Floats,
    labels: tuple[str, str, str],
) -> None:
    """Writes two scatter plots side by side: score against truth and score against size.

    Args:
        path: where to write; the suffix decides the format.
        score: (N,); NaN is left out.
        truth: (N,).
        params: (N,); colours the points, on a logarithmic scale.
        labels: of the score, the truth and the size.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.colors import LogNorm

    shown = np.isfinite(score) & np.isfinite(truth)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    style = {"s": 5 if shown.sum() > 500 else 24, "linewidths": 0, "alpha": 0.7}
    norm = LogNorm(params[shown].min(), params[shown].max())
    points = left.scatter(
        truth[shown], score[shown], c=params[shown], norm=norm, cmap="viridis", **style
    )
    left.set(xlabel=labels[1], ylabel=labels[0])
    right.scatter(params[shown], score[shown], c=params[shown], norm=norm, cmap="viridis", **style)
    right.set(xlabel=labels[2], xscale="log")
    for axes in (left, right):
        axes.grid(color="0.9")
        axes.set_axisbelow(True)
    figure.colorbar(points, ax=right, label=labels[2])
    figure.suptitle(f"{int(shown.sum())} of {len(score)} architectures", fontsize=10)
    _save(figure, path)


def plot_searches(
    path: str | Path, curves: Mapping[str, Floats], *, label: str, bottom: float
) -> None:
    """Writes the best value so far against the number of trained models, median and quartiles.

    Args:
        path: where to write; the suffix decides the format.
        curves: name of a search -> (rounds, models).
        label: of the value.
        bottom: lower end of the axis, where the differences are.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.6), layout="constrained")
    for name, values in curves.items():
        models = np.arange(1, values.shape[1] + 1)
        low, median, high = np.percentile(values, [25, 50, 75], axis=0)
        (line,) = axes.plot(models, median, label=name)
        axes.fill_between(models, low, high, color=line.get_color(), alpha=0.12, linewidth=0)
    top = max(float(values.max()) for values in curves.values())
    axes.set(xlabel="trained models", ylabel=label, ylim=(bottom, top + 0.02 * (top - bottom)))
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.legend(loc="lower right", fontsize=9)
    _save(figure, path)


def _save(figure: "object", path: str | Path) -> None:
    from matplotlib import pyplot as plt
    from matplotlib.figure import Figure

    assert isinstance(figure, Figure)
    suffix = Path(path).suffix.lstrip(".") or "png"
    with replacing(path) as temporary:
        figure.savefig(temporary, format=suffix, dpi=150)
    plt.close(figure)
