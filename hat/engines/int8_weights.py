"""Weights of 8 bits, and the settings of engines that run them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hat.engines.base import EngineSettings
from hat.errors import ConfigError

LEVELS = {"full": 127, "reduced": 63}
"""The largest 8-bit weight. Processors without VNNI instructions add two products of an unsigned
and a signed 8-bit number in 16 bits: 2 * 255 * 63 fits, 2 * 255 * 127 does not."""


@dataclass(frozen=True, kw_only=True)
class Int8EngineSettings(EngineSettings):
    """How an engine other than torch runs a network."""

    precision: Literal["fp32", "int8"] = "fp32"
    """Number format of weights and products. int8: weights of 8 bits, and inputs of products that
    are rounded to 8 bits as they come."""

    int8_range: Literal["full", "reduced"] | None = None
    """For int8, how many values weights take; full is right on processors with VNNI only.
    Default: reduced, which is right on all"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.int8_range is not None and self.precision != "int8":
            raise ConfigError(f"int8-range is for precision int8, not {self.precision}")

    def levels(self) -> int | None:
        """The largest 8-bit weight; None: weights are float32."""
        return LEVELS[self.int8_range or "reduced"] if self.precision == "int8" else None

    def signature(self) -> dict[str, Any]:
        """What of them decides a latency or a result."""
        if self.precision != "int8":
            return {"precision": self.precision}
        return {"precision": self.precision, "int8-range": self.int8_range or "reduced"}


def quantised_rows(weight: Any, levels: int) -> tuple[Any, Any]:
    """Rounds each row to whole numbers of at most ``levels``, symmetrically.

    Args:
        weight: (out, in) float32.
        levels: see ``LEVELS``.

    Returns:
        Whole numbers (out, in) int8, and by what to multiply each row, (out,) float32.
    """
    largest = np.abs(weight).max(axis=1)
    scales = (np.maximum(largest, 1e-12) / levels).astype(np.float32)
    return np.rint(weight / scales[:, None]).astype(np.int8), scales


def check_range(folder: Path, facts: Any) -> None:
    """Checks that 8-bit weights of the full range, if they are, are right on this processor.

    Args:
        folder: where the network is.
        facts: what ``read_facts`` gave.

    Raises:
        ConfigError: if products would overflow.
    """
    from hat.machine.instructions import FULL, int8_range

    if facts.get("int8-range") == FULL and int8_range() != FULL:
        raise ConfigError(
            f"{folder}: its 8-bit weights are of the full range, but products with them overflow "
            "on this processor, which lacks VNNI instructions: write it with int8-range reduced"
        )
