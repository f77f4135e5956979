"""What torchrun tells each process that it starts, by variables of the environment."""

import os

from hat.errors import ConfigError


def world_size() -> int:
    """How many processes work together; 1 without torchrun."""
    return _number("WORLD_SIZE", 1)


def rank() -> int:
    """Which of all processes this is; 0 without torchrun."""
    return _number("RANK", 0)


def local_rank() -> int:
    """Which of this machine's processes this is; 0 without torchrun."""
    return _number("LOCAL_RANK", 0)


def started_us() -> bool:
    """Whether torchrun started this process beside others."""
    return world_size() > 1 and "RANK" in os.environ


def _number(name: str, default: int) -> int:
    text = os.environ.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()):
        raise ConfigError(
            f"{name} in the environment must be a number, as torchrun sets it, but is {text!r:.40}"
        )
    return int(text)
