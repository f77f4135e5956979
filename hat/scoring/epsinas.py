"""The epsinas metric itself: how differently a network answers under two constant weights.

Gracheva, arXiv 2302.04406: fill every weight of a network with one constant, run one batch, flatten
the raw output and scale it to [0, 1]; do it again with a second constant. The score is the mean
absolute difference of the two divided by their mean. Everything here works on arrays of outputs
and knows no network.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hat.arrays import Floats

FLOAT32_EPSILON = float(np.finfo(np.float32).eps)
FLOAT32_SMALLEST = float(np.finfo(np.float32).smallest_subnormal)


@dataclass(frozen=True, kw_only=True)
class ScoringRule:
    """Which outputs can be scored. An output that breaks the rule gives NaN.

    The authors' missing scores are those whose numbers float32 cannot hold. That accident of the
    arithmetic is half of the metric, so here it is a rule that does not depend on the arithmetic.
    """

    min_magnitude: float = FLOAT32_SMALLEST
    """The largest absolute value of an output must reach this. The default, 1.4e-45, is the
    smallest positive float32: a signal below it is zero to the authors' code. 0 turns it off."""

    min_spread: float = 1e-12
    """What counts as rounding noise, as a fraction of the largest absolute value. Largest minus
    smallest value must exceed it, or the output is a constant; and values no further above the
    smallest are the smallest, which takes part in no mean. The default is for float64; a float32
    output needs about 1e-6."""

    def accepts(self, output: Floats) -> NDArray[np.bool_]:
        """Says for outputs of shape (..., M) which of them can be scored: shape (...)."""
        largest, spread = magnitude_and_spread(output)
        with np.errstate(invalid="ignore"):
            accepted: NDArray[np.bool_] = (largest >= self.min_magnitude) & (
                spread > self.min_spread * largest
            )
        return accepted

    def __str__(self) -> str:
        return f"{self.min_magnitude:.1e},{self.min_spread:.0e}"


AS_PUBLISHED = ScoringRule(min_magnitude=0.0, min_spread=0.0)
"""The authors' code: only an output without finite values or without any spread is refused."""

FLOAT64_RULE = ScoringRule(min_magnitude=1e-290)
"""Whatever float64 holds with all its digits, for outputs that were computed in it throughout."""


def magnitude_and_spread(output: ArrayLike) -> tuple[Floats, Floats]:
    """Largest absolute value, and largest minus smallest, of the finite values of (..., M).

    NaN where nothing is finite. Their ratio says how much precision a score needs: below
    ``FLOAT32_EPSILON`` nothing of the spread is left in float32.
    """
    values = np.asarray(output, dtype=np.float64)
    finite = np.where(np.isfinite(values), values, np.nan)
    largest = _nan_extreme(np.abs(finite), np.fmax)
    with np.errstate(over="ignore"):
        spread = _nan_extreme(finite, np.fmax) - _nan_extreme(finite, np.fmin)
    return largest, spread


def _nan_extreme(values: Floats, extreme: np.ufunc) -> Floats:
    """Largest or smallest of the last axis; NaN counts only where there is nothing else."""
    result: Floats = extreme.reduce(values, axis=-1)
    return result


def normalised(output: ArrayLike, tie: float = 0.0) -> Floats:
    """Scales outputs (..., M) to [0, 1] along the last axis, as the authors' notebook does.

    Infinities count as missing. The smallest values, which scaling turns into exact zeros, become
    NaN, so they take part in no mean. A constant output is NaN throughout.

    Args:
        output: raw outputs.
        tie: values that exceed the smallest by no more than this fraction of the largest absolute
            value count as the smallest. The authors' code has 0, with which rounding decides how
            many of many equal values are left out.
    """
    values = np.asarray(output, dtype=np.float64)
    values = np.where(np.isfinite(values), values, np.nan)
    smallest = _nan_extreme(values, np.fmin)[..., None]
    largest = _nan_extreme(values, np.fmax)[..., None]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        above = values - smallest
        scaled = above / (largest - smallest)
        tied = above <= tie * np.maximum(np.abs(smallest), np.abs(largest))
    return np.where((scaled == 0) | tied, np.nan, scaled)


def epsinas(low: ArrayLike, high: ArrayLike, rule: ScoringRule = AS_PUBLISHED) -> Floats:
    """The score of networks from their outputs under the small and under the large constant.

    ``mean(|a - b|) / mean(a and b)`` over the normalised outputs ``a`` and ``b``; NaN entries take
    part in neither mean: the difference needs both, the mean takes whichever is there.

    Args:
        low: raw outputs under the small constant, shape (..., M): one row per network.
        high: the same under the large constant, of the same shape.
        rule: which outputs can be scored.

    Returns:
        Scores of shape (...), float64. NaN says that a network cannot be scored: its output is
        constant, has no finite value or breaks ``rule``. Never an exception, never infinite.
    """
    low_values = np.asarray(low, dtype=np.float64)
    high_values = np.asarray(high, dtype=np.float64)
    accepted = rule.accepts(low_values) & rule.accepts(high_values)
    a, b = (normalised(values, rule.min_spread) for values in (low_values, high_values))
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = _nan_mean(np.abs(a - b))
        mean = _nan_mean(np.concatenate([a, b], axis=-1))
        score = difference / mean
    return np.where(accepted & np.isfinite(score), score, np.nan)


def epsinas_beside_input(low: ArrayLike, high: ArrayLike, unchanged: ArrayLike) -> Floats:
    """A score for networks that a small constant silences, comparable among all of them.

    The published score asks how the answer under the large constant differs from that under the
    small one. Where no path from input to output is free of convolutions, the small constant
    leaves next to nothing, and the question has half an answer. The other half is what would be
    left if the weights did nothing: the input itself. The score is the mean of both comparisons.

    Args:
        low: raw outputs under the small constant, in float64, shape (..., M).
        high: the same under the large constant.
        unchanged: the input as the output would show it without any network, shape (M,).

    Returns:
        Scores of shape (...). NaN as in ``epsinas`` by ``FLOAT64_RULE``.
    """
    high_values = np.asarray(high, dtype=np.float64)
    reference = np.broadcast_to(np.asarray(unchanged, dtype=np.float64), high_values.shape)
    from_low = epsinas(low, high_values, FLOAT64_RULE)
    from_input = epsinas(reference, high_values, FLOAT64_RULE)
    mean: Floats = 0.5 * (from_low + from_input)
    return mean


def _nan_mean(values: Floats) -> Floats:
    """Mean of the last axis without its NaN entries; NaN where nothing is left."""
    present = ~np.isnan(values)
    total = np.where(present, values, 0.0).sum(axis=-1)
    mean: Floats = total / present.sum(axis=-1)
    return mean
