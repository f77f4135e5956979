"""The number-words task: "twenty-one" to "vingt et un", as much of it as one likes.

It is a real translation task - German says the units before the tens, French counts in twenties,
the three languages group and join their words differently - and it needs no download. num2words
spells the numbers. Only cardinal numbers are used: its ordinals, years and currencies have known
mistakes in these languages. Of its cardinals below 10^12, checked against spellers of our own,
only the German ones of a hundred and one thousand or million and the like needed a correction.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from hat.errors import ConfigError
from hat.settings import AtLeast, AtMost, Between
from hat.tasks.corpus import SPLITS, Parallel
from hat.tasks.prepare import LanguageSettings, Say, TextSettings, prepare_corpus

LANGUAGES = ("de", "en", "fr")
"""The languages whose spelling the tests check against spellers of their own."""

MAX_DIGITS = 12


def spell(number: int, language: str) -> str:
    """Returns the words for ``number`` as people write them.

    Raises:
        ConfigError: if the language is not one of ``LANGUAGES``.
    """
    from num2words import num2words

    if language not in LANGUAGES:
        raise ConfigError(
            f"the numbers task knows the languages {', '.join(LANGUAGES)}, but not {language!r}"
        )
    words = str(num2words(number, lang=language))
    return _correct_german(words) if language == "de" else words


def _correct_german(words: str) -> str:
    """Only the last word ends in ``eins``: num2words says ``hunderteinstausend``."""
    return re.sub(r"eins(?= Milli)", "eine", words.replace("einstausend", "eintausend"))


def tokenise(lines: Iterable[str], language: str) -> list[str]:
    """Sets commas apart; the words of numbers hold no other punctuation but hyphens."""
    return [re.sub(r"\s*,\s*", " , ", line) for line in lines]


def draw_numbers(count: int, *, max_digits: int, rng: np.random.Generator) -> list[int]:
    """Draws ``count`` different numbers below 10**max_digits, in random order.

    First the number of digits is drawn, then the number: short ones, which any network learns,
    are as frequent as long ones until they run out.

    Raises:
        ConfigError: if there are not so many numbers.
    """
    if not 1 <= max_digits <= MAX_DIGITS:
        raise ConfigError(f"max-digits must lie in 1..{MAX_DIGITS}, but found {max_digits}")
    if not 0 <= count <= 10**max_digits // 2:
        raise ConfigError(
            f"asked for {count} different numbers of up to {max_digits} digits; "
            f"at most half of the 10^{max_digits} there are can be drawn"
        )
    drawn: dict[int, None] = {}
    while len(drawn) < count:
        digits = int(rng.integers(1, max_digits + 1))
        low = 10 ** (digits - 1) if digits > 1 else 0
        drawn[int(rng.integers(low, 10**digits))] = None
    numbers = list(drawn)
    # Short numbers run out early in the drawing, so the order must be mixed before it is cut.
    return [numbers[i] for i in rng.permutation(len(numbers))]


def make_numbers(
    languages: tuple[str, str],
    sizes: Mapping[str, int],
    *,
    max_digits: int,
    rng: np.random.Generator,
) -> dict[str, Parallel]:
    """Makes a corpus of raw number words whose splits share no number.

    Args:
        languages: source and target language.
        sizes: sentence pairs of each of the splits ``train``, ``valid`` and ``test``.
        max_digits: numbers lie below 10**max_digits.
        rng: source of the numbers; equal states give equal corpora.

    Raises:
        ConfigError: for equal or unknown languages, or more numbers than there are.
    """
    if languages[0] == languages[1]:
        raise ConfigError(f"source and target language are both {languages[0]!r}")
    total = sum(sizes[split] for split in SPLITS)
    numbers = iter(draw_numbers(total, max_digits=max_digits, rng=rng))
    corpus = {}
    for split in SPLITS:
        own = [next(numbers) for _ in range(sizes[split])]
        source, target = (
            tuple(spell(number, language) for number in own) for language in languages
        )
        corpus[split] = Parallel(source, target)
    return corpus


@dataclass(frozen=True, kw_only=True)
class NumbersSettings(TextSettings, LanguageSettings):
    """Of the task ``numbers``."""

    seed: Annotated[int, AtLeast(0)] = 1
    """draws the numbers"""

    train: Annotated[int, AtLeast(1), AtMost(10_000_000)] = 20000
    """sentences to train on"""

    valid: Annotated[int, AtLeast(1), AtMost(10_000_000)] = 500
    """sentences to validate on"""

    test: Annotated[int, AtLeast(1), AtMost(10_000_000)] = 1000
    """sentences to test on"""

    max_digits: Annotated[int, Between(1, MAX_DIGITS)] = 12
    """digits of the longest number"""

    merges: Annotated[int, AtLeast(1), AtMost(1_000_000)] = 150
    """BPE merges to learn"""


class Numbers:
    """The task ``numbers``."""

    Settings: ClassVar = NumbersSettings
    about: ClassVar = "numbers in words, made from a seed"

    def __init__(self, settings: NumbersSettings) -> None:
        self._settings = settings

    @classmethod
    def build(cls, settings: NumbersSettings) -> "Numbers":
        """Makes the task."""
        return cls(settings)

    def prepare(self, say: Say = print) -> dict[str, Any]:
        """Writes the text; returns its figures, ready for JSON.

        Raises:
            ConfigError: for equal or unknown languages, or more numbers than there are.
        """
        one = self._settings
        raw = make_numbers(
            one.languages,
            {split: getattr(one, split) for split in SPLITS},
            max_digits=one.max_digits,
            rng=np.random.default_rng(one.seed),
        )
        return prepare_corpus(
            raw, one.languages, one.text_dir, tokenise=tokenise, num_merges=one.merges
        )

    def signature(self) -> dict[str, Any]:
        """What decides the text."""
        one = self._settings
        task = f"numbers.{one.source_lang}-{one.target_lang}.{one.max_digits}digits"
        return {"task": task, "bpe": one.merges, "seed": one.seed}
