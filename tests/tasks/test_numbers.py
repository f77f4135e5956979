from collections.abc import Callable

import numpy as np
import pytest

from hat.errors import ConfigError
from hat.tasks.numbers import LANGUAGES, draw_numbers, make_numbers, spell, tokenise
from tests.tasks.spellers import english, french, german

SIZES = {"train": 300, "valid": 40, "test": 60}
SPELLERS: dict[str, Callable[[int], str]] = {"de": german, "en": english, "fr": french}


def test_every_language_has_a_speller() -> None:
    assert set(SPELLERS) == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_num2words_agrees_with_the_grammar(language: str, rng: np.random.Generator) -> None:
    numbers = [*range(1201), 80_000, 80_000_000, 200_000, 200_000_000, 71_080, 10**9, 10**12 - 1]
    numbers += [1_000_001, 1_000_100, 999_999, 2_000_000_000]
    numbers += [101_000, 701_777, 101_000_000, 901_101_101_101, 21_001_000]
    numbers += draw_numbers(400, max_digits=12, rng=rng)
    wrong = [n for n in numbers if spell(n, language) != SPELLERS[language](n)]
    assert not wrong, [(n, spell(n, language), SPELLERS[language](n)) for n in wrong[:3]]


def test_same_seed_same_corpus_other_seed_other_corpus() -> None:
    def corpus(seed: int) -> object:
        rng = np.random.default_rng(seed)
        return make_numbers(("en", "fr"), SIZES, max_digits=12, rng=rng)

    assert corpus(1) == corpus(1)
    assert corpus(1) != corpus(2)


def test_splits_are_disjoint_and_have_the_sizes_asked_for(rng: np.random.Generator) -> None:
    corpus = make_numbers(("en", "fr"), SIZES, max_digits=6, rng=rng)
    assert {split: len(pairs) for split, pairs in corpus.items()} == SIZES
    sources = [line for pairs in corpus.values() for line in pairs.source]
    assert len(set(sources)) == len(sources)


def test_every_length_is_drawn(rng: np.random.Generator) -> None:
    numbers = draw_numbers(3000, max_digits=12, rng=rng)
    lengths = {len(str(number)) for number in numbers}
    assert lengths == set(range(1, 13))
    assert len(set(numbers)) == 3000 and max(numbers) < 10**12 and min(numbers) >= 0


def test_short_numbers_do_not_gather_at_the_start(rng: np.random.Generator) -> None:
    numbers = draw_numbers(4000, max_digits=4, rng=rng)
    short = [sum(number < 1000 for number in part) for part in (numbers[:2000], numbers[2000:])]
    assert abs(short[0] - short[1]) < 150


def test_tokenise_sets_commas_apart() -> None:
    line = "one million, two hundred and twenty-one"
    assert tokenise([line], "en") == ["one million , two hundred and twenty-one"]


@pytest.mark.parametrize(
    ("languages", "sizes", "digits", "message"),
    [
        (("en", "en"), SIZES, 12, "source and target language are both 'en'"),
        (("en", "xx"), SIZES, 12, "knows the languages de, en, fr, but not 'xx'"),
        (("en", "fr"), SIZES, 13, r"max-digits must lie in 1\.\.12, but found 13"),
        (("en", "fr"), SIZES, 2, "400 different numbers of up to 2 digits"),
    ],
)
def test_impossible_wishes_are_refused(
    languages: tuple[str, str],
    sizes: dict[str, int],
    digits: int,
    message: str,
    rng: np.random.Generator,
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_numbers(languages, sizes, max_digits=digits, rng=rng)
