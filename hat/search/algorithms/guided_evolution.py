"""Evolution that breeds many children and scores only those that a cheap model expects to be good.

The model is fitted anew in every round on everything scored so far.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from hat.arrays import Floats
from hat.errors import ConfigError
from hat.search.algorithms.base import Algorithm
from hat.search.algorithms.generation import GenerationSettings, Ingredients
from hat.search.base import A, A_contra, ranked
from hat.search.proposer import Proposer

_FEWEST_EXAMPLES = 2


class Estimate(Protocol):
    """What a model expects of N candidates."""

    @property
    def mean(self) -> Floats:
        """The expected objective, (N,); smaller is better."""

    @property
    def std(self) -> Floats:
        """How unsure the model is, (N,)."""


class Model(Protocol[A_contra]):
    """Learns the objective of architectures; ``hat.scoring.guides`` has those of the toolkit."""

    def fit(self, archs: Sequence[A_contra], scores: Floats, *, rng: np.random.Generator) -> None:
        """Learns anew from N architectures and their objectives (N,)."""

    def predict(self, archs: Sequence[A_contra]) -> Estimate:
        """Predicts the objectives of N architectures."""


@dataclass(frozen=True, kw_only=True)
class GuidedEvolutionSettings:
    """Sizes; a round scores as many children as HAT's evolution."""

    start_size: int = 125
    """Random candidates of the first round."""

    parent_size: int = 25
    """The best so far, from which children are bred."""

    pool_size: int = 1000
    """Children bred per round."""

    batch_size: int = 100
    """Children scored per round."""

    random_share: float = 0.1
    """Part of the scored children that is picked at random, so that a wrong model is found out."""

    optimism: float = 0.5
    """Standard deviations subtracted from the model's mean: how much doubt attracts."""

    def __post_init__(self) -> None:
        sizes = (self.start_size, self.parent_size, self.batch_size)
        if min(sizes) < 1 or self.pool_size < self.batch_size:
            raise ConfigError(
                "start-size, parent-size and batch-size must be at least 1 and pool-size at least "
                f"batch-size, but found {sizes} and {self.pool_size}"
            )
        if not 0.0 <= self.random_share <= 1.0:
            raise ConfigError(f"random-share must lie in [0, 1], but found {self.random_share}")


class GuidedEvolution(Algorithm[A]):
    """HAT's evolution with a learned filter between breeding and scoring."""

    least_round: ClassVar = 10  # the model is fitted anew in every round
    guide: ClassVar[str] = ""
    """The model, by its name among the ingredients' guides."""

    @classmethod
    def build(
        cls, settings: GenerationSettings, ingredients: Ingredients[A]
    ) -> "GuidedEvolution[A]":
        """Makes the algorithm of the sizes that all share.

        Raises:
            ConfigError: if there is no such model for these architectures.
        """
        if cls.guide not in ingredients.guides:
            raise ConfigError(f"the search algorithm {cls.guide!r} needs a model to be guided by")
        batch_size = ingredients.batch_size(settings)
        return cls(
            ingredients.proposer,
            ingredients.guides[cls.guide](),
            GuidedEvolutionSettings(
                start_size=settings.population_size,
                parent_size=settings.parent_size,
                pool_size=10 * batch_size,
                batch_size=batch_size,
            ),
        )

    def __init__(
        self,
        proposer: Proposer[A],
        model: Model[A],
        settings: GuidedEvolutionSettings | None = None,
    ) -> None:
        """Args: proposer: draws candidates; model: chooses among them; settings: sizes."""
        super().__init__(proposer)
        self._model = model
        self._settings = settings or GuidedEvolutionSettings()

    def ask(self) -> list[A]:
        """Returns the first population, later the most promising of many children."""
        settings = self._settings
        trials = self._proposer.trials
        if not trials:
            return self._proposer.first(settings.start_size)
        parents = [trials[i].arch for i in ranked(trials)[: settings.parent_size]]
        half = settings.pool_size // 2
        pool = self._proposer.crossovers(parents, half)
        pool += self._proposer.mutations(parents, settings.pool_size - len(pool))
        if len(pool) <= settings.batch_size:
            return pool or self._proposer.sample(settings.batch_size)
        order = self._proposer.rng.permutation(len(pool))
        num_random = round(settings.random_share * settings.batch_size)
        lottery, rest = order[:num_random], order[num_random:]
        promise = self._promise([pool[int(i)] for i in rest])
        best = rest[np.argsort(promise, kind="stable")[: settings.batch_size - num_random]]
        chosen = {int(i) for i in (*best, *lottery)}
        self._proposer.forget(arch for i, arch in enumerate(pool) if i not in chosen)
        return [pool[i] for i in sorted(chosen)]

    def _promise(self, pool: Sequence[A]) -> Floats:
        """Optimistic predicted objective (N,) of each candidate; smaller is better."""
        known = {trial.arch: trial for trial in self._proposer.trials if trial.is_scored}
        if len(known) < _FEWEST_EXAMPLES:
            return np.zeros(len(pool))
        objectives = np.array([trial.objectives[0] for trial in known.values()])
        self._model.fit(list(known), objectives, rng=self._proposer.rng)
        expected = self._model.predict(pool)
        doubt = self._settings.optimism * expected.std
        return np.asarray(expected.mean - doubt, dtype=np.float64)


class RidgeGuidedEvolution(GuidedEvolution[A]):
    """Guided by ridge regressions on the genes."""

    guide = "guided"


class GraphGuidedEvolution(GuidedEvolution[A]):
    """Guided by an ensemble of graph networks; needs torch."""

    guide = "guided-gcn"
