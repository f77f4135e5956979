"""The ``Scorer`` protocol: numbers for architectures, in batches."""

from collections.abc import Hashable, Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

A_contra = TypeVar("A_contra", bound=Hashable, contravariant=True)


class Scorer(Protocol[A_contra]):
    """Says how good architectures are."""

    @property
    def name(self) -> str:
        """Name in files, tables and on the command line, such as ``valid_loss``."""

    @property
    def higher_is_better(self) -> bool:
        """The direction of the scores: ``False`` for losses, ``True`` for BLEU."""

    def score(self, archs: Sequence[A_contra]) -> NDArray[np.float64]:
        """Scores N architectures at once.

        Returns:
            float64 (N,); ``nan`` where an architecture could not be scored. A search ranks it
            last and every report counts it.
        """
