"""What is dropped from a corpus and why, and that no sentence is in two splits."""

import numpy as np
import pytest

from hat.errors import DataError
from hat.own_corpus.cleaning import CleaningSettings, clean, sentence_key
from hat.own_corpus.splitting import held_out_size, split
from hat.tasks.corpus import Parallel

GOOD = [
    (f"this is sentence number {n} of all", f"ceci est la phrase {n} de toutes") for n in range(40)
]
BAD = {
    "a side is empty": ("", "rien du tout"),
    "longer than 20 words": (" ".join(["word"] * 21), " ".join(["mot"] * 21)),
    "a side is in another script than its file": ("this one is English", "это по-русски"),
    "the target is a copy of the source": ("this was not translated at all",) * 2,
    "lengths do not fit: misaligned or not a translation": ("this is short", "mot " * 19 + "fin"),
    "the pair stood before": GOOD[0],
}


def parallel(pairs: list[tuple[str, str]]) -> Parallel:
    return Parallel(tuple(p[0] for p in pairs), tuple(p[1] for p in pairs))


def test_each_reason_drops_what_it_is_for_and_nothing_else() -> None:
    found = clean(parallel([*GOOD, *BAD.values()]), CleaningSettings(max_words=20))
    assert found.pairs == parallel(GOOD)
    assert [(each.reason, each.line) for each in found.dropped] == [
        (reason, len(GOOD) + place) for place, reason in enumerate(BAD, start=1)
    ]
    assert found.counts == dict.fromkeys(BAD, 1)
    assert (found.dropped[0].source, found.dropped[0].target) == BAD["a side is empty"]


def test_one_line_of_a_megabyte_does_not_speak_for_the_corpus() -> None:
    found = clean(parallel([*GOOD, ("a " * 500_000, "un")]), CleaningSettings())
    assert found.pairs == parallel(GOOD)
    assert found.counts == {"longer than 150 words": 1}


def test_names_numbers_and_short_copies_are_kept() -> None:
    usual = [("OK.", "OK."), ("Tom!", "Tom !"), ("42", "42"), ("Tokyo \u6771\u4eac", "Tokyo")]
    assert clean(parallel([*GOOD, *usual]), CleaningSettings()).counts == {}


def test_a_text_of_several_scripts_keeps_them() -> None:
    """Japanese is written in three; none of them is strange in it."""
    japanese = [
        ("I am here", "\u79c1\u306f\u3053\u3053\u3067\u3059"),
        ("a cat", "\u30cd\u30b3\u304c"),
    ] * 3
    pairs = [(f"{a} {n}", f"{b} {n}") for n, (a, b) in enumerate(japanese)]
    assert clean(parallel(pairs), CleaningSettings()).counts == {}


def corpus(sentences: int, translations: int) -> Parallel:
    pairs = [
        (f"Sentence {n}{'!' if t else '.'}", f"Phrase {n}, version {t}")
        for n in range(sentences)
        for t in range(translations)
    ]
    return parallel(pairs)


def test_no_source_sentence_is_in_two_splits_however_it_is_written() -> None:
    cleaned = clean(corpus(400, 2), CleaningSettings())
    found = split(cleaned, {}, np.random.default_rng(1))
    keys = [set(map(sentence_key, pairs.source)) for pairs in found.corpus.values()]
    assert list(found.corpus) == ["train", "valid", "test"]
    assert not keys[0] & keys[1] and not keys[0] & keys[2] and not keys[1] & keys[2]
    sizes = [len(pairs) for pairs in found.corpus.values()]
    assert sizes[1:] == [held_out_size(800)] * 2 == [50, 50]
    assert sizes[0] == 800 - 4 * 50
    assert len(found.dropped) == 100
    assert sum(sizes) + len(found.dropped) == 800
    again = split(cleaned, {}, np.random.default_rng(1))
    other = split(cleaned, {}, np.random.default_rng(2))
    assert again.corpus == found.corpus != other.corpus


def test_a_given_set_stays_and_its_sentences_leave_the_training_data() -> None:
    test = parallel([("sentence 7", "Phrase sept"), ("Something else", "Autre chose")])
    found = split(
        clean(corpus(400, 2), CleaningSettings()), {"test": test}, np.random.default_rng(1)
    )
    assert found.corpus["test"] == test
    assert "sentence 7" not in set(map(sentence_key, found.corpus["train"].source))
    reasons = {each.source: each.reason for each in found.dropped}
    assert reasons["Sentence 7."] == "the source stands in the test set"


def test_too_little_is_one_sentence() -> None:
    small = clean(corpus(100, 2), CleaningSettings())
    with pytest.raises(DataError, match="200 usable pairs are too few to hold some out"):
        split(small, {}, np.random.default_rng(1))
    given = {name: corpus(100, 1) for name in ("valid", "test")}
    with pytest.raises(DataError, match="no usable pair is left to train on"):
        split(small, given, np.random.default_rng(1))
