"""Ageing evolution, also called regularised evolution (Real et al., AAAI 2019, algorithm 1)."""

from dataclasses import dataclass

from hat.errors import ConfigError
from hat.search.algorithms.base import Algorithm
from hat.search.algorithms.generation import GenerationSettings, Ingredients
from hat.search.base import A, ranked
from hat.search.proposer import Proposer


@dataclass(frozen=True, kw_only=True)
class AgingEvolutionSettings:
    """Sizes; the defaults are those of the NAS-Bench-101 paper (Ying et al., ICML 2019)."""

    population_size: int = 100
    """How many of the youngest trials are alive."""

    tournament_size: int = 10
    """How many of them compete to become a parent."""

    batch_size: int = 1
    """Children per round. The paper has one; more let a scorer work on a batch."""

    def __post_init__(self) -> None:
        if min(self.population_size, self.tournament_size, self.batch_size) < 1:
            raise ConfigError(
                "population-size, tournament-size and batch-size must be at least 1, but found "
                f"{self.population_size}, {self.tournament_size} and {self.batch_size}"
            )
        if self.tournament_size > self.population_size:
            raise ConfigError(
                f"tournament-size {self.tournament_size} is larger than the "
                f"population-size {self.population_size}"
            )


class AgingEvolution(Algorithm[A]):
    """The best of a random few has a child; the oldest dies, however good it is."""

    @classmethod
    def build(
        cls, settings: GenerationSettings, ingredients: Ingredients[A]
    ) -> "AgingEvolution[A]":
        """Makes the algorithm of the sizes that all share."""
        size = settings.population_size
        return cls(
            ingredients.proposer,
            AgingEvolutionSettings(
                population_size=size,
                tournament_size=min(10, size),
                batch_size=ingredients.batch_size(settings),
            ),
        )

    def __init__(
        self, proposer: Proposer[A], settings: AgingEvolutionSettings | None = None
    ) -> None:
        """Args: proposer: draws candidates; settings: sizes."""
        super().__init__(proposer)
        self._settings = settings or AgingEvolutionSettings()

    def ask(self) -> list[A]:
        """Returns the first population, later the children of tournament winners.

        When nobody can have a new child, random architectures take their place.
        """
        settings = self._settings
        if not self._proposer.trials:
            return self._proposer.first(settings.population_size)
        children: list[A] = []
        # A winner whose mutations are all known has no child; others get their chance, boundedly.
        for _ in range(10 * settings.batch_size):
            children += self._proposer.mutations([self._winner()], 1)
            if len(children) == settings.batch_size:
                break
        return children or self._proposer.sample(settings.batch_size)

    def _winner(self) -> A:
        alive = self._proposer.trials[-self._settings.population_size :]
        size = min(self._settings.tournament_size, len(alive))
        picks = self._proposer.rng.choice(len(alive), size=size, replace=False)
        rivals = [alive[int(index)] for index in picks]
        return rivals[ranked(rivals)[0]].arch
