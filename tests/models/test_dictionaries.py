"""The one rule for the sizes of dictionaries."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from hat.errors import ConfigError
from hat.models.dictionaries import DictionarySettings, dictionary_sizes
from hat.models.network import NetworkSettings, network_config
from tests.models.test_super_config import OPTIONS

IWSLT, PLAIN = "transformersuper_iwslt_de_en", "transformersuper"


@pytest.fixture
def data(tmp_path: Path) -> str:
    (tmp_path / "train.de-en.de.idx").touch()
    for language, words in (("de", 3), ("en", 5)):
        text = "".join(f"w{number} 1\n" for number in range(words))
        (tmp_path / f"dict.{language}.txt").write_text(text)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("arch", "folder", "given", "guess", "sizes", "origin"),
    [
        (IWSLT, "data", (9,), None, (9, 9), "--vocab-size"),
        (IWSLT, "data", (9, 8), None, (9, 8), "--vocab-size"),
        (IWSLT, "data", (), None, (7, 9), "{data}"),
        (IWSLT, "nowhere", (), None, (8848, 6632), "usual for transformersuper_iwslt_de_en, bec"),
        (IWSLT, None, (), 77, (8848, 6632), "because no data folder is named"),
        (PLAIN, "data", (), 77, (7, 9), "{data}"),
        (PLAIN, "nowhere", (), 77, (77, 77), "a guess, because there are no dictionaries in nowh"),
        (PLAIN, None, (), 77, (77, 77), "a guess, because no data folder is named: see --vocab"),
    ],
)
def test_given_then_found_then_usual_then_guessed(
    data: str,
    arch: str,
    folder: str | None,
    given: Sequence[int],
    guess: int | None,
    sizes: tuple[int, int],
    origin: str,
) -> None:
    settings = DictionarySettings(data=data if folder == "data" else folder)
    found = dictionary_sizes(settings, arch, given=given, guess=guess)
    assert (found.source, found.target) == sizes
    assert origin.format(data=data) in found.origin


def test_without_a_guess_not_knowing_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no data folder is named: give --vocab-size"):
        dictionary_sizes(DictionarySettings(), PLAIN)


def test_the_network_says_where_its_sizes_come_from(data: str) -> None:
    said: list[str] = []
    config = network_config(NetworkSettings(data=data), OPTIONS, say=said.append)
    assert (config.src_vocab_size, config.tgt_vocab_size) == (7, 9)
    assert said == [f"| dictionary sizes: 7 source, 9 target ({data})"]
    config = network_config(NetworkSettings(), {}, say=said.append)
    assert (config.src_vocab_size, config.encoder_embed_dim) == (10_000, 512)
    with pytest.raises(ConfigError, match="vocab-size must be at least 8, but found 7"):
        NetworkSettings(vocab_size=(9, 7))
