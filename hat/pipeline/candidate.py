"""A SubTransformer of a pipeline: the winner, or the largest one."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Candidate:
    """A SubTransformer that is trained, measured and scored."""

    name: str
    about: str
    yml: Path
    retrained: Path
    """Its own checkpoint."""

    made_from: tuple[str, ...]
    """Keys of the stages' files that decide what is in ``yml``."""
