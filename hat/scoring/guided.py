"""A scorer that measures only what its predictor finds promising, and learns from what it saw.

It stands between any search and any scorer: the search sees scores for all of its candidates,
while the expensive scorer is asked for a part of them.
"""

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from hat.errors import ConfigError
from hat.scoring.base import Scorer
from hat.scoring.cross_validation import Predictor

A = TypeVar("A", bound=Hashable)
Floats = NDArray[np.float64]


class GuidedScorer(Generic[A]):
    """Retrains its predictor on everything measured, each time it is asked for scores.

    What is not measured gets its prediction, but never a better score than the best measured, so
    that the winner of a search is an architecture that was really scored.
    """

    def __init__(
        self,
        scorer: Scorer[A],
        predictor: Predictor[A],
        *,
        rng: np.random.Generator,
        share: float = 0.2,
        num_first: int = 50,
        optimism: float = 0.5,
    ) -> None:
        """Prepares a scorer that has measured nothing.

        Args:
            scorer: the expensive one.
            predictor: learns its scores.
            rng: trains the predictor.
            share: part of the candidates of a call that is measured, at least one.
            num_first: candidates that are measured before anything is predicted.
            optimism: standard deviations of the prediction that speak for a candidate.

        Raises:
            ConfigError: if ``share`` does not lie in (0, 1] or ``num_first`` is below 2.
        """
        if not 0 < share <= 1 or num_first < 2:
            raise ConfigError(
                "share must lie in (0, 1] and num_first be at least 2, "
                f"but found {share} and {num_first}"
            )
        self.name = scorer.name
        self.higher_is_better = scorer.higher_is_better
        self.measured: dict[A, float] = {}
        """Every score that was paid for, in order; ``nan`` where there was none."""
        self._scorer = scorer
        self._predictor = predictor
        self._rng = rng
        self._share, self._num_first, self._optimism = share, num_first, optimism

    def score(self, archs: Sequence[A]) -> Floats:
        """Scores N candidates, measured or predicted: float64 (N,)."""
        new = [arch for arch in dict.fromkeys(archs) if arch not in self.measured]
        missing = max(0, self._num_first - len(self.measured))
        self._measure(new[:missing])
        rest = new[missing:]
        values = dict(self.measured)
        if rest and self._can_learn():
            self._fit()
            prediction = self._predictor.predict(rest)
            sign = 1.0 if self.higher_is_better else -1.0
            promise = sign * prediction.mean + self._optimism * prediction.std
            count = max(1, round(self._share * len(rest)))
            chosen = set(np.argsort(-promise, kind="stable")[:count].tolist())
            self._measure([rest[index] for index in sorted(chosen)])
            best = np.nanmax([sign * value for value in self.measured.values()])
            capped = sign * np.minimum(sign * prediction.mean, best)
            values.update(zip(rest, capped.tolist(), strict=True))
            values.update(self.measured)
        elif rest:
            self._measure(rest)
            values.update(self.measured)
        return np.array([values[arch] for arch in archs], dtype=np.float64)

    def _can_learn(self) -> bool:
        return int(np.isfinite(list(self.measured.values())).sum()) >= 2

    def _fit(self) -> None:
        scores = np.array(list(self.measured.values()))
        self._predictor.fit(list(self.measured), scores, rng=self._rng)

    def _measure(self, archs: Sequence[A]) -> None:
        if archs:
            scores = np.asarray(self._scorer.score(archs), dtype=np.float64)
            self.measured.update(zip(archs, scores.tolist(), strict=True))
