"""Local search: walk to better neighbours until there are none, then begin elsewhere.

A strong baseline on the NAS benchmarks (White et al., "Exploring the Loss Landscape in Neural
Architecture Search", UAI 2021).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hat.errors import ConfigError
from hat.search.algorithms.base import Algorithm
from hat.search.algorithms.generation import GenerationSettings, Ingredients
from hat.search.base import A, Trial, ranked
from hat.search.proposer import Proposer
from hat.search.saved import saved_place


class LocalSearch(Algorithm[A]):
    """Scores neighbours in random order, a batch at a time, and moves to the first better batch.

    A move goes to the best of the batch. When every neighbour is known and none was better, the
    walk starts again from the best of ``start_size`` random architectures.
    """

    @classmethod
    def build(cls, settings: GenerationSettings, ingredients: Ingredients[A]) -> "LocalSearch[A]":
        """Makes the algorithm of the sizes that all share."""
        return cls(
            ingredients.proposer,
            start_size=settings.population_size,
            batch_size=ingredients.batch_size(settings),
        )

    def __init__(
        self, proposer: Proposer[A], *, start_size: int = 50, batch_size: int = 25
    ) -> None:
        """Args: proposer: draws candidates; start_size, batch_size: candidates per round.

        Raises:
            ConfigError: if a size is not positive.
        """
        if min(start_size, batch_size) < 1:
            raise ConfigError(
                f"start-size and batch-size must be at least 1, but found {start_size} "
                f"and {batch_size}"
            )
        super().__init__(proposer)
        self._start_size = start_size
        self._batch_size = batch_size
        self._current: int | None = None

    def ask(self) -> list[A]:
        """Returns neighbours of the current architecture, or random starts."""
        if self._current is not None:
            here = self._proposer.trials[self._current].arch
            near = self._proposer.neighbours(here, self._batch_size)
            if near:
                return near
        self._current = None
        return self._proposer.first(self._start_size)

    def tell(self, trials: Sequence[Trial[A]]) -> None:
        """Moves to the best new trial if it is better than where we are."""
        indices = self._proposer.record(trials)
        best = indices[ranked(trials)[0]]
        if self._current is None:
            self._current = best
            return
        here, there = (self._proposer.trials[i].objectives[0] for i in (self._current, best))
        if there < here or (np.isnan(here) and not np.isnan(there)):
            self._current = best

    def state_dict(self) -> dict[str, Any]:
        """Returns the state as JSON values."""
        return {**super().state_dict(), "current": self._current}

    def load_state_dict(self, state: Mapping[str, Any], trials: Sequence[Trial[A]]) -> None:
        """Restores ``state`` with the history that belongs to it."""
        super().load_state_dict(state, trials)
        self._current = saved_place(state, "current", trials)
