"""What every search algorithm is built from, so that all are of the same price.

The first round scores ``population_size`` candidates and each later one ``mutation_size +
crossover_size`` (local search fewer, where a neighbourhood is smaller), so results after equally
many rounds can be compared.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic

from hat.errors import ConfigError
from hat.search.base import A
from hat.search.proposer import Proposer
from hat.settings import AtLeast, AtMost, Settings


@dataclass(frozen=True, kw_only=True)
class GenerationSettings(Settings):
    """Sizes of one generation; the defaults are HAT's. Mutation strength is the operators'."""

    population_size: Annotated[int, AtLeast(1), AtMost(1_000_000)] = 125
    """candidates of the first round; must be --parent-size + --mutation-size + --crossover-size"""

    parent_size: Annotated[int, AtLeast(1), AtMost(1_000_000)] = 25
    """the best so far, of which the next round is made"""

    mutation_size: Annotated[int, AtLeast(0), AtMost(1_000_000)] = 50
    """mutations of parents in each further round"""

    crossover_size: Annotated[int, AtLeast(0), AtMost(1_000_000)] = 50
    """crossovers of two parents in each further round"""

    def __post_init__(self) -> None:
        super().__post_init__()
        total = self.parent_size + self.mutation_size + self.crossover_size
        if self.population_size != total:
            raise ConfigError(
                f"population-size must be parent-size + mutation-size + crossover-size = "
                f"{total}, but found {self.population_size}"
            )

    @classmethod
    def of_one_size(cls, population_size: int) -> "GenerationSettings":
        """Returns the sizes of a search that has no other: a fifth are parents, no crossovers."""
        parents = max(1, population_size // 5)
        return cls(
            population_size=population_size,
            parent_size=parents,
            mutation_size=population_size - parents,
            crossover_size=0,
        )


@dataclass(frozen=True, kw_only=True)
class Ingredients(Generic[A]):
    """What an algorithm is made of, besides its settings."""

    proposer: Proposer[A]
    """Draws candidates."""

    guides: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    """Makers of the models that guided algorithms are guided by; see ``hat.scoring.guides``."""

    round_size: int | None = None
    """Candidates of every round but the first; None: mutations and crossovers together. Where each
    candidate is trained before the next is chosen, it is the algorithm's own ``least_round``."""

    def batch_size(self, settings: GenerationSettings) -> int:
        """Candidates of a round after the first."""
        return self.round_size or max(1, settings.mutation_size + settings.crossover_size)
