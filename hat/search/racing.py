"""Racing: candidates that cannot be among the best any more are not scored to the end.

Maron and Moore, "Hoeffding Races" (NeurIPS 1993): all candidates see the same sample of the
validation set, block by block, and one is dropped as soon as a confidence bound says that it loses.
Candidates are compared in pairs on the same sentences, because what makes a sentence hard for one
makes it hard for all: the differences vary far less than the losses.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from hat.errors import ConfigError

Floats = NDArray[np.float64]

Evaluate = Callable[[Sequence[int], int], Floats]
"""Losses (N, sentences of the block) of the candidates with these indices on one block."""


@dataclass(frozen=True, kw_only=True)
class RaceSettings:
    """When a candidate is dropped."""

    keep: int
    """How many of the best must be scored on everything: the parents of the next round."""

    error: float = 0.05
    """Chance that a candidate that belongs to the best ``keep`` is dropped all the same."""

    def __post_init__(self) -> None:
        if self.keep < 1 or not 0 < self.error < 1:
            raise ConfigError(
                f"a race must keep at least 1 and its error lie in (0, 1), but found "
                f"{self.keep} and {self.error}"
            )


@dataclass(frozen=True, kw_only=True)
class RaceResult:
    """What a race found out about N candidates."""

    losses: Floats
    """(N, sentences), ``nan`` for what was not looked at."""

    totals: Floats
    """Summed loss of all sentences, (N,). Of candidates that were dropped it is an estimate, and
    never better than what they lost to."""

    num_seen: NDArray[np.int64]
    """Sentences that each candidate was scored on, (N,)."""


def race(
    evaluate: Evaluate,
    num_candidates: int,
    *,
    block_sizes: Sequence[int],
    rivals: Floats,
    settings: RaceSettings,
) -> RaceResult:
    """Scores candidates block by block and drops those that cannot be among the best.

    After each block a candidate is dropped if at least ``keep`` others are better than it with
    confidence. One is better than another with confidence if the mean difference of their losses
    on the sentences seen is more standard errors below zero than a normal quantile. The standard
    errors are those of a sample without replacement, and the quantile that of ``error`` shared
    among the looks (Bonferroni). A candidate that belongs to the best is only dropped if one of
    those comparisons was wrong.

    Args:
        evaluate: does the scoring.
        num_candidates: N.
        block_sizes: sentences of each block; a block is a random sample.
        rivals: (R, sentences) losses of the best so far, known on all sentences.
        settings: when a candidate is dropped.
    """
    num_sentences = int(sum(block_sizes))
    quantile = float(norm.isf(settings.error / max(1, len(block_sizes) - 1)))
    losses = np.full((num_candidates, num_sentences), np.nan)
    num_seen = np.zeros(num_candidates, dtype=np.int64)
    racing = np.arange(num_candidates)
    seen = 0
    for block, size in enumerate(block_sizes):
        if not len(racing):
            break
        losses[racing, seen : seen + size] = evaluate(racing.tolist(), block)
        seen += size
        num_seen[racing] = seen
        if seen < num_sentences:
            field = np.concatenate([losses[racing, :seen], rivals[:, :seen]])
            racing = racing[~_beaten(field, len(racing), num_sentences, settings.keep, quantile)]
    totals = _totals(losses, num_seen, rivals, settings.keep)
    return RaceResult(losses=losses, totals=totals, num_seen=num_seen)


def _beaten(
    losses: Floats, num_candidates: int, num_sentences: int, keep: int, quantile: float
) -> NDArray[np.bool_]:
    """Which of the first ``num_candidates`` rows lose to ``keep`` other rows with confidence.

    The standard error of a mean difference over n of N sentences is that of a sample without
    replacement, ``s / sqrt(n) * sqrt(1 - n / N)`` (Cochran, "Sampling Techniques", section 2.6).
    """
    n = losses.shape[1]
    means = losses.mean(axis=1)
    # Variances of all differences from one product: var(a - b) = var a + var b - 2 cov(a, b).
    centred = losses - means[:, None]
    covariance = centred @ centred.T / (n - 1)
    variance = np.diag(covariance)
    spread = variance[:num_candidates, None] + variance - 2 * covariance[:num_candidates]
    error = np.sqrt(np.maximum(spread, 0.0) / n * (1 - n / num_sentences))
    better = means[:num_candidates, None] - means > quantile * error
    return np.asarray(better.sum(axis=1) >= keep)


def _totals(losses: Floats, num_seen: NDArray[np.int64], rivals: Floats, keep: int) -> Floats:
    """Sums of full rows; for the others what their differences from the best row let expect."""
    num_sentences = losses.shape[1]
    full = num_seen == num_sentences
    totals = losses.sum(axis=1)
    dropped = np.flatnonzero(~full)
    if not len(dropped):
        return totals
    # Nobody is dropped before ``keep`` others were found to be better.
    known = np.concatenate([losses[full], rivals])
    known_totals = known.sum(axis=1)
    threshold = np.sort(known_totals)[keep - 1]
    best = known[np.nanargmin(known_totals)]
    for index in dropped:
        seen = num_seen[index]
        behind = (losses[index, :seen] - best[:seen]).mean() * num_sentences
        totals[index] = max(best.sum() + behind, np.nextafter(threshold, np.inf))
    return totals
