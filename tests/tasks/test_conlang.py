"""The invented languages, sentence by sentence: every rule of the target has a case of its own."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hat.errors import ConfigError
from hat.tasks.conlang import Conlang, ConlangSettings, Drawing, make_conlang
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

_GRAMMAR = {
    "adjective": ["BIG", "RED"],
    "verb": ["SEE", "BUY"],
    "adverb": ["OFTEN"],
    "preposition": ["IN", "WITH"],
    "conjunction": ["BUT"],
    "currency": ["COIN"],
    "month": [f"MONTH{index}" for index in range(12)],
    "noun": ["DOG", "CAT", "SUN"],
    "power": ["HUNDRED", "THOUSAND"],
    **{word: [word.upper()] for word in ("a", "the", "not", "that", "they")},
}
LEXICON = Lexicon(
    source={
        **_GRAMMAR,
        "unit": [str(digit) for digit in range(10)],
        "ten": [f"{digit}x10" for digit in range(1, 10)],
        **{word: [word.upper()] for word in ("of", "on", "for")},
    },
    target={
        **_GRAMMAR,
        "unit": [str(number) for number in range(20)],
        "ten": ["20", "40", "60", "80"],
        **{word: [word.upper()] for word in ("again", "and", "comma")},
    },
    genders=[0, 1, 2],
)
"""Words that say what they mean, to see order and endings; DOG, CAT and SUN have three genders."""

SOURCE, TARGET = SourceLanguage(LEXICON), TargetLanguage(LEXICON)
DOG, CAT, SUN = (NounPhrase(noun=noun, plural=False, definite=True) for noun in range(3))
SEES = Verb(stem=0, past=False, negated=False)


def said(*clauses: Clause) -> tuple[str, str]:
    sentence = Sentence(clauses, (0,) * (len(clauses) - 1))
    return SOURCE.say(sentence), TARGET.say(sentence)


def test_the_object_comes_before_the_verb_and_articles_have_case() -> None:
    assert said(Clause(DOG, SEES, CAT)) == ("THE DOG SEE THE CAT", "THE DOG THEsh CATsh SEEt")
    assert said(Clause(CAT, SEES, DOG)) == ("THE CAT SEE THE DOG", "THEs CATs THEm DOGm SEEt")


@pytest.mark.parametrize(
    ("subject", "past", "verb"),
    [
        (DOG, True, "SEEv"),
        (CAT, True, "SEEvs"),
        (SUN, True, "SEEvl"),
        (replace(SUN, plural=True), True, "SEEvk"),
        (replace(CAT, plural=True), False, "SEEnt"),
    ],
)
def test_verbs_agree_in_number_and_in_the_past_in_gender(
    subject: NounPhrase, past: bool, verb: str
) -> None:
    source, target = said(Clause(subject, replace(SEES, past=past), DOG))
    assert target.split()[-1] == verb
    assert ("SEEd" in source.split()) == past


def test_adjectives_follow_in_reverse_and_agree() -> None:
    cats = replace(CAT, plural=True, definite=False, adjectives=(0, 1))
    source, target = said(Clause(cats, SEES, replace(SUN, adjectives=(1, 0))))
    assert source == "A BIG RED CATs SEE THE RED BIG SUN"
    assert target == "Ats CATts REDts BIGts THEl SUNl BIGl REDl SEEnt"


def test_owners_come_first_and_are_oblique() -> None:
    source, target = said(Clause(replace(DOG, owner=CAT), SEES, SUN))
    assert source == "THE DOG of THE CAT SEE THE SUN".replace("of", "OF")
    assert target == "THEn CATn THE DOG THEl SUNl SEEt"


def test_relative_clauses_agree_with_their_noun() -> None:
    verb = Verb(stem=1, past=True, negated=True)
    source, target = said(Clause(replace(CAT, relative=(verb, DOG)), SEES, SUN))
    assert source == "THE CAT THAT NOT BUYd THE DOG SEE THE SUN"
    assert target == "THEs CATs THATs THEm DOGm NOT BUYvs AGAIN THEl SUNl SEEt"


def test_a_pronoun_takes_the_gender_of_the_first_subject() -> None:
    second = Clause(None, replace(SEES, past=True), DOG)
    for subject, end in ((CAT, "THEYs THEm DOGm SEEvs"), (SUN, "THEYl THEm DOGm SEEvl")):
        source, target = said(Clause(subject, SEES, DOG), second)
        assert source.endswith("BUT THEY SEEd THE DOG") and target.endswith(f"BUT {end}")


def test_circumstances_are_reordered() -> None:
    source, target = said(
        Clause(
            DOG,
            Verb(stem=1, past=False, negated=True),
            SUN,
            adverb=0,
            places=((0, CAT), (1, DOG)),
            date=(21, 4, 1984),
            price=(31, 0, 5),
        )
    )
    assert source == (
        "ON 2x10 1 MONTH4 1 THOUSAND 9 HUNDRED 8x10 4 THE DOG NOT BUY THE SUN OFTEN IN THE CAT "
        "WITH THE DOG FOR 3x10 1 COIN 5"
    )
    assert target == (
        "THE DOG THEr DOGr WITH THEn CATn IN THEl SUNl COIN 11 AND 20 COMMA 5 OFTEN NOT BUYt AGAIN "
        "4 AND 80 AND HUNDRED 9 AND THOUSAND 1 MONTH4 1 AND 20"
    )


def by_twenties(value: int) -> list[str]:
    """The target's rule once more, from the largest group to the smallest."""
    groups = []
    for size, word in ((1000, "THOUSAND "), (100, "HUNDRED "), (20, ""), (1, "")):
        count, value = divmod(value, size)
        if count:
            groups.append(f"{word}{count if size != 20 else 20 * count}")
    return " AND ".join(reversed(groups)).split() or ["0"]


def test_numbers_are_said_by_tens_and_by_twenties() -> None:
    assert SOURCE.number(0) == TARGET.number(0) == ["0"]
    assert SOURCE.number(9070) == ["9", "THOUSAND", "7x10"]
    for value in range(10_000):
        words = SOURCE.number(value)
        assert TARGET.number(value) == by_twenties(value)
        total = 0
        for word, after in pairwise([*words, ""]):
            digit = {"HUNDRED": 0, "THOUSAND": 0}.get(word)
            if digit is None:
                factor = {"HUNDRED": 100, "THOUSAND": 1000}.get(after, 1)
                total += (10 * int(word[0]) if "x10" in word else int(word)) * factor
        assert total == value


def test_what_is_counted_is_singular_after_one() -> None:
    assert [count for count in range(1, 130) if is_singular(count)] == [
        *(1, 21, 31, 41, 51, 61, 71, 81, 91, 101, 121)
    ]
    counted = replace(CAT, count=21)
    assert said(Clause(counted, SEES, DOG))[1] == "1 AND 20 CATs THEm DOGm SEEt"


SIZES = {"train": 300, "valid": 40, "test": 60}


def settings(**changes: object) -> ConlangSettings:
    return ConlangSettings(**{**SIZES, "text_dir": Path("unused"), **changes})  # type: ignore[arg-type]


def test_same_seed_same_corpus_other_seed_other_corpus() -> None:
    assert make_conlang(settings()) == make_conlang(settings())
    assert make_conlang(settings()) != make_conlang(settings(seed=2))


def test_splits_share_no_sentence_and_have_the_sizes_asked_for() -> None:
    corpus = make_conlang(settings())
    assert {split: len(pairs) for split, pairs in corpus.items()} == SIZES
    sources = [line for pairs in corpus.values() for line in pairs.source]
    assert len(set(sources)) == len(sources)


def test_a_source_word_is_a_stem_with_one_ending_only(rng: np.random.Generator) -> None:
    """So that the source determines the target: no form of a word is another word's."""
    lexicon = make_lexicon(240, 60, 80, rng=rng)
    forms = {"noun": ("", "s"), "verb": ("", "d")}
    words: list[str] = []
    for kind, stems in lexicon.source.items():
        words += [stem + end for stem in stems for end in forms.get(kind, ("",))]
    assert len(set(words)) == len(words)
    targets = [stem for stems in lexicon.target.values() for stem in stems]
    assert len(set(targets)) == len(targets) and {*lexicon.genders} == {0, 1, 2}


def read_back(words: Sequence[str]) -> int:
    """How many clauses a source sentence has, by its conjunctions."""
    return 1 + sum(word == "BUT" for word in words)


def test_drawing_uses_every_rule(rng: np.random.Generator) -> None:
    drawing = Drawing(LEXICON, max_number=9999, rng=rng)
    drawn = [drawing.sentence() for _ in range(600)]
    said_ = [TARGET.say(sentence) for sentence in drawn]
    for word in ("THEYs", "AGAIN", "COMMA", "THATl", "THEr", "Atsh", "THOUSAND", "BUT", "COINk"):
        assert any(word in line.split() for line in said_), word
    lengths = [len(line.split()) for line in said_]
    assert 12 < np.mean(lengths) < 24 and max(lengths) < 120
    clauses = [read_back(SOURCE.say(sentence).split()) for sentence in drawn]
    assert clauses == [len(sentence.clauses) for sentence in drawn]


def test_frequent_words_come_first(rng: np.random.Generator) -> None:
    lexicon = make_lexicon(100, 60, 80, rng=rng)
    drawing = Drawing(lexicon, max_number=9, rng=rng)
    nouns = [drawing.sentence().clauses[0].object.noun for _ in range(3000)]
    counts = np.bincount(nouns, minlength=100)
    assert counts[:10].sum() > 2 * counts[-30:].sum() > 0


def test_the_text_is_written(tmp_path: Path) -> None:
    task = Conlang.build(settings(text_dir=tmp_path, merges=200))
    figures = task.prepare()
    assert figures["words"]["train"]["sentences"] == 300
    assert len((tmp_path / "bpe" / "train.qab").read_text().splitlines()) == 300
    assert (tmp_path / "tok" / "test.qaa").read_text() == (tmp_path / "raw/test.qaa").read_text()
    assert task.signature()["task"] == "conlang.1200+300+400words.9999.300+40+60"


def test_too_many_words_are_refused() -> None:
    with pytest.raises(ConfigError, match="different words, which is too many to be invented"):
        make_conlang(settings(nouns=400_000))
