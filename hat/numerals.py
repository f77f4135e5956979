"""Numbers as texts spell them: decimal digits of ASCII, and nothing that Python adds to them.

``int`` and ``float`` take far more than what a file means by a number. ``85_86`` becomes 8586,
digits of any script count, and ``1e999`` is infinity. A table with a slip of the pen would be read
as another table. Here a number is what C, JSON and spreadsheets agree on; blanks around it are
left out.
"""

import argparse
import math
import re

_WHOLE = re.compile(r"[-+]?[0-9]+")
_REAL = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_BLANKS = " \t\r\n"

_LARGEST = 2**64
"""Counts and seeds are smaller; what is larger fits no array."""


def whole(text: str) -> int:
    """Returns the whole number that ``text`` spells.

    Raises:
        ValueError: if it spells none, or one of 2**64 or more.
    """
    word = text.strip(_BLANKS)
    if not _WHOLE.fullmatch(word) or len(word) > 40 or abs(int(word)) >= _LARGEST:
        raise ValueError(f"{text!r:.60} is no whole number")
    return int(word)


def real(text: str) -> float:
    """Returns the finite number that ``text`` spells.

    Raises:
        ValueError: if it spells none, or one that is too large; ``nan`` and ``inf`` are none.
    """
    word = text.strip(_BLANKS)
    if not _REAL.fullmatch(word) or not math.isfinite(number := float(word)):
        raise ValueError(f"{text!r:.60} is no finite decimal number")
    return number


def use_in(parser: argparse.ArgumentParser, *, finite: bool = True) -> None:
    """Makes ``parser`` read the values of its options of type ``int`` and ``float`` so.

    Args:
        parser: the parser.
        finite: whether ``nan`` and ``inf`` are refused here, and not by who knows the option.
    """
    parser.register("type", int, whole)
    parser.register("type", float, real if finite else _real_or_not)


def _real_or_not(text: str) -> float:
    return float(text) if text.strip(_BLANKS).lower() in _NOT_FINITE else real(text)


_NOT_FINITE = ("nan", "inf", "-inf", "+inf", "infinity", "-infinity")


def number_of(count: int, what: str) -> str:
    """How many there are, in words: ``1 step``, ``2 steps``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def duration(seconds: float) -> str:
    """Returns a time for people: seconds, minutes, or hours."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"
