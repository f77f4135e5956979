"""An ensemble of ridge regressions on features of architectures: learns in milliseconds."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import numpy as np

from hat.arrays import Floats
from hat.errors import ConfigError, DataError
from hat.scoring.prediction import Prediction

A = TypeVar("A")

Features = Callable[[Sequence[A]], Floats]
"""Numbers (N, D) of N architectures."""


class RidgeEnsemble(Generic[A]):
    """Ridge regressions, each on a bootstrap sample. It is a ``Predictor``.

    The strength of regularisation is chosen once per training, by the leave-one-out error in
    closed form.
    """

    def __init__(self, features: Features[A], *, members: int = 10) -> None:
        """Args: features: of architectures, such as ``GeneOperators.one_hot``; members: how many.

        Raises:
            ConfigError: if there is no member.
        """
        if members < 1:
            raise ConfigError(f"an ensemble needs at least 1 member, but found {members}")
        self._features = features
        self._members = members
        self._fitted: tuple[Floats, Floats, Floats, Floats] | None = None

    def fit(self, archs: Sequence[A], scores: Floats, *, rng: np.random.Generator) -> None:
        """Trains anew on N architectures; those whose score is not finite are left out.

        Raises:
            DataError: if no architecture has a score.
        """
        y = np.asarray(scores, dtype=np.float64)
        known = np.flatnonzero(np.isfinite(y))
        if not len(known):
            raise DataError("a ridge ensemble needs at least 1 architecture with a score")
        x, y = self._features([archs[int(i)] for i in known]), y[known]
        mean, scale = x.mean(axis=0), x.std(axis=0)
        scale[scale == 0] = 1.0
        x = (x - mean) / scale
        penalty = _best_penalty(x, y - y.mean())
        weights, offsets = np.empty((self._members, x.shape[1])), np.empty(self._members)
        for member in range(self._members):
            picks = rng.integers(len(x), size=len(x))
            sample, target = x[picks], y[picks]
            centre = sample.mean(axis=0)
            gram = (sample - centre).T @ (sample - centre)
            gram[np.diag_indices_from(gram)] += penalty
            weights[member] = np.linalg.solve(gram, (sample - centre).T @ (target - target.mean()))
            offsets[member] = target.mean() - centre @ weights[member]
        self._fitted = mean, scale, weights, offsets

    def predict(self, archs: Sequence[A]) -> Prediction:
        """Predicts the scores of N architectures.

        Raises:
            DataError: if the ensemble was not trained.
        """
        if self._fitted is None:
            raise DataError("a ridge ensemble must be trained before it can predict")
        mean, scale, weights, offsets = self._fitted
        outputs = (self._features(archs) - mean) / scale @ weights.T + offsets
        return Prediction(outputs.mean(axis=1), outputs.std(axis=1))


def _best_penalty(x: Floats, y: Floats) -> float:
    """Returns the ridge penalty with the smallest leave-one-out error."""
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    projected = u.T @ y
    best = (np.inf, 1.0)
    for penalty in np.geomspace(1e-2, 1e4, 13):
        shrink = s**2 / (s**2 + penalty)
        residual = y - u @ (shrink * projected)
        leverage = np.minimum(((u**2) * shrink).sum(axis=1) + 1 / len(y), 1 - 1e-9)
        best = min(best, (float(np.mean((residual / (1 - leverage)) ** 2)), float(penalty)))
    return best[1]
