"""Evolution by tournaments in which the worst die.

The search that the NAS-Bench-101 notebook sketches (select the n best of k random members, mutate
them, drop the worst) and leaves empty. In ageing evolution it is the oldest that die.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hat.errors import ConfigError
from hat.search.algorithms.base import Algorithm
from hat.search.algorithms.generation import GenerationSettings, Ingredients
from hat.search.base import A, Trial, ranked
from hat.search.proposer import Proposer
from hat.search.saved import saved_places


@dataclass(frozen=True, kw_only=True)
class TournamentSettings:
    """Sizes of population and tournament."""

    population_size: int = 50
    """How many are alive."""

    tournament_size: int = 10
    """k: how many of them are drawn at random each round."""

    num_parents: int = 2
    """n: how many of those, the best, have a child; as many of the worst die."""

    num_tournaments: int = 1
    """Tournaments per round; more let a scorer work on a batch."""

    def __post_init__(self) -> None:
        if self.num_tournaments < 1:
            raise ConfigError(
                f"num-tournaments must be at least 1, but found {self.num_tournaments}"
            )
        if not 1 <= self.num_parents <= self.tournament_size <= self.population_size:
            raise ConfigError(
                "expected 1 <= num-parents <= tournament-size <= population-size, but found "
                f"{self.num_parents}, {self.tournament_size} and {self.population_size}"
            )


class TournamentEvolution(Algorithm[A]):
    """The n best of k random members have a mutated child each; the n worst of all die."""

    @classmethod
    def build(
        cls, settings: GenerationSettings, ingredients: Ingredients[A]
    ) -> "TournamentEvolution[A]":
        """Makes the algorithm of the sizes that all share."""
        size = settings.population_size
        parents = min(2, size)
        return cls(
            ingredients.proposer,
            TournamentSettings(
                population_size=size,
                tournament_size=min(10, size),
                num_parents=parents,
                num_tournaments=max(1, ingredients.batch_size(settings) // parents),
            ),
        )

    def __init__(self, proposer: Proposer[A], settings: TournamentSettings | None = None) -> None:
        """Args: proposer: draws candidates; settings: sizes."""
        super().__init__(proposer)
        self._settings = settings or TournamentSettings()
        self._alive: list[int] = []

    def ask(self) -> list[A]:
        """Returns the first population, later one child of each tournament winner.

        When nobody can have a new child, random architectures take their place.
        """
        if not self._proposer.trials:
            return self._proposer.first(self._settings.population_size)
        children: list[A] = []
        # Winners whose mutations are all known have no child; others get their chance.
        settings = self._settings
        for _ in range(10):
            for _ in range(settings.num_tournaments):
                for parent in self._winners():
                    children += self._proposer.mutations([parent], 1)
            if children:
                return children
        return self._proposer.sample(settings.num_parents * settings.num_tournaments)

    def tell(self, trials: Sequence[Trial[A]]) -> None:
        """Lets the new trials in and the worst die."""
        rivals = self._alive + self._proposer.record(trials)
        order = ranked([self._proposer.trials[index] for index in rivals])
        survivors = sorted(order[: self._settings.population_size])
        self._alive = [rivals[place] for place in survivors]

    def state_dict(self) -> dict[str, Any]:
        """Returns the state as JSON values."""
        return {**super().state_dict(), "alive": self._alive}

    def load_state_dict(self, state: Mapping[str, Any], trials: Sequence[Trial[A]]) -> None:
        """Restores ``state`` with the history that belongs to it."""
        super().load_state_dict(state, trials)
        self._alive = saved_places(state, "alive", trials)

    def _winners(self) -> list[A]:
        size = min(self._settings.tournament_size, len(self._alive))
        picks = self._proposer.rng.choice(len(self._alive), size=size, replace=False)
        rivals = [self._proposer.trials[self._alive[int(index)]] for index in picks]
        return [rivals[i].arch for i in ranked(rivals)[: self._settings.num_parents]]
