"""Every option of every command, from a file: quick to read, and without the commands' packages.

``options.json`` is written from the commands' own parsers (``python -m tests.golden --update``),
and a test compares the two.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from hat.cli.help import Parser

if TYPE_CHECKING:
    from hat.settings import AtLeast, Below, Between


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option or positional argument."""

    flags: tuple[str, ...] = ()
    """As ``--beam``; none: it is known by its place."""

    name: str = ""
    """Of what is known by its place."""

    kind: str = ""
    """``switch``, ``auto`` (a switch that may be left to the machine), ``append`` or nothing."""

    type: str = ""
    """``int``, ``float``, ``numbers`` or nothing, which is a text."""

    numbers: int | None = None
    """How many numbers there must be, where the type is ``numbers``."""

    nargs: Any = None
    metavar: Any = None
    choices: tuple[Any, ...] | None = None
    default: Any = None
    required: bool = False
    least: float | None = None
    most: float | None = None
    below: float | None = None
    """The range of a number that no settings class has a range for."""

    group: str = ""
    """The title that it stands under in ``--help-all``."""

    help: str = ""

    @property
    def bounds(self) -> "tuple[AtLeast | Below | Between, ...]":
        """Its range."""
        from hat.settings import AtLeast, Below, Between  # which help does without

        least, most = self.least, self.most
        found: list[AtLeast | Below | Between] = []
        if least is not None:
            found.append(AtLeast(least) if most is None else Between(least, most))
        if self.below is not None:
            found.append(Below(self.below))
        return tuple(found)

    @property
    def key(self) -> str:
        """The longest flag, or the name."""
        return max(self.flags, key=len) if self.flags else self.name

    def add_to(self, group: Any, *, reads: bool = True) -> argparse.Action:
        """Adds it to a parser or a group of options.

        Args:
            group: the parser or group.
            reads: whether values shall be read; otherwise it is for show only, which is quicker.
        """
        settings: dict[str, Any] = {"help": self.help or None}
        if self.flags:
            settings["required"] = self.required
        if self.kind == "switch":
            settings["action"] = "store_true"
        elif self.kind == "auto":
            settings |= _switch_or_auto() if reads else {"metavar": "True|False|auto"}
        else:
            types: dict[str, Any] = {"int": int, "float": float}
            if reads and self.type == "numbers":
                types["numbers"] = _numbers_only(self.numbers)
            settings |= {"type": types.get(self.type), "nargs": self.nargs}
            settings |= {"metavar": _metavar(self.metavar), "choices": self.choices}
            settings["default"] = self.default
            if self.kind == "append":
                settings["action"] = "append"
        given = {key: value for key, value in settings.items() if value is not None}
        action: argparse.Action = group.add_argument(*(self.flags or (self.name,)), **given)
        return action


def _switch_or_auto() -> dict[str, Any]:
    from hat.cli.options import SwitchOrAuto  # with all that reads YAML

    return {"action": SwitchOrAuto}


def _numbers_only(count: int | None) -> Any:
    from hat.cli.options import NumbersOnly

    return NumbersOnly(None, count)


@dataclass(frozen=True)
class Command:
    """A command, or one of the tools of a command."""

    about: str
    options: tuple[Option, ...]
    commands: Mapping[str, "Command"]
    """The tools below it, by name."""

    def option(self, key: str) -> Option | None:
        """Returns the option with this flag or name; None if there is none."""
        fitting = (option for option in self.options if key in option.flags or key == option.name)
        return next(fitting, None)


@cache
def _content() -> Mapping[str, Any]:
    text = files("hat.cli").joinpath("options.json").read_text(encoding="utf-8")
    content: Mapping[str, Any] = json.loads(text)
    return content


def refused() -> Mapping[str, str]:
    """Returns options of fairseq that are not taken, by key, and why."""
    found: Mapping[str, str] = _content()["refused"]
    return found


@cache
def commands() -> Mapping[str, Command]:
    """Returns all commands by name, except those that were added since the file was written."""
    content = _content()
    pool = {key: _option(value) for key, value in content["options"].items()}
    return {name: _command(value, pool) for name, value in content["commands"].items()}


def every_option() -> Iterator[Option]:
    """Yields the options of all commands and tools; those that commands share more than once."""

    def walk(below: Iterable[Command]) -> Iterator[Option]:
        for command in below:
            yield from command.options
            yield from walk(command.commands.values())

    yield from walk(commands().values())


def parser_of(name: str, command: Command, about: str = "") -> Parser:
    """Returns a parser of all options of a command and its tools: for completion."""
    parser = Parser(prog=name, description=about or command.about, conflict_handler="resolve")
    _fill(parser, command)
    return parser


def _fill(parser: argparse.ArgumentParser, command: Command) -> None:
    for option in command.options:
        option.add_to(parser)
    if command.commands:
        tools = parser.add_subparsers(metavar="TOOL")
        for name, tool in command.commands.items():
            _fill(tools.add_parser(name, help=tool.about, conflict_handler="resolve"), tool)


def _metavar(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _option(value: Mapping[str, Any]) -> Option:
    lists = {key: tuple(value[key]) for key in ("flags", "choices") if key in value}
    return Option(**{**value, **lists})


def _command(value: Mapping[str, Any], pool: Mapping[str, Option]) -> Command:
    inner = value.get("commands", {})
    return Command(
        about=value["about"],
        options=tuple(pool[key] for key in value["options"]),
        commands={name: _command(sub, pool) for name, sub in inner.items()},
    )
