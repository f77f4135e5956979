"""How amounts are written: ``200``, ``5M``, ``20MiB``, ``60%``."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hat.errors import ConfigError, suggestion
from hat.numerals import real

_AMOUNT = re.compile(r"([+-]?(?!0[0-9])[0-9.]+(?:e[+-]?[0-9]+)?) *([a-z%]*)", re.IGNORECASE)
COUNT_UNITS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
LATENCY_UNITS = {"": 1.0, "ms": 1.0, "s": 1e3}
"""In milliseconds."""
LEAST_MS, MOST_MS = 1e-6, 1e9
"""Milliseconds that a measurement can be: a nanosecond to eleven days."""

LARGE_ERROR_PERCENT = 10.0
"""Of a predictor, on rows that it did not learn from: a limit kept by it is worth little then."""

Count = Callable[[Sequence[Any]], Any]
"""What N architectures cost, (N,)."""


class Space(Protocol):
    """Architectures, one of which is the largest."""

    def largest(self) -> Any:
        """Returns the largest."""


@dataclass(frozen=True)
class Amount:
    """How the amounts of a limit are written."""

    option: str
    what: str
    """In words: ``a number of parameters``."""

    units: Mapping[str, float]
    least: float = 0.0
    """In the unit that counts 1; nothing takes less."""

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
        if unit != "%" and number * self.units[unit] < self.least:
            raise ConfigError(f"{self.option}: {text!r} is less than anything takes")
        return number, unit

    def read(self, text: str, count: Count, space: Space) -> float:
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


def keeps_limit(
    ms: float, limit_ms: float, slower: float = 0.0, error_ms: float = 0.0
) -> bool | None:
    """Whether a measured latency keeps a limit.

    Args:
        ms: the latency, a mean.
        limit_ms: the limit.
        slower: by which part of its usual time the machine was slower then.
        error_ms: of the mean, half of its interval.

    Returns:
        None if it does not, but by no more than that: at its usual speed, or measured for longer,
        the machine might.
    """
    if ms <= limit_ms:
        return True
    return None if ms - error_ms <= limit_ms * (1 + slower) else False


_LOST_BLEU = 1.0
"""Trainings of one architecture differ by about as much between seeds (docs/own-corpus.md)."""


def lost_by_training(inherited: float | None, retrained: float | None) -> bool:
    """Whether a SubTransformer became worse by its own training, which was too short then.

    Args:
        inherited: BLEU with the SuperTransformer's weights; None if it is not known.
        retrained: BLEU with its own.
    """
    if inherited is None or retrained is None:
        return False
    return inherited - retrained >= _LOST_BLEU
