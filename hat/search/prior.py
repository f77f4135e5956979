"""What the features of architectures say about their losses, before and beside any sentence.

The model is that of Fay and Herriot, "Estimates of Income for Small Places" (JASA 74, 1979): a
survey of few people says little about a small town, but what it says about many towns tells what
to expect of one. Here the towns are architectures and the people sentences. An observed total is

    y_i = m + x_i w + u_i + e_i,    w ~ N(0, s^2 I),    u_i ~ N(0, t^2),    e_i ~ N(0, v_i)

with the features x_i, what they cannot explain, u_i, and the known variance v_i of the estimate. s
and t are those under which the observations are likeliest.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic

import numpy as np

from hat.arrays import Floats
from hat.search.arrays import array_from_json, array_to_json
from hat.search.base import A
from hat.search.estimates import Estimate

_FEWEST = 20
"""With fewer observations nothing is predicted."""

_MOST = 1000
"""How many of the latest observations count; older ones are of regions that a search has left."""

_UNEXPLAINED = np.geomspace(0.01, 1.0, 13)
"""Candidates for t, in standard deviations of the observations."""

_WEIGHTS = np.geomspace(0.01, 3.0, 13)
"""Candidates for s, likewise."""


class PriorModel(Generic[A]):
    """Learns from every total that a search has estimated."""

    def __init__(self, features: Callable[[Sequence[A]], Floats]) -> None:
        """Args: features: of N architectures, (N, D), such as ``GeneOperators.one_hot``."""
        self._features = features
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        self._observed = np.empty((0, 0))
        """(M, 2 + D): totals, their variances, features."""

    def observe(self, archs: Sequence[A], totals: Floats, variances: Floats) -> None:
        """Learns the totals (N,) of N architectures and how sure they are; ``nan`` is left out."""
        rows = np.column_stack([totals, variances, self._features(archs)])
        rows = rows[np.isfinite(rows).all(axis=1)]
        if len(self._observed):
            rows = np.concatenate([self._observed, rows])
        self._observed = rows[-_MOST:]

    def predict(self, archs: Sequence[A]) -> Estimate | None:
        """Says what to expect of N architectures; None if too little is known."""
        if len(self._observed) < _FEWEST:
            return None
        y, variances, x = self._observed[:, 0], self._observed[:, 1], self._observed[:, 2:]
        scale = float(y.std()) or 1.0
        centre = x.mean(axis=0)
        # The mean is one more weight, with a prior so wide that it says nothing.
        design = np.column_stack([np.full(len(x), 1e3), x - centre])
        best = (np.inf, 0.0, np.empty(0), np.empty((0, 0)))
        for unexplained in _UNEXPLAINED * scale:
            noise = variances + unexplained**2
            weighted = design / noise[:, None]
            values, vectors = np.linalg.eigh(design.T @ weighted)
            projected = vectors.T @ (weighted.T @ (y - y.mean()))
            fixed = np.log(noise).sum() + ((y - y.mean()) ** 2 / noise).sum()
            for strength in (_WEIGHTS * scale) ** 2:
                precision = np.maximum(values, 0.0) + 1 / strength
                surprise = fixed + np.log(strength * precision).sum()
                surprise -= (projected**2 / precision).sum()
                if surprise < best[0]:
                    weights = vectors @ (projected / precision)
                    best = (surprise, unexplained**2, weights, (vectors / precision) @ vectors.T)
        _, unexplained_variance, weights, covariance = best
        asked = np.column_stack([np.full(len(archs), 1e3), self._features(archs) - centre])
        return Estimate(
            totals=y.mean() + asked @ weights,
            covariance=asked @ covariance @ asked.T + unexplained_variance * np.eye(len(archs)),
        )

    def state_dict(self) -> dict[str, Any]:
        """Returns what is known, as JSON values."""
        return array_to_json(self._observed)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up what was known.

        Raises:
            ValueError: if the state does not hold as many numbers as it says.
        """
        self._observed = array_from_json(state)
