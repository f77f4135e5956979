"""YAML files and flags together: every key is checked, later files win, flags win over files.

A key is the name of a flag without its dashes. What a file says becomes the default of its option
(``set_defaults``), in hat's own parsers (``StageParser``) as in fairseq's: so the command line
wins, and no text of a file can pass for a flag.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import configargparse

from hat.cli.help import HelpFormatter, Parser
from hat.cli.refusals import OneSentence, expected
from hat.errors import ConfigError, suggestion
from hat.numerals import use_in
from hat.yaml_reader import Entry, Items, Scalar, check_number, is_number, read_mapping, shown

CONFIG_FLAGS = ("--configs", "--sub-configs", "--evo-configs")
"""The flags that name YAML files, weakest first: a later one overrides an earlier one."""

_CONFIG_HELP = (
    "file with options; may be given several times, and the last one wins",
    "the same; wins over --configs",
    "the same; wins over all other files",
)

_COMMAND_LINE_ONLY = {
    "user-dir": "it names Python code to run",
    "resume-anyway": "it answers one refusal",
    "distributed-init-method": "it names a machine whose messages are trusted",
    "log-file": "it names any file to write into",
    **{flag.removeprefix("--"): "files do not include files" for flag in CONFIG_FLAGS},
}


class SwitchOrAuto(argparse.Action):
    """A switch that may be left to the machine: ``--x``, ``--x False`` or ``--x auto``.

    Its value is True, False or ``"auto"``; in a file ``x: auto`` stands for the last.
    ``spell_out_switches`` must see the command line first: argparse would take the word behind a
    bare ``--x`` for its value, whatever it is.
    """

    VALUES: ClassVar[dict[str, bool | str]] = {"true": True, "false": False, "auto": "auto"}

    def __init__(self, option_strings: Sequence[str], dest: str, **settings: Any) -> None:
        super().__init__(
            option_strings, dest, default=False, metavar="True|False|auto", type=str, **settings
        )

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Stores the value, or says which there are."""
        if values.lower() not in self.VALUES:
            parser.error(f"{option_string} takes True, False or auto, but found {values!r}")
        setattr(namespace, self.dest, self.VALUES[values.lower()])


def spell_out_switches(argv: Sequence[str], parser: argparse.ArgumentParser) -> list[str]:
    """Joins each ``SwitchOrAuto`` of a command line and its value; without one that is True."""
    flags = {
        flag
        for action in parser._actions
        if isinstance(action, SwitchOrAuto)
        for flag in action.option_strings
    }
    words: list[str] = []
    waiting = False
    for word in argv:
        if waiting:
            waiting = False
            is_value = word.lower() in SwitchOrAuto.VALUES
            words[-1] += f"={word if is_value else True}"
            if is_value:
                continue
        words.append(word)
        waiting = word in flags
    return [*words[:-1], f"{words[-1]}=True"] if waiting else words


class NumbersOnly:
    """The type of an option that fairseq evaluates: a number, or some, in brackets or not."""

    _NUMBERS = re.compile(r"\s*(?:\((.*)\)|\[(.*)\]|(.*))\s*")

    def __init__(self, convert: Callable[[str], Any] | None, count: int | None = None) -> None:
        """Puts a check before ``convert``, fairseq's own type.

        Args:
            convert: makes the value of the text; None leaves it as it is.
            count: how many numbers; None: any.
        """
        self._convert = convert
        self.count = count

    def __call__(self, text: str) -> Any:
        """Converts ``text``.

        Raises:
            argparse.ArgumentTypeError: if there is anything in it but numbers and commas.
        """
        inner = self._NUMBERS.fullmatch(text)
        words = next(w for w in inner.groups() if w is not None).split(",") if inner else [text]
        if len(words) > 1 and not words[-1].strip():
            words.pop()  # Python's (2,)
        if not all(is_number(word.strip()) for word in words):
            raise argparse.ArgumentTypeError(f"holds numbers, but found {shown(text)}")
        if self.count not in (None, len(words)):
            raise argparse.ArgumentTypeError(f"holds {self.count} numbers, but found {shown(text)}")
        if self._convert is None:
            return text
        value = self._convert(text)
        # fairseq cuts off what follows the point where it wants whole numbers.
        if isinstance(value, list) and value != [float(word) for word in words]:
            raise argparse.ArgumentTypeError(f"holds whole numbers, but found {shown(text)}")
        return value


def read_yaml(path: str | Path) -> dict[str, Entry]:
    """Reads a YAML mapping with the line of each key. Keys are returned with dashes.

    Raises:
        ConfigError: see ``hat.yaml_reader.read_mapping``.
    """
    entries = (
        replace(entry, key=key.replace("_", "-")) for key, entry in read_mapping(path).items()
    )
    return {entry.key: entry for entry in entries}


def check_keys(entries: Mapping[str, Entry], known: Iterable[str]) -> None:
    """Checks that every key is known.

    Raises:
        ConfigError: ``file:line: unknown key 'qkv-dimm'; did you mean 'qkv-dim'?``
    """
    names = set(known)
    for entry in entries.values():
        if entry.key in _COMMAND_LINE_ONLY:
            reason = _COMMAND_LINE_ONLY[entry.key]
            raise ConfigError(
                f"{entry.where}: {entry.key!r} is allowed on the command line only: {reason}"
            )
        if entry.key not in names:
            hint = suggestion(entry.key, names)
            raise ConfigError(f"{entry.where}: unknown key {shown(entry.key)}{hint}")


def actions_by_key(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Returns the actions of ``parser`` that a YAML file may set, by key."""
    actions: dict[str, argparse.Action] = {}
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        for option in action.option_strings:
            if option.startswith("--"):
                actions[option.removeprefix("--").replace("_", "-")] = action
        if not action.option_strings:
            actions[action.dest.replace("_", "-")] = action
    return actions


def set_defaults(parser: argparse.ArgumentParser, entries: Mapping[str, Entry]) -> None:
    """Makes what YAML files say the defaults of ``parser``'s options.

    Raises:
        ConfigError: if a key is not an option of ``parser`` or a value does not fit it.
    """
    actions = actions_by_key(parser)
    check_keys(entries, actions)
    named: dict[argparse.Action, Entry] = {}
    for entry in entries.values():
        action = actions[entry.key]
        twin = named.get(action)
        if twin is not None and _file(twin) == _file(entry):
            raise ConfigError(
                f"{entry.where}: {entry.key} is the same option as {twin.key}, "
                f"which stands at {twin.where}"
            )
        named[action] = entry
        value = _value(entry, action)
        if value is None:
            continue
        if not action.option_strings and action.nargs is None:
            action.nargs = "?"
        action.required = False
        parser.set_defaults(**{action.dest: value})


def _file(entry: Entry) -> str:
    return entry.where.rpartition(":")[0]


def _value(entry: Entry, action: argparse.Action) -> Any:
    """What the option shall be; None if the file leaves it as it is."""
    if action.nargs == 0:
        is_on = entry.switch()
        # fairseq has switches such as --left-pad-source whose flag means False: there a file
        # says what the option shall be, not whether the flag is given.
        if action.dest == entry.key.replace("-", "_") and isinstance(action.const, bool):
            return is_on
        return action.const if is_on else None
    if isinstance(action, SwitchOrAuto):
        text = entry.scalar().text
        if text.lower() not in action.VALUES:
            raise ConfigError(
                f"{entry.where}: {entry.key} is a switch: expected True, False or auto, "
                f"but found {shown(text)}"
            )
        return action.VALUES[text.lower()]
    if action.nargs in ("+", "*") or isinstance(action.nargs, int):
        scalars = entry.scalars()
        if isinstance(action.nargs, int) and len(scalars) != action.nargs:
            raise ConfigError(
                f"{entry.where}: {entry.key} takes {action.nargs} values, but found {len(scalars)}"
            )
        return [_converted(scalar, entry.key, action) for scalar in scalars]
    if isinstance(entry.node, Items):
        if not isinstance(action.type, NumbersOnly):
            raise ConfigError(f"{entry.where}: {entry.key} takes one value, but found a list")
        # fairseq's list options take one word such as "[2]"
        for scalar in entry.scalars():
            check_number(scalar, entry.key)
        text = f"[{', '.join(scalar.text for scalar in entry.scalars())}]"
        return _converted(Scalar(text, entry.where), entry.key, action)
    return _converted(replace(entry.scalar(), where=entry.where), entry.key, action)


_TEXTS = (None, str, Path)
"""Types of options that keep what is written."""


def _converted(scalar: Scalar, key: str, action: argparse.Action) -> Any:
    where, text = scalar.where, scalar.text
    if action.type not in _TEXTS:
        check_number(scalar, key)
    value: Any = text
    if action.type in (int, float):
        whole = action.type is int
        if not is_number(text, whole=whole):
            kind = "a whole number" if whole else "a number"
            raise ConfigError(f"{where}: {key} must be {kind}, but found {shown(text)}")
        value = int(text) if whole else float(text)
    elif callable(action.type):
        try:
            value = action.type(text)
        except argparse.ArgumentTypeError as error:
            raise ConfigError(f"{where}: {key} {error}") from None
        except (ValueError, TypeError, SyntaxError):
            raise ConfigError(f"{where}: {key} cannot be {shown(text)}") from None
    if action.choices is not None and value not in action.choices:
        raise ConfigError(f"{where}: {key} cannot be {shown(text)}{expected(text, action.choices)}")
    return value


def add_config_flags(group: Any) -> None:
    """Adds the flags of YAML files for ``--help`` to show; they never come to argparse."""
    for flag, text in zip(CONFIG_FLAGS, _CONFIG_HELP, strict=True):
        group.add_argument(flag, metavar="YML", default=argparse.SUPPRESS, help=text)


def split_config_flags(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Separates the YAML files that ``argv`` names from its other words.

    Returns:
        The paths, weakest first (``--configs``, ``--sub-configs``, ``--evo-configs``), and the
        remaining arguments.
    """
    finder = Parser(add_help=False)
    for flag in CONFIG_FLAGS:
        finder.add_argument(flag, action="append", default=[])
    found, rest = finder.parse_known_args(list(argv))
    paths = [path for flag in CONFIG_FLAGS for path in getattr(found, _dest(flag))]
    return paths, rest


def read_config_files(paths: Iterable[str]) -> dict[str, Entry]:
    """Reads several YAML files; where two hold the same key, the later file wins."""
    entries: dict[str, Entry] = {}
    for path in paths:
        for key, entry in read_yaml(path).items():
            entries.pop(key, None)  # the order decides between two names of one option
            entries[key] = entry
    return entries


def _dest(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")


class StageParser(OneSentence, configargparse.ArgumentParser):  # type: ignore[misc]
    """The parser of a stage that is not fairseq's: flags, and YAML files that hold them.

    configargparse keeps of several files only the last, and makes words of what they say; so the
    files are read here, each value by the type of its option.

    Abbreviated flags are refused, so that a new option never changes what an old command means.
    HAT's files serve several stages at once: keys in ``ignored_keys`` are another stage's
    business and pass unread; every other key must be an option of this parser.
    """

    def __init__(
        self, *, prog: str, description: str, ignored_keys: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(  # type: ignore[call-arg]  # configargparse's
            prog=prog,
            description=description,
            epilog="A key of a YAML file is the name of an option without its dashes.",
            allow_abbrev=False,
            formatter_class=HelpFormatter,
            add_config_file_help=False,
            add_env_var_help=False,
        )
        self.ignored_keys = ignored_keys
        use_in(self)
        add_config_flags(self.add_argument_group("YAML files"))

    def parse_known_args(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        namespace: argparse.Namespace | None = None,
        **settings: Any,
    ) -> tuple[argparse.Namespace, list[str]]:
        """Reads the YAML files that ``args`` name, then parses the flags, which win over them.

        Raises:
            ConfigError: naming file and line, or flag, of what is wrong.
        """
        paths, flags = split_config_flags(sys.argv[1:] if args is None else args)
        entries = read_config_files(paths)
        actions = actions_by_key(self)
        check_keys(entries, [*actions, *self.ignored_keys])
        set_defaults(self, {key: entry for key, entry in entries.items() if key in actions})
        parsed: tuple[argparse.Namespace, list[str]] = super().parse_known_args(
            flags, namespace, **{**settings, "env_vars": {}}
        )
        return parsed
