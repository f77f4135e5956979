"""Scores that are paid for once, however many searches ask for them."""

from collections.abc import Sequence
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from hat.search.base import A, Objective, SearchResult


class CachedObjective(Generic[A]):
    """Remembers every score by architecture; for several searches on the same weights."""

    def __init__(self, objective: Objective[A]) -> None:
        """Args: objective: does the scoring."""
        self.name = objective.name
        self.higher_is_better = objective.higher_is_better
        self.num_scored = 0
        """How many architectures were really scored."""
        self._objective = objective
        self._scores: dict[A, float] = {}

    def remember(self, result: SearchResult[A]) -> None:
        """Takes the scores of a search that is done, except those that are estimates."""
        for trial in result.trials:
            if trial.share == 1.0:
                self._scores[trial.arch] = result.score(trial)

    def score(self, archs: Sequence[A]) -> NDArray[np.float64]:
        """Returns float64 (N,); scores only what is new, each once."""
        new = [arch for arch in dict.fromkeys(archs) if arch not in self._scores]
        if new:
            scores = np.asarray(self._objective.score(new), dtype=np.float64)
            self._scores.update(zip(new, scores.tolist(), strict=True))
            self.num_scored += len(new)
        return np.array([self._scores[arch] for arch in archs], dtype=np.float64)
