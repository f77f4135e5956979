"""Reading JSON, anybody's: each key once, nested as deep as people write it, numbers finite."""

import json
import math
import re
from pathlib import Path
from typing import Any

from hat.errors import DataError, HatError
from hat.reading import MOST_BYTES, Error, read_text, reason

_DEEPEST = 50
"""Lists and objects of JSON in each other. Ours go to 6."""


def read_json(
    path: str | Path, error: Error = DataError, *, constants: bool = False, most: int = MOST_BYTES
) -> Any:
    """Returns the value of a JSON file; see ``parse_json``.

    Raises:
        HatError: of class ``error``, as ``read_text`` and ``parse_json`` do.
    """
    return parse_json(read_text(path, error, most=most), str(path), error, constants=constants)


_HUGE = re.compile(r"[eE]\+?0*[3-9][0-9]{2}|[eE]\+?0*[1-9][0-9]{3}|[0-9]{300}")
"""What a number of a float's size does not need."""


def parse_json(text: str, where: str, error: Error = DataError, *, constants: bool = False) -> Any:
    """Returns the value that JSON text spells.

    Args:
        text: the text.
        where: names file and place in messages.
        error: class of the error.
        constants: whether ``NaN`` and ``Infinity`` are numbers, which Python writes and JSON lacks.

    Raises:
        HatError: of class ``error``, naming ``where`` and the line, if it is no JSON, a key stands
            twice, it is nested too deep, a number is too large or a text is half a character.
    """
    hooks: dict[str, Any] = {"object_pairs_hook": _distinct}
    if not constants:
        hooks["parse_constant"] = _no_constant
    if _HUGE.search(text):
        hooks["parse_float"] = _finite
    try:
        value = json.loads(text, **hooks)
        if text.count("[") + text.count("{") > _DEEPEST and is_deeper(value, _DEEPEST):
            raise RecursionError
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as problem:
        if _depth(text[: problem.pos]) > _DEEPEST:  # where Python's own limit is higher
            raise error(f"{where}: is nested more than {_DEEPEST} deep") from None
        line = f":{problem.lineno}" if "\n" in text.strip() else ""
        found = f"{text[problem.pos : problem.pos + 30]!r}" if text[problem.pos :] else "its end"
        raise error(f"{where}{line}: is not JSON: {problem.msg}, but found {found}") from None
    except RecursionError:
        raise error(f"{where}: is nested more than {_DEEPEST} deep") from None
    except UnicodeEncodeError as problem:
        half = problem.object[problem.start]
        raise error(f"{where}: a text holds {half!a}, half of a character") from None
    except ValueError as problem:
        raise error(f"{where}: is not JSON that can be read: {reason(problem)}") from None
    return value


def parse_object(text: str, where: str, what: str, error: Error = DataError) -> dict[str, Any]:
    """Returns the JSON object that ``text`` spells.

    Args:
        text: the text.
        where: names file and place in messages.
        what: it should be, such as ``the state of a search``.
        error: class of the error.

    Raises:
        HatError: of class ``error``, as ``parse_json`` does, or if it is no object.
    """
    value = parse_json(text, where, error)
    if not isinstance(value, dict):
        raise error(f"{where}: is not {what}: expected a JSON object, but found {value!r:.60}")
    return value


def read_object(path: str | Path, what: str, error: Error = DataError) -> dict[str, Any]:
    """Returns the JSON object in a file; see ``parse_object``.

    Raises:
        HatError: of class ``error``, as ``read_text`` and ``parse_object`` do.
    """
    return parse_object(read_text(path, error), str(path), what, error)


def read_objects(
    path: str | Path,
    what: str,
    error: Error = DataError,
    *,
    count: int | None = None,
    may_be_cut: bool = False,
) -> list[dict[str, Any]]:
    """Returns the JSON objects of the lines of a file of ours.

    Args:
        path: the file.
        what: each line should be.
        error: class of the error.
        count: how many lines; those behind them are left alone. None: all.
        may_be_cut: whether a last line without an end that is no JSON is left out: a program that
            was killed while it wrote leaves one.

    Raises:
        HatError: of class ``error``, naming file and line, as ``parse_object`` does, or if there
            are too few lines.
    """
    text = read_text(path, error)
    *lines, last = text.split("\n")  # JSON may hold other line ends as they are
    if count is not None and len(lines) + bool(last) < count:
        raise error(f"{path!s}: expected {count} lines, but found {len(lines) + bool(last)}")
    found = [
        parse_object(line, f"{path!s}:{number}", what, error)
        for number, line in enumerate(lines[:count], start=1)
    ]
    if last and (count is None or len(lines) < count):
        try:
            found.append(parse_object(last, f"{path!s}:{len(lines) + 1}", what, error))
        except HatError:
            if not (may_be_cut and found):
                raise
    return found


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key!r:.60} stands twice in one object")
            seen.add(key)
    return found


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _finite(word: str) -> float:
    if not math.isfinite(number := float(word)):
        raise ValueError(f"the number {word:.30} is too large")
    return number


_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)


def _depth(text: str) -> int:
    """How deep the beginning of JSON text goes."""
    now = deepest = 0
    for bracket in re.findall(r"[\[{\]}]", _STRING.sub("", text)):
        now += 1 if bracket in "[{" else -1
        deepest = max(deepest, now)
    return deepest


def is_deeper(value: Any, most: int) -> bool:
    """Whether dictionaries, lists and tuples stand more than ``most`` deep in each other.

    One that stands in itself does.
    """
    level = [value]
    for _ in range(most + 1):
        level = [each for each in level if isinstance(each, dict | list | tuple)]
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return True
