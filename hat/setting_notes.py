"""What an annotation says of a setting beside its type: bounds, choices, how its flag looks.

``hat.settings`` reads these notes and offers them: ``from hat.settings import AtLeast``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class AtLeast:
    """A number that is not smaller."""

    bound: float

    def accepts(self, value: float) -> bool:
        """Whether ``value`` keeps the bound."""
        return value >= self.bound

    def __str__(self) -> str:
        return f"at least {self.bound:g}"


@dataclass(frozen=True)
class AtMost:
    """A number that is not larger."""

    bound: float

    def accepts(self, value: float) -> bool:
        """Whether ``value`` keeps the bound."""
        return value <= self.bound

    def __str__(self) -> str:
        return f"at most {self.bound:.10g}"


@dataclass(frozen=True)
class Above:
    """A number that is larger."""

    bound: float

    def accepts(self, value: float) -> bool:
        """Whether ``value`` keeps the bound."""
        return value > self.bound

    def __str__(self) -> str:
        return f"above {self.bound:g}"


@dataclass(frozen=True)
class Between:
    """A number in a closed interval."""

    low: float
    high: float

    def accepts(self, value: float) -> bool:
        """Whether ``value`` lies in the interval."""
        return self.low <= value <= self.high

    def __str__(self) -> str:
        only = self.low == self.high
        return f"{self.low:.10g}" if only else f"between {self.low:.10g} and {self.high:.10g}"


@dataclass(frozen=True)
class Below:
    """A number that is smaller."""

    bound: float

    def accepts(self, value: float) -> bool:
        """Whether ``value`` keeps the bound."""
        return value < self.bound

    def __str__(self) -> str:
        return f"below {self.bound:g}"


@dataclass(frozen=True)
class Spelled:
    """A text that is written in one way."""

    pattern: str
    """A regular expression for the whole of it."""

    what: str
    """In words."""

    def accepts(self, value: str | Path) -> bool:
        """Whether ``value`` is written so."""
        return re.fullmatch(self.pattern, str(value)) is not None

    def __str__(self) -> str:
        return self.what


LANGUAGE = Spelled(r"[^\W_][\w.@-]*", "a language such as en or pt_BR")
"""A language is part of names of files, as in ``train.en``."""

PNG = Spelled(r"(?s).*\.png", "the name of a picture, with .png at its end")
PICTURE = Spelled(r"(?s).*\.(png|pdf|svg)", "the name of a picture, with .png, .pdf or .svg")
"""The end of the name says how the picture is written."""


@dataclass(frozen=True)
class OneOf:
    """A text out of a table of names, such as ``hat.parts.Parts``, which may grow."""

    table: Iterable[str]

    also: tuple[str, ...] = ()
    """Names that stand in no table, first."""

    @property
    def names(self) -> tuple[str, ...]:
        """All names, as of now."""
        return (*self.also, *self.table)


@dataclass(frozen=True)
class Shown:
    """How ``--help`` writes the value: ``--race-error CHANCE``."""

    metavar: str


@dataclass(frozen=True)
class Switch:
    """A flag for one value of a setting: ``--latcpu`` for ``cpu``.

    Where a setting has some, they stand in place of the flag of its own name; the last one given
    counts.
    """

    key: str
    """The flag without its dashes, and the YAML key."""

    value: str
    help: str


@dataclass(frozen=True)
class Needs:
    """Without effect unless something else of the same settings is asked for."""

    flags: tuple[str, ...]
    """What asks for it, without the dashes: any one of these."""

    attribute: str
    """Of the settings; true where it is asked for."""

    def __init__(self, *flags: str, attribute: str = "") -> None:
        """Args: flags: that ask for it; attribute: tells, if not the field of the only flag."""
        object.__setattr__(self, "flags", flags)
        object.__setattr__(self, "attribute", attribute or flags[0].replace("-", "_"))

    def __str__(self) -> str:
        return " or ".join(f"--{flag}" for flag in self.flags)


class _Repeated:
    """Marks a list whose flag may stand more than once; see ``REPEATED``."""


class _Joined:
    """Marks a list that is one word; see ``JOINED``."""


class _NoOutcome:
    """Marks a setting that cannot change a result; see ``NO_OUTCOME``."""


NO_OUTCOME = _NoOutcome()
"""For settings that cannot change a result, such as where it is written: not in signatures."""

REPEATED = _Repeated()
"""For lists whose flag is given once for each value: ``--algorithm a --algorithm b``."""

JOINED = _Joined()
"""For lists whose flag takes one word with commas: ``--weights 1e-7,1``."""

Bound = AtLeast | AtMost | Above | Between | Below | Spelled
