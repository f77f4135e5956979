"""``--sampling-strategy progressive``: first the largest, then smaller and smaller ones, too."""

import math
from dataclasses import dataclass, fields, replace
from typing import Annotated, ClassVar, Self

import numpy as np

from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.sampling.base import Arch, Ground, Sampling
from hat.settings import Above, Below, Settings, Shown


@dataclass(frozen=True, kw_only=True)
class ProgressiveSettings(Settings):
    """When the space widens."""

    widen_at: Annotated[tuple[float, ...], Above(0), Below(1), Shown("FRACTION")] = (0.2, 0.4, 0.6)
    """for --sampling-strategy progressive: the fractions of --max-update at which smaller choices
    join; before the first, only the largest SubTransformer is trained"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.widen_at or list(self.widen_at) != sorted(set(self.widen_at)):
            found = " ".join(f"{each:g}" for each in self.widen_at)
            raise ConfigError(f"widen-at must hold rising fractions, but found {found or 'none'}")


class Progressive(Sampling):
    """One SubTransformer, drawn uniformly from a space that widens from the largest down.

    Progressive shrinking, after Cai et al., "Once-for-All" (ICLR 2020, arXiv 1908.09791). They
    open one kind of decision after the other; here all kinds open together, because a space of
    Transformers has no such order. With S fractions, after the i-th of them each decision is
    among its 1 + ceil(i * (n - 1) / S) largest choices of n.
    """

    Settings: ClassVar[type] = ProgressiveSettings
    trains_largest: ClassVar[bool] = True
    follows_max_update: ClassVar[bool] = True

    def __init__(
        self, settings: ProgressiveSettings, spaces: tuple[SearchSpace, ...], max_update: int
    ) -> None:
        """Args: settings: when it widens; spaces: of the stages; max_update: all updates."""
        self.settings = settings
        self.spaces = spaces
        self._starts = tuple(fraction * max_update for fraction in settings.widen_at)

    @classmethod
    def build(cls, settings: ProgressiveSettings, ground: Ground) -> Self:
        """Cuts the space of every stage.

        Raises:
            ConfigError: if nobody says how many updates there will be.
        """
        if ground.max_update <= 0:
            raise ConfigError(
                "--sampling-strategy progressive needs max-update, which its stages are of"
            )
        stages = len(settings.widen_at)
        spaces = tuple(_widest(ground.space, stage / stages) for stage in range(stages + 1))
        return cls(settings, spaces, ground.max_update)

    def draw(self, update: int, rng: np.random.Generator) -> tuple[Arch, ...]:
        """Returns one SubTransformer of the stage that ``update`` lies in."""
        return (self.spaces[sum(update >= start for start in self._starts)].sample(rng),)


def _widest(space: SearchSpace, part: float) -> SearchSpace:
    """The space of the largest choices only: the first of each for 0, all for 1."""
    kept = {}
    for field in fields(space):
        choices = getattr(space, field.name)
        kept[field.name] = choices[: 1 + math.ceil(part * (len(choices) - 1))]
    return replace(space, **kept)
