"""What a limit is made of; ``hat.amounts`` reads how much is allowed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from hat.amounts import COUNT_UNITS, Amount
from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.search.constraints import Limit

if TYPE_CHECKING:
    from hat.latency.predictor import LatencyPredictor
    from hat.models.config import SuperTransformerConfig

__all__ = [
    "COUNT_UNITS",
    "Amount",
    "Arch",
    "Count",
    "Ground",
    "LimitPart",
    "SearchLimit",
    "bound_in_words",
    "describe_limit",
    "upper_bound",
]

Arch = SubTransformerConfig
Count = Callable[[Sequence[Arch]], NDArray[np.float64]]
"""What N architectures cost, (N,)."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What limits are built on."""

    space: SearchSpace
    config: "SuperTransformerConfig"
    src_len: int
    """Tokens of the sentence, on both sides, whose FLOPs are counted."""

    say: Callable[[str], None] = print

    engine: str | None = None
    """That predictors have to be for; None: any."""


@dataclass(frozen=True, kw_only=True)
class SearchLimit:
    """One limit of a search."""

    limit: Limit[Arch]
    predictor: "LatencyPredictor | None" = None
    """Of the device that the limit speaks of: what can be measured if the device is this one."""

    workload: str | None = None
    """What its predictor is for, engine and version too; None where there is none, or it says
    nothing of it."""

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


def bound_in_words(predictor: "LatencyPredictor", confidence: float) -> str:
    """Says what ``upper_bound`` gives, and how far to trust it."""
    if len(predictor.residuals) == 0:
        return "predicted"
    error = 100 * float(np.abs(predictor.residuals).mean())
    return (
        f"predicted so that {100 * confidence:g} % of measurements stay below; they are "
        f"{error:.1f} % off its predictions on average"
    )
