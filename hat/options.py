"""YAML files and flags together: every key is checked, later files win, flags win over files.

A key is the name of a flag without its dashes. Two kinds of parser read the files: hat's own
stages use ``StageParser``, a configargparse parser; fairseq's parsers get the files' content as
command line arguments (``yaml_arguments``). Both check the same things and say the same words.
"""

import argparse
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import configargparse
import yaml

from hat.errors import ConfigError, suggestion

CONFIG_FLAGS = ("--configs", "--sub-configs", "--evo-configs")
"""The flags that name YAML files, weakest first: a later one overrides an earlier one."""

_COMMAND_LINE_ONLY = {
    "user-dir": "it names Python code to run",
    "resume-anyway": "it answers one refusal",
    **{flag.removeprefix("--"): "files do not include files" for flag in CONFIG_FLAGS},
}

_EVALUATED_BY_FAIRSEQ = {"adam-betas", "adamax-betas", "adafactor-eps", "lamb-betas"}
"""String options that fairseq hands to ``eval``; so does every option with a list type."""

_HARMLESS = re.compile(r"[\d\s.,eE+\-()\[\]]*|[\w\s.,/\-\[\]'\"]*")
"""Numbers, brackets and commas; or words without any parenthesis. Neither can call a function."""

_NO_FILE = re.compile(r"Unable to open config file: (.*)\. Error: (?:\[Errno \d+\] )?([^:]*)")
"""What configargparse says of a file that is not there."""


@dataclass(frozen=True)
class Entry:
    """One value of a YAML file and the place it came from."""

    key: str
    value: Any
    where: str
    """``path:line`` of the key."""


def read_yaml(path: str | Path) -> dict[str, Entry]:
    """Reads a YAML mapping with the line of each key. Keys are returned with dashes.

    Raises:
        ConfigError: if the file cannot be read, is not YAML or not a mapping, or holds a key
            twice.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not a UTF-8 text file") from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        constructor = yaml.constructor.SafeConstructor()
        if root is None:
            return {}
        if not isinstance(root, yaml.MappingNode):
            raise ConfigError(f"{path}: expected 'key: value' lines, but found something else")
        entries: dict[str, Entry] = {}
        for key_node, value_node in root.value:
            key = str(key_node.value).replace("_", "-")
            where = f"{path}:{key_node.start_mark.line + 1}"
            if key in entries:
                first = entries[key].where
                raise ConfigError(f"{where}: {key!r} stands here again; first at {first}")
            entries[key] = Entry(key, constructor.construct_object(value_node, deep=True), where)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it does not parse"
        raise ConfigError(f"{path}{line}: not valid YAML: {problem}") from None
    return entries


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
            raise ConfigError(f"{entry.where}: unknown key {entry.key!r}{hint}")


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


def _texts(entry: Entry, action: argparse.Action) -> list[str]:
    """The command line words for one value, each checked against the option's type."""
    is_list = isinstance(entry.value, list)
    takes_many = action.nargs in ("+", "*") or isinstance(action.nargs, int)
    if entry.value is None or isinstance(entry.value, Mapping):
        found = "nothing" if entry.value is None else "a mapping"
        raise ConfigError(f"{entry.where}: {entry.key} needs a value, but found {found}")
    if action.nargs == 0:
        if not isinstance(entry.value, bool):
            raise ConfigError(
                f"{entry.where}: {entry.key} is a switch: expected True or False, "
                f"but found {entry.value!r}"
            )
        # fairseq has switches such as --left-pad-source whose flag means False: there a file
        # says what the option shall be, not whether the flag is given.
        inverted = action.const is False and action.dest == entry.key.replace("-", "_")
        return ["True"] if entry.value is not inverted else []
    if is_list and not takes_many:
        texts = [str(entry.value)]  # fairseq's list options take one word such as "[2]"
    else:
        texts = [str(value) for value in (entry.value if is_list else [entry.value])]
    if isinstance(action.nargs, int) and len(texts) != action.nargs:
        raise ConfigError(
            f"{entry.where}: {entry.key} takes {action.nargs} values, but found {len(texts)}"
        )
    for text in texts:
        _check_text(text, entry, action)
    return texts


def _check_text(text: str, entry: Entry, action: argparse.Action) -> None:
    evaluated = entry.key in _EVALUATED_BY_FAIRSEQ or action.type not in (None, str, int, float)
    if evaluated and ("__" in text or not _HARMLESS.fullmatch(text)):
        raise ConfigError(f"{entry.where}: {entry.key} holds numbers, but found {text!r}")
    value: Any = text
    if callable(action.type) and action.type is not str:
        try:
            value = action.type(text)
        except (ValueError, TypeError, SyntaxError, NameError, argparse.ArgumentTypeError):
            kind = "a whole number" if action.type is int else "a number"
            raise ConfigError(
                f"{entry.where}: {entry.key} must be {kind}, but found {text!r}"
            ) from None
    if action.choices is not None and value not in action.choices:
        known = sorted(map(str, action.choices))
        hint = suggestion(text, known) or f"; expected one of {', '.join(known)}"
        raise ConfigError(f"{entry.where}: {entry.key} cannot be {text!r}{hint}")


def yaml_arguments(entries: Mapping[str, Entry], parser: argparse.ArgumentParser) -> list[str]:
    """Turns YAML entries into command line arguments of ``parser``, to stand before the flags.

    Raises:
        ConfigError: if a key is not an option of ``parser`` or a value does not fit it.
    """
    actions = actions_by_key(parser)
    check_keys(entries, actions)
    arguments: list[str] = []
    for entry in entries.values():
        action = actions[entry.key]
        texts = _texts(entry, action)
        flag = f"--{entry.key}"
        if flag not in action.option_strings and action.option_strings:
            flag = action.option_strings[0]
        if not action.option_strings:
            arguments = texts + arguments  # first, or an option with a list would swallow it
        elif action.nargs == 0:
            arguments += [flag] if texts else []
        elif len(texts) == 1 and action.nargs in (None, "?"):
            arguments.append(f"{flag}={texts[0]}")
        else:
            arguments += [flag, *texts]
    return arguments


def split_config_flags(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Separates the YAML files that ``argv`` names from its other words.

    Returns:
        The paths, weakest first (``--configs``, ``--sub-configs``, ``--evo-configs``), and the
        remaining arguments.
    """
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for flag in CONFIG_FLAGS:
        finder.add_argument(flag, action="append", default=[])
    found, rest = finder.parse_known_args(list(argv))
    paths = [path for flag in CONFIG_FLAGS for path in getattr(found, _dest(flag))]
    return paths, rest


def read_config_files(paths: Iterable[str]) -> dict[str, Entry]:
    """Reads several YAML files; where two hold the same key, the later file wins."""
    entries: dict[str, Entry] = {}
    for path in paths:
        entries.update(read_yaml(path))
    return entries


def _dest(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")


class _CheckedYaml(configargparse.ConfigFileParser):
    """Lets configargparse read YAML through the checks of this module."""

    def __init__(self, parser: "StageParser", ignored_keys: frozenset[str]) -> None:
        self.parser = parser
        self.ignored_keys = ignored_keys

    def get_syntax_description(self) -> str:
        """What ``--help`` says of the files."""
        return "The files are YAML; a key is the name of an option without its dashes."

    def parse(self, stream: Any) -> "OrderedDict[str, str | list[str]]":
        """Returns checked values as strings, as configargparse wants them."""
        entries = read_yaml(stream.name)
        actions = actions_by_key(self.parser)
        check_keys(entries, [*actions, *self.ignored_keys])
        items: OrderedDict[str, str | list[str]] = OrderedDict()
        for entry in entries.values():
            if entry.key not in actions:
                continue
            action = actions[entry.key]
            texts = _texts(entry, action)
            if action.nargs == 0:
                items[entry.key] = "true" if texts else "false"
            else:
                items[entry.key] = texts[0] if action.nargs in (None, "?") else texts
        return items

    def serialize(self, items: Mapping[str, Any]) -> str:
        """Returns ``items`` as YAML."""
        return yaml.safe_dump(dict(items), sort_keys=False)


class StageParser(configargparse.ArgumentParser):
    """The parser of a stage that is not fairseq's: flags, and YAML files that hold them.

    Abbreviated flags are refused, so that a new option never changes what an old command means.
    HAT's files serve several stages at once: keys in ``ignored_keys`` are another stage's
    business and pass unread; every other key must be an option of this parser.
    """

    def __init__(
        self, *, prog: str, description: str, ignored_keys: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(
            prog=prog,
            description=description,
            allow_abbrev=False,
            config_file_parser_class=_CheckedYaml(self, ignored_keys),
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        for flag in CONFIG_FLAGS:
            self.add_argument(
                flag, metavar="YML", is_config_file=True, help="YAML file with options"
            )

    def error(self, message: str) -> NoReturn:
        """Raises a ConfigError where argparse would print its usage and exit."""
        missing = _NO_FILE.match(message)
        if missing:
            raise ConfigError(f"{missing[1]}: cannot be read: {missing[2]}")
        raise ConfigError(message)
