"""What a scorer of a search is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hat.arch.config import SubTransformerConfig
from hat.arrays import Floats
from hat.nas.supernet import Supernet
from hat.search.operators import GeneOperators, SingleOperators
from hat.settings import NoSettings, settings_signature

Arch = SubTransformerConfig


class SearchScorer(ABC):
    """Says how good SubTransformers are. One file, one line in ``SCORERS``."""

    Settings: ClassVar[type] = NoSettings
    higher_is_better: bool = True
    is_free: ClassVar[bool] = False
    """Whether it needs neither weights nor data, so that it can choose what is scored for real."""

    reads_data: ClassVar[bool] = True
    """Whether it reads the validation data."""

    compares: ClassVar[bool] = True
    """Whether ``--rank-scorers`` may name it."""

    is_truth: ClassVar[bool] = False
    """Whether other scorers are compared with it rather than with the inherited loss."""

    margin: ClassVar[float] = 0.0
    """Differences of the score that are smaller do not matter; see ``--contest-margin``."""

    name: str
    """In files, tables and on the command line."""

    settings: Any

    @classmethod
    @abstractmethod
    def build(cls, settings: Any, supernet: Supernet) -> Self:
        """Makes the scorer.

        Raises:
            ConfigError: if a setting does not fit the supernet or its data.
            DataError: if a file is damaged.
        """

    @abstractmethod
    def score(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Returns float64 (N,); NaN where an architecture could not be scored."""

    def signature(self) -> dict[str, Any]:
        """Returns what decides the scores, besides the supernet and its data."""
        return {"score": self.name, **settings_signature(self.settings)}

    def operators(self, genes: GeneOperators) -> GeneOperators | SingleOperators[Arch]:
        """Returns what a search by this scorer makes candidates with: HAT's operators."""
        return genes


class RaceableScorer(SearchScorer):
    """A loss that is a sum over sentences, so that hopeless candidates can be dropped early."""

    higher_is_better = False
    num_sentences: int
    """Of the whole validation set."""

    num_units: float
    """What the summed loss is divided by to give the score."""

    race_error: float
    """Chance that a candidate is dropped wrongly; 0: all are scored on all sentences."""

    race_tolerance: float
    """How much worse a parent may be than the right one, in units of the score."""

    @abstractmethod
    def in_blocks(
        self, sizes: Sequence[int], *, seed: int
    ) -> Callable[[Sequence[Arch], int], Floats]:
        """Deals the sentences at random into blocks.

        Args:
            sizes: sentences of each block; they add up to ``num_sentences``.
            seed: deals.

        Returns:
            The losses (N, sentences) of N architectures on the block of a number.
        """

    @abstractmethod
    def nearness(self, arch: Arch) -> Any:
        """Returns what to sort by so that who is cheaper together stands side by side."""
