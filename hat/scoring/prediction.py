"""What every learned predictor does: learn scores from examples, and say how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from hat.arrays import Floats

A_contra = TypeVar("A_contra", contravariant=True)


@dataclass(frozen=True)
class Prediction:
    """What is expected of N architectures, in the unit of the scores."""

    mean: Floats
    """(N,)"""

    std: Floats
    """How far the members of an ensemble disagree, (N,); 0 where there is only one."""


class Predictor(Protocol[A_contra]):
    """Learns the scores of architectures from examples."""

    def fit(self, archs: Sequence[A_contra], scores: Floats, *, rng: np.random.Generator) -> None:
        """Trains anew on N architectures and their scores (N,)."""

    def predict(self, archs: Sequence[A_contra]) -> Prediction:
        """Predicts the scores of N architectures."""
