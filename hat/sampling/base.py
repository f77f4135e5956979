"""What a sampling strategy is: from the number of an update to the SubTransformers it trains."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.settings import NoSettings, settings_signature

if TYPE_CHECKING:
    from hat.models.config import SuperTransformerConfig

Arch = SubTransformerConfig


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What a strategy is built on."""

    space: SearchSpace
    config: "SuperTransformerConfig"
    """Of the SuperTransformer."""

    max_update: int = 0
    """After how many updates the training ends; 0 where nobody says so."""


class Sampling(ABC):
    """Says what an update trains. One file, one line in ``SAMPLINGS``.

    A draw depends on the number of the update and on a generator that is made of the training's
    seed and that number. So it is the same in every process, and a training that goes on repeats
    the draws of one that never stopped. A strategy keeps nothing from one update to the next.
    """

    Settings: ClassVar[type] = NoSettings
    follows_max_update: ClassVar[bool] = False
    """Whether another ``--max-update`` makes other draws from the first update on."""

    trains_largest: ClassVar[bool] = False
    """Whether the largest SubTransformer learns from the words themselves, at every update or
    before all others: what another may learn from alone."""

    settings: Any

    @classmethod
    @abstractmethod
    def build(cls, settings: Any, ground: Ground) -> Self:
        """Makes the strategy.

        Raises:
            ConfigError: if a setting does not fit the space or the training.
        """

    @abstractmethod
    def draw(self, update: int, rng: np.random.Generator) -> tuple[Arch, ...]:
        """Returns the SubTransformers of update ``update`` (from 0): at least one.

        Each is run on the whole batch, and the mean of their gradients is one step.
        """

    def signature(self) -> dict[str, Any]:
        """Returns what decides the draws, besides the space and the seed."""
        return settings_signature(self.settings)
