"""Which script and which language a text looks like: enough to notice swapped files.

A language is told by its most frequent function words, as in the oldest method there is (Ingle,
1976; Grefenstette, 1995); the lists are short, for whole files and not for single lines.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache

from hat.own_corpus.function_words import FUNCTION_WORDS

_LETTERS = re.compile(r"[^\W\d_]+")

_NAMED = {"CJK": "Han", "HIRAGANA": "Kana", "KATAKANA": "Kana"}

_BY_SCRIPT = {
    "Cyrillic": "ru uk bg sr mk be kk",
    "Greek": "el",
    "Arabic": "ar fa ur",
    "Hebrew": "he yi",
    "Devanagari": "hi mr ne",
    "Han": "zh ja",
    "Kana": "ja",
    "Hangul": "ko",
    "Thai": "th",
    "Georgian": "ka",
    "Armenian": "hy",
    "Bengali": "bn",
    "Tamil": "ta",
}

SCRIPTS = {
    language: {name for name, all_of in _BY_SCRIPT.items() if language in all_of.split()}
    for languages in _BY_SCRIPT.values()
    for language in languages.split()
}
"""Scripts of languages that are not written in Latin letters alone."""


@cache
def script(character: str) -> str:
    """The script of a letter, as the first word of its Unicode name says."""
    first = unicodedata.name(character, "UNKNOWN").split(" ")[0].split("-")[0]
    return _NAMED.get(first, first.capitalize())


_SAMPLE = 20_000
"""Lines that tell a script or a language."""


def sample(lines: Sequence[str]) -> Sequence[str]:
    """Returns lines from all over a text, enough to tell its language."""
    return lines[:: -(-len(lines) // _SAMPLE) or 1]


def scripts_of(line: str) -> Counter[str]:
    """Letters of a line by script."""
    return Counter(script(character) for character in line if character.isalpha())


def main_scripts(lines: Iterable[str], least: float = 0.05) -> dict[str, float]:
    """Returns the scripts with at least the share ``least`` of all letters, most frequent first."""
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(scripts_of(line))
    total = counts.total()
    return {name: n / total for name, n in counts.most_common() if n >= least * total}


def function_word_share(lines: Sequence[str], language: str) -> float | None:
    """The share of the words that are function words of a language; None if it has no list."""
    words = FUNCTION_WORDS.get(base(language))
    if words is None:
        return None
    found = Counter(word for line in lines for word in _LETTERS.findall(line.lower()))
    total = found.total()
    return sum(found[word] for word in words) / total if total else 0.0


def likeliest(lines: Sequence[str]) -> str | None:
    """The language whose function words are most frequent; None if none are."""
    shares = {name: function_word_share(lines, name) or 0.0 for name in FUNCTION_WORDS}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= _READS_LIKE else None


_READS_LIKE = 0.1
"""The least share of function words of a text in a language. Plain text has 0.2 to 0.5."""

_FAR_MORE = 2.0
"""How many times as frequent another language's function words have to be."""


def look_swapped(sides: tuple[Sequence[str], Sequence[str]], languages: tuple[str, str]) -> bool:
    """Whether each side reads like the other language: by script, else by function words."""
    found = [set(main_scripts(side, least=0.3)) for side in sides]
    expected = [SCRIPTS.get(base(language), {"Latin"}) for language in languages]
    if expected[0] != expected[1]:
        return (
            not found[0] & expected[0]
            and not found[1] & expected[1]
            and bool(found[0] & expected[1] and found[1] & expected[0])
        )
    right = [function_word_share(side, own) for side, own in zip(sides, languages, strict=True)]
    wrong = [
        function_word_share(side, other) for side, other in zip(sides, languages[::-1], strict=True)
    ]
    if None in right or None in wrong:
        return False
    return all(
        (w or 0.0) >= max(_READS_LIKE, _FAR_MORE * (r or 0.0))
        for r, w in zip(right, wrong, strict=True)
    )


def reads_like_another(lines: Sequence[str], language: str) -> str | None:
    """The language that a text looks like, if it is clearly not the one it is said to be."""
    own = function_word_share(lines, language)
    best = likeliest(lines)
    if own is None or best is None or best == base(language):
        return None
    share = function_word_share(lines, best) or 0.0
    return best if share >= _FAR_MORE * max(own, 0.02) else None


def base(language: str) -> str:
    """The language without region and script: ``pt`` of ``pt_BR`` and of ``pt-br``."""
    return re.split(r"[-_]", language.lower())[0]
