"""Options of a call from Python, read as if they stood in one more YAML file."""

from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any

from hat.errors import ConfigError
from hat.yaml_reader import Entry, Items, Node, Scalar


def entries_of(options: Mapping[str, Any], where: str) -> dict[str, Entry]:
    """Returns the options of a call as entries of a file.

    Args:
        options: values by key, with underscores or dashes; None stands for what is not given.
        where: the function's name, in the place of file and line.

    Raises:
        ConfigError: if a value is none that a file could hold.
    """
    given = {key.replace("_", "-"): value for key, value in options.items() if value is not None}
    return {key: Entry(key, _node(key, value, where), where) for key, value in given.items()}


def _node(key: str, value: Any, where: str) -> Node:
    if isinstance(value, list | tuple):
        return Items(tuple(_node(key, item, where) for item in value), where)
    if isinstance(value, str | Path):
        return Scalar(str(value), where, is_quoted=True)
    if isinstance(value, Real):  # True and False among them
        return Scalar(str(value), where)
    raise ConfigError(
        f"{where}: {key} must be a text, a path, a number, True, False or a list of these, "
        f"but found {value!r}"
    )
