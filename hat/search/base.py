"""What a search is made of: trials, results, and the protocols that the parts meet through.

Nothing here knows what an architecture is, only that it can be hashed and compared.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hat.errors import SearchError
from hat.search.pareto import non_dominated

A = TypeVar("A", bound=Hashable)
"""The type of an architecture."""

A_contra = TypeVar("A_contra", bound=Hashable, contravariant=True)

Feasible = Callable[[Sequence[A]], NDArray[np.bool_]]
"""Says for N candidates at once which of them meet the constraints: bool (N,)."""


@dataclass(frozen=True)
class Trial(Generic[A]):
    """One scored candidate."""

    arch: A

    objectives: tuple[float, ...]
    """Smaller is better, always; ``nan`` means that the candidate could not be scored."""

    round: int
    """The round of the search in which it was asked for, from 0."""

    costs: Mapping[str, float] = field(default_factory=dict, hash=False)
    """What the constraints looked at, by name: ``latency_ms``, ``params`` ..."""

    share: float = 1.0
    """The part of the data that the objectives rest on: less than 1 for an estimate."""

    @property
    def is_scored(self) -> bool:
        """Whether every objective is a number."""
        return not any(math.isnan(value) for value in self.objectives)


def ranked(trials: Sequence[Trial[A]], objective: int = 0) -> list[int]:
    """Returns indices of ``trials`` from best to worst; unscored ones last, ties in order."""

    def key(index: int) -> tuple[bool, float]:
        value = trials[index].objectives[objective]
        return (True, 0.0) if math.isnan(value) else (False, value)

    return sorted(range(len(trials)), key=key)


@dataclass(frozen=True, kw_only=True)
class SearchResult(Generic[A]):
    """Everything that a search looked at, in order."""

    trials: tuple[Trial[A], ...]
    objective_names: tuple[str, ...]
    higher_is_better: tuple[bool, ...]
    signature: str = ""

    def ranking(self) -> list[Trial[A]]:
        """One trial of each architecture, best first; those without a score come last."""
        found: dict[A, Trial[A]] = {}
        for index in ranked(self.trials):
            found.setdefault(self.trials[index].arch, self.trials[index])
        return list(found.values())

    def best(self) -> Trial[A]:
        """The trial with the smallest first objective; the earliest of equals.

        Raises:
            SearchError: if no candidate could be scored.
        """
        ranking = self.ranking()
        if not ranking or math.isnan(ranking[0].objectives[0]):
            raise SearchError(
                f"none of the {len(self.trials)} candidates could be scored "
                f"by {self.objective_names[0]}"
            )
        return ranking[0]

    def pareto_front(self) -> list[Trial[A]]:
        """The scored trials that no other trial beats in every objective, best first."""
        unique = {trial.arch: trial for trial in reversed(self.trials) if trial.is_scored}
        if not unique:
            return []
        trials = list(unique.values())
        front = non_dominated(np.array([trial.objectives for trial in trials]))
        return sorted((trials[i] for i in np.flatnonzero(front)), key=lambda t: t.objectives)

    def score(self, trial: Trial[A], objective: int = 0) -> float:
        """The objective in the user's direction: BLEU as BLEU, not as minus BLEU."""
        value = trial.objectives[objective]
        return -value if self.higher_is_better[objective] else value

    @property
    def num_evaluated(self) -> int:
        """How many different architectures were scored or tried to."""
        return len({trial.arch for trial in self.trials})

    @property
    def num_unscored(self) -> int:
        """How many trials have no score."""
        return sum(not trial.is_scored for trial in self.trials)


class SearchAlgorithm(Protocol[A]):
    """Proposes candidates and learns from their scores.

    Calls alternate: ``ask``, ``tell``, ``ask``, ``tell`` ... An algorithm draws random numbers
    from the generator it was given and from nothing else, so the same seed and the same scores
    give the same candidates.
    """

    def ask(self) -> list[A]:
        """Returns the candidates of the next round; an empty list means that none are left."""

    def tell(self, trials: Sequence[Trial[A]]) -> None:
        """Takes the scores of the candidates that ``ask`` returned, in the same order."""

    def state_dict(self) -> dict[str, Any]:
        """Returns the state between two rounds, as plain JSON values without ``nan``."""

    def load_state_dict(self, state: Mapping[str, Any], trials: Sequence[Trial[A]]) -> None:
        """Restores ``state``. ``trials`` is everything told until then, in order."""


class Operators(Protocol[A]):
    """How to make architectures from nothing and from others; one batch at a time.

    Batches may be lazy sequences, so that a rejected candidate need never be built.
    """

    def sample(self, rng: np.random.Generator, count: int) -> Sequence[A]:
        """Draws ``count`` architectures."""

    def mutate(self, parents: Sequence[A], rng: np.random.Generator, count: int) -> Sequence[A]:
        """Draws ``count`` times a parent and changes it at random."""

    def crossover(self, parents: Sequence[A], rng: np.random.Generator, count: int) -> Sequence[A]:
        """Draws ``count`` times two different parents and mixes them."""

    def neighbours(self, arch: A) -> Sequence[A]:
        """Returns every architecture that differs from ``arch`` in one decision."""

    def smallest_first(self, rng: np.random.Generator, count: int) -> Sequence[A]:
        """Draws up to ``count`` architectures, the smallest there is first, then larger ones.

        For constraints that random architectures hardly ever meet. May be empty.
        """


class Codec(Protocol[A]):
    """Architectures as plain JSON values and back."""

    def to_json(self, arch: A) -> Any:
        """Returns JSON values (dicts, lists, numbers, strings) that describe ``arch``."""

    def from_json(self, value: Any) -> A:
        """Returns the architecture that ``value`` describes."""


class Objective(Protocol[A_contra]):
    """What a search optimises. Every ``hat.scoring`` scorer is one."""

    @property
    def name(self) -> str:
        """Name in files and reports."""

    @property
    def higher_is_better(self) -> bool:
        """The direction of the numbers that ``score`` returns."""

    def score(self, archs: Sequence[A_contra]) -> NDArray[np.float64]:
        """Returns float64 (N,); ``nan`` where a candidate could not be scored."""


@runtime_checkable
class AdaptiveObjective(Protocol[A_contra]):
    """An objective whose scores depend on what it scored before in the same search."""

    def reset(self) -> None:
        """Begins another search."""

    def shares(self, archs: Sequence[A_contra]) -> NDArray[np.float64]:
        """Returns what part of the data the last score of each rests on: float64 (N,)."""

    def state_dict(self) -> dict[str, Any]:
        """Returns what later scores depend on, as plain JSON values without ``nan``."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores ``state``.

        Raises:
            ValueError: if it is the state of another objective.
        """
