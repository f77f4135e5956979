"""Describes parsers and options in plain values that JSON can hold."""

import argparse
import contextlib
from typing import Any

Description = dict[str, Any]


def describe(
    parser: argparse.ArgumentParser, *, foreign: argparse.ArgumentParser | None = None
) -> Description:
    """Describes all options of ``parser``, without their help.

    Args:
        parser: the parser.
        foreign: a parser whose options are not hat's own. What ``parser`` shares with it is
            listed under ``fairseq`` with its default only.

    Returns:
        ``options`` and ``fairseq`` by flag, ``positionals`` in order, ``exclusive`` groups, and
        the ``commands`` below this one.
    """
    theirs = {} if foreign is None else {name(a): option(a) for a in foreign._actions}
    description: Description = {"abbreviations": parser.allow_abbrev}
    options, shared, positionals = {}, {}, []
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        if isinstance(action, argparse._SubParsersAction):
            description["commands"] = {
                name: describe(sub) for name, sub in sorted(action.choices.items())
            }
            positionals.append({"dest": action.dest, "required": action.required})
        elif not action.option_strings:
            positionals.append(option(action))
        elif theirs.get(name(action)) == option(action):
            shared[name(action)] = option(action).get("default")
        else:
            options[name(action)] = option(action)
    description["positionals"] = positionals
    description["options"] = options
    description["exclusive"] = [
        [name(action) for action in group._group_actions]
        for group in parser._mutually_exclusive_groups
    ]
    if foreign is not None:
        description["fairseq"] = shared
    return {key: value for key, value in description.items() if value not in ([], {})}


def helps(parser: argparse.ArgumentParser, names: Description) -> dict[str, Any]:
    """The help of the options and positionals that ``names``, a description, lists as hat's."""
    parser.format_help()  # a stray % in a help text fails here
    kept = {*names.get("options", ()), *(p["dest"] for p in names.get("positionals", ()))}
    found: dict[str, Any] = {"": parser.description or ""}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            about = {choice.dest: choice.help for choice in action._choices_actions}
            for command, sub in action.choices.items():
                inner = helps(sub, names["commands"][command])
                found[f"command {command}"] = {"about": about.get(command), **inner}
        elif name(action) in kept or action.dest in kept:
            found[name(action)] = action.help
    return found


def name(action: argparse.Action) -> str:
    """All flags of an option, or the name of a positional argument."""
    return " ".join(action.option_strings) or action.dest


def option(action: argparse.Action) -> Description:
    """One option: kind, type, default, choices, number of values.

    Its destination is left out where it is the first long flag, and so is whatever is not set.
    """
    kind = type(action).__name__.strip("_").removesuffix("Action")
    flags = [flag for flag in action.option_strings if flag.startswith("--")]
    usual = flags[0].removeprefix("--").replace("-", "_") if flags else ""
    found = {
        "dest": "" if action.dest == usual else action.dest,
        "kind": "" if kind in ("Store", "") else kind,
        "type": type_name(action.type),
        "default": plain(action.default),
        "const": plain(action.const),
        "choices": None if action.choices is None else [plain(c) for c in action.choices],
        "nargs": None if kind in ("StoreTrue", "StoreFalse", "StoreConst") else action.nargs,
        "required": action.required and bool(action.option_strings),
        "metavar": plain(action.metavar),
    }
    return {key: value for key, value in found.items() if value not in ("", None, False)}


def type_name(convert: Any) -> str:
    """What ``convert`` makes of a number in writing: its own name may change."""
    if convert is None or isinstance(convert, type):
        return convert.__name__ if convert else ""
    for text in ("1", "1,2"):
        with contextlib.suppress(Exception):  # each has its own error
            return type(convert(text)).__name__
    return "other"


def plain(value: Any) -> Any:
    """Returns ``value`` as JSON would read it back."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    return str(value)


def changed(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Description:
    """The options whose value is not the default of ``parser``, by the name of their flag.

    Args:
        parser: the parser of the command as it is before it reads a file.
        options: what the command made of its files and words.
    """
    actions = {action.dest: action for action in parser._actions}
    names = {dest: _usual(dest, parser) for dest in actions}
    moved = {usual for dest, usual in names.items() if usual != dest}
    found = {}
    for key, value in sorted(vars(options).items()):
        if key in moved:
            continue  # what its flag says stands under another name
        action, default = actions.get(key), parser.get_default(key)
        if isinstance(default, str) and action is not None and callable(action.type):
            default = action.type(default)
        if plain(value) != plain(default):
            found[names.get(key, key)] = plain(value)
    return found


def _usual(dest: str, parser: argparse.ArgumentParser) -> str:
    """What argparse would call ``dest``, unless several options share it: their flags' name."""
    flags = [
        flag.removeprefix("--").replace("-", "_")
        for action in parser._actions
        if action.dest == dest
        for flag in action.option_strings
        if flag.startswith("--")
    ]
    return flags[0] if len(flags) == 1 else dest
