"""What argparse refuses, in the words of everything else that hat refuses.

argparse says ``argument --beam: invalid int value: 'x'`` and prints a usage before it. Here it is
one sentence with what was found, what was expected, and the option that was meant, if one is close.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from hat.errors import ConfigError, suggestion

_FEW = 100
"""Most characters of choices that an error lists."""

_CHOICE = re.compile(r"argument (.+?): invalid choice: (.*) \(choose from .*\)", re.DOTALL)
_NUMBER = re.compile(r"argument (.+?): invalid (int|float) value: (.*)", re.DOTALL)
_UNKNOWN = re.compile(r"unrecognized arguments: (.*)", re.DOTALL)
_MISSING = re.compile(r"the following arguments are required: .*", re.DOTALL)
_OTHER = re.compile(r"argument (.+?): (.*)", re.DOTALL)
_KINDS = {"int": "a whole number", "float": "a number"}


def expected(text: str, choices: Iterable[Any]) -> str:
    """The end of a sentence about a wrong choice: what is close, or what there is, if little."""
    known = sorted(map(str, choices))
    hint = suggestion(text, known)
    if hint or not known:
        return hint
    listed = ", ".join(known)
    if len(listed) > _FEW:
        listed = f"{listed[:_FEW].rpartition(', ')[0]} ..."
    return f"; expected one of {listed}"


class OneSentence(argparse.ArgumentParser):
    """A parser whose errors are a ConfigError, and whose positional words are not empty."""

    _given: Sequence[str] = ()

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None, **more: Any
    ) -> Any:
        """Parses as argparse does, and remembers the words for an error."""
        self._given = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(self._given, namespace, **more)

    def error(self, message: str) -> NoReturn:
        """Raises the ConfigError where argparse would print its usage and exit.

        A misspelt option comes before what is missing: it may be what was meant to give it.
        """
        if _MISSING.fullmatch(message) and (unknown := self._unknown()):
            message = f"unrecognized arguments: {unknown}"
        refuse(self, message)

    def _unknown(self) -> str | None:
        """The first flag that there is not; None where tools may have it."""
        if any(isinstance(action, argparse._SubParsersAction) for action in self._actions):
            return None
        end = self._given.index("--") if "--" in self._given else len(self._given)
        known = self._option_string_actions
        flags = (word for word in self._given[:end] if word.startswith("--"))
        return next((flag for flag in flags if flag.partition("=")[0] not in known), None)

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        own = arg_strings[:1] if action.nargs == argparse.PARSER else arg_strings
        if "" in own and (not action.option_strings or action.type is Path):
            name = "/".join(action.option_strings) or action.metavar or action.dest
            self.error(f"argument {name}: needs a name, but found ''")  # Path("") would be "."
        return super()._get_values(action, arg_strings)  # type: ignore[misc]


def refuse(parser: argparse.ArgumentParser, message: str) -> NoReturn:
    """Raises a ConfigError for what ``parser`` found wrong with a command line.

    Args:
        parser: whose options there are.
        message: what argparse says.
    """
    if found := _CHOICE.fullmatch(message):
        name, value = found.groups()
        hint = expected(value.strip("'"), _choices(parser, name))
        raise ConfigError(f"{_flag(name)} cannot be {value}{hint}")
    if found := _NUMBER.fullmatch(message):
        name, kind, value = found.groups()
        raise ConfigError(f"{_flag(name)} must be {_KINDS[kind]}, but found {value}")
    if found := _UNKNOWN.fullmatch(message):
        word = found[1].split(" ")[0]
        if not word.startswith("-"):
            raise ConfigError(f"unexpected word {word!r}: the command takes no more words")
        flag = word.partition("=")[0]
        if flag in parser._option_string_actions:
            raise ConfigError(f"{flag} stands behind --, where options are words like others")
        raise ConfigError(f"unknown option {flag}{_close_flag(flag, parser)}")
    if found := _OTHER.fullmatch(message):
        if found[2].startswith("expected ") and found[2].endswith(" argument"):
            hint = f"; one that begins with a dash is written {_flag(found[1])}=-..."
            raise ConfigError(f"{_flag(found[1])}: {found[2]}{hint}")
        raise ConfigError(f"{_flag(found[1])}: {found[2]}")
    raise ConfigError(message)


def _flag(name: str) -> str:
    """Of ``--ref/--reference``, the first."""
    return name.split("/")[0] if name.startswith("-") else name


def _choices(parser: argparse.ArgumentParser, name: str) -> Iterable[Any]:
    for action in parser._actions:
        names = (*action.option_strings, action.metavar, action.dest)
        if _flag(name) in names and action.choices is not None:
            return action.choices
    return ()


def _close_flag(flag: str, parser: argparse.ArgumentParser) -> str:
    """A flag that may have been meant; the dashes, which all have, make nothing alike."""
    names = [name[2:] for name in parser._option_string_actions if name.startswith("--")]
    return suggestion(flag.lstrip("-"), names).replace("'", "'--", 1)
