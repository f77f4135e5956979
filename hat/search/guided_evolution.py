"""Evolution that breeds many children and scores only those that a cheap model expects to be good.

The model is an ensemble of ridge regressions from architecture features to scores, fitted anew in
every round on everything scored so far, in milliseconds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from hat.errors import ConfigError
from hat.search.base import A, Trial, ranked
from hat.search.proposer import Proposer

Features = Callable[[Sequence[A]], NDArray[np.float64]]
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class GuidedEvolutionSettings:
    """Sizes; a round scores as many children as HAT's evolution."""

    start_size: int = 125
    """Random candidates of the first round."""

    parent_size: int = 25
    """The best so far, from which children are bred."""

    pool_size: int = 1000
    """Children bred per round."""

    batch_size: int = 100
    """Children scored per round."""

    random_share: float = 0.1
    """Part of the scored children that is picked without the model, so that it can be wrong."""

    num_models: int = 10
    """Ridge regressions in the ensemble, each on a bootstrap sample."""

    optimism: float = 0.5
    """Standard deviations of the ensemble subtracted from its mean: how much doubt attracts."""

    def __post_init__(self) -> None:
        sizes = (self.start_size, self.parent_size, self.batch_size, self.num_models)
        if min(sizes) < 1 or self.pool_size < self.batch_size:
            raise ConfigError(
                "start-size, parent-size, batch-size and num-models must be at least 1 and "
                f"pool-size at least batch-size, but found {sizes} and {self.pool_size}"
            )
        if not 0.0 <= self.random_share <= 1.0:
            raise ConfigError(f"random-share must lie in [0, 1], but found {self.random_share}")


class GuidedEvolution(Generic[A]):
    """HAT's evolution with a learned filter between breeding and scoring."""

    def __init__(
        self,
        proposer: Proposer[A],
        features: Features[A],
        settings: GuidedEvolutionSettings | None = None,
    ) -> None:
        """Args: proposer: draws candidates; features: (N, D) of N architectures; settings: sizes.

        For SubTransformers ``features`` is ``GeneOperators.one_hot``.
        """
        self._proposer = proposer
        self._features = features
        self._settings = settings or GuidedEvolutionSettings()

    def ask(self) -> list[A]:
        """Returns the first population, later the most promising of many children."""
        settings = self._settings
        trials = self._proposer.trials
        if not trials:
            return self._proposer.first(settings.start_size)
        parents = [trials[i].arch for i in ranked(trials)[: settings.parent_size]]
        half = settings.pool_size // 2
        pool = self._proposer.crossovers(parents, half)
        pool += self._proposer.mutations(parents, settings.pool_size - len(pool))
        if len(pool) <= settings.batch_size:
            return pool or self._proposer.sample(settings.batch_size)
        order = self._proposer.rng.permutation(len(pool))
        num_random = round(settings.random_share * settings.batch_size)
        lottery, rest = order[:num_random], order[num_random:]
        promise = self._promise([pool[int(i)] for i in rest])
        best = rest[np.argsort(promise, kind="stable")[: settings.batch_size - num_random]]
        chosen = {int(i) for i in (*best, *lottery)}
        self._proposer.forget(arch for i, arch in enumerate(pool) if i not in chosen)
        return [pool[i] for i in sorted(chosen)]

    def tell(self, trials: Sequence[Trial[A]]) -> None:
        """Takes the scores; the model is fitted when the next children are chosen."""
        self._proposer.record(trials)

    def state_dict(self) -> dict[str, Any]:
        """Returns the state as JSON values."""
        return self._proposer.state_dict()

    def load_state_dict(self, state: Mapping[str, Any], trials: Sequence[Trial[A]]) -> None:
        """Restores ``state`` with the history that belongs to it."""
        self._proposer.load_state_dict(state, trials)

    def _promise(self, pool: Sequence[A]) -> Floats:
        """Optimistic predicted objective (N,) of each candidate; smaller is better."""
        known = {trial.arch: trial for trial in self._proposer.trials if trial.is_scored}
        if not known:
            return np.zeros(len(pool))
        x = self._features(list(known))
        y = np.array([trial.objectives[0] for trial in known.values()])
        predictions = ridge_ensemble(
            x, y, self._features(pool), self._proposer.rng, self._settings.num_models
        )
        doubt = self._settings.optimism * predictions.std(axis=0)
        return np.asarray(predictions.mean(axis=0) - doubt, dtype=np.float64)


def ridge_ensemble(
    x: Floats, y: Floats, queries: Floats, rng: np.random.Generator, num_models: int
) -> Floats:
    """Predicts by ridge regressions on bootstrap samples.

    The strength of regularisation is chosen once, by leave-one-out error in closed form.

    Args:
        x: features (N, D) of the known.
        y: their values (N,), finite.
        queries: features (M, D).
        rng: draws the bootstrap samples.
        num_models: how many regressions.

    Returns:
        float64 (num_models, M).
    """
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale == 0] = 1.0
    x, queries = (x - mean) / scale, (queries - mean) / scale
    centre = y.mean()
    penalty = _best_penalty(x, y - centre)
    out = np.empty((num_models, len(queries)))
    for row in out:
        picks = rng.integers(len(x), size=len(x))
        sample, target = x[picks], y[picks]
        offset = sample.mean(axis=0)
        gram = (sample - offset).T @ (sample - offset)
        gram[np.diag_indices_from(gram)] += penalty
        weights = np.linalg.solve(gram, (sample - offset).T @ (target - target.mean()))
        row[:] = (queries - offset) @ weights + target.mean()
    return out


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
