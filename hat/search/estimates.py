"""Estimating summed losses from a part of the sentences.

Architectures that were scored on all sentences tell how the losses on a part go with the sum of
the rest: a ridge regression on the losses seen, in its dual form with a kernel of architectures.
How strongly to shrink, and how far off a prediction is, come from leaving each of them out
(Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, section 5.4.2).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hat.arrays import Floats

_FEWEST = 8
"""Architectures from which something can be learned."""

_PENALTIES = np.geomspace(1e-4, 10.0, 26)
"""Candidates for the ridge penalty, in mean squared norms of the architectures."""

_WIDE = 1e3
"""The variance of the intercept in the same unit: so large that the data alone decide it."""


@dataclass(frozen=True)
class Estimate:
    """Totals of N candidates and how they may be off."""

    totals: Floats
    """(N,)."""

    covariance: Floats
    """(N, N): of the errors of the totals."""

    @property
    def variance(self) -> Floats:
        """Of the totals, (N,)."""
        return np.diag(self.covariance)

    def combined(self, prior: "Estimate", candidates: NDArray[np.intp]) -> "Estimate":
        """Returns the mean of this and ``prior`` for the ``candidates``, weighted by certainty."""
        expected = prior.covariance[np.ix_(candidates, candidates)]
        trust = np.diag(expected) / (np.diag(expected) + self.variance)
        surprise = self.totals - prior.totals[candidates]
        covariance = np.outer(trust, trust) * self.covariance
        covariance += np.outer(1 - trust, 1 - trust) * expected
        return Estimate(prior.totals[candidates] + trust * surprise, covariance)


def estimate_totals(losses: Floats, known: Floats) -> Estimate:
    """Estimates totals from the losses on the first n of all sentences.

    With fewer than eight known architectures a total is the mean of what was seen times the number
    of sentences; what two candidates have in common then shows in the covariance.

    Args:
        losses: (N, n), n at least 2.
        known: (M, sentences) losses of others on everything.
    """
    if len(known) < _FEWEST:
        return _expanded(losses, known.shape[1])
    seen = losses.shape[1]
    mean = known.mean(axis=0)
    # Sentences on which architectures differ a lot would drown the others.
    scale = known[:, :seen].std(axis=0)
    scale[scale == 0] = 1.0
    rows = (known[:, :seen] - mean[:seen]) / scale
    asked = (losses - mean[:seen]) / scale
    unit = float((rows**2).sum(axis=1).mean()) or 1.0
    fit = _ridge(rows @ rows.T + _WIDE * unit, (known - mean)[:, seen:].sum(axis=1), unit)
    to_known = asked @ rows.T + _WIDE * unit
    to_itself = (asked**2).sum(axis=1) + _WIDE * unit
    explained = ((to_known @ fit.inverse) * to_known).sum(axis=1)
    variance = fit.variance * np.maximum(to_itself - explained + fit.penalty, fit.penalty)
    totals = losses.sum(axis=1) + mean[seen:].sum() + to_known @ fit.inverse @ fit.targets
    return Estimate(totals, np.diag(variance))


@dataclass(frozen=True)
class _Fit:
    inverse: Floats
    """(M, M): of the kernel with the penalty on its diagonal."""

    targets: Floats
    """(M,)."""

    penalty: float
    variance: float
    """What the kernel is multiplied by to be the covariance of the targets."""


def _ridge(kernel: Floats, targets: Floats, unit: float) -> _Fit:
    """The fit whose leave-one-out predictions are likeliest."""
    values, vectors = np.linalg.eigh(kernel)
    best, surprise = None, np.inf
    for penalty in _PENALTIES * unit:
        inverse = (vectors / (np.maximum(values, 0.0) + penalty)) @ vectors.T
        precision = np.diag(inverse)
        left_out = inverse @ targets / precision
        variance = float(np.mean(left_out**2 * precision))
        variance = max(variance, np.finfo(np.float64).tiny)
        of_this = len(targets) * np.log(variance) - np.log(precision).sum()
        if best is None or of_this < surprise:
            best, surprise = _Fit(inverse, targets, float(penalty), variance), of_this
    assert best is not None
    return best


def _expanded(losses: Floats, num_sentences: int) -> Estimate:
    seen = losses.shape[1]
    errors = losses - losses.mean(axis=1, keepdims=True)
    errors *= num_sentences * np.sqrt(1 - seen / num_sentences)
    totals = losses.mean(axis=1) * num_sentences
    return Estimate(totals, errors @ errors.T / (seen - 1) / seen)
