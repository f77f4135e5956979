"""The values of a JSON object by name, each of the type and in the range that it must have."""

import math
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from hat.errors import DataError, HatError, suggestion


class Fields:
    """Reads one object; whatever is missing or wrong is one sentence with the place and the name.

    Args:
        values: the object.
        where: names file and place in messages.
        error: class of the error.
    """

    def __init__(
        self, values: Mapping[str, Any], where: str, error: type[HatError] = DataError
    ) -> None:
        self._values, self._where, self._error = values, where, error

    def number(self, name: str, *, least: float = -math.inf, most: float = math.inf) -> float:
        """Returns a finite number, ``least`` or more and ``most`` or less.

        Raises:
            HatError: if there is none; so do the others.
        """
        value = self._number(name, self._found(name))
        if value < least:
            self._fail(name, f"{least:g} or more", value)
        if value > most:
            self._fail(name, f"{most:g} or less", value)
        return float(value)

    def numbers(self, name: str) -> list[float]:
        """Returns a list of finite numbers."""
        return [float(self._number(name, value)) for value in self.items(name)]

    def number_or_none(
        self, name: str, *, least: float = -math.inf, most: float = math.inf
    ) -> float | None:
        """Returns a number as ``number`` does, None where the object holds ``null``."""
        return None if self._found(name) is None else self.number(name, least=least, most=most)

    def whole(self, name: str, *, least: int = 0) -> int:
        """Returns a whole number, ``least`` or more."""
        return self._whole(name, self._found(name), least)

    def wholes(self, name: str, *, least: int = 0) -> list[int]:
        """Returns a list of whole numbers, each ``least`` or more."""
        return [self._whole(name, value, least) for value in self.items(name)]

    def text(self, name: str) -> str:
        """Returns a text."""
        value = self._found(name)
        if not isinstance(value, str):
            self._fail(name, "a text", value)
        return value

    def items(self, name: str) -> list[Any]:
        """Returns a list."""
        value = self._found(name)
        if not isinstance(value, list):
            self._fail(name, "a list", value)
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        """Returns an object."""
        value = self._found(name)
        if not isinstance(value, dict):
            self._fail(name, "a JSON object", value)
        return value

    def _found(self, name: str) -> Any:
        if name not in self._values:
            raise self._error(f"{self._where}: has no {name!r}")
        return self._values[name]

    def _number(self, name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
            self._fail(name, "a number", value)
        return value

    def _whole(self, name: str, value: Any, least: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            self._fail(name, "a whole number", value)
        if not least <= value < 2**63:
            self._fail(name, f"a whole number from {least}", value)
        return int(value)

    def _fail(self, name: str, expected: str, value: Any) -> NoReturn:
        raise self._error(f"{self._where}: {name!r} must be {expected}, but found {value!r:.60}")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float holds
        return False


def whole_lists(
    found: Any, names: Collection[str], most: int, where: str, error: type[HatError] = DataError
) -> dict[str, list[int]]:
    """Returns lists of whole numbers by name, each sorted.

    Args:
        found: what a file holds.
        names: that there are; none need be there.
        most: the largest number; the smallest is 1.
        where: names file and place in messages.
        error: class of the error.

    Raises:
        HatError: of class ``error``, naming ``where`` and the list, if they are none.
    """
    if not isinstance(found, Mapping):
        raise error(f"{where}: must be lists of numbers by name, but found {found!r:.60}")
    for name, values in found.items():
        if name not in names:
            raise error(f"{where}: there is no {name!r:.60}{suggestion(str(name), names)}")
        right = isinstance(values, list | tuple) and all(type(value) is int for value in values)
        if not right or not all(0 < value <= most for value in values):
            raise error(
                f"{where}: {name} must be a list of whole numbers from 1 to {most:,}, but found "
                f"{values!r:.60}"
            )
    return {name: sorted(values) for name, values in found.items()}
