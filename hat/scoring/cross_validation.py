"""Choosing between predictors without looking at what judges them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from hat.arrays import Floats
from hat.errors import DataError
from hat.scoring.prediction import Predictor
from hat.scoring.rank_stats import rank_stats

A = TypeVar("A")


@dataclass(frozen=True)
class FoldStats:
    """What a predictor achieved on the folds that it did not learn from."""

    kendall: Floats
    """Kendall's tau within each of the F folds, (F,)."""

    mse: float
    """Mean squared error over all architectures, in the unit of the scores squared."""


def cross_validate(
    candidates: Mapping[str, Callable[[], Predictor[A]]],
    archs: Sequence[A],
    scores: Floats,
    *,
    num_folds: int,
    rng: np.random.Generator,
) -> dict[str, FoldStats]:
    """Trains every candidate on all folds but one and tests it on that one, in turn.

    All candidates see the same folds and the same random numbers.

    Args:
        candidates: makers of untrained predictors, by name.
        archs: N architectures.
        scores: their scores, (N,), all finite.
        num_folds: F.
        rng: cuts the folds and trains.

    Raises:
        DataError: if there are fewer than two architectures per fold.
    """
    count = len(archs)
    if num_folds < 2 or count < 2 * num_folds:
        raise DataError(
            f"cross-validation in {num_folds} folds needs at least 2 folds and 2 architectures "
            f"in each, but found {count} architectures"
        )
    folds = np.array_split(rng.permutation(count), num_folds)
    seeds = rng.integers(2**63, size=num_folds)
    results = {}
    for name, make in candidates.items():
        taus, errors = [], []
        for fold, seed in zip(folds, seeds, strict=True):
            rest = np.setdiff1d(np.arange(count), fold)
            predictor = make()
            rest_archs = [archs[int(i)] for i in rest]
            predictor.fit(rest_archs, scores[rest], rng=np.random.default_rng(seed))
            found = predictor.predict([archs[int(i)] for i in fold]).mean
            taus.append(rank_stats(found, scores[fold]).kendall)
            errors.append((found - scores[fold]) ** 2)
        results[name] = FoldStats(np.array(taus), float(np.concatenate(errors).mean()))
    return results


def best_by_kendall(results: Mapping[str, FoldStats]) -> str:
    """Returns the name with the highest mean tau over the folds; the first of equals."""
    return max(results, key=lambda name: float(np.nan_to_num(results[name].kendall, nan=-1).mean()))
