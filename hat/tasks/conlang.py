"""Sentences of two invented languages: a translation task of any size that stays hard.

Spelling numbers is learned to the last word by small networks, so it cannot tell large ones
apart. Here a sentence is drawn as a tree (one or two clauses, noun phrases with adjectives,
owners, numerals and relative clauses, dates and prices) and said in both languages. The source
language orders its words as English does and inflects little. The target language asks for more
than words:

- order: verbs end their clauses, the object comes before the verb, adjectives follow their noun
  in reverse, owners precede what they own, dates begin with the year, prices with the currency;
- agreement: articles in definiteness, gender, number and case, adjectives and relative pronouns
  in gender and number, verbs with the number of their subject and in the past with its gender; the
  pronoun of the second clause takes gender and number of the first clause's subject;
- number words: units before tens, by twenties, the smallest group first; what is counted stands
  in the singular after one, twenty-one, thirty-one and so on, else in the plural;
- scope: a negation stands on both sides of its verb.

Gender is a property of the word: it has to be learned by heart, and so has the lexicon, whose
words are frequent or rare by Zipf's law. The source determines the target.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any, ClassVar, Self

import numpy as np

from hat.errors import ConfigError
from hat.settings import AtLeast, Below
from hat.tasks.corpus import SPLITS, Parallel
from hat.tasks.prepare import Say, TextSettings, prepare_corpus

LANGUAGES = ("qaa", "qab")
"""Source and target: codes that ISO 639-2 reserves for local use."""

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


class Drawing:
    """Draws sentences at random."""

    def __init__(self, lexicon: Lexicon, *, max_number: int, rng: np.random.Generator) -> None:
        self._rng = rng
        self._max_number = max_number
        self._sizes = {kind: len(words) for kind, words in lexicon.target.items()}
        self._waiting: dict[str, list[int]] = {}

    def sentence(self) -> Sentence:
        """Draws one."""
        first = self._clause(self._phrase(depth=1))
        if self._rng.random() < 0.6:
            return Sentence((first,))
        subject = None if self._rng.random() < 0.7 else self._phrase(depth=0)
        return Sentence((first, self._clause(subject)), (self._word("conjunction"),))

    def _clause(self, subject: NounPhrase | None) -> Clause:
        chance = self._rng.random(4)
        places = tuple(
            (self._word("preposition"), self._phrase(depth=0)) for _ in range(int(chance[0] * 1.4))
        )
        return Clause(
            subject=subject,
            verb=self._verb(),
            object=self._phrase(depth=int(self._rng.random() < 0.3)),
            adverb=self._word("adverb") if chance[1] < 0.2 else None,
            places=places,
            date=self._date() if chance[2] < 0.1 else None,
            price=self._price() if chance[3] < 0.1 else None,
        )

    def _phrase(self, depth: int) -> NounPhrase:
        """``depth``: how many owners or relative clauses may stand inside each other."""
        rng = self._rng
        chance = rng.random(3)
        adjectives = tuple(self._word("adjective") for _ in range(int(chance[0] * 2.1)))
        count = self._count() if chance[1] < 0.12 else None
        owner, relative = None, None
        if depth and chance[2] < 0.25:
            owner = self._phrase(depth - 1)
        elif depth and chance[2] < 0.45:
            relative = (self._verb(), self._phrase(depth - 1))
        plural, definite = (bool(chance < 0.4) for chance in rng.random(2))
        return NounPhrase(
            noun=self._word("noun"),
            plural=plural if count is None else not is_singular(count),
            definite=definite,
            adjectives=adjectives,
            count=count,
            owner=owner,
            relative=relative,
        )

    def _verb(self) -> Verb:
        past, negated = self._rng.random(2)
        return Verb(self._word("verb"), bool(past < 0.5), bool(negated < 0.2))

    def _count(self) -> int:
        """Short numbers are as frequent as long ones."""
        digits = int(self._rng.integers(1, len(str(self._max_number)) + 1))
        low = 10 ** (digits - 1)
        return int(self._rng.integers(low, min(10**digits, self._max_number + 1)))

    def _date(self) -> tuple[int, int, int]:
        day, month, year = self._rng.integers((1, 0, 1000), (32, 12, 3000))
        return int(day), int(month), int(year)

    def _price(self) -> tuple[int, int, int]:
        currency, hundredths = self._rng.integers((0, 1), (self._sizes["currency"], 100))
        return self._count(), int(currency), int(hundredths)

    def _word(self, kind: str) -> int:
        """Zipf's law, drawn in stock because single draws take a hundred times as long."""
        stock = self._waiting.setdefault(kind, [])
        if not stock:
            weights = 1 / (np.arange(self._sizes[kind]) + 10.0)
            drawn = self._rng.choice(len(weights), size=1000, p=weights / weights.sum())
            stock += drawn.tolist()
        return stock.pop()


@dataclass(frozen=True, kw_only=True)
class ConlangSettings(TextSettings):
    """Of the task ``conlang``."""

    seed: Annotated[int, AtLeast(0)] = 1
    """invents the words and draws the sentences"""

    train: Annotated[int, AtLeast(1)] = 80000
    """sentences to train on"""

    valid: Annotated[int, AtLeast(1)] = 500
    """sentences to validate on"""

    test: Annotated[int, AtLeast(1)] = 1000
    """sentences to test on"""

    nouns: Annotated[int, AtLeast(1)] = 240
    """stems of nouns"""

    adjectives: Annotated[int, AtLeast(1)] = 60
    """stems of adjectives"""

    verbs: Annotated[int, AtLeast(1)] = 80
    """stems of verbs"""

    max_number: Annotated[int, AtLeast(9), Below(10_000)] = 9999
    """the largest number, at most 9999"""

    merges: Annotated[int, AtLeast(1)] = 4000
    """BPE merges to learn"""


def make_conlang(settings: ConlangSettings) -> dict[str, Parallel]:
    """Makes a corpus in which no source sentence stands twice.

    Raises:
        ConfigError: if there are not so many words, or too few different sentences.
    """
    rng = np.random.default_rng(settings.seed)
    lexicon = make_lexicon(settings.nouns, settings.adjectives, settings.verbs, rng=rng)
    drawing = Drawing(lexicon, max_number=settings.max_number, rng=rng)
    source, target = SourceLanguage(lexicon), TargetLanguage(lexicon)
    pairs: dict[str, str] = {}
    corpus = {}
    for split in SPLITS:
        own: dict[str, str] = {}
        while len(own) < getattr(settings, split):
            sentence = drawing.sentence()
            said = source.say(sentence)
            if said not in pairs:
                pairs[said] = own[said] = target.say(sentence)
        corpus[split] = Parallel(tuple(own), tuple(own.values()))
    return corpus


class Conlang:
    """The task ``conlang``."""

    Settings: ClassVar = ConlangSettings
    about: ClassVar = "sentences of two invented languages, made from a seed"

    def __init__(self, settings: ConlangSettings) -> None:
        self._settings = settings

    @classmethod
    def build(cls, settings: ConlangSettings) -> Self:
        """Makes the task."""
        return cls(settings)

    def prepare(self, say: Say = print) -> dict[str, Any]:
        """Writes the text; returns its figures, ready for JSON.

        Raises:
            ConfigError: if there are not so many words.
        """
        one = self._settings
        return prepare_corpus(
            make_conlang(one),
            LANGUAGES,
            one.text_dir,
            tokenise=lambda lines, language: list(lines),
            num_merges=one.merges,
        )

    def signature(self) -> dict[str, Any]:
        """What decides the text."""
        one = self._settings
        words = f"{one.nouns}+{one.adjectives}+{one.verbs}words"
        sizes = "+".join(str(getattr(one, split)) for split in SPLITS)
        task = f"conlang.{words}.{one.max_number}.{sizes}"
        return {"task": task, "bpe": one.merges, "seed": one.seed}
