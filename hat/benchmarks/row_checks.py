"""Whether the numbers of a table can be what they say that they are; if not, which row is wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hat.errors import DataError

Place = Callable[[int], str]
"""Where a row stands: ``file:line`` or ``file: row 3``."""


@dataclass(frozen=True)
class Range:
    """What a number may be; nan says that nothing was measured."""

    low: float
    high: float
    expected: str
    whole: bool = False

    def check(self, values: NDArray[Any], name: str, place: Place) -> None:
        """Checks a column of N rows, which may be arrays themselves.

        Raises:
            DataError: for the first row that breaks the range.
        """
        wrong = ~self._fits(values)
        rows = np.flatnonzero(wrong.reshape(len(values), -1).any(axis=1))
        if len(rows):
            row = int(rows[0])
            found = np.atleast_1d(values[row])[np.atleast_1d(wrong[row])][0]
            raise DataError(f"{place(row)}: {name} must be {self.expected}, but found {found:.10g}")

    def _fits(self, values: Any) -> NDArray[np.bool_]:
        values = np.asarray(values, dtype=np.float64)  # the largest number must stay one
        inside = (values >= self.low) & (values <= self.high)
        if self.whole:
            inside &= np.floor(values) == values
        fits: NDArray[np.bool_] = np.isnan(values) | inside
        return fits


_LARGEST = float(np.finfo(np.float64).max)

FRACTION = Range(0.0, 1.0, "a fraction between 0 and 1")
PERCENT = Range(0.0, 100.0, "percent between 0 and 100")
SECONDS = Range(0.0, _LARGEST, "finite seconds, not negative")
COUNT = Range(1, _LARGEST, "a whole number above 0", whole=True)
PLACE = Range(0, _LARGEST, "a whole number, not negative", whole=True)
LOSS = Range(0.0, _LARGEST, "a finite loss, not negative")
