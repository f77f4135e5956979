"""NSGA-II (Deb et al., 2002) for the front of two or more objectives, such as loss and latency.

Sorting, crowding and survival are pymoo's; candidates come from whatever operators one has.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hat.errors import ConfigError
from hat.search.algorithms.base import Algorithm
from hat.search.algorithms.generation import GenerationSettings, Ingredients
from hat.search.base import A, Trial
from hat.search.proposer import Proposer
from hat.search.saved import saved_places


class NSGA2(Algorithm[A]):
    """Parents by binary tournaments on rank and crowding; survivors from parents and children.

    Trials that could not be scored never become parents.
    """

    num_objectives: ClassVar = 2

    @classmethod
    def build(cls, settings: GenerationSettings, ingredients: Ingredients[A]) -> "NSGA2[A]":
        """Makes the algorithm of the sizes that all share."""
        return cls(
            ingredients.proposer,
            population_size=max(2, settings.population_size),
            batch_size=ingredients.batch_size(settings),
        )

    def __init__(
        self, proposer: Proposer[A], *, population_size: int = 100, batch_size: int | None = None
    ) -> None:
        """Sets up an empty population.

        Args:
            proposer: draws candidates.
            population_size: parents, and candidates of the first round.
            batch_size: children per round; as many as parents if left out.

        Raises:
            ConfigError: if the population is smaller than 2.
        """
        if population_size < 2:
            raise ConfigError(f"population-size must be at least 2, but found {population_size}")
        super().__init__(proposer)
        self._population_size = population_size
        self._batch_size = batch_size or population_size
        self._parents: list[int] = []

    def ask(self) -> list[A]:
        """Returns the first population, later mutated crossovers of tournament winners."""
        if not self._parents:
            return self._proposer.first(self._population_size)
        rank, crowding = self._rank(self._parents)
        rng = self._proposer.rng
        pairs = rng.integers(len(self._parents), size=(self._batch_size, 2))
        first, second = pairs[:, 0], pairs[:, 1]
        better = (rank[second] < rank[first]) | (
            (rank[second] == rank[first]) & (crowding[second] > crowding[first])
        )
        winners = np.where(better, second, first)
        pool = self._proposer.archs(self._parents[int(i)] for i in winners)
        return self._proposer.offspring(pool, self._batch_size)

    def tell(self, trials: Sequence[Trial[A]]) -> None:
        """Lets the best of parents and new trials survive, crowded ones last."""
        new = self._proposer.record(trials)
        rivals = [i for i in self._parents + new if self._proposer.trials[i].is_scored]
        if len(rivals) <= self._population_size:
            self._parents = rivals
            return
        rank, crowding = self._rank(rivals)
        # pymoo breaks ties of crowding at random; the order of trials is as good and repeatable.
        order = np.lexsort((np.arange(len(rivals)), -crowding, rank))
        self._parents = [rivals[int(i)] for i in order[: self._population_size]]

    def state_dict(self) -> dict[str, Any]:
        """Returns the state as JSON values."""
        return {**super().state_dict(), "parents": self._parents}

    def load_state_dict(self, state: Mapping[str, Any], trials: Sequence[Trial[A]]) -> None:
        """Restores ``state`` with the history that belongs to it."""
        super().load_state_dict(state, trials)
        self._parents = saved_places(state, "parents", trials)

    def _rank(self, indices: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Returns front number and crowding distance (N,) of some scored trials."""
        from pymoo.operators.survival.rank_and_crowding.metrics import get_crowding_function
        from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

        objectives = np.array([self._proposer.trials[i].objectives for i in indices])
        rank = np.zeros(len(objectives), dtype=np.int64)
        crowding = np.zeros(len(objectives))
        distance = get_crowding_function("cd")
        for number, front in enumerate(NonDominatedSorting().do(objectives)):
            rank[front] = number
            crowding[front] = distance.do(objectives[front], n_remove=0)
        return rank, crowding
