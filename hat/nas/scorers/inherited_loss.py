"""``--scorer inherited-loss``: HAT's, the validation loss with inherited weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hat.arrays import Floats
from hat.nas.scorers.base import Arch, RaceableScorer
from hat.nas.supernet import Supernet
from hat.settings import AtLeast, Below, Settings, Shown

if TYPE_CHECKING:
    from hat.scoring.inherited_loss import InheritedLoss


@dataclass(frozen=True, kw_only=True)
class LossSettings(Settings):
    """How candidates race."""

    race_error: Annotated[float, AtLeast(0), Below(1), Shown("CHANCE")] = 0.05
    """chance that a candidate is dropped wrongly before it was scored on all sentences; 0: all
    candidates are scored on all sentences"""

    race_tolerance: Annotated[float, AtLeast(0), Shown("BITS")] = 0.004
    """how much worse a parent may be than the right one; 0: parents are scored on all sentences"""


class Loss(RaceableScorer):
    """The label-smoothed loss of the whole validation set in bits per token, smaller is better."""

    Settings: ClassVar[type] = LossSettings
    compares: ClassVar[bool] = False
    is_truth: ClassVar[bool] = True
    margin: ClassVar[float] = 0.01

    def __init__(self, settings: LossSettings, loss: "InheritedLoss", max_tokens: int) -> None:
        """Args: loss: does the work; max_tokens: of the blocks that candidates race over."""
        self.settings = settings
        self.name = loss.name
        self.num_sentences = loss.num_sentences
        self.num_units = loss.num_units
        self.race_error = settings.race_error
        self.race_tolerance = settings.race_tolerance
        self._loss = loss
        self._max_tokens = max_tokens

    @classmethod
    def build(cls, settings: LossSettings, supernet: Supernet) -> Self:
        """Loads the validation data."""
        return cls(settings, supernet.loss, supernet.max_tokens)

    def score(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Returns bits per token, float64 (N,)."""
        return self._loss.score(archs)

    def in_blocks(
        self, sizes: Sequence[int], *, seed: int
    ) -> Callable[[Sequence[Arch], int], Floats]:
        """Deals the sentences at random into blocks; losses are in nats."""
        rng = np.random.default_rng(seed)
        return self._loss.in_blocks(sizes, max_tokens=self._max_tokens, rng=rng)

    def nearness(self, arch: Arch) -> Any:
        """Returns the encoder layer by layer: who shares the first ones runs them once."""
        from hat.scoring.shared_encoder import layer_genes

        return layer_genes(arch.encoder)
