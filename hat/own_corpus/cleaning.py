"""Which pairs of a corpus a training is better off without, and why, one reason for each."""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from hat.own_corpus.languages import main_scripts, sample, scripts_of
from hat.settings import AtLeast, Settings
from hat.tasks.corpus import Parallel

_VARIANCE = 6.8
"""Characters of a translation vary by that times the characters of the source (Gale and Church,
1993, section 3.1)."""

_SHORTEST = 5
"""Characters that are added to the shorter side: "Hi." may well be three times as long."""

_FEW_LETTERS = 4
_COPIED = 20
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True)
class CleaningSettings(Settings):
    """What counts as unusable."""

    max_words: Annotated[int, AtLeast(1)] = 150
    """drop pairs with a side of more words; of 10 times as many characters, too"""

    max_length_deviation: Annotated[float, AtLeast(0)] = 4.0
    """drop pairs whose lengths in characters differ by so many standard deviations of Gale and
    Church's measure; 0: none"""


@dataclass(frozen=True)
class Dropped:
    """One pair that was left out."""

    line: int
    """Of the input, from 1."""

    reason: str
    source: str
    target: str


@dataclass
class Cleaned:
    """What is left of a corpus, and what is not."""

    pairs: Parallel
    lines: tuple[int, ...]
    """Of the input, from 1, for each pair."""

    dropped: list[Dropped] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Dropped pairs by reason."""
        return dict(Counter(each.reason for each in self.dropped))


def sentence_key(line: str) -> str:
    """What two writings of one sentence have in common: words, without case and punctuation.

    Text without word characters is its own key.
    """
    words = _WORD.findall(line.casefold())
    return " ".join(words) if words else line


def clean(
    pairs: Parallel, settings: CleaningSettings, numbers: Sequence[int] | None = None
) -> Cleaned:
    """Drops what a training is better off without; the first reason that fits counts.

    Empty sides, sides that are too long, sides in another script than the rest of their file,
    copies of the source in place of a translation, lengths that no translation has, and pairs that
    stood before.

    Args:
        pairs: the corpus, or what was drawn of it.
        settings: what counts as unusable.
        numbers: the lines of the input on which the pairs stand; all of them if None.
    """
    numbers = range(1, len(pairs) + 1) if numbers is None else numbers
    sides = (pairs.source, pairs.target)
    tests: list[tuple[str, Callable[[str, str], bool]]] = [
        ("a side is empty", lambda source, target: not source or not target),
        (f"longer than {settings.max_words} words", _too_long(settings.max_words)),
        *_scripts(sides),
        (
            "the target is a copy of the source",
            lambda source, target: source == target and len(source) > _COPIED,
        ),
    ]
    both = list(zip(*sides, strict=True))
    reasons = [next((name for name, fails in tests if fails(*pair)), None) for pair in both]
    unfit: Callable[[str, str], bool] | None = None
    if settings.max_length_deviation:
        # Of what is left: one line of a megabyte would speak for the whole corpus.
        left = [pair for pair, reason in zip(both, reasons, strict=True) if reason is None]
        unfit = _lengths(left, settings.max_length_deviation)
    seen: set[tuple[str, str]] = set()
    kept, lines, dropped = [], [], []
    for line, pair, found in zip(numbers, both, reasons, strict=True):
        reason = found
        if reason is None and unfit is not None and unfit(*pair):
            reason = "lengths do not fit: misaligned or not a translation"
        if reason is None and pair in seen:
            reason = "the pair stood before"
        if reason is not None:
            dropped.append(Dropped(line, reason, *pair))
            continue
        seen.add(pair)
        kept.append(pair)
        lines.append(line)
    rest = Parallel(tuple(pair[0] for pair in kept), tuple(pair[1] for pair in kept))
    return Cleaned(rest, tuple(lines), dropped)


def _too_long(max_words: int) -> Callable[[str, str], bool]:
    def fails(source: str, target: str) -> bool:
        return any(
            len(side) > 10 * max_words or side.count(" ") >= max_words for side in (source, target)
        )

    return fails


def _scripts(
    sides: tuple[Sequence[str], Sequence[str]],
) -> list[tuple[str, Callable[[str, str], bool]]]:
    """Sides whose letters are mostly of a script that is rare in their file."""
    usual = [set(main_scripts(sample(side))) for side in sides]

    def fails(*pair: str) -> bool:
        for line, scripts in zip(pair, usual, strict=True):
            if line.isascii() and "Latin" in scripts:
                continue
            found = scripts_of(line)
            strange = sum(count for name, count in found.items() if name not in scripts)
            if found.total() >= _FEW_LETTERS and 2 * strange > found.total():
                return True
        return False

    return [("a side is in another script than its file", fails)]


def _lengths(pairs: Sequence[tuple[str, str]], most: float) -> Callable[[str, str], bool]:
    """Gale and Church's measure, with the corpus's own characters for a character."""
    source_length = sum(len(source) for source, _ in pairs)
    ratio = sum(len(target) for _, target in pairs) / source_length if source_length else 1.0

    def fails(source: str, target: str) -> bool:
        expected = len(source) * ratio
        # Their measure divides by the source's length. Of the shorter side, and of one that is not
        # too short to tell, it treats both sides alike.
        shorter = min(expected, len(target)) + _SHORTEST
        deviation = abs(len(target) - expected) / math.sqrt(shorter * _VARIANCE)
        return deviation > most

    return fails
