"""Random search: the baseline that every other algorithm must beat."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic

from hat.search.algorithms.generation import GenerationSettings, Ingredients
from hat.search.base import A, Trial
from hat.search.proposer import Proposer


class RandomSearch(Generic[A]):
    """Asks for new feasible random architectures, ``batch_size`` at a time."""

    Settings: ClassVar = GenerationSettings
    num_objectives: ClassVar = 1
    least_round: ClassVar = 1

    @classmethod
    def build(cls, settings: GenerationSettings, ingredients: Ingredients[A]) -> "RandomSearch[A]":
        """Makes the algorithm of its settings."""
        return cls(
            ingredients.proposer,
            batch_size=ingredients.batch_size(settings),
            first_size=ingredients.round_size or settings.population_size,
        )

    def __init__(
        self, proposer: Proposer[A], *, batch_size: int = 125, first_size: int | None = None
    ) -> None:
        """Args: proposer: draws candidates; batch_size, first_size: how many per round."""
        self._proposer = proposer
        self.batch_size = batch_size
        self._first_size = first_size or batch_size

    def ask(self) -> list[A]:
        """Returns the next random architectures."""
        if not self._proposer.trials:
            return self._proposer.first(self._first_size)
        return self._proposer.sample(self.batch_size)

    def tell(self, trials: Sequence[Trial[A]]) -> None:
        """Remembers what was tried, so that it is not asked for again."""
        self._proposer.record(trials)

    def state_dict(self) -> dict[str, Any]:
        """Returns the state as JSON values."""
        return self._proposer.state_dict()

    def load_state_dict(self, state: Mapping[str, Any], trials: Sequence[Trial[A]]) -> None:
        """Restores ``state`` with the history that belongs to it."""
        self._proposer.load_state_dict(state, trials)
