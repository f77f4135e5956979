"""Settings: a frozen dataclass whose fields are flags, YAML keys, help, docs and signature, once.

A part of the toolkit that users can name says what can be set about it in one dataclass:

    @dataclass(frozen=True, kw_only=True)
    class BleuSettings(Settings):
        bleu_beam: Annotated[int, AtLeast(1)] = 5
        "Hypotheses per sentence."

The field is the flag ``--bleu-beam``, the YAML key ``bleu-beam`` and the entry ``bleu-beam`` of
the part's signature; the text under it is the help. Types and bounds are checked whenever the
dataclass is made, from a command line or from Python.

A field's type is ``int``, ``float``, ``str``, ``bool``, ``Path``, ``Literal[...]`` of texts, one
of these or ``None``, or a tuple of any number of these. A field may hold other settings, whose
fields then count as its own.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast, get_type_hints

from hat.conditions import content_digest
from hat.errors import ConfigError, suggestion
from hat.setting import Setting, setting_of
from hat.setting_notes import (
    JOINED,
    LANGUAGE,
    NO_OUTCOME,
    PICTURE,
    PNG,
    REPEATED,
    Above,
    AtLeast,
    AtMost,
    Below,
    Between,
    Needs,
    OneOf,
    Shown,
    Spelled,
    Switch,
)

__all__ = [
    "JOINED",
    "LANGUAGE",
    "NO_OUTCOME",
    "PICTURE",
    "PNG",
    "REPEATED",
    "Above",
    "AtLeast",
    "AtMost",
    "Below",
    "Between",
    "Needs",
    "NoSettings",
    "OneOf",
    "Setting",
    "Settings",
    "Shown",
    "Spelled",
    "Switch",
    "all_keys",
    "all_settings",
    "check_effect",
    "check_kinds",
    "from_values",
    "own_settings",
    "picked",
    "settings_signature",
]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of settings classes: checks itself when it is made. See the module."""

    def __post_init__(self) -> None:
        """Makes tuples of lists, ``Path`` of the text of a path, numbers of numpy's; checks all.

        Raises:
            ConfigError: naming the first field that is wrong, or that is set without effect.
        """
        settings = own_settings(_class_of(self))
        for name, kind in _groups(_class_of(self)):
            if not isinstance(found := getattr(self, name), kind):
                raise ConfigError(f"{name} must be {kind.__name__}(...), but found {found!r:.60}")
        for setting in settings:
            value = _converted(setting, getattr(self, setting.field))
            setting.check(value)
            object.__setattr__(self, setting.field, value)
        for setting in settings:
            if setting.needs is not None:
                is_asked = bool(getattr(self, setting.needs.attribute))
                check_effect(self, setting.field, setting.needs, is_asked=is_asked)


@dataclass(frozen=True, kw_only=True)
class NoSettings(Settings):
    """Of a part about which nothing can be set."""


@cache
def own_settings(cls: Any) -> tuple[Setting, ...]:
    """Returns the settings of a dataclass that are its own, in order, not those of its groups."""
    helps = _helps(cls)
    hints = get_type_hints(cls, include_extras=True)
    return tuple(
        setting_of(field.name, hints[field.name], _default(field), helps.get(field.name, ""))
        for field in fields(cls)
        if not _is_group(hints[field.name])
    )


def all_keys(*classes: Any) -> frozenset[str]:
    """Returns the YAML keys of all settings of these classes."""
    return frozenset(key for cls in classes for one in all_settings(cls) for key in one.keys)


@cache
def all_settings(cls: Any) -> tuple[Setting, ...]:
    """Returns the settings of a dataclass and of the settings it holds, in order."""
    hints = get_type_hints(cls, include_extras=True)
    own = {setting.field: setting for setting in own_settings(cls)}
    found: list[Setting] = []
    for field in fields(cls):
        found += [own[field.name]] if field.name in own else all_settings(hints[field.name])
    return tuple(found)


def from_values(cls: Any, values: Mapping[str, Any]) -> Any:
    """Makes a ``cls`` of values by field name; what ``values`` lacks keeps its default.

    ``None`` stands for what was not given. Names that are not fields are left alone, so that one
    mapping can hold the settings of many classes.

    Raises:
        ConfigError: if a value is missing or wrong.
    """
    hints = get_type_hints(cls, include_extras=True)
    own = {setting.field: setting for setting in own_settings(cls)}
    arguments: dict[str, Any] = {}
    for field in fields(cls):
        if field.name not in own:
            arguments[field.name] = from_values(hints[field.name], values)
        elif values.get(field.name) is not None:
            arguments[field.name] = values[field.name]
        elif own[field.name].is_required:
            raise ConfigError(f"--{own[field.name].key} is missing")
    return cls(**arguments)


def check_effect(settings: Settings, field: str, needs: Needs, *, is_asked: bool) -> None:
    """Checks that a setting that is given has an effect; ``Needs`` does it within one class.

    Args:
        settings: that hold it.
        field: its name.
        needs: what it has no effect without, perhaps of other settings.
        is_asked: whether that is asked for.

    Raises:
        ConfigError: naming both.
    """
    (setting,) = (each for each in own_settings(_class_of(settings)) if each.field == field)
    if not is_asked and getattr(settings, field) != setting.default:
        raise ConfigError(f"--{setting.key} has no effect without {needs}")


def check_kinds(given: Iterable[Any], known: Iterable[Any], who: str) -> None:
    """Checks that somebody reads each of the settings of a call from Python, and of each kind one.

    Args:
        given: what was passed.
        known: the settings classes that are read.
        who: what was called, for the sentence of the error.

    Raises:
        ConfigError: naming what is no settings, is not read, or stands twice.
    """
    names = {cls: cls.__name__ for cls in known}
    seen: set[type] = set()
    for each in given:
        cls = type(each)
        if cls not in names:
            if isinstance(each, type):
                raise ConfigError(f"{who} takes settings, not their class: {each.__name__}(...)")
            found, known_names = cls.__name__, names.values()
            hint = suggestion(found, known_names) or f"; it reads {', '.join(known_names)}"
            raise ConfigError(f"{who} reads no settings {found}{hint}")
        if cls in seen:
            raise ConfigError(f"{who} takes {cls.__name__} once, but found two")
        seen.add(cls)


def picked(given: Iterable[Any], cls: Any) -> Any:
    """Returns the settings of class ``cls`` among ``given``, or its defaults if none are.

    Settings of a class made from ``cls`` stand for it where there are none of its own.
    """
    fitting = [settings for settings in given if isinstance(settings, cls)]
    own = [settings for settings in fitting if type(settings) is cls]
    return next(iter(own + fitting), None) or cls()


def settings_signature(settings: Any) -> dict[str, Any]:
    """Returns what decides a result, by key; a file counts by its content, not by its name.

    Raises:
        HatError: if a file cannot be read.
    """
    parts: dict[str, Any] = {}
    for field in fields(settings):
        value = getattr(settings, field.name)
        if is_dataclass(value):
            parts |= settings_signature(value)
    for setting in own_settings(_class_of(settings)):
        if setting.decides:
            value = getattr(settings, setting.field)
            if setting.type is not Path:
                parts[setting.key] = value
            elif value is not None:
                parts[f"content of {setting.key}"] = content_digest(value)
    return parts


def _class_of(settings: Any) -> Any:
    return type(settings)


@cache
def _groups(cls: Any) -> tuple[tuple[str, type], ...]:
    """The fields of a dataclass that hold other settings, and their classes."""
    hints = get_type_hints(cls)
    return tuple((f.name, hints[f.name]) for f in fields(cls) if _is_group(hints[f.name]))


def _converted(setting: Setting, value: Any) -> Any:
    if setting.is_list and isinstance(value, list):
        value = tuple(value)
    value = tuple(map(_plain, value)) if isinstance(value, tuple) else _plain(value)
    if setting.type is not Path:
        return value
    if isinstance(value, tuple):
        return tuple(map(_path, value))
    return _path(value)


def _plain(value: Any) -> Any:
    """Python's own number or text for one of numpy's: files and signatures know no other."""
    is_numpy = type(value).__module__ == "numpy" and getattr(value, "shape", None) == ()
    return value.item() if is_numpy else value


def _path(value: Any) -> Any:
    return Path(value) if value and isinstance(value, str) else value  # Path("") would be "."


def _default(field: Any) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _is_group(hint: Any) -> bool:
    return isinstance(hint, type) and is_dataclass(hint)


@cache
def _helps(cls: Any) -> dict[str, str]:
    """The texts under the fields of ``cls`` and of its bases."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if not is_dataclass(base):
            continue
        source = inspect.getsource(cast(type, base))
        (tree,) = ast.parse(textwrap.dedent(source)).body
        assert isinstance(tree, ast.ClassDef)
        for node, after in zip(tree.body, tree.body[1:], strict=False):
            if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)):
                continue
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                found[node.target.id] = " ".join(str(after.value.value).split())
    return found
