"""The report at the end of a search: what it found, how, and against whom."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol

import numpy as np

from hat.arrays import Floats
from hat.numerals import number_of
from hat.report.document import Section, write_document
from hat.report.plots import Axes, Band, Front, band_plot, best_so_far, front_plot
from hat.report.tables import Column, csv_table, markdown_table
from hat.report.verdict import Verdict, verdict_text
from hat.search.base import A, SearchResult, Trial
from hat.search.deliver import Delivery
from hat.search.pareto import non_dominated


@dataclass(frozen=True, kw_only=True)
class SearchStory(Generic[A]):
    """Everything a search report tells. Only the result and the budgets are a must."""

    result: SearchResult[A]
    budgets: Mapping[str, float]
    """By the name of the limit; the first is the x axis of the front."""

    deliveries: Sequence[Delivery[A]] = ()
    """The measured finalists, the winner first."""

    baselines: Mapping[str, Trial[A]] = field(default_factory=dict)
    """Named architectures to compare with, scored like all others."""

    verdicts: Sequence[Verdict] = ()
    runs: Mapping[str, Sequence[SearchResult[A]]] = field(default_factory=dict)
    """What competed, by name, a result per seed; drawn in place of this search alone."""

    extra: Sequence[Section] = ()
    """Further sections, such as rank correlations of scorers or BLEU after retraining."""

    describe: Callable[[A], str] = str
    """The winner in text; shown as a code block."""


_SCORE_ONLY = (
    "These sentences are about the score that the search went by. Whether the search was worth "
    "its cost is said by BLEU after retraining (`--retrain-top`) alone."
)


def write_search_report(folder: str | Path, story: SearchStory[A], *, title: str) -> list[Path]:
    """Writes ``report.md`` with ``convergence``, ``front`` and tables as PNG and CSV.

    Returns:
        The files written, the report first.

    Raises:
        SearchError: if the search could not score a single candidate.
    """
    sections = [_winner(story)]
    if story.verdicts:
        sections.append(_contest(story))
    sections += [_convergence(story), *_front(story), *story.extra, _facts(story.result)]
    return write_document(folder, title, sections)


_HELD = "what the search held against its budget: of a predictor the upper bound, not the mean"
_COLUMNS = f"*Predicted* is {_HELD}. *At most* is the 95 % bound of the mean that was measured."


def _winner(story: SearchStory[A]) -> Section:
    result = story.result
    sign = -1.0 if result.higher_is_better[0] else 1.0
    if story.deliveries:
        arch = story.deliveries[0].arch
        columns: list[Column[Delivery[A]]] = [
            Column("finalist", lambda d: story.deliveries.index(d) + 1),
            Column(result.objective_names[0], lambda d: sign * d.objective, ".5g"),
        ]
        for name in story.budgets:
            columns += [
                Column(f"{name} predicted", partial(_value, "predicted", name)),
                Column(f"{name} measured", partial(_value, "measured", name)),
                Column(f"{name} at most", partial(_value, "upper", name)),
                Column(f"{name} budget", partial(_value, "budget", name)),
            ]
        columns += [
            Column("fits", lambda d: "yes" if d.fits else "no"),
            Column("changes", lambda d: d.num_changes),
        ]
        table = markdown_table(story.deliveries, columns)
        config: Column[Delivery[A]] = Column("config", lambda d: story.describe(d.arch))
        numbers = ("finalists.csv", csv_table(story.deliveries, [*columns, config]))
    else:
        best = result.best()
        arch, table, numbers = best.arch, _trial_table(story, {"winner": best}), None
    text = f"```\n{story.describe(arch)}\n```" + (f"\n\n{_COLUMNS}" if numbers else "")
    return Section(title="The winner", text=text, table=table, csv=numbers)


def _value(kind: str, name: str, delivery: Delivery[Any]) -> float | None:
    values: Mapping[str, float] = getattr(delivery, kind)
    return values.get(name)


def _contest(story: SearchStory[A]) -> Section:
    columns: list[Column[Verdict]] = [
        Column("baseline", lambda v: v.baseline.name),
        Column("seeds", lambda v: len(v.baseline.scores)),
        Column("evaluations", lambda v: v.baseline.num_evaluations),
        Column("baseline mean", lambda v: v.baseline.mean),
        Column("baseline std", lambda v: v.baseline.std, ".2g"),
        Column("search seeds", lambda v: len(v.ours.scores)),
        Column("search mean", lambda v: v.ours.mean),
        Column("search std", lambda v: v.ours.std, ".2g"),
        Column("gain", lambda v: v.gain, "+.3g"),
        Column("95% low", lambda v: v.low, "+.3g"),
        Column("95% high", lambda v: v.high, "+.3g"),
    ]
    return Section(
        title="Against simpler choices",
        text=f"{verdict_text(story.verdicts)}\n\n{_SCORE_ONLY}",
        table=markdown_table(story.verdicts, columns),
        csv=("contest.csv", csv_table(story.verdicts, columns)),
    )


def _convergence(story: SearchStory[A]) -> Section:
    result = story.result
    scores = [result.score(trial) for trial in result.trials]
    best = _best_of(result)
    count = np.arange(1, len(scores) + 1, dtype=np.float64)
    name = result.objective_names[0]
    rows = list(zip(count, (t.round for t in result.trials), scores, best, strict=True))
    columns: list[Column[Any]] = [
        Column("candidate", lambda row: int(row[0])),
        Column("round", lambda row: row[1]),
        Column(name, lambda row: float(row[2])),
        Column(f"best {name}", lambda row: float(row[3])),
    ]
    axes = Axes(x="candidates scored", y=f"best {name} so far")
    bands = {
        label: _band(runs) for label, runs in (story.runs or {"this search": [result]}).items()
    }
    seeds = max(len(runs) for runs in story.runs.values()) if story.runs else 1
    return Section(
        title="Convergence",
        text=f"Median and quartiles of {seeds} seeds." if seeds > 1 else "",
        csv=("convergence.csv", csv_table(rows, columns)),
        plot=("convergence.png", partial(band_plot, bands=bands, axes=axes)),
    )


def _best_of(result: SearchResult[A]) -> Floats:
    """The best score after each candidate, (N,)."""
    scores = [result.score(trial) for trial in result.trials]
    return best_so_far(scores, higher_is_better=result.higher_is_better[0])


def _band(results: Sequence[SearchResult[A]]) -> Band:
    """Runs of equal length: one that ended early keeps what it had found."""
    curves = [_best_of(result) for result in results]
    length = max(map(len, curves))
    runs = np.array([np.pad(curve, (0, length - len(curve)), mode="edge") for curve in curves])
    return Band(x=np.arange(1, length + 1, dtype=np.float64), runs=runs)


def _front(story: SearchStory[A]) -> list[Section]:
    """The first budget's cost against the score, and what is compared; nothing without a cost."""
    result, cost = story.result, next(iter(story.budgets), "")
    trials = [t for t in result.trials if t.is_scored and cost in t.costs]
    if not trials:
        return []
    values = np.array([(t.costs[cost], t.objectives[0]) for t in trials])
    on_front = [trials[i] for i in np.flatnonzero(non_dominated(values))]
    on_front = sorted({t.arch: t for t in on_front}.values(), key=lambda t: t.costs[cost])

    def points(some: Sequence[Trial[A]]) -> np.ndarray:
        return np.array([(t.costs[cost], result.score(t)) for t in some])

    named = {"winner": _winning_trial(story), **story.baselines}
    marks = {
        name: (trial.costs[cost], result.score(trial))
        for name, trial in named.items()
        if cost in trial.costs
    }
    front = Front(
        points=points(trials), front=points(on_front), marks=marks, budget=story.budgets[cost]
    )
    axes = Axes(x=cost, y=result.objective_names[0])
    return [
        Section(
            title="Winner and baselines",
            text=f"A cost is {_HELD}.",
            table=_trial_table(story, named),
            csv=("baselines.csv", _trial_csv(story, named)),
        ),
        Section(
            title="Front",
            csv=("front.csv", _trial_csv(story, {str(i): t for i, t in enumerate(on_front)})),
            plot=("front.png", partial(front_plot, front=front, axes=axes)),
        ),
    ]


def _winning_trial(story: SearchStory[A]) -> Trial[A]:
    if not story.deliveries:
        return story.result.best()
    winner = story.deliveries[0]
    return Trial(winner.arch, (winner.objective,), 0, winner.predicted)


def _trial_columns(story: SearchStory[A]) -> list[Column[tuple[str, Trial[A]]]]:
    def cost(name: str, row: tuple[str, Trial[A]]) -> float | None:
        return row[1].costs.get(name)

    names = list(
        dict.fromkeys([*story.budgets, *(n for t in story.result.trials for n in t.costs)])
    )
    return [
        Column("architecture", lambda row: row[0]),
        Column(story.result.objective_names[0], lambda row: story.result.score(row[1]), ".5g"),
        *(Column(name, partial(cost, name)) for name in names),
    ]


def _trial_table(story: SearchStory[A], trials: Mapping[str, Trial[A]]) -> str:
    return markdown_table(list(trials.items()), _trial_columns(story))


def _trial_csv(story: SearchStory[A], trials: Mapping[str, Trial[A]]) -> str:
    """The same with each architecture spelt out, so that one can be taken from the front."""
    config: Column[tuple[str, Trial[A]]] = Column("config", lambda row: story.describe(row[1].arch))
    return csv_table(list(trials.items()), [*_trial_columns(story), config])


def _facts(result: SearchResult[A]) -> Section:
    rounds = len({trial.round for trial in result.trials})
    text = (
        f"{number_of(result.num_evaluated, 'architecture')} in {number_of(rounds, 'round')}, "
        f"{result.num_unscored} of them could not be scored. Signature: `{result.signature}`"
    )
    return Section(title="Facts", text=text)


class Agreement(Protocol):
    """How well one scorer ranks; ``hat.scoring.rank_stats.RankStats`` is one."""

    @property
    def n(self) -> int:
        """Architectures compared."""

    @property
    def num_missing(self) -> int:
        """Architectures left out because they have no score."""

    @property
    def kendall(self) -> float:
        """Kendall's tau-b."""

    @property
    def spearman(self) -> float:
        """Spearman's rank correlation."""

    @property
    def top_overlap(self) -> float:
        """Share of the best that are found among the best by score."""


def rank_section(truth: str, rows: Mapping[str, Agreement]) -> Section:
    """Returns the section with the rank correlations of scorers with ``truth``, for ``extra``."""
    columns: list[Column[tuple[str, Agreement]]] = [
        Column("scorer", lambda row: row[0]),
        Column("n", lambda row: row[1].n),
        Column("not scored", lambda row: row[1].num_missing),
        Column("kendall", lambda row: row[1].kendall, ".3f"),
        Column("spearman", lambda row: row[1].spearman, ".3f"),
        Column("top overlap", lambda row: row[1].top_overlap, ".2f"),
    ]
    items = list(rows.items())
    return Section(
        title="Rank correlations",
        text=f"Agreement with {truth} on a fixed sample; 1 is the same order.",
        table=markdown_table(items, columns),
        csv=("rank_correlations.csv", csv_table(items, columns)),
    )
