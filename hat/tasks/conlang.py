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

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

import numpy as np

from hat.settings import AtLeast, AtMost, Below
from hat.tasks.conlang_languages import (
    Clause,
    Lexicon,
    NounPhrase,
    Sentence,
    SourceLanguage,
    TargetLanguage,
    Verb,
    is_singular,
    make_lexicon,
)
from hat.tasks.corpus import SPLITS, Parallel
from hat.tasks.prepare import Say, TextSettings, prepare_corpus

LANGUAGES = ("qaa", "qab")
"""Source and target: codes that ISO 639-2 reserves for local use."""


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

    train: Annotated[int, AtLeast(1), AtMost(10_000_000)] = 80000
    """sentences to train on"""

    valid: Annotated[int, AtLeast(1), AtMost(10_000_000)] = 500
    """sentences to validate on"""

    test: Annotated[int, AtLeast(1), AtMost(10_000_000)] = 1000
    """sentences to test on"""

    nouns: Annotated[int, AtLeast(1)] = 1200
    """stems of nouns"""

    adjectives: Annotated[int, AtLeast(1)] = 300
    """stems of adjectives"""

    verbs: Annotated[int, AtLeast(1)] = 400
    """stems of verbs"""

    max_number: Annotated[int, AtLeast(9), Below(10_000)] = 9999
    """the largest number, at most 9999"""

    merges: Annotated[int, AtLeast(1), AtMost(1_000_000)] = 1500
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
