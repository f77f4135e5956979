"""The statistics of the epsinas paper: how a score without training ranks architectures."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from hat.arrays import Floats
from hat.scoring.rank_stats import rank_stats


@dataclass(frozen=True, kw_only=True)
class ProxyStats:
    """One score on one benchmark, as in the tables of arXiv 2302.04406.

    The correlations and shares are over the architectures that could be scored, so none of them
    means anything without ``coverage``.
    """

    coverage: float
    """Share of the architectures that have a score."""

    num_scored: int
    spearman: float
    kendall: float
    spearman_top: float
    """Over the tenth of the architectures that trained best."""

    kendall_top: float
    top_overlap: float
    """Share of the tenth with the best scores that is in the tenth that trained best."""

    top64: int
    """How many of the 64 best scores belong to the twentieth that trained best."""

    def as_row(self) -> dict[str, float | int | None]:
        """The figures by name, rounded to four digits; None where one does not exist."""
        row: dict[str, float | int | None] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            row[field.name] = round(value, 4) if np.isfinite(value) else None
        return row


def proxy_stats(
    scores: ArrayLike,
    truth: ArrayLike,
    *,
    higher_is_better: bool = True,
    truth_higher_is_better: bool = True,
) -> ProxyStats:
    """Compares scores with what training showed.

    Args:
        scores: (N,); NaN where an architecture cannot be scored.
        truth: (N,); architectures without a truth are left out of everything.
        higher_is_better: the direction of ``scores``.
        truth_higher_is_better: the direction of ``truth``.
    """
    left = np.asarray(scores, np.float64) * (1 if higher_is_better else -1)
    right = np.asarray(truth, np.float64) * (1 if truth_higher_is_better else -1)
    left, right = left[np.isfinite(right)], right[np.isfinite(right)]
    scored = np.isfinite(left)
    coverage = float(scored.mean()) if len(left) else 0.0
    left, right = left[scored], right[scored]
    everything = rank_stats(left, right)
    best = right > np.percentile(right, 90) if len(right) else np.zeros(0, bool)
    top = rank_stats(left[best], right[best])
    high_score = left > np.percentile(left, 90) if len(left) else best
    leading = np.argsort(-left, kind="stable")[:64]
    return ProxyStats(
        coverage=coverage,
        num_scored=int(scored.sum()),
        spearman=everything.spearman,
        kendall=everything.kendall,
        spearman_top=top.spearman,
        kendall_top=top.kendall,
        top_overlap=float(best[high_score].mean()) if high_score.any() else np.nan,
        top64=int((right[leading] > np.percentile(right, 95)).sum()) if len(right) else 0,
    )


def partial_kendall(scores: ArrayLike, truth: ArrayLike, given: ArrayLike) -> float:
    """Kendall's partial rank correlation of scores and truth, the influence of ``given`` removed.

    ``(t_sy - t_sg t_yg) / sqrt((1 - t_sg^2) (1 - t_yg^2))``: Kendall, "Partial rank correlation",
    Biometrika 32, 1942. Unlike Pearson's it removes most of a common cause and not all of it, so
    small values are not evidence. NaN where one of them is constant.
    """
    s, y, g = _known(scores, truth, given)
    score_truth, score_given, truth_given = (
        rank_stats(left, right).kendall for left, right in ((s, y), (s, g), (y, g))
    )
    rest = (1.0 - score_given**2) * (1.0 - truth_given**2)
    return float((score_truth - score_given * truth_given) / np.sqrt(rest)) if rest > 0 else np.nan


def partial_spearman(scores: ArrayLike, truth: ArrayLike, *given: ArrayLike) -> float:
    """Spearman's partial rank correlation of scores and truth, all of ``given`` held fixed.

    Pearson's partial correlation of the ranks, over the architectures that have all of them: the
    correlation of what is left when the ranks of ``given`` have explained what they can by least
    squares. NaN where nothing is left.
    """
    columns = _known(scores, truth, *given)
    if not columns.size:
        return np.nan
    ranks = rankdata(columns, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    pair, controls = ranks[:2].T, ranks[2:].T
    left = pair - controls @ np.linalg.lstsq(controls, pair, rcond=None)[0]
    size = np.linalg.norm(left, axis=0)
    if np.any(size <= 1e-9 * np.linalg.norm(pair, axis=0)):
        return np.nan
    return float(left[:, 0] @ left[:, 1] / size.prod())


def _known(*columns: ArrayLike) -> Floats:
    """Columns (C, N) without the architectures that lack one of them."""
    values = np.asarray(columns, np.float64)
    return values[:, np.all(np.isfinite(values), axis=0)]


def kendall_within(scores: ArrayLike, truth: ArrayLike, groups: ArrayLike) -> float:
    """Concordant minus discordant pairs over both, counted only inside groups of equal value.

    Says what a score knows beyond the group, for example beyond the depth of the decoder.
    """
    s, y, g = (np.asarray(values, np.float64) for values in (scores, truth, groups))
    first, second = np.triu_indices(len(s), k=1)
    same = g[first] == g[second]
    agreement = np.sign(s[first] - s[second]) * np.sign(y[first] - y[second])
    agreement = agreement[same & np.isfinite(agreement)]
    decided = np.abs(agreement).sum()
    return float(agreement.sum() / decided) if decided else np.nan
