"""HAT's evolutionary search (Wang et al., ACL 2020, section 3.2 and ``fairseq/evolution.py``)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from hat.errors import ConfigError
from hat.search.base import A, Trial, ranked
from hat.search.proposer import Proposer


@dataclass(frozen=True, kw_only=True)
class EvolutionSettings:
    """Sizes of one generation; the defaults are HAT's. Mutation strength is the operators'."""

    population_size: int = 125
    """Candidates of the first round; later the sum of the three below."""

    parent_size: int = 25
    """The best so far, from which the next generation is made."""

    mutation_size: int = 50
    """New mutations of parents per round."""

    crossover_size: int = 50
    """New crossovers of two parents per round."""

    def __post_init__(self) -> None:
        if min(self.parent_size, self.population_size) < 1:
            raise ConfigError(
                f"parent-size and population-size must be at least 1, but found "
                f"{self.parent_size} and {self.population_size}"
            )
        if min(self.mutation_size, self.crossover_size) < 0:
            raise ConfigError(
                f"mutation-size and crossover-size must not be negative, but found "
                f"{self.mutation_size} and {self.crossover_size}"
            )
        total = self.parent_size + self.mutation_size + self.crossover_size
        if self.population_size != total:
            raise ConfigError(
                f"population-size must be parent-size + mutation-size + crossover-size = "
                f"{total}, but found {self.population_size}"
            )


class Evolution(Generic[A]):
    """The best parents live on; each round brings mutations and crossovers of them.

    As in HAT the parents compete again in the next round. Unlike HAT nothing is asked twice: the
    scores of parents are remembered, and a child that is known already is drawn again.
    """

    def __init__(self, proposer: Proposer[A], settings: EvolutionSettings | None = None) -> None:
        """Args: proposer: draws candidates; settings: sizes of a generation, HAT's if left out."""
        self._proposer = proposer
        self._settings = settings or EvolutionSettings()
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
        return {**self._proposer.state_dict(), "parents": self._parents}

    def load_state_dict(self, state: Mapping[str, Any], trials: Sequence[Trial[A]]) -> None:
        """Restores ``state`` with the history that belongs to it."""
        self._proposer.load_state_dict(state, trials)
        self._parents = [int(index) for index in state["parents"]]
