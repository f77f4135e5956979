"""What a latency dataset is made of: the rows that are measured, and the reference."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.errors import ConfigError, DataError
from hat.latency.choices import space_choices
from hat.latency.fit import load_prior
from hat.latency.samples import LatencySample
from hat.measuring.active import UntilError
from hat.measuring.settings import DatasetSettings


class Plan(Protocol):
    """Says which architectures to measure next."""

    error_percent: float | None
    """Cross-validated error of a predictor of the rows, where the plan looks at it."""

    def __call__(self, samples: Sequence[LatencySample]) -> Sequence[SubTransformerConfig]:
        """Returns what to measure after ``samples``; nothing: the dataset is done."""

    def check(self, path: Path, samples: Sequence[LatencySample]) -> None:
        """Checks that the rows of the dataset at ``path`` are those that the plan begins with."""

    def verdict(self) -> str | None:
        """What the plan found out, in words, if anything."""


class Drawn:
    """The architectures that a seed draws, each once; more of them begin the same way."""

    error_percent: float | None = None

    def __init__(self, space: SearchSpace, count: int, seed: int) -> None:
        """Draws ``count`` architectures of ``space``.

        Raises:
            ConfigError: if the space does not have so many.
        """
        self._space = space
        self._seed = seed
        self._archs = self._draw(count)

    def _draw(self, count: int) -> list[SubTransformerConfig]:
        size = self._space.size()
        if count > size:
            raise ConfigError(
                f"--lat-dataset-size is {count}, but the space has {size} architectures"
            )
        rng = np.random.default_rng(self._seed)
        archs: dict[SubTransformerConfig, None] = {}
        while len(archs) < count:
            archs[self._space.sample(rng)] = None
        return list(archs)

    def __call__(self, samples: Sequence[LatencySample]) -> Sequence[SubTransformerConfig]:
        """Returns the architectures that are not measured yet."""
        return self._archs[len(samples) :]

    def check(self, path: Path, samples: Sequence[LatencySample]) -> None:
        """Checks that ``samples`` are what the seed draws first.

        Raises:
            DataError: naming the first row that is something else.
        """
        archs = self._draw(max(len(samples), len(self._archs)))
        for index, (sample, arch) in enumerate(zip(samples, archs, strict=False)):
            if sample.arch != arch:
                raise DataError(
                    f"{path}: row {index} is not what seed {self._seed} draws: the dataset was "
                    "made by another version or edited"
                )

    def verdict(self) -> str | None:
        """Nothing: rows are drawn whatever was measured."""
        return None


def plan_of(settings: DatasetSettings, space: SearchSpace) -> Plan:
    """Returns the plan that the settings ask for.

    Raises:
        ConfigError: if the space is smaller than the dataset, or the prior is for another one.
        CheckpointError: if the prior cannot be read.
    """
    if settings.until_error is None:
        return Drawn(space, settings.lat_dataset_size, settings.seed)
    prior = None
    if settings.prior is not None:
        prior = load_prior(settings.prior, space_choices(space), "this space")
    return UntilError(
        space,
        target_percent=settings.until_error,
        max_rows=settings.lat_dataset_size,
        batch=settings.lat_reference_every,
        seed=settings.seed,
        prior=prior,
    )


def reference_arch(space: SearchSpace) -> SubTransformerConfig:
    """Returns an architecture of about median size, always the same one for a space."""
    rng = np.random.default_rng(0)

    def size(arch: SubTransformerConfig) -> int:
        decoder = arch.decoder
        return sum(arch.encoder.ffn_dims) + decoder.embed_dim * sum(
            (*decoder.ffn_dims, *decoder.ende_heads)
        )

    archs = sorted((space.sample(rng) for _ in range(101)), key=size)
    return archs[len(archs) // 2]
