"""The promise: what a search hands over was measured, and it fits.

Generic over the architecture, over what is measured and over how: latency on one device or on
several, from a clock or from a table. A clock is noisy, and among several finalists the one that
happened to be measured too fast would be delivered. So each is measured until a confidence bound of
its mean says on which side of the budget it lies.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

from hat.errors import ConfigError, SearchError
from hat.progress import Progress
from hat.search.base import A
from hat.search.constraints import Constraints

Measure = Callable[[Sequence[A]], Sequence[Mapping[str, float]]]
"""Measures N architectures: for each the measured value of every limit that can be measured."""

Score = Callable[[Sequence[A]], NDArray[np.float64]]
"""Objectives (N,) of N architectures; smaller is better, ``nan`` is last."""


_MOST_SCORED = 16
"""Neighbours per repair that are scored."""

_FILLED = 0.9
"""Of a budget: what is predicted to take more was held back by the prediction."""


@dataclass(frozen=True, kw_only=True)
class Delivery(Generic[A]):
    """One measured finalist."""

    arch: A
    objective: float
    """Smaller is better."""

    predicted: Mapping[str, float]
    """What the constraints said, by the name of the limit; for latency the upper bound."""

    measured: Mapping[str, float]
    """Means of what was measured."""

    upper: Mapping[str, float]
    """Confidence bounds of these means."""

    budget: Mapping[str, float]
    fits: bool
    """Whether all upper bounds are within the budget, margin included."""

    repaired_from: A | None = None
    """The finalist of the search that was too slow, if this one is its repair."""

    num_changes: int = 0
    """Decisions in which the two differ."""

    @property
    def unused(self) -> float:
        """The part of a budget that stays free although its prediction fills it.

        0 where another limit, or nothing, held the search back.
        """
        filled = {name: self.predicted[name] / most for name, most in self.budget.items() if most}
        tightest = max(filled, key=filled.__getitem__, default="")
        if tightest not in self.upper or filled[tightest] < _FILLED:
            return 0.0
        return max(0.0, 1.0 - self.upper[tightest] / self.budget[tightest])


@dataclass(frozen=True, kw_only=True)
class DeliverySettings:
    """How hard to try."""

    keep: int = 3
    """How many of the best are measured at first."""

    max_repairs: int = 8
    """How many changes one finalist may go through; each is measured."""

    margin: float = 0.0
    """Part of each measured budget kept free for the noise of measuring, such as 0.02."""

    repeats: int = 5
    """How often one architecture is measured at most; 1: the first figure counts as it is."""

    confidence: float = 0.95
    """The probability that the mean of many more measurements would stay below the bound."""

    def __post_init__(self) -> None:
        if self.keep < 1 or self.max_repairs < 0 or not 0.0 <= self.margin < 1.0:
            raise ConfigError(
                "keep must be at least 1, max-repairs at least 0 and margin in [0, 1), but found "
                f"{self.keep}, {self.max_repairs} and {self.margin}"
            )
        if self.repeats < 1 or not 0.5 <= self.confidence < 1.0:
            raise ConfigError(
                "repeats must be at least 1 and confidence in [0.5, 1), but found "
                f"{self.repeats} and {self.confidence}"
            )


def deliver(
    candidates: Sequence[A],
    *,
    score: Score[A],
    constraints: Constraints[A],
    measure: Measure[A],
    neighbours: Callable[[A], Sequence[A]],
    settings: DeliverySettings | None = None,
) -> list[Delivery[A]]:
    """Measures the best candidates, repairs those that miss the budget, and ranks what fits.

    A repair is the smallest change that fits: of the neighbours (one decision changed) that
    should fit, by a prediction corrected by how far it was off for the candidate itself, and
    that use most of the budget, the one with the best score. If one change is not enough, the
    neighbour that comes closest to fitting is taken and the next change is looked for from
    there. Every repair is measured before it counts.

    Args:
        candidates: best first, as from ``ranked``; more than ``settings.keep`` are only looked
            at if none of the first can be made to fit.
        score: objectives of architectures that the search has not seen.
        constraints: budgets and predictions.
        measure: the device. Limits that it does not report count as predicted.
        neighbours: as in ``Operators``.
        settings: how hard to try.

    Returns:
        Every finalist measured, those that fit first and best first among them.

    Raises:
        SearchError: if nothing fits; it names the closest measurement.
    """
    settings = settings or DeliverySettings()
    done: list[Delivery[A]] = []
    progress = Progress(min(settings.keep, len(candidates)), "finalists measured")
    for start in range(0, len(candidates), settings.keep):
        for arch in candidates[start : start + settings.keep]:
            done += _finalist(arch, score, constraints, measure, neighbours, settings)
            progress.advance()
        if any(delivery.fits for delivery in done):
            break
    order = sorted(
        range(len(done)),
        key=lambda i: (not done[i].fits, np.nan_to_num(done[i].objective, nan=np.inf), i),
    )
    ranking = [done[i] for i in order]
    if not ranking or not ranking[0].fits:
        raise SearchError(_nothing_fits(ranking, settings))
    return ranking


def _finalist(
    arch: A,
    score: Score[A],
    constraints: Constraints[A],
    measure: Measure[A],
    neighbours: Callable[[A], Sequence[A]],
    settings: DeliverySettings,
) -> list[Delivery[A]]:
    """Measures ``arch`` and, as long as it does not fit, the next smallest change of it."""
    budget = {limit.name: limit.at_most for limit in constraints.limits}
    current, history = arch, []
    tried = {arch}
    for step in range(settings.max_repairs + 1):
        predicted = {name: float(v[0]) for name, v in constraints.costs([current]).items()}
        measured, upper = _measured(current, measure, budget, settings)
        actual = {**predicted, **upper}
        room = _room(budget, measured, settings.margin)
        fits = all(actual[name] <= room[name] for name in budget)
        history.append(
            Delivery(
                arch=current,
                objective=float(score([current])[0]),
                predicted=predicted,
                measured=measured,
                upper=upper,
                budget=budget,
                fits=fits,
                repaired_from=arch if step else None,
                num_changes=step,
            )
        )
        if fits:
            break
        targets = {
            name: room[name] * predicted[name] / actual[name] if actual[name] > 0 else room[name]
            for name in budget
        }
        change = _smallest_change(current, targets, score, constraints, neighbours, tried)
        if change is None:
            break
        tried.add(change)
        current = change
    return history


def _measured(
    arch: A, measure: Measure[A], budget: Mapping[str, float], settings: DeliverySettings
) -> tuple[dict[str, float], dict[str, float]]:
    """Measures until it is clear whether ``arch`` fits, or as often as the settings allow.

    Returns:
        The means and their upper confidence bounds (Student's t), by the name of the limit.
    """
    values: dict[str, list[float]] = {}
    for count in range(1, settings.repeats + 1):
        for name, value in measure([arch])[0].items():
            values.setdefault(name, []).append(value)
        means = {name: float(np.mean(each)) for name, each in values.items()}
        errors = dict.fromkeys(means, 0.0)
        if count > 1:
            quantile = float(student_t.ppf(settings.confidence, count - 1)) / count**0.5
            errors = {name: quantile * float(np.std(v, ddof=1)) for name, v in values.items()}
            room = _room(budget, means, settings.margin)
            fits = all(means[name] + errors[name] <= room[name] for name in means)
            fails = any(means[name] - errors[name] > room[name] for name in means)
            if fits or fails:
                break
    return means, {name: means[name] + errors[name] for name in means}


def _room(
    budget: Mapping[str, float], measured: Mapping[str, float], margin: float
) -> dict[str, float]:
    """The budgets, less the margin where there is noise: what is only predicted has none."""
    return {
        name: at_most * (1 - margin) if name in measured else at_most
        for name, at_most in budget.items()
    }


def _smallest_change(
    arch: A,
    targets: Mapping[str, float],
    score: Score[A],
    constraints: Constraints[A],
    neighbours: Callable[[A], Sequence[A]],
    tried: set[A],
) -> A | None:
    """Returns the neighbour to measure next: best score among those that should fit."""
    near = [other for other in neighbours(arch) if other not in tried]
    if not near:
        return None
    excess = np.max(
        [values / targets[name] for name, values in constraints.costs(near).items()], axis=0
    )
    fitting = np.flatnonzero(excess <= 1.0)
    if not len(fitting):
        return near[int(np.nanargmin(excess))] if not np.isnan(excess).all() else None
    # Those that give up least are the smallest changes; scoring all would cost too much.
    fitting = fitting[np.argsort(-excess[fitting], kind="stable")[:_MOST_SCORED]]
    objectives = np.nan_to_num(score([near[int(i)] for i in fitting]), nan=np.inf)
    return near[int(fitting[int(objectives.argmin())])]


def _nothing_fits(ranking: Sequence[Delivery[A]], settings: DeliverySettings) -> str:
    if not ranking:
        return "there was no candidate to measure"

    def excess(delivery: Delivery[A]) -> float:
        actual = {**delivery.predicted, **delivery.upper}
        return max(actual[name] / at_most for name, at_most in delivery.budget.items())

    closest = min(ranking, key=excess)
    actual = {**closest.predicted, **closest.upper}
    name = max(closest.budget, key=lambda n: actual[n] / closest.budget[n])
    has_margin = settings.margin and name in closest.measured
    margin = f" less {settings.margin:.0%} for noise" if has_margin else ""
    return (
        f"none of {len(ranking)} measured candidates, repairs included, met the constraint "
        f"{name} <= {closest.budget[name]:.4g}{margin}; the closest had {actual[name]:.4g}"
    )
