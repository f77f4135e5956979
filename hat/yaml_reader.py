"""One reader for every YAML file: words as they are written, each with its place in the file.

YAML 1.1 guesses a type for every word: ``no`` is False, ``010`` is 8, ``1:30`` is 90. Here the
one who asks decides: a text is what was written, a switch is True or False, and a number that
readers of YAML do not agree on is refused. A file can neither run code nor grow when it is read:
tags, anchors and aliases are refused, and so is a key that stands twice, at any depth.
"""

import contextlib
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from hat.errors import ConfigError
from hat.reading import read_text

_MAX_BYTES = 1_000_000
_MAX_DEPTH = 12
_SHOWN = 60
"""Most characters of a word that an error shows."""

_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
"""Decimal numbers that every reader takes for the same value."""

_SWITCH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NOTHING = frozenset(("", "~", "null", "Null", "NULL"))

_LINE_BREAKS = re.compile("[\x85\u2028\u2029]")
"""Characters that end a line in YAML 1.1 only, so that a text with one of them would change."""


def shown(text: str) -> str:
    """Returns ``text`` in quotes for a sentence, cut where it is long."""
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}...")


@dataclass(frozen=True)
class Scalar:
    """One word or quoted text, without a type."""

    text: str
    where: str
    """``path:line``."""

    is_quoted: bool = False

    @property
    def is_nothing(self) -> bool:
        """Whether no value is given: ``key:``, ``~`` or ``null``."""
        return not self.is_quoted and self.text in _NOTHING

    def __str__(self) -> str:
        quoted = shown(self.text)
        return quoted if self.is_quoted else quoted[1:-1] or "nothing"


@dataclass(frozen=True)
class Items:
    """A list."""

    nodes: tuple["Node", ...]
    where: str

    def __str__(self) -> str:
        return "a list"


@dataclass(frozen=True)
class Block:
    """A mapping; keys as they are written."""

    entries: dict[str, "Entry"]
    where: str

    def __str__(self) -> str:
        return "a mapping"


Node = Scalar | Items | Block


@dataclass(frozen=True)
class Entry:
    """One key of a mapping and what it holds."""

    key: str
    node: Node
    where: str
    """``path:line`` of the key."""

    @property
    def value(self) -> Any:
        """The value by YAML 1.2's rules, for those who know no type; see ``plain``."""
        return plain(self.node, self.key)

    def text(self) -> str:
        """Returns the text as it is written.

        Raises:
            ConfigError: if it is nothing, a list or a mapping.
        """
        return self.scalar().text

    def switch(self) -> bool:
        """Returns True or False.

        Raises:
            ConfigError: if it is anything else; ``yes``, ``on`` and quoted words are.
        """
        node = self.node
        if not isinstance(node, Scalar) or node.is_quoted or node.text not in _SWITCH:
            self._fail(f"{self.key} is a switch: expected True or False, but found {node}")
        return _SWITCH[node.text]

    def number(self) -> float:
        """Returns a number.

        Raises:
            ConfigError: if it is none, or one that readers of YAML do not agree on.
        """
        scalar = self.scalar()
        check_number(scalar, self.key)
        if not is_number(scalar.text):
            self._fail(f"{self.key} must be a number, but found {scalar}")
        return float(scalar.text)

    def texts(self) -> tuple[str, ...]:
        """Returns the texts of a list as they are written.

        Raises:
            ConfigError: if it is no list, or one that holds anything but texts.
        """
        if not isinstance(self.node, Items):
            self._fail(f"{self.key} is a list, written [a, b], but found {self.node}")
        return tuple(scalar.text for scalar in self.scalars())

    def block(self) -> dict[str, "Entry"]:
        """Returns the entries of a mapping; of ``nothing``, none.

        Raises:
            ConfigError: if it is anything else.
        """
        if isinstance(self.node, Scalar) and self.node.is_nothing:
            return {}
        if not isinstance(self.node, Block):
            self._fail(f"{self.key} holds 'name: value' lines, but found {self.node}")
        return self.node.entries

    def scalar(self) -> Scalar:
        """Returns the one word or quoted text.

        Raises:
            ConfigError: if it is nothing, a list or a mapping.
        """
        if not isinstance(self.node, Scalar) or self.node.is_nothing:
            found = "nothing" if isinstance(self.node, Scalar) else self.node
            self._fail(f"{self.key} needs a value, but found {found}")
        return self.node

    def scalars(self) -> tuple[Scalar, ...]:
        """Returns the words of a list, or the one word as a list of one.

        Raises:
            ConfigError: if there is anything else among them.
        """
        nodes = self.node.nodes if isinstance(self.node, Items) else (self.node,)
        return tuple(Entry(self.key, node, node.where).scalar() for node in nodes)

    def _fail(self, message: str) -> NoReturn:
        raise ConfigError(f"{self.where}: {message}")


def read_mapping(path: str | Path) -> dict[str, Entry]:
    """Reads a YAML file with a mapping, for example of options.

    Returns:
        The entries by key, as written and in the file's order; none if the file is empty.

    Raises:
        ConfigError: if the file cannot be read, is not YAML or not a mapping, holds a key twice
            (dashes and underscores are the same), or holds tags, anchors or aliases.
    """
    text = read_text(path, ConfigError, most=_MAX_BYTES)
    stranger = _LINE_BREAKS.search(text)
    if stranger:
        raise ConfigError(f"{path}: not valid YAML: it holds the character {stranger[0]!a}")
    try:
        root = _Composer(str(path), text).root()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it does not parse"
        raise ConfigError(f"{path}{line}: not valid YAML: {problem}") from None
    if root is None or (isinstance(root, Scalar) and root.is_nothing):
        return {}
    if not isinstance(root, Block):
        raise ConfigError(f"{path}: expected 'key: value' lines, but found {root}")
    return root.entries


def plain(node: Node, name: str) -> Any:
    """Returns the value of ``node`` by the rules of YAML 1.2: only true and false are booleans.

    Args:
        node: what was read.
        name: of the key, for the sentence of the error.

    Returns:
        None, bool, int, float, str, or a list or dict of these; quoted texts stay texts.

    Raises:
        ConfigError: if a number stands there that readers of YAML do not agree on.
    """
    if isinstance(node, Items):
        return [plain(item, name) for item in node.nodes]
    if isinstance(node, Block):
        return {key: entry.value for key, entry in node.entries.items()}
    if node.is_quoted:
        return node.text
    if node.is_nothing:
        return None
    if node.text in _SWITCH:
        return _SWITCH[node.text]
    check_number(node, name)
    if is_number(node.text, whole=True):
        return int(node.text)
    return float(node.text) if is_number(node.text) else node.text


def is_number(text: str, *, whole: bool = False) -> bool:
    """Whether ``text`` is a finite decimal number that every reader takes for the same value."""
    if whole:
        return _WHOLE.fullmatch(text) is not None
    return _NUMBER.fullmatch(text) is not None and math.isfinite(float(text))


def check_number(scalar: Scalar, name: str) -> None:
    """Checks that a word is no number at all or the same number for every reader.

    Raises:
        ConfigError: ``x.yml:3: seed: 010 is an ambiguous number (YAML reads 8): write 8 or 10``
    """
    text = scalar.text
    begins_like_one = text[:1].isdecimal() or text.startswith(("+", "-", "."))
    if _NUMBER.fullmatch(text) or not begins_like_one or len(text) > _SHOWN:
        return
    as_yaml = None if scalar.is_quoted else _yaml_reading(text)
    readings = [as_yaml] if as_yaml is not None else []
    for read in (lambda digits: int(digits, 0), float):
        with contextlib.suppress(ValueError, OverflowError):
            readings.append(read(text))
    if not readings:
        return
    finite = [int(n) if n == int(n) else n for n in readings if math.isfinite(n)]
    found = f"{scalar.where}: {name}: {scalar if scalar.text.split() != [text] else text}"
    if not finite:
        raise ConfigError(f"{found} is not a finite number")
    raise ConfigError(
        f"{found} is an ambiguous number (YAML reads {text if as_yaml is None else as_yaml!r}): "
        f"write {' or '.join(str(number) for number in dict.fromkeys(finite))}"
    )


def _yaml_reading(text: str) -> int | float | None:
    """The number that YAML 1.1 takes a word for; None if it takes it for something else."""
    loader = yaml.SafeLoader("")
    tag = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    if tag not in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float"):
        return None
    try:
        number: int | float = loader.construct_object(yaml.ScalarNode(tag, text))
    except ValueError:
        return None
    return number


class _Composer:
    """Builds nodes from the events of PyYAML's parser, which makes no values of them."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._events = yaml.parse(text, Loader=yaml.SafeLoader)

    def root(self) -> Node | None:
        """Returns the only document; None if there is none."""
        root = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._fail(event, "it holds more than one document")
                root = self._node(next(self._events), 0)
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            self._fail(event, "anchors (&) and aliases (*) are not read: write the value out")
        tag = getattr(event, "tag", None)
        if tag is not None:
            tag = tag.replace("tag:yaml.org,2002:", "!!")
            self._fail(event, f"the tag {tag} is not read: write the value without it")
        if depth > _MAX_DEPTH:
            self._fail(event, f"it is nested more than {_MAX_DEPTH} deep")
        where = self._where(event)
        if isinstance(event, yaml.ScalarEvent):
            if "\0" in event.value:
                self._fail(event, "it holds the character '\\x00'")
            return Scalar(event.value, where, is_quoted=event.style is not None)
        if isinstance(event, yaml.SequenceStartEvent):
            nodes = []
            while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
                nodes.append(self._node(item, depth + 1))
            return Items(tuple(nodes), where)
        return Block(self._entries(depth), where)

    def _entries(self, depth: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        first: dict[str, str] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._node(event, depth + 1)
            if not isinstance(key, Scalar):
                self._fail(event, f"a key is one word, but here it is {key}")
            spelled = key.text.replace("_", "-")
            if spelled in first:
                raise ConfigError(
                    f"{key.where}: {shown(spelled)} stands here again; first at {first[spelled]}"
                )
            first[spelled] = key.where
            entries[key.text] = Entry(
                key.text, self._node(next(self._events), depth + 1), key.where
            )
        return entries

    def _where(self, event: yaml.Event) -> str:
        mark = event.start_mark
        return f"{self._path}:{mark.line + 1}" if mark else self._path

    def _fail(self, event: yaml.Event, problem: str) -> NoReturn:
        raise ConfigError(f"{self._where(event)}: not valid YAML: {problem}")
