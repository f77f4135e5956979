"""A proposer that asks a score without training before anything is scored for real.

Abdelfattah et al., "Zero-Cost Proxies for Lightweight NAS" (ICLR 2021), section 4: *warm-up* fills
the first population with the best of many random candidates, and zero-cost *moves* propose the
best of several children. Every search algorithm takes a proposer, so each can have both.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hat.errors import ConfigError
from hat.search.base import A, Feasible, Operators
from hat.search.constraints import unconstrained
from hat.search.proposer import Proposer
from hat.search.saved import saved_count

Score = Callable[[Sequence[A]], NDArray[np.float64]]
"""Cheap scores of N candidates, (N,), higher is better; NaN where there is none."""


class ScreeningProposer(Proposer[A]):
    """Draws more candidates than are wanted and returns those with the best cheap score.

    Candidates that were not chosen are forgotten, so they may be drawn again.
    """

    def __init__(
        self,
        operators: Operators[A],
        rng: np.random.Generator,
        feasible: Feasible[A] = unconstrained,
        *,
        score: Score[A],
        warmup: int = 0,
        moves: int = 1,
        max_tries: int = 10_000,
    ) -> None:
        """Sets up an empty history.

        Args:
            operators: how to draw, mutate and cross architectures.
            rng: the only source of randomness of the whole search.
            feasible: the constraints; only candidates that meet them are screened.
            score: the cheap score, for example ``EpsinasScorer(...).score``.
            warmup: how many candidates the first population is chosen from; 0 for no warm-up.
            moves: how many candidates each later proposal is chosen from; 1 for no choice.
            max_tries: how many candidates one call may draw.

        Raises:
            ConfigError: if ``warmup`` is negative or ``moves`` less than 1.
        """
        if warmup < 0 or moves < 1:
            raise ConfigError(
                f"warm-up must not be negative and moves at least 1, but found {warmup} and {moves}"
            )
        super().__init__(operators, rng, feasible, max_tries=max_tries)
        self._score = score
        self._warmup = warmup
        self._moves = moves
        self.num_screened = 0
        """Candidates that were scored cheaply."""

    def first(self, count: int) -> list[A]:
        """Returns the best of ``warmup`` first candidates."""
        return self._best(super().first(max(count, self._warmup)), count)

    def sample(self, count: int) -> list[A]:
        """Returns the best of ``moves * count`` random candidates."""
        return self._best(super().sample(self._moves * count), count)

    def mutations(self, parents: Sequence[A], count: int) -> list[A]:
        """Returns the best of ``moves * count`` mutations."""
        return self._best(super().mutations(parents, self._moves * count), count)

    def crossovers(self, parents: Sequence[A], count: int) -> list[A]:
        """Returns the best of ``moves * count`` crossovers."""
        return self._best(super().crossovers(parents, self._moves * count), count)

    def offspring(self, parents: Sequence[A], count: int) -> list[A]:
        """Returns the best of ``moves * count`` mutated crossovers."""
        return self._best(super().offspring(parents, self._moves * count), count)

    def state_dict(self) -> dict[str, Any]:
        """Returns the state as JSON values; the history is kept by the caller."""
        return {**super().state_dict(), "screened": self.num_screened}

    def load_state_dict(self, state: Mapping[str, Any], trials: Sequence[Any]) -> None:
        """Restores the random numbers and the history."""
        super().load_state_dict(state, trials)
        self.num_screened = saved_count(state, "screened")

    def _best(self, candidates: list[A], count: int) -> list[A]:
        """Keeps ``count`` candidates, best first, and forgets the others. NaN comes last."""
        if len(candidates) <= count:
            return candidates
        scores = self._score(candidates)
        self.num_screened += len(candidates)
        order = np.argsort(-np.where(np.isnan(scores), -np.inf, scores), kind="stable")
        self.forget(candidates[int(index)] for index in order[count:])
        return [candidates[int(index)] for index in order[:count]]
