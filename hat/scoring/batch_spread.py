"""How much a score's agreement with the truth depends on the batch that it was computed on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from hat.scoring.proxy_stats import partial_spearman
from hat.scoring.rank_stats import rank_stats


@dataclass(frozen=True, kw_only=True)
class BatchSpread:
    """Rank correlations with the truth, one batch at a time. NaN where none exists."""

    coverage: float
    """Share of the architectures that have a score on every batch."""

    num_batches: int
    spearman: float
    """Mean over the batches."""

    spearman_deviation: float
    """Standard deviation over the batches, that of a population."""

    spearman_least: float
    spearman_greatest: float
    kendall: float
    kendall_deviation: float
    partial: float
    """Mean of ``partial_spearman``."""

    partial_deviation: float

    def as_row(self) -> dict[str, float | int | None]:
        """The figures by name, rounded to four digits; None where one does not exist."""
        return {
            name: round(value, 4) if np.isfinite(value) else None
            for name, value in asdict(self).items()
        }


def batch_spread(scores: Sequence[ArrayLike], truth: ArrayLike, given: ArrayLike) -> BatchSpread:
    """Compares the scores of each batch with the truth, and by how much the batches disagree.

    Args:
        scores: for each batch (N,), higher is better; NaN where an architecture has no score.
        truth: (N,), higher is better.
        given: (N,), what the partial correlation holds fixed, such as parameters.
    """
    batches = np.asarray(scores, np.float64)
    ranks = [rank_stats(values, truth) for values in batches]
    spearman = np.array([rank.spearman for rank in ranks])
    kendall = np.array([rank.kendall for rank in ranks])
    partial = np.array([partial_spearman(values, truth, given) for values in batches])
    return BatchSpread(
        coverage=float(np.isfinite(batches).all(axis=0).mean()),
        num_batches=len(batches),
        spearman=float(spearman.mean()),
        spearman_deviation=float(spearman.std()),
        spearman_least=float(spearman.min()),
        spearman_greatest=float(spearman.max()),
        kendall=float(kendall.mean()),
        kendall_deviation=float(kendall.std()),
        partial=float(partial.mean()),
        partial_deviation=float(partial.std()),
    )
