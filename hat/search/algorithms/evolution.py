"""HAT's evolutionary search (Wang et al., ACL 2020, section 3.2 and ``fairseq/evolution.py``)."""

from collections.abc import Mapping, Sequence
from typing import Any

from hat.search.algorithms.base import Algorithm
from hat.search.algorithms.generation import GenerationSettings, Ingredients
from hat.search.base import A, Trial, ranked
from hat.search.proposer import Proposer
from hat.search.saved import saved_places


class Evolution(Algorithm[A]):
    """The best parents live on; each round brings mutations and crossovers of them.

    As in HAT the parents compete again in the next round. Unlike HAT nothing is asked twice: the
    scores of parents are remembered, and a child that is known already is drawn again.
    """

    @classmethod
    def build(cls, settings: GenerationSettings, ingredients: Ingredients[A]) -> "Evolution[A]":
        """Makes the algorithm of its settings; rounds are as large as these say."""
        return cls(ingredients.proposer, settings)

    def __init__(self, proposer: Proposer[A], settings: GenerationSettings | None = None) -> None:
        """Args: proposer: draws candidates; settings: sizes of a generation, HAT's if left out."""
        super().__init__(proposer)
        self._settings = settings or GenerationSettings()
        self._parents: list[int] = []

    def ask(self) -> list[A]:
        """Returns the first population, later the new children."""
        settings = self._settings
        if not self._proposer.trials:
            return self._proposer.first(settings.population_size)
        parents = self._proposer.archs(self._parents)
        children = self._proposer.mutations(parents, settings.mutation_size)
        children += self._proposer.crossovers(parents, settings.crossover_size)
        # Parents that have become alike have few new crossovers; mutations take their place.
        missing = settings.mutation_size + settings.crossover_size - len(children)
        children += self._proposer.mutations(parents, missing)
        # Only when nothing near the parents is left does the search look elsewhere.
        return children or self._proposer.sample(missing)

    def tell(self, trials: Sequence[Trial[A]]) -> None:
        """Chooses the next parents among the old ones and the new trials."""
        rivals = self._parents + self._proposer.record(trials)
        order = ranked([self._proposer.trials[index] for index in rivals])
        self._parents = [rivals[place] for place in order[: self._settings.parent_size]]

    def state_dict(self) -> dict[str, Any]:
        """Returns the state as JSON values."""
        return {**super().state_dict(), "parents": self._parents}

    def load_state_dict(self, state: Mapping[str, Any], trials: Sequence[Trial[A]]) -> None:
        """Restores ``state`` with the history that belongs to it."""
        super().load_state_dict(state, trials)
        self._parents = saved_places(state, "parents", trials)
