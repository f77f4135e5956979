"""What algorithms save of their state, read back and checked against the history it belongs to."""

from collections.abc import Mapping, Sequence
from typing import Any


def saved_places(state: Mapping[str, Any], name: str, trials: Sequence[Any]) -> list[int]:
    """Returns a list of places of trials.

    Raises:
        KeyError, TypeError, ValueError: if there is none, or a place is none of these trials'.
    """
    return [_place(name, value, len(trials)) for value in _list(name, state[name])]


def saved_place(state: Mapping[str, Any], name: str, trials: Sequence[Any]) -> int | None:
    """Returns the place of a trial, or None where None was saved.

    Raises:
        KeyError, TypeError, ValueError: if it is anything else.
    """
    value = state[name]
    return None if value is None else _place(name, value, len(trials))


def saved_count(state: Mapping[str, Any], name: str) -> int:
    """Returns a count.

    Raises:
        KeyError, TypeError, ValueError: if there is none.
    """
    return _place(name, state[name], 2**63)


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{name} must be a list, but found {value!r:.40}")
    return value


def _place(name: str, value: Any, end: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must hold whole numbers, but found {value!r:.40}")
    if not 0 <= value < end:
        raise ValueError(f"{name} must be 0 to {end - 1}, but found {value!r:.40}")
    return value
