"""What a scorer of a search is."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hat.arch.config import SubTransformerConfig
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

    raceable: ClassVar[bool] = False
    """Whether it scores sentence by sentence, so that hopeless candidates can be dropped early."""

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
