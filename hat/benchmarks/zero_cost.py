"""Searches on a table with and without a score that costs nothing, as in the epsinas notebook.

Random search and ageing evolution (Real et al., AAAI 2019) on a table of N trained architectures.
A zero-cost *warm-up* scores many random architectures and trains the best of them first; zero-cost
*moves* let the score and not the accuracy choose which member of a tournament has a child.
"""

from dataclasses import dataclass

import numpy as np

from hat.arrays import Floats, Ints
from hat.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class ZeroCostSettings:
    """Sizes; the defaults are those of the authors' notebook on NAS-Bench-201."""

    num_models: int = 300
    """How many architectures a search may train."""

    pool_size: int = 64
    """How many of the youngest are alive."""

    tournament_size: int = 10
    """How many of them compete to have a child."""

    warmup: int = 3000
    """How many random architectures a warm-up scores."""

    def __post_init__(self) -> None:
        if not 1 <= self.tournament_size <= self.pool_size <= self.num_models:
            raise ConfigError(
                "sizes must be 1 <= tournament <= pool <= models, but found "
                f"{self.tournament_size}, {self.pool_size}, {self.num_models}"
            )
        if self.warmup < self.num_models:
            raise ConfigError(
                f"a warm-up must score at least as many architectures as are trained "
                f"({self.num_models}), but found {self.warmup}"
            )


class TableSearch:
    """A table of accuracies, scores and neighbours to search in."""

    def __init__(
        self,
        accuracy: Floats,
        score: Floats,
        neighbours: Ints,
        settings: ZeroCostSettings | None = None,
    ) -> None:
        """Keeps the table.

        Args:
            accuracy: (N,), what training an architecture would show.
            score: (N,), higher is better; NaN counts as the worst.
            neighbours: (N, K) indices of the architectures that one mutation can give.
            settings: sizes.
        """
        self._accuracy = accuracy
        self._score = np.where(np.isnan(score), -np.inf, score)
        self._neighbours = neighbours
        self._settings = settings or ZeroCostSettings()

    def random_search(self, rng: np.random.Generator, *, warmup: bool = False) -> Floats:
        """Returns the best accuracy after 1, 2, ... trained models: (num_models,)."""
        count = self._settings.num_models
        trained = self._warm_start(rng, count) if warmup else self._sample(rng, count)
        best: Floats = np.maximum.accumulate(self._accuracy[trained])
        return best

    def ageing_evolution(
        self, rng: np.random.Generator, *, warmup: bool = False, moves: bool = False
    ) -> Floats:
        """Returns the best accuracy after 1, 2, ... trained models: (num_models,)."""
        settings = self._settings
        size = settings.pool_size
        trained = list(self._warm_start(rng, size) if warmup else self._sample(rng, size))
        fitness = self._score if moves else self._accuracy
        while len(trained) < settings.num_models:
            picks = rng.choice(size, settings.tournament_size, replace=False)
            rivals = [trained[index - size] for index in picks]
            parent = max(rivals, key=lambda index: fitness[index])
            children = self._neighbours[parent]
            trained.append(children[rng.integers(len(children))])
        best: Floats = np.maximum.accumulate(self._accuracy[trained])
        return best

    def _sample(self, rng: np.random.Generator, count: int) -> Ints:
        return rng.integers(len(self._accuracy), size=count)

    def _warm_start(self, rng: np.random.Generator, count: int) -> Ints:
        """The best by score of ``warmup`` random architectures, best first."""
        candidates = self._sample(rng, self._settings.warmup)
        chosen: Ints = candidates[np.argsort(-self._score[candidates], kind="stable")[:count]]
        return chosen
