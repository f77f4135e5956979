"""Writes down every option of every command for ``hat.cli.described``: ``hat/cli/options.json``.

Short help, completion, the check of YAML files and the manual read that file: so they are quick,
need none of the packages that a command works with, and cannot say anything else than the command.
"""

import argparse
from typing import Any

from hat.cli.options import NumbersOnly, SwitchOrAuto
from hat.settings import AtLeast, Below, Between
from tests.golden.describe import plain

_KINDS: dict[str, str] = {
    "_StoreTrueAction": "switch",
    "_StoreFalseAction": "switch",
    "_StoreConstAction": "switch",
    "_AppendAction": "append",
}


def described(parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Describes what ``parser`` takes, with its help and in the order of its help."""
    found: dict[str, Any] = {"about": parser.description or "", "options": []}
    for group in parser._action_groups:
        for action in group._group_actions:
            if isinstance(action, argparse._HelpAction) or action.help == argparse.SUPPRESS:
                continue
            if isinstance(action, argparse._SubParsersAction):
                about = {choice.dest: choice.help or "" for choice in action._choices_actions}
                found["commands"] = {
                    name: {**described(sub), "about": about.get(name) or sub.description or ""}
                    for name, sub in action.choices.items()
                }
            else:
                found["options"].append(_option(action, _title(group)))
    return found


def _title(group: argparse._ArgumentGroup) -> str:
    usual = ("options", "optional arguments", "positional arguments")
    return "" if group.title is None or group.title in usual else group.title


def _option(action: argparse.Action, group: str) -> dict[str, Any]:
    kind = _KINDS.get(type(action).__name__, "")
    if isinstance(action, SwitchOrAuto):
        kind = "auto"
    found = {
        "flags": list(action.option_strings),
        "name": "" if action.option_strings else action.dest,
        "kind": kind,
        "type": _type(action.type),
        "numbers": action.type.count if isinstance(action.type, NumbersOnly) else None,
        "nargs": None if kind in ("switch", "auto") else action.nargs,
        "metavar": plain(action.metavar),
        "choices": None if action.choices is None else [plain(c) for c in action.choices],
        "default": None if action.default is argparse.SUPPRESS else plain(action.default),
        "required": bool(action.required and action.option_strings),
        **_range(action),
        "group": group,
        "help": " ".join((action.help or "").split()),
    }
    kept = {key: value for key, value in found.items() if value not in ("", None, [])}
    return {key: value for key, value in kept.items() if value is not False}


def _range(action: argparse.Action) -> dict[str, float]:
    """The range that fairseq's numbers have here: hat's own are checked by their settings."""
    from hat.fairseq_options.values import BOUNDS

    found: dict[str, float] = {}
    for flag in action.option_strings:
        for bound in BOUNDS.get(flag.removeprefix("--"), ()):
            if isinstance(bound, Between):
                found |= {"least": bound.low, "most": bound.high}
            elif isinstance(bound, AtLeast):
                found["least"] = bound.bound
            elif isinstance(bound, Below):
                found["below"] = bound.bound
    return found


def _type(convert: Any) -> str:
    if isinstance(convert, NumbersOnly):
        return "numbers"
    if convert in (int, float):
        return str(convert.__name__)
    return ""  # a text, or words that only the command itself can read


def together(
    commands: dict[str, dict[str, Any]], abouts: dict[str, str] | None = None
) -> dict[str, Any]:
    """Lists each option once, for the commands that share it.

    Args:
        commands: what ``described`` says of each, by command, or command and tool.
        abouts: what a command does that only has tools.

    Returns:
        ``options``: by a key, what ``described`` says of one; ``commands``: by name, with the keys
        of their options.
    """
    pool: dict[str, Any] = {}

    def keyed(option: dict[str, Any]) -> str:
        base = (option.get("flags") or [option["name"]])[-1]
        number = 1
        while True:
            key = base if number == 1 else f"{base} ({number})"
            if pool.setdefault(key, option) == option:
                return key
            number += 1

    def listed(command: dict[str, Any]) -> dict[str, Any]:
        inner = {name: listed(sub) for name, sub in command.get("commands", {}).items()}
        options = [keyed(option) for option in command["options"]]
        below = {"commands": inner} if inner else {}
        return {"about": command["about"], "options": options, **below}

    tree: dict[str, Any] = {}
    for name, command in commands.items():
        first, _, tool = name.partition(" ")
        if tool:
            about = (abouts or {}).get(first, "")
            tree.setdefault(first, {"about": about, "options": [], "commands": {}})
            tree[first]["commands"][tool] = listed(command)
        else:
            tree[first] = listed(command)
    return {"commands": tree, "options": pool, "refused": dict(sorted(_refused().items()))}


def _refused() -> dict[str, str]:
    from hat.fairseq_options.accepted import REFUSED

    return REFUSED
