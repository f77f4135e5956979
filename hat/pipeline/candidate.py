"""What a pipeline makes and measures: targets, the winners found for them, the largest ones."""

from dataclasses import dataclass
from pathlib import Path

from hat.pipeline.blocks import Block, is_space

_BEST, _MEAN = "checkpoint_best.pt", "averaged.pt"
_LAST = "checkpoint_last.pt"


@dataclass(frozen=True, kw_only=True)
class Training:
    """One training of a SubTransformer by itself."""

    folder: Path
    suffix: str
    """That its steps' names end in."""

    seed: int | None
    """None: that of the stage's files."""

    told: str = ""
    """What its steps say of the seed where there are several: ``, seed 2``."""

    averaged: int | None
    """So many of its last checkpoints are averaged; None: the best one stands for it."""

    @property
    def checkpoint(self) -> Path:
        """What is scored and exported."""
        return self.folder / (_BEST if self.averaged is None else _MEAN)

    @property
    def written(self) -> tuple[Path, ...]:
        """What training itself writes."""
        best = self.folder / _BEST
        return (best,) if self.averaged is None else (best, self.folder / _LAST)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A SubTransformer that is trained, measured and scored."""

    name: str
    """``best`` or ``largest``."""

    suffix: str
    """That its steps' names end in."""

    about: str
    yml: Path
    trainings: tuple[Training, ...]
    """One for each seed; none where it is only measured."""

    made_from: tuple[str, ...]
    """Keys of the stages' files that decide what is in ``yml``."""

    @property
    def noun(self) -> str:
        """In the names of its trainings' steps."""
        return "subtransformer" if self.name == "best" else self.name


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a model will run, in which engine: with latencies and searches of its own."""

    block: Block
    latencies: Path
    predictor: Path
    largest: Candidate
    """Of its space; targets without a space of their own share one."""

    @property
    def suffix(self) -> str:
        """That its steps' names end in."""
        return self.block.suffix

    @property
    def has_own_space(self) -> bool:
        """Whether its settings narrow the space."""
        return self.block.has(is_space)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A search for a target, and its winner."""

    target: Target
    block: Block
    best: Candidate

    @property
    def names(self) -> tuple[str, ...]:
        """Of target and search, where there are several."""
        return tuple(name for name in (self.target.block.name, self.block.name) if name)
