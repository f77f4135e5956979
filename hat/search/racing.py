"""Racing: candidates are only scored as far as it matters.

Maron and Moore, "Hoeffding Races" (NeurIPS 1993): all candidates see the same random sample of the
validation set, block by block, and one is dropped as soon as a confidence bound says that it loses.
Who is a little better than the last parent need not become one: differences below a tolerance count
as certain, and an estimate that good is left at that, unless it may be the best of all (the
indifference zone of Bechhofer, "A Single-Sample Multiple Decision Procedure for Ranking Means",
Annals of Mathematical Statistics 25, 1954).

What is bounded is the error of a regression estimate (Cochran, "Sampling Techniques", chapter 7):
the losses that a candidate has on the sentences seen are fitted by losses of architectures that
were scored on all of them, and the fit says what to expect on the rest. What makes a sentence hard
for one architecture makes it hard for others, so little is left to chance.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from hat.errors import ConfigError

Floats = NDArray[np.float64]

Evaluate = Callable[[Sequence[int], int], Floats]
"""Losses (N, sentences of the block) of the candidates with these indices on one block."""

_MOST_COMPONENTS = 32


@dataclass(frozen=True, kw_only=True)
class RaceSettings:
    """When a candidate need not be scored any further."""

    keep: int
    """How many of the best are wanted: the parents of the next round."""

    error: float = 0.05
    """Chance that a candidate that belongs to the best ``keep`` is dropped all the same."""

    finalists: int = 1
    """How many of the best must be scored on everything."""

    tolerance: float = 0.0
    """What a parent may be worse than the right one would have been, and the standard error that
    its total may have; 0: parents are scored on everything, too. Of finalists a quarter of it."""

    def __post_init__(self) -> None:
        if self.keep < 1 or not 0 < self.error < 1:
            raise ConfigError(
                f"a race must keep at least 1 and its error lie in (0, 1), but found "
                f"{self.keep} and {self.error}"
            )
        if not 1 <= self.finalists <= self.keep:
            raise ConfigError(
                f"a race among the best {self.keep} must have 1 to {self.keep} finalists, "
                f"but found {self.finalists}"
            )
        if not 0 <= self.tolerance < math.inf:
            raise ConfigError(
                f"the tolerance of a race must be finite and not negative, but found "
                f"{self.tolerance}"
            )


@dataclass(frozen=True, kw_only=True)
class RaceResult:
    """What a race found out about N candidates."""

    losses: Floats
    """(N, sentences), ``nan`` for what was not looked at."""

    totals: Floats
    """Summed loss of all sentences, (N,). Of candidates that were not scored on everything it is
    an estimate, and never better than what they lost to."""

    num_seen: NDArray[np.int64]
    """Sentences that each candidate was scored on, (N,)."""


@dataclass(frozen=True)
class _Estimate:
    """Totals of N candidates from the first n of all sentences."""

    totals: Floats
    """(N,)."""

    errors: Floats
    """(N, n): what each sentence would be off if the others predicted it, times what turns the
    mean error of n sentences into that of the total."""

    @cached_property
    def covariance(self) -> Floats:
        """Of the totals, (N, N)."""
        n = self.errors.shape[1]
        centred = self.errors - self.errors.mean(axis=1, keepdims=True)
        covariance: Floats = centred @ centred.T / (n - 1) / n
        return covariance

    @property
    def variance(self) -> Floats:
        """Of the totals, (N,)."""
        return np.diag(self.covariance)

    def leads(self, rivals: Floats, variance: Floats) -> "_Leads":
        """By how much others and rivals are better than each candidate.

        The error of a difference is that of the mean of the sentences' differences, so what two
        candidates have in common cancels.

        Args:
            rivals: totals of others, (R,).
            variance: theirs, (R,); 0 if they were scored on everything.
        """
        mine = self.variance[:, None]
        # var(a - b) = var a + var b - 2 cov(a, b), for all pairs from one product
        among = np.maximum(mine + self.variance - 2 * self.covariance, 0.0)
        leads = self.totals[:, None] - np.concatenate([self.totals, rivals])
        return _Leads(leads, np.sqrt(np.concatenate([among, mine + variance], axis=1)))


@dataclass(frozen=True)
class _Leads:
    """By how much N + R others are better than each of N candidates."""

    leads: Floats
    """(N, N + R)."""

    errors: Floats
    """Their standard errors."""

    def count(self, quantile: float, slack: float) -> NDArray[np.int64]:
        """By how many each candidate is beaten with confidence, or by nearly as much, (N,)."""
        beaten = (self.leads > 0) & (self.leads > quantile * self.errors - slack)
        counts: NDArray[np.int64] = beaten.sum(axis=1)
        return counts


def race(
    evaluate: Evaluate,
    num_candidates: int,
    *,
    block_sizes: Sequence[int],
    known: Floats,
    settings: RaceSettings,
) -> RaceResult:
    """Scores candidates block by block until they are dropped, known well enough, or all seen.

    After each block a candidate is dropped if at least ``keep`` others are better than it with
    confidence: if the difference of the estimates is more standard errors below zero than a
    normal quantile, that of ``error`` shared among the looks (Bonferroni). A candidate that belongs
    to the best is only dropped if one of those comparisons was wrong, or if what it was dropped for
    is not ``tolerance`` worse than it. One whose estimate is that good is left at that if at least
    ``finalists`` others are better with confidence, give or take a quarter of it.

    Args:
        evaluate: does the scoring.
        num_candidates: N.
        block_sizes: sentences of each block; a block is a random sample.
        known: (M, sentences) losses on all sentences, best architecture first; the first ``keep``
            are rivals, and all of them serve to estimate.
        settings: when to stop; ``tolerance`` is one of the summed loss.
    """
    num_sentences = int(sum(block_sizes))
    quantile = float(norm.isf(settings.error / max(1, len(block_sizes) - 1)))
    rivals = known[: settings.keep].sum(axis=1)
    variance = np.zeros(len(rivals))
    basis = _basis(known)
    losses = np.full((num_candidates, num_sentences), np.nan)
    totals = np.full(num_candidates, np.nan)
    num_seen = np.zeros(num_candidates, dtype=np.int64)
    dropped = np.zeros(num_candidates, dtype=bool)
    racing = np.arange(num_candidates)
    seen = 0
    for block, size in enumerate(block_sizes):
        if not len(racing):
            break
        losses[racing, seen : seen + size] = evaluate(racing.tolist(), block)
        seen += size
        num_seen[racing] = seen
        if seen == num_sentences:
            totals[racing] = losses[racing].sum(axis=1)
        elif seen > 1:
            estimate = _estimate(losses[racing, :seen], basis, len(known))
            totals[racing] = estimate.totals
            leads = estimate.leads(rivals, variance)
            lost = leads.count(quantile, settings.tolerance) >= settings.keep
            known_well = leads.count(quantile, settings.tolerance / 4) >= settings.finalists
            known_well &= ~lost & (estimate.variance <= settings.tolerance**2)
            # They stay in the race as what others may lose to.
            rivals = np.concatenate([rivals, estimate.totals[known_well]])
            variance = np.concatenate([variance, estimate.variance[known_well]])
            dropped[racing[lost]] = True
            racing = racing[~lost & ~known_well]
    exact = num_seen == num_sentences
    everybody = np.concatenate([totals[~dropped], known[: settings.keep].sum(axis=1)])
    _keep_behind(totals, dropped, everybody, settings.keep)
    of_all = np.concatenate([totals[exact], known[: settings.keep].sum(axis=1)])
    _keep_behind(totals, ~exact, of_all, settings.finalists)
    return RaceResult(losses=losses, totals=totals, num_seen=num_seen)


def _keep_behind(totals: Floats, losers: NDArray[np.bool_], winners: Floats, place: int) -> None:
    """Makes estimates of ``losers`` worse than the winner in that place."""
    if losers.any() and len(winners) >= place:
        last = np.sort(winners)[place - 1]
        totals[losers] = np.maximum(totals[losers], np.nextafter(last, np.inf))


def _basis(known: Floats) -> Floats:
    """The regressors (sentences, K): a constant, the mean of ``known``, its principal components.

    The components come in the order of their importance, so that a part of them is its beginning.
    """
    columns = [np.ones((1, known.shape[1]))]
    if len(known) > 1:
        mean = known.mean(axis=0)
        columns += [mean[None], np.linalg.svd(known - mean, full_matrices=False)[2]]
    return np.concatenate(columns).T


def _estimate(losses: Floats, basis: Floats, num_known: int) -> _Estimate:
    """Estimates totals from the losses (N, n) on the first n sentences.

    The fit takes a component for every four sentences, or for every two known architectures. The
    error of a sentence is its residual over one minus its leverage, which is what it would be if
    the sentence had been left out of the fit; the finite set is accounted for by ``1 - n / N``.
    """
    n, num_sentences = losses.shape[1], len(basis)
    count = min(_MOST_COMPONENTS, n // 4 - 1, num_known // 2)
    basis = basis[:, : 2 + count if count > 0 else 1]
    orthonormal, triangle = np.linalg.qr(basis[:n])
    weights = np.linalg.solve(triangle, orthonormal.T @ losses.T)
    residuals = losses - (basis[:n] @ weights).T
    totals = residuals.sum(axis=1) + (basis @ weights).sum(axis=0)
    left_out = residuals / (1 - (orthonormal**2).sum(axis=1))
    return _Estimate(totals, left_out * num_sentences * np.sqrt(1 - n / num_sentences))
