"""Flags made of settings classes: the one way from a dataclass's fields to a parser and back."""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from hat.cli.help import value_name
from hat.errors import ConfigError
from hat.numerals import real, whole
from hat.settings import Setting, all_settings, from_values

S = TypeVar("S")


def add_flags(
    parser: argparse.ArgumentParser,
    cls: Any,
    title: str | None = None,
    about: str | None = None,
    *,
    only_given: bool = False,
) -> None:
    """Adds a flag for each setting of ``cls`` that ``parser`` does not have yet.

    Two classes may share a setting: a part of each may hold the same group.

    Args:
        parser: what reads the command line, and perhaps YAML files.
        cls: a settings class.
        title: of the group of flags in ``--help``, which several classes may share; none: among
            the parser's own.
        about: a sentence under the title.
        only_given: whether a flag that is not given leaves no trace in what is parsed, where it
            would leave its default.

    Raises:
        ConfigError: if ``parser`` has an option of the same name that is another one.
    """
    group: Any = parser if title is None else _group(parser, title, about)
    known = {option: action for action in parser._actions for option in action.option_strings}
    for setting in all_settings(cls):
        for key, arguments in _flags(setting):
            flag = f"--{key}"
            if only_given:
                arguments["default"] = argparse.SUPPRESS
            elif setting.is_required and not setting.switches:
                arguments["help"] = f"{setting.help.removesuffix('.')} (required)".strip()
            if flag not in known:
                group.add_argument(flag, **arguments)
            elif _meaning(known[flag]) != _meaning(_made(flag, arguments)):
                raise ConfigError(
                    f"{flag} of {cls.__module__}.{cls.__qualname__} is an option with another "
                    "meaning already: give the setting another name"
                )


def _group(parser: argparse.ArgumentParser, title: str, about: str | None) -> Any:
    same = [group for group in parser._action_groups if group.title == title]
    return same[0] if same else parser.add_argument_group(title, about)


def read_flags(options: argparse.Namespace, cls: type[S]) -> S:
    """Makes a ``cls`` of parsed options.

    Raises:
        ConfigError: if a setting without default is missing or a value is wrong.
    """
    return cast(S, from_values(cls, vars(options)))


def _made(flag: str, arguments: dict[str, Any]) -> argparse.Action:
    return argparse.ArgumentParser(add_help=False).add_argument(flag, **arguments)


def _meaning(action: argparse.Action) -> tuple[Any, ...]:
    return action.default, action.choices, action.nargs, action.const


def _flags(setting: Setting) -> Iterator[tuple[str, dict[str, Any]]]:
    if not setting.switches:
        yield setting.key, _arguments(setting)
    for switch in setting.switches:
        yield (
            switch.key,
            {
                "help": switch.help.replace("%", "%%"),
                "dest": setting.field,
                "action": "store_const",
                "const": switch.value,
                "default": None if setting.is_required else setting.default,
            },
        )


def _arguments(setting: Setting) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "help": setting.help.replace("%", "%%") or None,
        "default": None if setting.is_required else setting.default,
    }
    if setting.type is bool:
        if setting.default is not False:
            raise TypeError(f"{setting.key}: a switch is off unless it is given")
        return {**arguments, "action": "store_true"}
    if setting.metavar is not None:
        arguments["metavar"] = setting.metavar
    elif setting.type is Path:
        arguments["metavar"] = value_name(setting.field, "FILE")
    if setting.type is not str:
        # A path stays the text that was written until the settings are made.
        arguments["type"] = str if setting.type is Path else setting.type
    if setting.choices is not None:
        arguments["choices"] = setting.choices
    if setting.is_repeated:
        arguments["action"] = "append"
    elif setting.is_joined:
        arguments["type"] = partial(_split, setting)
    elif setting.is_list:
        arguments["nargs"] = "*" if setting.is_optional else "+"
    if isinstance(arguments["default"], tuple):
        arguments["default"] = list(arguments["default"]) or None
    return arguments


def _split(setting: Setting, text: str) -> tuple[Any, ...]:
    read: Callable[[str], Any] = {int: whole, float: real}.get(setting.type, setting.type)
    try:
        return tuple(read(word) for word in text.split(","))
    except ValueError:
        raise ConfigError(
            f"--{setting.key} must be numbers with commas between them, but found {text!r}"
        ) from None
