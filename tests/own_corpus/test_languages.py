"""Languages that are swapped or not those that were said, on real text where it is there."""

import re
from pathlib import Path

import pytest

from hat.errors import DataError
from hat.own_corpus.languages import base, likeliest, look_swapped, main_scripts
from hat.own_corpus.looking import check_languages, find_misalignment
from hat.own_corpus.reading import read_pairs
from hat.tasks.corpus import Parallel
from hat.text.lines import Changes, write_lines

ENGLISH = ["The house is on the hill and it was built by my father.", "What have you done to him?"]
FRENCH = ["La maison est sur la colline et elle n'est pas grande.", "Je ne sais pas qui vous êtes."]
RUSSIAN = ["Это дом, который построил мой отец.", "Я не знаю, кто вы."]


def test_function_words_and_scripts_tell_languages() -> None:
    assert likeliest(ENGLISH) == "en" and likeliest(FRENCH) == "fr" and likeliest(RUSSIAN) == "ru"
    assert likeliest(["xyzzy plugh"]) is None
    assert main_scripts(RUSSIAN) == {"Cyrillic": 1.0}
    assert main_scripts(["\u6f22\u5b57\u3068\u304b\u306a"]) == {"Kana": 0.6, "Han": 0.4}
    assert base("pt_BR") == base("PT-br") == "pt"


@pytest.mark.parametrize(
    ("sides", "languages"),
    [((ENGLISH, FRENCH), ("en", "fr")), ((ENGLISH, RUSSIAN), ("en", "ru"))],
)
def test_swapped_languages_look_swapped(
    sides: tuple[list[str], list[str]], languages: tuple[str, str]
) -> None:
    assert not look_swapped(sides, languages)
    assert look_swapped(sides[::-1], languages)
    assert not look_swapped(sides[::-1], languages[::-1])
    assert not look_swapped(sides, ("xx", "yy")), "nothing is known of them"


def test_a_third_language_is_a_warning_and_swapped_ones_an_error() -> None:
    pairs = Parallel(tuple(ENGLISH), tuple(FRENCH))
    assert check_languages(pairs, ("en", "fr"), Path("x")) == []
    assert check_languages(pairs, ("de", "fr"), Path("x")) == [
        "the source side reads like 'en' rather than 'de'"
    ]
    with pytest.raises(DataError, match="x: the source side reads like en and the target side lik"):
        check_languages(pairs, ("fr", "en"), Path("x"))


def test_real_corpora_are_aligned_until_a_line_is_missing(
    shared_data: Path, tmp_path: Path
) -> None:
    path = shared_data / "tatoeba.en-fr" / "fra.txt.gz"
    pairs = read_pairs([path], "--train", Changes())
    # The file is sorted, so that neighbours are alike: take pairs from all over it.
    order = [(n * 7919) % len(pairs) for n in range(20_000)]
    source, target = ([side[n] for n in order] for side in (pairs.source, pairs.target))
    assert find_misalignment(Parallel(tuple(source), tuple(target))) is None
    del source[9_000], target[-1]
    found = find_misalignment(Parallel(tuple(source), tuple(target)))
    assert found is not None
    named = re.search(r"from about line ([\d,]+) on", found)
    assert named and abs(int(named[1].replace(",", "")) - 9_001) < 100
    write_lines(tmp_path / "a.en", source)
    write_lines(tmp_path / "a.fr", [*target, "Et encore une."])
    with pytest.raises(
        DataError, match=r"a\.en has 19,999 lines, but .*a\.fr has 20,000; .* line 9,0"
    ):
        read_pairs([tmp_path / "a.en", tmp_path / "a.fr"], "--train", Changes())
    assert check_languages(pairs, ("en", "fr"), path) == []
    with pytest.raises(DataError, match="swap the files or the languages"):
        check_languages(pairs, ("fr", "en"), path)


def test_files_with_tabs_and_two_files(tmp_path: Path) -> None:
    tabs = tmp_path / "a.tsv"
    tabs.write_text("Hello\tBonjour\tCC-BY\nTwo\u00a0dogs\tDeux chiens\n")
    expected = Parallel(("Hello", "Two dogs"), ("Bonjour", "Deux chiens"))
    assert read_pairs([tabs], "--train", Changes()) == expected
    tabs.write_text("Hello\tBonjour\nTwo dogs\n")
    with pytest.raises(DataError, match=r"a\.tsv:2: expected source<tab>target, but found no tab"):
        read_pairs([tabs], "--train", Changes())
