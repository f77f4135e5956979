"""What a limit is made of, and how amounts are written: ``200``, ``5M``, ``20MiB``, ``60%``."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.errors import ConfigError, suggestion
from hat.numerals import real
from hat.search.constraints import Limit

if TYPE_CHECKING:
    from hat.latency.predictor import LatencyPredictor
    from hat.models.config import SuperTransformerConfig

Arch = SubTransformerConfig
Count = Callable[[Sequence[Arch]], NDArray[np.float64]]
"""What N architectures cost, (N,)."""

_AMOUNT = re.compile(r"([+-]?(?!0[0-9])[0-9.]+(?:e[+-]?[0-9]+)?) *([a-z%]*)", re.IGNORECASE)
COUNT_UNITS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What limits are built on."""

    space: SearchSpace
    config: "SuperTransformerConfig"
    src_len: int
    """Tokens of the sentence, on both sides, whose FLOPs are counted."""

    say: Callable[[str], None] = print


@dataclass(frozen=True, kw_only=True)
class SearchLimit:
    """One limit of a search."""

    limit: Limit[Arch]
    predictor: "LatencyPredictor | None" = None
    """Of the device that the limit speaks of: what can be measured if the device is this one."""

    signature: Mapping[str, Any] = field(default_factory=dict)
    """What decides the costs, besides the amount."""


class LimitPart(Protocol):
    """A kind of limit. One that nobody asked for builds nothing."""

    Settings: ClassVar[type]
    asked_by: ClassVar[str]
    """The flag that asks for it."""

    @classmethod
    def build(cls, settings: Any, ground: Ground) -> list[SearchLimit]:
        """Reads the amounts; none where the flag is not given."""


@dataclass(frozen=True)
class Amount:
    """How the amounts of a limit are written."""

    option: str
    what: str
    """In words: ``a number of parameters``."""

    units: Mapping[str, float]

    def check(self, text: str) -> tuple[float, str]:
        """Returns number and unit of an amount: a known unit, or a percent sign.

        Raises:
            ConfigError: if it is none.
        """
        match = _AMOUNT.fullmatch(str(text).strip())
        try:
            number = real(match[1]) if match else math.nan
        except ValueError:
            number = math.nan
        if match is None or not math.isfinite(number):
            raise ConfigError(f"{self.option} is {self.what} or a percentage, not {text!r}")
        if number <= 0:
            raise ConfigError(f"{self.option} must be positive, but found {text!r}")
        unit = match[2]
        if unit != "%" and unit not in self.units:
            known = [name for name in self.units if name]
            hint = suggestion(unit, known) or f"; there are {', '.join(known)} and %"
            raise ConfigError(f"{self.option}: unknown unit {unit!r} in {text!r}{hint}")
        return number, unit

    def read(self, text: str, count: Count, space: SearchSpace) -> float:
        """Reads a positive number with a unit or without, or a percentage.

        Args:
            text: what was written.
            count: of the largest architecture it gives what 100% is.
            space: whose largest architecture.

        Raises:
            ConfigError: if it is none of these.
        """
        number, unit = self.check(text)
        if unit == "%":
            return float(count([space.largest()])[0]) * number / 100
        return number * self.units[unit]


def describe_limit(limit: Limit[Arch]) -> str:
    """Returns the limit in words, such as ``19.79 ms`` (per sentence) or ``params 4,200,000``."""
    name, _, where = limit.name.partition("@")
    if name == "latency_ms":
        return f"{limit.at_most:.2f} ms" + (f" on {where}" if where else "")
    if name == "memory_mib":
        return f"{limit.at_most:.1f} MiB of memory"
    return f"{limit.name} {limit.at_most:,.0f}"


def upper_bound(
    predictor: "LatencyPredictor", confidence: float, say: Callable[[str], None]
) -> Count:
    """Returns the predictor's upper bound, or its prediction if it has none."""
    if len(predictor.residuals) == 0:
        say(f"| {predictor.source} has no calibrated bound: its prediction itself is the limit")
        return predictor.predict_ms
    return lambda archs: predictor.upper_ms(archs, confidence=confidence)
