"""One setting: what the annotation of a field says, and what a value has to be.

See ``hat.settings``, which reads the fields.
"""

import math
import types
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hat.errors import ConfigError, suggestion
from hat.setting_notes import JOINED, NO_OUTCOME, REPEATED, Bound, Needs, OneOf, Shown, Switch

_LARGEST = 2**32 - 1
"""Of whole numbers whose setting names no bound: what seeds of all packages can be."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One field of a settings class, read off its annotation."""

    field: str
    """The name in Python."""

    type: type
    """``int``, ``float``, ``str``, ``bool`` or ``Path``: of each value."""

    default: Any
    """``MISSING`` where a value has to be given."""

    one_of: OneOf | None
    is_optional: bool
    """Whether ``None`` is a value."""

    is_list: bool
    """Whether the value is a tuple of any length."""

    is_repeated: bool
    """Whether each value of the list has a flag of its own."""

    is_joined: bool
    """Whether the values of the list are one word with commas."""

    bounds: tuple[Bound, ...]
    switches: tuple[Switch, ...]
    """The flags for its values, where it has no flag of its own."""

    metavar: str | None
    needs: Needs | None
    """What it has no effect without."""

    decides: bool
    """Whether a result depends on it."""

    help: str

    @property
    def key(self) -> str:
        """The YAML key and, behind two dashes, the flag."""
        return self.field.replace("_", "-")

    @property
    def keys(self) -> tuple[str, ...]:
        """All YAML keys that set it."""
        return tuple(switch.key for switch in self.switches) or (self.key,)

    @property
    def choices(self) -> tuple[str, ...] | None:
        """The texts that are allowed, where not every text is."""
        return None if self.one_of is None else self.one_of.names

    @property
    def is_required(self) -> bool:
        """Whether a value has to be given."""
        return self.default is MISSING

    def check(self, value: Any, where: str = "") -> None:
        """Checks a value.

        Args:
            value: what was found.
            where: the file and line it came from, or nothing.

        Raises:
            ConfigError: naming the setting, what was found and what was expected.
        """
        place = f"{where}: {self.key}" if where else self.key
        if value is None:
            if not self.is_optional:
                raise ConfigError(f"{place} needs a value")
            return
        values = value if self.is_list else (value,)
        if self.is_list and not isinstance(value, tuple):
            raise ConfigError(f"{place} must be a list, but found {value!r}")
        if self.is_list and self.is_required and not value:
            raise ConfigError(f"{place} needs a value, but found an empty list")
        if self.is_repeated and (doubled := [each for each in values if values.count(each) > 1]):
            raise ConfigError(f"{place} names {doubled[0]!r} twice")
        for each in values:
            if not self._fits(each):
                raise ConfigError(f"{place} must be {self._expected()}, but found {each!r}")
            if each == "" and self.choices is None:
                raise ConfigError(f"{place} needs a value, but found ''")
            choices = self.choices
            if choices is not None and each not in choices:
                hint = suggestion(each, choices)
                known = ", ".join(choices)
                raise ConfigError(f"{place} must be one of {known}, but found {each!r}{hint}")
            for bound in self.bounds:
                if not bound.accepts(each):
                    raise ConfigError(f"{place} must be {bound}, but found {_shown(each)}")
            if self.type is int and abs(each) > _LARGEST:
                raise ConfigError(f"{place} must be at most {_LARGEST}, but found {_shown(each)}")

    def _fits(self, value: Any) -> bool:
        if self.type is float:
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return is_number and math.isfinite(value)
        if self.type is int:
            return isinstance(value, int) and not isinstance(value, bool)
        if self.type is Path:
            return isinstance(value, str | Path)
        return isinstance(value, self.type)

    def _expected(self) -> str:
        names = {int: "a whole number", float: "a number", bool: "True or False", Path: "a path"}
        return names.get(self.type, "a text")


def setting_of(name: str, hint: Any, default: Any, text: str) -> Setting:
    """Reads a field.

    Args:
        name: of the field.
        hint: its annotation.
        default: its value where none is given; ``MISSING`` if one has to be.
        text: its help.

    Raises:
        TypeError: if no setting can be of its type.
    """
    notes: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *rest = get_args(hint)
        notes = tuple(rest)
    is_optional = False
    if get_origin(hint) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not type(None)]
        is_optional = len(kinds) < len(get_args(hint))
        (hint,) = kinds
    is_list = get_origin(hint) is tuple
    if is_list:
        hint = get_args(hint)[0]
    one_of = next((note for note in notes if isinstance(note, OneOf)), None)
    if get_origin(hint) is Literal:
        one_of, hint = OneOf(get_args(hint)), str
    if hint not in (int, float, str, bool, Path):
        raise TypeError(f"{name}: settings cannot be of type {hint}")
    return Setting(
        field=name,
        type=hint,
        default=default,
        one_of=one_of,
        is_optional=is_optional,
        is_list=is_list,
        is_repeated=REPEATED in notes,
        is_joined=JOINED in notes,
        bounds=tuple(note for note in notes if isinstance(note, Bound)),
        switches=tuple(note for note in notes if isinstance(note, Switch)),
        metavar=next((note.metavar for note in notes if isinstance(note, Shown)), None),
        needs=next((note for note in notes if isinstance(note, Needs)), None),
        decides=NO_OUTCOME not in notes,
        help=text,
    )


def _shown(value: Any) -> str:
    return (
        f"{value:g}"
        if isinstance(value, float)
        else repr(str(value) if isinstance(value, Path) else value)
    )
