"""The options of a command as conditions of its result: all of them, but for a list of exceptions.

The exceptions are listed and not the conditions, so that a new option counts until somebody says
that it cannot change an outcome.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from hat.conditions import file_digest

_PLAIN = (bool, int, float, str)


def option_conditions(
    options: Mapping[str, Any], *, exempt: Collection[str], files: Collection[str] = ()
) -> dict[str, Any]:
    """Returns what a result depends on, by the name that users know: ``max-tokens``.

    Args:
        options: all parsed options, by their names in Python.
        exempt: those that cannot change the outcome.
        files: those that name files. They count by content and not by name, each by its own.

    Returns:
        Plain values that JSON can keep. An option without a value is left out.

    Raises:
        HatError: if a file cannot be read.
    """
    conditions: dict[str, Any] = {}
    for name, value in options.items():
        if value is None or name in exempt:
            continue
        key = name.replace("_", "-")
        if name in files:
            paths = [value] if isinstance(value, str | Path) else list(value)
            for place, path in enumerate(paths, start=1):
                number = f" ({place})" if len(paths) > 1 else ""
                conditions[f"content of {key}{number}"] = file_digest(path)
        else:
            conditions[key] = _plain(value)
    return conditions


def content_digest(paths: str | Path | Sequence[str | Path]) -> str:
    """Returns the digest of one file, or those of several in their order, joined by ``+``.

    Raises:
        HatError: if a file cannot be read.
    """
    several = [paths] if isinstance(paths, str | Path) else paths
    return "+".join(file_digest(path) for path in several)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or type(value) in _PLAIN else str(value)
