"""How well scores rank architectures, compared with what training them showed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from hat.arrays import Floats


@dataclass(frozen=True, kw_only=True)
class RankStats:
    """Agreement of two rankings. 1 is the same order, 0 none, -1 the reverse."""

    n: int
    """Architectures that have both a score and a truth; the figures are over these."""

    num_missing: int
    """Architectures left out because one of the two is ``nan``."""

    kendall: float
    """Kendall's tau-b; ``nan`` if fewer than two are left or all of them tie."""

    spearman: float
    """Spearman's rank correlation; ``nan`` as above."""

    top_overlap: float
    """Share of the truly best ``top`` that are among the ``top`` best by score."""

    top: int


def rank_stats(
    scores: ArrayLike,
    truth: ArrayLike,
    *,
    higher_is_better: bool = True,
    truth_higher_is_better: bool = True,
    top: int = 10,
) -> RankStats:
    """Compares the order by ``scores`` with the order by ``truth``.

    Args:
        scores: (N,); ``nan`` or infinite where an architecture could not be scored.
        truth: (N,), such as BLEU after training from scratch; ``nan`` where not known.
        higher_is_better: the direction of ``scores``.
        truth_higher_is_better: the direction of ``truth``.
        top: how many count as the best; at most half of what can be compared is used.

    Raises:
        ValueError: if the two differ in length.
    """
    left = np.asarray(scores, dtype=np.float64)
    right = np.asarray(truth, dtype=np.float64)
    if left.shape != right.shape or left.ndim != 1:
        raise ValueError(f"scores and truth must be two (N,), but are {left.shape}, {right.shape}")
    left = left if higher_is_better else -left
    right = right if truth_higher_is_better else -right
    known = np.isfinite(left) & np.isfinite(right)
    n, num_missing = int(known.sum()), int((~known).sum())
    left, right = left[known], right[known]
    top = min(top, n // 2)
    if n < 2 or np.ptp(left) == 0 or np.ptp(right) == 0:
        kendall = spearman = math.nan
    else:
        kendall = float(stats.kendalltau(left, right).statistic)
        spearman = float(stats.spearmanr(left, right).statistic)
    return RankStats(
        n=n,
        num_missing=num_missing,
        kendall=kendall,
        spearman=spearman,
        top_overlap=_top_overlap(left, right, top),
        top=top,
    )


def centred_ranks(values: ArrayLike) -> Floats:
    """Ranks along the last axis, with mean 0 and deviation 1; all 0 where nothing differs."""
    ranks = stats.rankdata(values, axis=-1)
    ranks = ranks - ranks.mean(axis=-1, keepdims=True)
    deviation = ranks.std(axis=-1, keepdims=True)
    return np.asarray(ranks / np.where(deviation > 0, deviation, 1.0))


def mixed_ranks(weights: Sequence[float], *columns: ArrayLike) -> Floats:
    """Weighted sum (N,) of the ranks of C columns (N,), among those that have all; else nan.

    It orders one set of architectures. Among others an architecture has other ranks.
    """
    values = np.asarray(columns, dtype=np.float64)
    known = np.all(np.isfinite(values), axis=0)
    mixed = np.full(values.shape[1], np.nan)
    if known.any():
        mixed[known] = np.asarray(weights) @ centred_ranks(values[:, known])
    return mixed


def _top_overlap(scores: np.ndarray, truth: np.ndarray, top: int) -> float:
    """Expected share of the truly best found among the best by score.

    Scores that tie at the border are thought to be picked at random, so the share does not
    depend on the order of the rows.
    """
    if top == 0:
        return math.nan
    best = np.zeros(len(truth))
    best[np.argsort(-truth, kind="stable")[:top]] = 1.0
    border = np.sort(scores)[-top]
    surely, tied = scores > border, scores == border
    share = (top - surely.sum()) / tied.sum()
    return float((best[surely].sum() + share * best[tied].sum()) / top)
