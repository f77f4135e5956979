"""``--sampling-strategy sandwich``: both extremes and some in between, at every update."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

import numpy as np

from hat.arch.space import SearchSpace
from hat.sampling.base import Arch, Ground, Sampling
from hat.settings import AtLeast, Settings, Shown


@dataclass(frozen=True, kw_only=True)
class SandwichSettings(Settings):
    """What lies between the extremes."""

    sandwich_random: Annotated[int, AtLeast(0), Shown("K")] = 2
    """for --sampling-strategy sandwich: SubTransformers of an update beside the largest and the
    smallest"""


class Sandwich(Sampling):
    """The largest, the smallest, and K drawn uniformly.

    The rule of Yu and Huang, "Universally Slimmable Networks and Improved Training Techniques"
    (ICCV 2019, arXiv 1903.05134): whatever lies between does no worse than the extremes, so both
    bounds are trained all the time.
    """

    Settings: ClassVar[type] = SandwichSettings
    trains_largest: ClassVar[bool] = True

    def __init__(self, settings: SandwichSettings, space: SearchSpace) -> None:
        """Args: settings: how many are random; space: what is drawn from."""
        self.settings = settings
        self._space = space

    @classmethod
    def build(cls, settings: SandwichSettings, ground: Ground) -> Self:
        """Draws from the whole space at every update."""
        return cls(settings, ground.space)

    def draw(self, update: int, rng: np.random.Generator) -> tuple[Arch, ...]:
        """Returns 2 + K SubTransformers, the largest first."""
        between = (self._space.sample(rng) for _ in range(self.settings.sandwich_random))
        return (self._space.largest(), self._space.smallest(), *between)
