"""Racing: candidates are only scored as far as it matters.

Maron and Moore, "Hoeffding Races" (NeurIPS 1993): all candidates see the same random sample of the
validation set, block by block, and one is dropped as soon as a confidence bound says that it loses.
Who is a little better than the last parent need not become one: differences below a tolerance count
as certain, and an estimate that good is left at that, unless it may be among the very best (the
indifference zone of Bechhofer, "A Single-Sample Multiple Decision Procedure for Ranking Means",
Annals of Mathematical Statistics 25, 1954).

What is bounded is the error of an estimate (``hat.search.estimates``) that knows from architectures
scored on everything how a part of the sentences speaks for the rest, weighed with what the
architecture's own features let expect (``hat.search.prior``).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from hat.arrays import Floats
from hat.errors import ConfigError
from hat.search.estimates import Estimate, estimate_totals

Evaluate = Callable[[Sequence[int], int], Floats]
"""Losses (N, sentences of the block) of the candidates with these indices on one block."""


@dataclass(frozen=True, kw_only=True)
class RaceSettings:
    """When a candidate need not be scored any further."""

    keep: int
    """How many of the best are wanted: the parents of the next round."""

    error: float = 0.05
    """Chance that a candidate that belongs to the best ``keep`` is dropped all the same."""

    tolerance: float = 0.0
    """In the unit of the summed loss: how much worse a parent may be than the right one would have
    been, and how large the standard error of an estimate may be that stays a parent's score. 0:
    parents are scored on everything. Where it is decided who is a finalist, a quarter of it is
    used."""

    @property
    def finalists(self) -> int:
        """How many of the best must be scored on everything: two fifths of those wanted.

        The best of many estimates are those that erred upwards, and a candidate that is estimated
        too well would stay a parent for the whole search.
        """
        return max(1, 2 * self.keep // 5)

    def __post_init__(self) -> None:
        if self.keep < 1 or not 0 < self.error < 1:
            raise ConfigError(
                f"a race must keep at least 1 and its error lie in (0, 1), but found "
                f"{self.keep} and {self.error}"
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

    observed: Floats
    """(N,): totals as the sentences alone say."""

    variance: Floats
    """(N,): of ``observed``; 0 if a candidate was scored on everything."""


@dataclass(frozen=True)
class _Leads:
    """By how much N + R others are better than each of N candidates."""

    leads: Floats
    """(N, N + R)."""

    errors: Floats
    """Their standard errors."""

    @classmethod
    def of(cls, estimate: Estimate, rivals: Floats, variance: Floats) -> "_Leads":
        """What candidates have in common cancels in their differences.

        Args:
            estimate: of the N candidates.
            rivals: totals of others, (R,).
            variance: theirs, (R,); 0 if they were scored on everything.
        """
        mine = estimate.variance[:, None]
        # var(a - b) = var a + var b - 2 cov(a, b)
        among = np.maximum(mine + estimate.variance - 2 * estimate.covariance, 0.0)
        leads = estimate.totals[:, None] - np.concatenate([estimate.totals, rivals])
        return cls(leads, np.sqrt(np.concatenate([among, mine + variance], axis=1)))

    def count(self, quantile: float, slack: float) -> NDArray[np.int64]:
        """How many others are better than each candidate with confidence, (N,); see ``race``."""
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
    prior: Estimate | None = None,
) -> RaceResult:
    """Scores candidates block by block until each is dropped, settled or scored on everything.

    One candidate is better than another *with confidence* if the difference of their estimates is
    larger than its standard error times a normal quantile, less a slack. The quantile is that of
    ``error``, divided by the number of looks (Bonferroni). After each block

    1. a candidate is dropped if at least ``keep`` others are better with confidence, with the
       slack ``tolerance``. A candidate that belongs to the best ``keep`` is thus dropped only if
       one of these comparisons was wrong, or for others that are worse by less than the slack;
    2. a candidate that is not dropped is settled, with its estimate for its total, if the standard
       error of the estimate is at most ``tolerance`` and at least ``finalists`` others are better
       with confidence, with the slack ``tolerance / 4``.

    The others are scored on the next block.

    Args:
        evaluate: does the scoring.
        num_candidates: N.
        block_sizes: sentences of each block; a block is a random sample.
        known: (M, sentences) losses on all sentences, best architecture first; the first ``keep``
            are rivals, and all of them serve to estimate.
        settings: when to stop; ``tolerance`` is one of the summed loss.
        prior: what is expected of the candidates, if anything is.
    """
    num_sentences = int(sum(block_sizes))
    quantile = float(norm.isf(settings.error / max(1, len(block_sizes) - 1)))
    rivals = known[: settings.keep].sum(axis=1)
    variance = np.zeros(len(rivals))
    losses = np.full((num_candidates, num_sentences), np.nan)
    totals, observed, observed_variance = np.full((3, num_candidates), np.nan)
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
            totals[racing] = observed[racing] = losses[racing].sum(axis=1)
            observed_variance[racing] = 0.0
        elif seen > 1:
            estimate = estimate_totals(losses[racing, :seen], known)
            observed[racing], observed_variance[racing] = estimate.totals, estimate.variance
            if prior is not None:
                estimate = estimate.combined(prior, racing)
            totals[racing] = estimate.totals
            leads = _Leads.of(estimate, rivals, variance)
            lost = leads.count(quantile, settings.tolerance) >= settings.keep
            known_well = leads.count(quantile, settings.tolerance / 4) >= settings.finalists
            known_well &= ~lost & (estimate.variance <= settings.tolerance**2)
            # Settled candidates are scored no further, but others may still lose to them.
            rivals = np.concatenate([rivals, estimate.totals[known_well]])
            variance = np.concatenate([variance, estimate.variance[known_well]])
            dropped[racing[lost]] = True
            racing = racing[~lost & ~known_well]
    exact = num_seen == num_sentences
    everybody = np.concatenate([totals[~dropped], known[: settings.keep].sum(axis=1)])
    _keep_behind(totals, dropped, everybody, settings.keep)
    of_all = np.concatenate([totals[exact], known[: settings.keep].sum(axis=1)])
    _keep_behind(totals, ~exact, of_all, settings.finalists)
    return RaceResult(
        losses=losses,
        totals=totals,
        num_seen=num_seen,
        observed=observed,
        variance=observed_variance,
    )


def _keep_behind(totals: Floats, losers: NDArray[np.bool_], winners: Floats, place: int) -> None:
    """Makes estimates of ``losers`` worse than the winner in that place."""
    if losers.any() and len(winners) >= place:
        last = np.sort(winners)[place - 1]
        totals[losers] = np.maximum(totals[losers], np.nextafter(last, np.inf))
