"""The report of searches on a simulated budget: tables, curves over time, verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hat.arrays import Floats
from hat.benchmarks.base import TableBenchmark
from hat.report.document import Section, write_document
from hat.report.plots import Axes, Band, band_plot
from hat.report.tables import Column, csv_table, markdown_table, places, text_table
from hat.report.verdict import Judged, Runs, Verdict, compare, sample_std, verdict_text


@dataclass(frozen=True, kw_only=True)
class Run:
    """One algorithm with one seed."""

    algorithm: str
    seed: int
    num_models: int
    num_collisions: int
    spent_s: float
    best_id: str
    searched: float
    """The search metric of the best model."""

    reported: float
    """The report metric of the same model."""

    times_s: Floats
    """When each training finished, (N,)."""

    incumbents: Floats
    """The report metric of the best model so far at those times, (N,)."""


def step_values(times: Floats, values: Floats, grid: Floats) -> Floats:
    """Returns what was known at each time of ``grid`` (G,); ``nan`` before the first time."""
    places = np.searchsorted(times, grid, side="right") - 1
    return np.where(places >= 0, values[np.maximum(places, 0)], np.nan)


def _mean_of(field: str, runs: Sequence[Run]) -> float:
    return float(np.mean([getattr(run, field) for run in runs]))


def _std_of(field: str, runs: Sequence[Run]) -> float:
    return sample_std([getattr(run, field) for run in runs])


SUMMARY: tuple[Column[Sequence[Run]], ...] = (
    Column("algorithm ", lambda runs: runs[0].algorithm),
    Column("seeds", len),
    Column("models", partial(_mean_of, "num_models"), "6.0f"),
    Column("collisions", partial(_mean_of, "num_collisions"), ".0f"),
    Column("searched", partial(_mean_of, "searched"), ".4f"),
    Column("reported", partial(_mean_of, "reported"), ".4f"),
    Column("std", partial(_std_of, "reported"), ".4f"),
)

_RUN_COLUMNS: tuple[Column[Run], ...] = (
    Column("algorithm", lambda run: run.algorithm),
    Column("seed", lambda run: run.seed),
    Column("unique_models", lambda run: run.num_models),
    Column("collisions", lambda run: run.num_collisions),
    Column("simulated_s", lambda run: run.spent_s),
    Column("best", lambda run: run.best_id),
    Column("searched", lambda run: run.searched),
    Column("reported", lambda run: run.reported),
)


def summary_line(runs: Sequence[Run]) -> str:
    """One more line of the summary, under its header."""
    return text_table([runs], SUMMARY).splitlines()[1]


def by_algorithm(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Groups runs in the order of their first appearance."""
    return {
        name: [run for run in runs if run.algorithm == name]
        for name in dict.fromkeys(run.algorithm for run in runs)
    }


def write_report(
    folder: Path,
    runs: Sequence[Run],
    table: TableBenchmark[Any],
    *,
    reported: str,
    budget_s: float,
    signature: str,
) -> list[Path]:
    """Writes ``report.md``, its plot and its tables.

    Args:
        folder: gets the files.
        runs: all algorithms and seeds.
        table: the benchmark.
        reported: the metric that is reported.
        budget_s: simulated seconds that every run had.
        signature: everything that decided the outcome.

    Returns:
        The files, the report first.
    """
    groups = by_algorithm(runs)
    num_seeds = max(map(len, groups.values()))
    grid = np.linspace(0, budget_s, 201)[1:]
    bands = {
        name: Band(
            x=grid, runs=np.array([step_values(r.times_s, r.incumbents, grid) for r in mine])
        )
        for name, mine in groups.items()
    }
    better_high = table.metrics[reported].higher_is_better
    column = table.column(reported)
    best = float(np.nanmax(column) if better_high else np.nanmin(column))
    best_name = f"{reported.replace('_', ' ')} of the best so far"
    axes = Axes(x="simulated training time [s]", y=best_name)
    rows = [
        (name, float(x), float(np.nanmedian(values)), *np.nanquantile(values, [0.25, 0.75]))
        for name, band in bands.items()
        for x, values in zip(band.x, band.runs.T, strict=True)
        if not np.isnan(values).all()
    ]
    curves = places("algorithm", "simulated_s", "median", "quartile_25", "quartile_75")
    sections = [
        Section(
            title="Best so far",
            text=f"Median and quartiles over {num_seeds} seeds. Best of the table: {best:.5f}.",
            table=markdown_table(list(groups.values()), SUMMARY),
            csv=("curves.csv", csv_table(rows, curves)),
            plot=(
                "best_so_far.png",
                partial(band_plot, bands=bands, axes=axes, lines={"best of the table": best}),
            ),
        ),
        Section(title="Runs", csv=("runs.csv", csv_table(runs, _RUN_COLUMNS))),
    ]
    verdicts = _verdicts(groups, reported, better_high)
    if verdicts:
        sections.insert(1, Section(title="Was it worth it?", text=verdict_text(verdicts)))
    sections.append(Section(title="Facts", text=f"Signature: `{signature}`"))
    return write_document(folder, f"Search on {table.name} in simulated time", sections)


def _verdicts(groups: dict[str, list[Run]], reported: str, better_high: bool) -> list[Verdict]:
    """Compares every algorithm with random search, if that ran."""

    def of(name: str) -> Runs:
        mine = groups[name]
        return Runs(
            name=name,
            scores=tuple(run.reported for run in mine),
            num_evaluations=round(_mean_of("num_models", mine)),
        )

    if "random" not in groups:
        return []
    # The tables hold networks after their training.
    judged = Judged(name=reported, higher_is_better=better_high, trained=True)
    return [compare(of(name), of("random"), judged) for name in groups if name != "random"]
