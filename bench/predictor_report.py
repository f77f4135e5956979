"""Tables and plots of ``bench/predictor.py``, as Markdown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hat.files import write_text
from hat.report.plots import Axes, Band, band_plot, scatter_plot
from hat.report.tables import Column, markdown_table
from hat.report.verdict import Judged, Runs, compare

Job = dict[str, Any]

_ORDER = ("gcn", "gcn + classifier", "gcn ensemble", "gcn as published", "boosting", "linear")
_FINDERS = ("predictor", "ageing evolution", "random search")


def write_report(folder: Path, done: Sequence[Job]) -> None:
    """Writes ``neural_predictor_tables.md`` and its plots from finished runs."""
    parts = ["# Tables of the neural predictor", "", "Written by `bench/predictor.py`.", ""]
    for name in dict.fromkeys(job["table"] for job in done):
        runs = [job for job in done if job["table"] == name]
        parts += [f"## {name}: ranking", "", _ranking(runs), ""]
        parts += _classifier(runs)
        parts += [f"## {name}: selection", "", _selection(runs, name), ""]
        parts += _plots(folder, runs, name)
    parts += _cross_validation(done)
    write_text(folder / "neural_predictor_tables.md", "\n".join(parts).rstrip() + "\n")


def _groups(runs: Sequence[Job], kind: str, *keys: str) -> dict[tuple[Any, ...], list[Job]]:
    groups: dict[tuple[Any, ...], list[Job]] = {}
    for job in sorted(runs, key=lambda job: job["seed"]):
        if job["kind"] == kind:
            groups.setdefault(tuple(job[key] for key in keys), []).append(job["result"])
    return groups


def _mean_std(results: Sequence[Job], name: str, digits: int = 3) -> str:
    values = [result[name] for result in results if result.get(name) is not None]
    if not values:
        return "-"
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"


def _ranking(runs: Sequence[Job]) -> str:
    groups = _groups(runs, "rank", "size", "method")
    for (size, method), found in list(groups.items()):
        if method == "classifier":
            groups[size, "gcn + classifier"] = groups.pop((size, method))
            groups[size, "gcn"] = [result["without"] for result in found]
    rows = sorted(groups.items(), key=lambda row: (row[0][0], _ORDER.index(row[0][1])))

    def column(title: str, name: str, digits: int = 3) -> Column[Any]:
        return Column(title, lambda row: _mean_std(row[1], name, digits))

    columns: list[Column[Any]] = [
        Column("cells", lambda row: row[0][0]),
        Column("predictor", lambda row: row[0][1]),
        Column("seeds", lambda row: len(row[1])),
        column("tau, all others", "tau"),
        column("MSE, all others", "mse", 2),
        column("MSE, above 80%", "mse_80", 2),
        column("tau, above 91%", "tau_91"),
        column("MSE, above 91%", "mse_91", 2),
        column("tau of spread and error", "std_tau"),
        column("training, CPU s", "fit_s", 1),
    ]
    return markdown_table(rows, columns)


def _classifier(runs: Sequence[Job]) -> list[str]:
    groups = _groups(runs, "rank", "size", "method")
    rows = [(key, found) for key, found in sorted(groups.items()) if "accepted" in found[0]]
    if not rows:
        return []

    def column(title: str, name: str) -> Column[Any]:
        return Column(title, lambda row: _mean_std(row[1], name))

    columns: list[Column[Any]] = [
        Column("cells", lambda row: row[0][0]),
        column("right", "classifier_accuracy"),
        column("accepted", "accepted"),
        column("truly good", "good_share"),
    ]
    return ["First stage, over all other cells:", "", markdown_table(rows, columns), ""]


def _selection(runs: Sequence[Job], name: str) -> str:
    rows = sorted(_groups(runs, "find", "size", "verified").items())

    def column(finder: str, key: str, title: str) -> Column[Any]:
        def cell(row: Any) -> str:
            return _mean_std([{key: 100 * result[finder][key]} for result in row[1]], key, 2)

        return Column(title, cell)

    def gain(rival: str) -> Column[Any]:
        def cell(row: Any) -> str:
            ours, theirs = (
                Runs(name=finder, scores=tuple(100 * r[finder]["searched"] for r in row[1]))
                for finder in (_FINDERS[0], rival)
            )
            judged = Judged(name="", higher_is_better=True, trained=True)
            found = compare(ours, theirs, judged)
            return f"{found.gain:+.2f} ({found.low:+.2f}, {found.high:+.2f})"

        return Column(f"gain over {rival}, 95%", cell)

    unit = "s of training" if name == "nasbench101" else "trainings"
    columns: list[Column[Any]] = [
        Column("trained on", lambda row: row[0][0]),
        Column("verified", lambda row: row[0][1]),
        Column("seeds", lambda row: len(row[1])),
        Column(f"budget, {unit}", lambda row: f"{np.mean([r['budget'] for r in row[1]]):.4g}"),
        *(column(finder, "searched", finder) for finder in _FINDERS),
        *(gain(finder) for finder in _FINDERS[1:]),
    ]
    if any(r[f]["searched"] != r[f]["reported"] for row in rows for r in row[1] for f in _FINDERS):
        columns += [column(finder, "reported", f"{finder}, reported") for finder in _FINDERS]
    return markdown_table(rows, columns)


def _plots(folder: Path, runs: Sequence[Job], name: str) -> list[str]:
    parts = []
    for job in runs:
        if job["kind"] == "rank" and "scatter" in job["result"] and job["size"] == 172:
            truth, found = (np.array(column) * 100 for column in job["result"]["scatter"])
            file = f"neural_predictor_{name}_scatter.png"
            shown = truth > 80
            title = f"{name}: trained on 172, seed 0, cells above 80%"
            axes = Axes(x="accuracy, %", y="predicted accuracy, %", title=title)
            scatter_plot(folder / file, truth[shown], found[shown], axes)
            parts += [f"![{title}]({file})", ""]
    curves: dict[str, list[np.ndarray]] = {}
    for job in runs:
        if job["kind"] == "find" and "curve" in job["result"]["predictor"]:
            for finder in _FINDERS:
                curves.setdefault(finder, []).append(np.array(job["result"][finder]["curve"]))
            size, verified = job["size"], job["verified"]
    if curves:
        file = f"neural_predictor_{name}_selection.png"
        unit = "simulated training, s" if name == "nasbench101" else "trainings"
        title = f"{name}: {size} cells to learn from, then the {verified} most promising"
        accuracy = "validation accuracy" if name == "nasbench101" else "CIFAR-100 test accuracy"
        axes = Axes(x=unit, y=f"{accuracy} of the best so far, %", title=title)
        end = float(np.mean([r["budget"] for r in _largest(runs)]))
        band_plot(folder / file, _bands(curves, end), axes)
        parts += [f"![{title}]({file})", ""]
    return parts


def _largest(runs: Sequence[Job]) -> list[Job]:
    """The results with curves."""
    finds = [job["result"] for job in runs if job["kind"] == "find"]
    return [result for result in finds if "curve" in result["predictor"]]


def _bands(curves: dict[str, list[np.ndarray]], end: float) -> dict[str, Band]:
    grid = np.linspace(end / 20, end, 300)

    def on_grid(curve: np.ndarray) -> np.ndarray:
        best = np.append(np.nan, curve[:, 1] * 100)
        return np.asarray(best[np.searchsorted(curve[:, 0], grid, side="right")])

    return {
        name: Band(x=grid, runs=np.stack([on_grid(curve) for curve in found]))
        for name, found in curves.items()
    }


def _cross_validation(done: Sequence[Job]) -> list[str]:
    results = [job["result"] for job in done if job["kind"] == "choose"]
    if not results:
        return []
    rows = []
    for name in results[0]["folds"]:
        folds = np.concatenate([result["folds"][name][:-1] for result in results])
        mse = float(np.mean([result["folds"][name][-1] for result in results])) * 1e4
        times = sum(result["chosen"] == name for result in results)
        rows.append((name, float(folds.mean()), float(folds.std(ddof=1)), mse, times))
    columns: list[Column[Any]] = [
        Column("setting", lambda row: row[0]),
        Column("tau within the folds", lambda row: f"{row[1]:.3f} ± {row[2]:.3f}"),
        Column("MSE", lambda row: row[3], ".2f"),
        Column("chosen", lambda row: row[4]),
    ]
    chosen = [result["judged"][result["chosen"]] for result in results]
    default = [result["judged"]["default"] for result in results]
    return [
        "## Cross-validation",
        "",
        f"Three folds of each of {len(results)} training sets of 172 cells, drawn by seeds from "
        "1000, one network each:",
        "",
        markdown_table(rows, columns),
        "",
        f"Trained on all 172 and judged on all other cells, what was chosen reaches tau "
        f"{_mean_std(chosen, 'tau')}, the default {_mean_std(default, 'tau')}.",
        "",
    ]
