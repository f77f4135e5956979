"""Every search algorithm by the name that YAML files and flags use."""

from collections.abc import Callable, Mapping
from typing import Generic

from hat.errors import ConfigError, suggestion
from hat.search.aging_evolution import AgingEvolution, AgingEvolutionSettings
from hat.search.base import A, SearchAlgorithm
from hat.search.evolution import Evolution, EvolutionSettings
from hat.search.guided_evolution import GuidedEvolution, GuidedEvolutionSettings, Model
from hat.search.local_search import LocalSearch
from hat.search.nsga2 import NSGA2
from hat.search.proposer import Proposer
from hat.search.random_search import RandomSearch
from hat.search.tournament_evolution import TournamentEvolution, TournamentSettings


class AlgorithmBuilder(Generic[A]):
    """Builds algorithms of equal price: the same number of candidates in every round.

    The first round scores ``population_size`` candidates and each later one ``mutation_size +
    crossover_size`` (local search fewer, where a neighbourhood is smaller), so results after
    equally many rounds can be compared.
    """

    def __init__(
        self,
        proposer: Proposer[A],
        settings: EvolutionSettings | None = None,
        models: Mapping[str, Callable[[], Model[A]]] | None = None,
    ) -> None:
        """Prepares to build.

        Args:
            proposer: draws candidates.
            settings: sizes.
            models: makers of what ``guided`` and ``guided-gcn`` are guided by, by these names;
                see ``hat.scoring.guides``.
        """
        self._proposer = proposer
        self._settings = settings or EvolutionSettings()
        self._models = models or {}

    def build(self, name: str) -> SearchAlgorithm[A]:
        """Returns the algorithm called ``name``, one of ``ALGORITHM_NAMES``.

        Raises:
            ConfigError: if there is no such algorithm, or it lacks what it needs.
        """
        if name not in ALGORITHM_NAMES:
            raise ConfigError(
                f"unknown search algorithm {name!r}"
                + (suggestion(name, ALGORITHM_NAMES) or f"; there are {', '.join(ALGORITHM_NAMES)}")
            )
        if name in _GUIDED:
            return self._guided(name)
        algorithm: SearchAlgorithm[A] = getattr(self, f"_{name}")()
        return algorithm

    @property
    def _batch_size(self) -> int:
        return max(1, self._settings.mutation_size + self._settings.crossover_size)

    def _evolution(self) -> SearchAlgorithm[A]:
        return Evolution(self._proposer, self._settings)

    def _random(self) -> SearchAlgorithm[A]:
        first = self._settings.population_size
        return RandomSearch(self._proposer, first_size=first, batch_size=self._batch_size)

    def _aging(self) -> SearchAlgorithm[A]:
        size = self._settings.population_size
        settings = AgingEvolutionSettings(
            population_size=size, tournament_size=min(10, size), batch_size=self._batch_size
        )
        return AgingEvolution(self._proposer, settings)

    def _tournament(self) -> SearchAlgorithm[A]:
        size = self._settings.population_size
        parents = min(2, size)
        settings = TournamentSettings(
            population_size=size,
            tournament_size=min(10, size),
            num_parents=parents,
            num_tournaments=max(1, self._batch_size // parents),
        )
        return TournamentEvolution(self._proposer, settings)

    def _local(self) -> SearchAlgorithm[A]:
        first = self._settings.population_size
        return LocalSearch(self._proposer, start_size=first, batch_size=self._batch_size)

    def _nsga2(self) -> SearchAlgorithm[A]:
        size = max(2, self._settings.population_size)
        return NSGA2(self._proposer, population_size=size, batch_size=self._batch_size)

    def _guided(self, name: str) -> SearchAlgorithm[A]:
        if name not in self._models:
            raise ConfigError(f"the search algorithm {name!r} needs a model to be guided by")
        settings = GuidedEvolutionSettings(
            start_size=self._settings.population_size,
            parent_size=self._settings.parent_size,
            pool_size=10 * self._batch_size,
            batch_size=self._batch_size,
        )
        return GuidedEvolution(self._proposer, self._models[name](), settings)


_GUIDED = ("guided", "guided-gcn")
_OTHERS = ("aging", "tournament", "local", "nsga2", "random")
ALGORITHM_NAMES = ("evolution", *_GUIDED, *_OTHERS)
"""HAT's evolution first; ``nsga2`` wants two objectives or more."""
