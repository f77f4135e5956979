"""``--sampling-strategy uniform``: HAT's."""

from typing import Self

import numpy as np

from hat.arch.space import SearchSpace
from hat.sampling.base import Arch, Ground, Sampling
from hat.settings import NoSettings


class Uniform(Sampling):
    """One SubTransformer, every decision uniform and independent (HAT, ACL 2020, section 3.1)."""

    def __init__(self, settings: NoSettings, space: SearchSpace) -> None:
        """Args: settings: none; space: what is drawn from."""
        self.settings = settings
        self._space = space

    @classmethod
    def build(cls, settings: NoSettings, ground: Ground) -> Self:
        """Draws from the whole space at every update."""
        return cls(settings, ground.space)

    def draw(self, update: int, rng: np.random.Generator) -> tuple[Arch, ...]:
        """Returns one SubTransformer."""
        return (self._space.sample(rng),)
