"""What a corpus looks like, in sentences for its owner, and what is suspicious about it."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from hat.errors import DataError
from hat.own_corpus.cleaning import Cleaned, sentence_key
from hat.own_corpus.languages import look_swapped, main_scripts, reads_like_another, sample
from hat.tasks.corpus import Parallel

_QUESTION = re.compile("[?\uff1f\u061f\u037e]")
_NUMBER = re.compile(r"\d+")

_BLOCK = 2000
_FEWEST_MARKED = 40
_ALIGNED, _CHANCE = 0.4, 0.15
"""Above the first, marks agree as in translations; below the second, as in unrelated lines."""

_NOTHING: tuple[bool, tuple[str, ...]] = (False, ())
"""The marks of a sentence without any."""

_SHOWN = 60


def describe_sides(pairs: Parallel, languages: tuple[str, str]) -> list[str]:
    """Returns a line for each side: words a sentence, longest sentence, scripts, repetition."""
    lines = []
    for side, language in zip((pairs.source, pairs.target), languages, strict=True):
        words = [line.count(" ") + 1 for line in side if line] or [0]
        scripts = " and ".join(main_scripts(sample(side))) or "no"
        different = len(set(map(sentence_key, side)))
        lines.append(
            f"{language}: {fmean(words):.1f} words a sentence, at most {max(words):,}; {scripts} "
            f"letters; {different:,} different sentences"
        )
    return lines


def describe_dropped(cleaned: Cleaned) -> list[str]:
    """Returns a line for each reason: how many pairs, and the first of them."""
    first = {each.reason: each for each in reversed(cleaned.dropped)}
    width = max((len(f"{count:,}") for count in cleaned.counts.values()), default=0)
    return [
        f"{count:>{width},}  {reason} (line {first[reason].line}: "
        f"{_cut(first[reason].source)} | {_cut(first[reason].target)})"
        for reason, count in sorted(cleaned.counts.items(), key=lambda item: -item[1])
    ]


def check_languages(pairs: Parallel, languages: tuple[str, str], where: Path) -> list[str]:
    """Looks whether the sides are in the languages that they are said to be in.

    Returns:
        A warning for each side that reads like a third language.

    Raises:
        DataError: if they look swapped.
    """
    sides = (sample(pairs.source), sample(pairs.target))
    source, target = languages
    if look_swapped(sides, languages):
        raise DataError(
            f"{where}: the source side reads like {target} and the target side like {source}: "
            "swap the files or the languages, or say --languages-as-given"
        )
    warnings = []
    for name, side, language in zip(("source", "target"), sides, languages, strict=True):
        other = reads_like_another(side, language)
        if other is not None:
            warnings.append(f"the {name} side reads like {other!r} rather than {language!r}")
    return warnings


def find_misalignment(pairs: Parallel, numbers: Sequence[int] | None = None) -> str | None:
    """Returns a warning if the sides stop belonging together at some line, as where one is missing.

    Question marks and numbers stand in a sentence and its translation alike. In every block of
    2,000 pairs it is counted how often they agree, beyond how often those of unrelated lines do.
    ``numbers`` are the lines of the input on which the pairs stand; all of them if None.
    """
    where = _misaligned_from(pairs)
    if where is None:
        return None
    numbers = range(1, len(pairs) + 1) if numbers is None else numbers
    place = "where it can be told" if where == 0 else f"from about line {numbers[where]:,} on"
    return (
        f"question marks and numbers of the two sides do not agree {place}: are they misaligned, "
        "or is a line missing in one of them?"
    )


def differing_lengths(source: Path, target: Path, pairs: Parallel, counts: tuple[int, int]) -> str:
    """Returns a sentence about two files of which one has more lines.

    Args:
        source: one file.
        target: the other one.
        pairs: their lines, as far as both have them.
        counts: how many lines each has.
    """
    text = f"{source} has {counts[0]:,} lines, but {target} has {counts[1]:,}"
    where = _misaligned_from(pairs)
    if not where:  # nothing is known of the place
        return text
    return f"{text}; question marks and numbers stop agreeing at about line {where + 1:,}"


def _misaligned_from(pairs: Parallel) -> int | None:
    """The first pair of those that do not belong together; 0: all that it can be told of."""
    skills = [
        (start, skill)
        for start in range(0, len(pairs), _BLOCK)
        if (skill := _agreement(pairs, start, start + _BLOCK)) is not None
    ]
    if not skills:
        return None
    last_good = max((i for i, (_, skill) in enumerate(skills) if skill >= _ALIGNED), default=-1)
    bad = [start for start, skill in skills[last_good + 1 :] if skill < _CHANCE]
    if not bad:
        return None
    return 0 if last_good < 0 else _break(pairs, skills[last_good][0], bad[0] + _BLOCK)


def _break(pairs: Parallel, start: int, end: int) -> int:
    """Where marks stop agreeing in between: what parts them into the two likeliest shares."""
    sides = (_marks(side[start:end]) for side in (pairs.source, pairs.target))
    marked = [
        (start + i, one == other)
        for i, (one, other) in enumerate(zip(*sides, strict=True))
        if (one, other) != (_NOTHING, _NOTHING)
    ]
    total, agree = sum(equal for _, equal in marked), 0
    best, place = -math.inf, marked[-1][0]
    for i, (at, equal) in enumerate(marked):
        likelihood = _likelihood(agree, i) + _likelihood(total - agree, len(marked) - i)
        if i and likelihood > best:
            best, place = likelihood, at
        agree += equal
    return place


def _likelihood(agree: int, of: int) -> float:
    """The logarithm of how likely so many of so many are, at the share that fits them best."""
    parts = (agree, of - agree)
    return sum(part * math.log(part / of) for part in parts if part)


def _agreement(pairs: Parallel, start: int, end: int) -> float | None:
    """Share of marked pairs whose marks agree, corrected for chance; None if there are too few."""
    source, target = (_marks(side[start:end]) for side in (pairs.source, pairs.target))
    half = len(target) // 2
    observed = _equal(source, target)
    chance = _equal(source, target[half:] + target[:half])
    if observed is None or chance is None:
        return None
    return (observed - chance) / (1 - chance) if chance < 1 else None


def _equal(source: Sequence[object], target: Sequence[object]) -> float | None:
    marked = [pair for pair in zip(source, target, strict=True) if pair != (_NOTHING, _NOTHING)]
    if len(marked) < _FEWEST_MARKED:
        return None
    return fmean(one == other for one, other in marked)


def _marks(lines: Sequence[str]) -> list[tuple[bool, tuple[str, ...]]]:
    return [
        (_QUESTION.search(line) is not None, tuple(sorted(_NUMBER.findall(line)))) for line in lines
    ]


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
