"""What a search has to beat, at the same price: random search, and the largest that fits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from hat.search.algorithms.evolution import Evolution
from hat.search.algorithms.generation import GenerationSettings
from hat.search.algorithms.random_search import RandomSearch
from hat.search.base import A, Codec, Feasible, Objective, Operators, SearchResult, Trial
from hat.search.loop import Search
from hat.search.proposer import Proposer

_LARGEST = GenerationSettings(
    population_size=100, parent_size=20, mutation_size=60, crossover_size=20
)


_PATIENCE = 5
"""Rounds without a larger architecture after which the climb has arrived."""


class _Size(Generic[A]):
    """A size as an objective: the larger, the better."""

    name = "size"
    higher_is_better = True

    def __init__(self, size: Callable[[Sequence[A]], NDArray[np.float64]]) -> None:
        self._size = size

    def score(self, archs: Sequence[A]) -> NDArray[np.float64]:
        return self._size(archs)


def random_baseline(
    operators: Operators[A],
    feasible: Feasible[A],
    objective: Objective[A],
    *,
    codec: Codec[A],
    num_evaluations: int,
    rng: np.random.Generator,
    batch_size: int = 125,
    folder: str | Path | None = None,
    signature: str = "",
    conditions: Mapping[str, Any] | None = None,
) -> SearchResult[A]:
    """Searches at random until ``num_evaluations`` candidates are scored.

    With a folder, it goes on where it was interrupted; see ``Search``.

    Raises:
        SearchError: if no candidate meets the constraints.
    """
    algorithm = RandomSearch(
        Proposer(operators, rng, feasible), batch_size=min(batch_size, num_evaluations)
    )
    search = Search(
        algorithm,
        [objective],
        codec=codec,
        folder=folder,
        signature=signature,
        conditions=conditions,
    )
    result, rounds = search.result(), -1
    while result.num_evaluated < num_evaluations and search.rounds_done > rounds:
        rounds = search.rounds_done
        algorithm.batch_size = min(batch_size, num_evaluations - result.num_evaluated)
        result = search.run(rounds + 1)
    # One that went on under a larger budget before has more: at equal cost the first of them count.
    return replace(result, trials=_first(result.trials, num_evaluations))


def _first(trials: Sequence[Trial[A]], num_archs: int) -> tuple[Trial[A], ...]:
    """The trials up to that of the last of so many different architectures."""
    seen: set[A] = set()
    for place, trial in enumerate(trials):
        if trial.arch not in seen and len(seen) == num_archs:
            return tuple(trials[:place])
        seen.add(trial.arch)
    return tuple(trials)


def largest_that_fits(
    operators: Operators[A],
    feasible: Feasible[A],
    size: Callable[[Sequence[A]], NDArray[np.float64]],
    *,
    codec: Codec[A],
    rng: np.random.Generator,
    num_rounds: int = 30,
) -> A:
    """Returns an architecture that meets the constraints and is as large as one can find.

    Nothing is scored: evolution climbs on ``size`` alone, in seconds. Of equally large ones
    (decoder depth has few values) chance decides, hence the seeds.

    Args:
        operators: how to make architectures.
        feasible: the constraints.
        size: parameters or decoder depth (N,) of N architectures.
        codec: architectures as JSON.
        rng: decides between ties.
        num_rounds: at most so many generations; the climb stops when it has arrived.

    Raises:
        SearchError: if no candidate meets the constraints.
    """
    algorithm = Evolution(Proposer(operators, rng, feasible), _LARGEST)
    search = Search(algorithm, [_Size(size)], codec=codec)
    result, best, best_round = search.run(1), np.inf, 0
    while search.rounds_done < num_rounds and search.rounds_done - best_round <= _PATIENCE:
        if result.best().objectives[0] < best:
            best, best_round = result.best().objectives[0], search.rounds_done
        done = search.rounds_done
        result = search.run(done + 1)
        if search.rounds_done == done:
            break
    best = result.best().objectives[0]
    equals = [trial.arch for trial in result.trials if trial.objectives[0] == best]
    return equals[int(rng.integers(len(equals)))]
