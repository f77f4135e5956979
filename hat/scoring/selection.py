"""End-to-end selection: train on N architectures, predict all others, measure the best K.

Section 3.3 of "Neural Predictor for Neural Architecture Search" (arXiv 1912.00848).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from hat.errors import ConfigError
from hat.scoring.base import Scorer
from hat.scoring.prediction import Predictor

A = TypeVar("A", bound=Hashable)


@dataclass(frozen=True)
class Selection(Generic[A]):
    """What was measured on the way to the winner."""

    train: tuple[A, ...]
    train_scores: NDArray[np.float64]
    """(N,)"""
    verified: tuple[A, ...]
    """The most promising K of the rest, best prediction first."""
    verified_scores: NDArray[np.float64]
    """(K,)"""
    winner: A
    """The best measured of all N + K."""


def select(
    predictor: Predictor[A],
    scorer: Scorer[A],
    archs: Sequence[A],
    *,
    num_train: int,
    num_verified: int,
    rng: np.random.Generator,
) -> Selection[A]:
    """Chooses an architecture out of ``archs`` by measuring ``num_train + num_verified``.

    Args:
        predictor: learns from the first ``num_train``, which are drawn at random.
        scorer: measures.
        archs: all that can be chosen.
        num_train: N.
        num_verified: K.
        rng: draws the training set and trains.

    Raises:
        ConfigError: if there are fewer architectures than are to be measured.
    """
    if num_train + num_verified > len(archs):
        raise ConfigError(
            f"cannot train on {num_train} and measure {num_verified} more "
            f"of {len(archs)} architectures"
        )
    order = rng.permutation(len(archs))
    train = [archs[int(i)] for i in order[:num_train]]
    rest = [archs[int(i)] for i in order[num_train:]]
    train_scores = np.asarray(scorer.score(train), dtype=np.float64)
    predictor.fit(train, train_scores, rng=rng)
    sign = 1.0 if scorer.higher_is_better else -1.0
    promise = sign * predictor.predict(rest).mean
    best = np.argsort(-promise, kind="stable")[:num_verified]
    verified = [rest[int(i)] for i in best]
    verified_scores = np.asarray(scorer.score(verified), dtype=np.float64)
    everything = [*train, *verified]
    scores = np.nan_to_num(sign * np.concatenate([train_scores, verified_scores]), nan=-np.inf)
    return Selection(
        tuple(train),
        train_scores,
        tuple(verified),
        verified_scores,
        everything[int(np.argmax(scores))],
    )
