"""Random search: the baseline that every other algorithm must beat."""

from hat.search.algorithms.base import Algorithm
from hat.search.algorithms.generation import GenerationSettings, Ingredients
from hat.search.base import A
from hat.search.proposer import Proposer


class RandomSearch(Algorithm[A]):
    """Asks for new feasible random architectures, ``batch_size`` at a time."""

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
        super().__init__(proposer)
        self.batch_size = batch_size
        self._first_size = first_size or batch_size

    def ask(self) -> list[A]:
        """Returns the next random architectures."""
        if not self._proposer.trials:
            return self._proposer.first(self._first_size)
        return self._proposer.sample(self.batch_size)
