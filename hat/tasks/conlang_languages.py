"""The two invented languages of ``conlang``: words, and trees said in both.

How they differ is said in ``hat/tasks/conlang.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from hat.errors import ConfigError

GENDERS = 3
NOMINATIVE, ACCUSATIVE, OBLIQUE = range(3)

_SYLLABLES = (
    tuple(a + b for a, b in product("bdfgklmnprstvz", "aeiou")),
    tuple(a + b for a, b in product("chjlmnrstwxy", ("a", "e", "i", "o", "u", "ao", "ei"))),
)
"""Of each language. All end in a vowel and no ending begins with one, so a source word is read in
one way only."""

_NOUN_ENDINGS = (
    (("", "m", "r"), ("k", "km", "kr")),
    (("s", "sh", "n"), ("ts", "tsh", "tn")),
    (("l", "l", "lt"), ("lk", "lk", "ltk")),
)
"""By gender, number and case."""

_AGREEING = (("", "k"), ("s", "ts"), ("l", "lk"))
"""Endings of adjectives and pronouns by gender and number."""

_PRESENT, _PAST = ("t", "nt"), (("v", "vk"), ("vs", "vk"), ("vl", "vk"))
"""Endings of verbs, by number and by gender and number."""

_SOURCE_PARTICLES = ("a", "the", "not", "of", "that", "they", "on", "for")
_TARGET_PARTICLES = ("a", "the", "not", "again", "and", "comma", "that", "they")
"""``not`` verb ``again`` is the target's negation, ``and`` and ``comma`` stand in its numbers."""


@dataclass(frozen=True)
class Lexicon:
    """The stems of both languages, by kind: entry i of a kind means the same in both."""

    source: Mapping[str, Sequence[str]]
    target: Mapping[str, Sequence[str]]
    genders: Sequence[int]
    """Of each noun, in the target language."""

    @property
    def num_nouns(self) -> int:
        """How many nouns there are."""
        return len(self.genders)


def make_lexicon(nouns: int, adjectives: int, verbs: int, *, rng: np.random.Generator) -> Lexicon:
    """Invents stems, all different; what means what, and the genders, are chance.

    Raises:
        ConfigError: if there are not so many words of three syllables.
    """
    grammar = {"adverb": 30, "preposition": 10, "conjunction": 5, "currency": 4, "month": 12}
    counts = {"noun": nouns, "adjective": adjectives, "verb": verbs, **grammar}
    numbers = ({"unit": 10, "ten": 9, "power": 2}, {"unit": 20, "ten": 4, "power": 2})
    sides = []
    for syllables, own, particles in zip(
        _SYLLABLES, numbers, (_SOURCE_PARTICLES, _TARGET_PARTICLES), strict=True
    ):
        wanted = {**counts, **own, "particle": len(particles)}
        stems = _stems(sum(wanted.values()), syllables, rng)
        # The shortest words are those of grammar, as in languages that grew.
        words = {}
        for kind in reversed(wanted):
            words[kind], stems = stems[: wanted[kind]], stems[wanted[kind] :]
        words.update(dict(zip(particles, ([stem] for stem in words.pop("particle")), strict=True)))
        sides.append(words)
    return Lexicon(sides[0], sides[1], rng.integers(GENDERS, size=nouns).tolist())


def _stems(count: int, syllables: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Different words of one, two and three syllables, the shortest first."""
    if count > len(syllables) ** 3 // 2:
        raise ConfigError(f"asked for {count} different words, which is too many to be invented")
    found: list[str] = []
    for length, share in ((1, 40), (2, 800), (3, count)):
        chosen: dict[str, None] = {}
        while len(chosen) < min(share, count - len(found)):
            chosen["".join(syllables[i] for i in rng.integers(len(syllables), size=length))] = None
        found += chosen
    return found


@dataclass(frozen=True)
class NounPhrase:
    """A noun and what belongs to it."""

    noun: int
    plural: bool
    definite: bool
    adjectives: tuple[int, ...] = ()
    count: int | None = None
    """A numeral in the article's place; then ``plural`` follows from it."""
    owner: "NounPhrase | None" = None
    relative: "tuple[Verb, NounPhrase] | None" = None
    """The noun does something to another."""


@dataclass(frozen=True)
class Verb:
    """A verb in its tense."""

    stem: int
    past: bool
    negated: bool


@dataclass(frozen=True)
class Clause:
    """A subject, what it does to an object, and the circumstances."""

    subject: NounPhrase | None
    """None: a pronoun that stands for the subject of the clause before."""
    verb: Verb
    object: NounPhrase
    adverb: int | None = None
    places: tuple[tuple[int, NounPhrase], ...] = ()
    """Prepositions with what they govern."""
    date: tuple[int, int, int] | None = None
    """Day, month, year."""
    price: tuple[int, int, int] | None = None
    """Amount, currency, hundredths."""


@dataclass(frozen=True)
class Sentence:
    """One or more clauses, joined by conjunctions."""

    clauses: tuple[Clause, ...]
    conjunctions: tuple[int, ...] = ()


class SourceLanguage:
    """Says trees in the source language."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._words = lexicon.source

    def say(self, sentence: Sentence) -> str:
        """Returns the words, a blank between them."""
        words = self._clause(sentence.clauses[0])
        for conjunction, clause in zip(sentence.conjunctions, sentence.clauses[1:], strict=True):
            words += [self._words["conjunction"][conjunction], *self._clause(clause)]
        return " ".join(words)

    def number(self, value: int) -> list[str]:
        """Thousands, hundreds, tens, units; 0 is a unit."""
        words = []
        for power, index in ((1000, 1), (100, 0)):
            if value >= power:
                words += [self._words["unit"][value // power], self._words["power"][index]]
                value %= power
        if value >= 10:
            words.append(self._words["ten"][value // 10 - 1])
            value %= 10
        if value or not words:
            words.append(self._words["unit"][value])
        return words

    def _clause(self, clause: Clause) -> list[str]:
        words = []
        if clause.date is not None:
            day, month, year = clause.date
            words += [*self._words["on"], *self.number(day), self._words["month"][month]]
            words += self.number(year)
        subject = clause.subject
        words += list(self._words["they"]) if subject is None else self._phrase(subject)
        words += [*self._verb(clause.verb), *self._phrase(clause.object)]
        if clause.adverb is not None:
            words.append(self._words["adverb"][clause.adverb])
        for preposition, phrase in clause.places:
            words += [self._words["preposition"][preposition], *self._phrase(phrase)]
        if clause.price is not None:
            amount, currency, hundredths = clause.price
            words += [*self._words["for"], *self.number(amount)]
            words += [self._words["currency"][currency], *self.number(hundredths)]
        return words

    def _verb(self, verb: Verb) -> list[str]:
        stem = self._words["verb"][verb.stem] + ("d" if verb.past else "")
        return [*self._words["not"], stem] if verb.negated else [stem]

    def _phrase(self, phrase: NounPhrase) -> list[str]:
        if phrase.count is not None:
            words = self.number(phrase.count)
        else:
            words = list(self._words["the" if phrase.definite else "a"])
        words += [self._words["adjective"][index] for index in phrase.adjectives]
        words.append(self._words["noun"][phrase.noun] + ("s" if phrase.plural else ""))
        if phrase.owner is not None:
            words += [*self._words["of"], *self._phrase(phrase.owner)]
        if phrase.relative is not None:
            verb, other = phrase.relative
            words += [*self._words["that"], *self._verb(verb), *self._phrase(other)]
        return words


class TargetLanguage:
    """Says trees in the target language."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._words = lexicon.target
        self._genders = lexicon.genders

    def say(self, sentence: Sentence) -> str:
        """Returns the words, a blank between them."""
        subject = sentence.clauses[0].subject
        assert subject is not None, "the first clause has nothing that a pronoun could stand for"
        words = self._clause(sentence.clauses[0], subject)
        for conjunction, clause in zip(sentence.conjunctions, sentence.clauses[1:], strict=True):
            words.append(self._words["conjunction"][conjunction])
            words += self._clause(clause, subject)
        return " ".join(words)

    def number(self, value: int) -> list[str]:
        """Units below twenty, twenties, hundreds, thousands; joined by "and"."""
        groups = []
        small, hundreds, thousands = value % 100, value // 100 % 10, value // 1000
        if small % 20 or not value:
            groups.append([self._words["unit"][small % 20]])
        if small >= 20:
            groups.append([self._words["ten"][small // 20 - 1]])
        for digit, power in ((hundreds, 0), (thousands, 1)):
            if digit:
                groups.append([self._words["power"][power], self._words["unit"][digit]])
        words = groups[0]
        for group in groups[1:]:
            words = [*words, *self._words["and"], *group]
        return words

    def _clause(self, clause: Clause, antecedent: NounPhrase) -> list[str]:
        subject = clause.subject or antecedent
        words = []
        if clause.subject is None:
            words += self._agreeing("they", antecedent)
        else:
            words += self._phrase(subject, NOMINATIVE)
        for preposition, phrase in reversed(clause.places):
            words += [*self._phrase(phrase, OBLIQUE), self._words["preposition"][preposition]]
        words += self._phrase(clause.object, ACCUSATIVE)
        if clause.price is not None:
            amount, currency, hundredths = clause.price
            ending = "" if is_singular(amount) else "k"
            words += [self._words["currency"][currency] + ending, *self.number(amount)]
            words += [*self._words["comma"], *self.number(hundredths)]
        if clause.adverb is not None:
            words.append(self._words["adverb"][clause.adverb])
        words += self._verb(clause.verb, subject)
        if clause.date is not None:
            day, month, year = clause.date
            words += [*self.number(year), self._words["month"][month], *self.number(day)]
        return words

    def _verb(self, verb: Verb, subject: NounPhrase) -> list[str]:
        by_number = _PAST[self._genders[subject.noun]] if verb.past else _PRESENT
        stem = self._words["verb"][verb.stem] + by_number[subject.plural]
        return [*self._words["not"], stem, *self._words["again"]] if verb.negated else [stem]

    def _phrase(self, phrase: NounPhrase, case: int) -> list[str]:
        endings = _NOUN_ENDINGS[self._genders[phrase.noun]][phrase.plural]
        words = [] if phrase.owner is None else self._phrase(phrase.owner, OBLIQUE)
        if phrase.count is not None:
            words += self.number(phrase.count)
        else:
            article = self._words["the" if phrase.definite else "a"][0]
            words.append(article + endings[case])
        words.append(self._words["noun"][phrase.noun] + endings[case])
        for index in reversed(phrase.adjectives):
            words += self._agreeing_word(self._words["adjective"][index], phrase)
        if phrase.relative is not None:
            verb, other = phrase.relative
            words += [*self._agreeing("that", phrase), *self._phrase(other, ACCUSATIVE)]
            words += self._verb(verb, phrase)
        return words

    def _agreeing(self, particle: str, phrase: NounPhrase) -> list[str]:
        return self._agreeing_word(self._words[particle][0], phrase)

    def _agreeing_word(self, stem: str, phrase: NounPhrase) -> list[str]:
        return [stem + _AGREEING[self._genders[phrase.noun]][phrase.plural]]


def is_singular(count: int) -> bool:
    """Whether a noun stands in the singular after this number."""
    return count % 10 == 1 and count % 100 != 11
