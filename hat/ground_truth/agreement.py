"""How well a score orders architectures: Kendall's tau and regret, with bootstrap intervals.

What a replicate draws is the architectures, with replacement, and for each of them its trainings,
with replacement: another table of the same size, drawn and trained again. An architecture that is
drawn twice ties with itself in everything and says nothing of a score, so replicates are kept as
weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hat.arrays import Floats

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Replicate:
    """One table that might have been."""

    weights: Floats
    """(N,): how often each architecture was drawn."""

    truth: Floats
    """(N,): means of the trainings that were drawn; higher is better."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95% percentile interval over the replicates; ``nan`` where it is none."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if np.isnan(self.value):
            return "-"
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def replicates(
    trainings: Sequence[Floats], count: int, *, rng: np.random.Generator
) -> list[Replicate]:
    """Returns the table as it is, then ``count`` that might have been.

    Args:
        trainings: for each of N architectures what its seeds reached, higher is better.
        count: how many.
        rng: draws.
    """
    size = len(trainings)
    found = [Replicate(np.ones(size), np.array([values.mean() for values in trainings]))]
    for _ in range(count):
        drawn = np.bincount(rng.integers(size, size=size), minlength=size)
        truth = [values[rng.integers(len(values), size=len(values))].mean() for values in trainings]
        found.append(Replicate(drawn.astype(np.float64), np.array(truth)))
    return found


def weighted_tau(scores: Floats, replicate: Replicate, among: Bools | None = None) -> float:
    """Kendall's tau-b between scores and truth, pair by pair with the product of their weights.

    With equal weights and all pairs it is the usual tau-b.

    Args:
        scores: (N,), higher is better.
        replicate: truth and weights of the N architectures.
        among: (N, N), which pairs count; all if None.

    Returns:
        ``nan`` where either side knows ties only.
    """
    first, second = np.triu_indices(len(scores), k=1)
    weights = replicate.weights[first] * replicate.weights[second]
    if among is not None:
        weights = weights * among[first, second]
    by_score = np.sign(scores[first] - scores[second])
    by_truth = np.sign(replicate.truth[first] - replicate.truth[second])
    known = (weights * by_score**2).sum() * (weights * by_truth**2).sum()
    return float((weights * by_score * by_truth).sum() / np.sqrt(known)) if known else np.nan


def regret(scores: Floats, replicate: Replicate, allowed: Bools) -> float:
    """The best truth among what is allowed, less that of the choice by ``scores``.

    Args:
        scores: (N,), higher is better. The choice between equals is thought to be made at random.
        replicate: truth and weights of the N architectures.
        allowed: (N,), which of them keep the budget.

    Returns:
        0 or more, in units of the truth; ``nan`` if nothing is allowed.
    """
    here = allowed & (replicate.weights > 0)
    if not here.any():
        return np.nan
    truth, mine, weights = replicate.truth[here], scores[here], replicate.weights[here]
    chosen = mine == mine.max()
    return float(truth.max() - np.average(truth[chosen], weights=weights[chosen]))


def estimate(values: Sequence[float] | Floats) -> Estimate:
    """Of the figure of the table itself, which comes first, and those of its replicates."""
    known = np.array(values[1:])[np.isfinite(values[1:])]
    if np.isnan(values[0]) or not len(known):
        return Estimate(np.nan, np.nan, np.nan)
    low, high = np.quantile(known, [0.025, 0.975])
    return Estimate(float(values[0]), float(low), float(high))
