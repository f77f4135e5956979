"""Dictionaries hold what fairseq reads in them: its own reader is asked, file by file."""

from pathlib import Path

import numpy as np
import pytest

from hat.errors import ConfigError, DataError
from hat.text.dictionaries import read_dictionary, vocabulary_sizes

OVERWRITE = "#fairseq:overwrite"

CONTENTS = [
    "a 1\nb 2\n",
    "a 1\nb 2",
    "a 1\r\nb 2\r\n",
    "a 1\rb 2\r",
    "a 1\nb\u2028 2\n\u2029 3\n\x85 4\n\x0b 5\n\x1cx 6\n",
    "a 1 \u2028\nb 2\t\n",
    "two words 1\n",
    f"a 1\na 2 {OVERWRITE}\na 3 {OVERWRITE}\n<s> 4 {OVERWRITE}\n",
    f"b 1 {OVERWRITE}\n",
    f"{OVERWRITE} 1\n",
    "madeupword0000 0\n",
    # not readable
    "a 1\na 2\n",
    "a 1\n<unk> 2\n",
    "a 1\n\nb 2\n",
    "a 1\nb\n",
    "a\t1\n",
    "a 1.5\n",
    f"a {OVERWRITE}\n",
    f"a x {OVERWRITE}\n",
    f"a 1 {OVERWRITE} {OVERWRITE}\n",
]


SENSELESS = ["", "\ufeffa 1\na 1\n", " 1\nb 2\n", "a 1_000\n", "a +2\n", "a -3\n", "a \u0663\n"]
"""What fairseq reads and nobody means: no word, a mark as a part of one, counts that are none."""


def fairseqs_words(path: Path) -> tuple[str, ...] | None:
    dictionary = pytest.importorskip("fairseq.data").Dictionary
    try:
        return tuple(dictionary.load(str(path)).symbols)
    except (ValueError, RuntimeError):
        return None


def our_words(path: Path) -> tuple[str, ...] | None:
    try:
        return read_dictionary(path)
    except DataError:
        return None


@pytest.mark.parametrize("content", CONTENTS)
def test_words_are_those_of_fairseq(tmp_path: Path, content: str) -> None:
    path = tmp_path / "dict.en.txt"
    path.write_bytes(content.encode())
    assert our_words(path) == fairseqs_words(path)


@pytest.mark.parametrize("content", SENSELESS)
def test_what_nobody_means_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "dict.en.txt"
    path.write_bytes(content.encode())
    assert our_words(path) is None
    assert fairseqs_words(path) is not None


def test_words_of_random_files_are_those_of_fairseq(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "dict.en.txt"
    pieces = ["a", "b", "c", "d", " ", " 1", " 2", "\n", " 1\n", " 1\n", "\r", "\u2028", "\x0c"]
    pieces += [f" {OVERWRITE}\n", f" 1 {OVERWRITE}\n", "\t", "\xa0", "<s>"]
    read = 0
    for _ in range(300):
        path.write_bytes("".join(rng.choice(pieces, size=rng.integers(2, 9))).encode())
        words = our_words(path)
        theirs = fairseqs_words(path)
        is_senseless = theirs is not None and ("" in theirs or len(theirs) == 4)
        assert words == (None if is_senseless else theirs), path.read_bytes()
        read += words is not None
    assert 30 < read < 270  # both kinds were drawn


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a 1\nb\n", r"dict\.en\.txt:2: expected '<word> <count>', but found 'b'"),
        (b"a 1\n\n", r"dict\.en\.txt:2: expected '<word> <count>', but found ''"),
        (b"a 1\na 1\n", r"dict\.en\.txt:2: the word 'a' stands twice; expected #fairseq:over"),
        (b"a 1\n\xff 1\n", r"dict\.en\.txt: is not UTF-8 \(byte 4\)"),
    ],
)
def test_damaged_dictionaries_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "dict.en.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_dictionary(tmp_path / "dict.en.txt")
    with pytest.raises(DataError, match=r"absent: cannot be read"):
        read_dictionary(tmp_path / "absent")


def test_sizes_of_a_data_folder(tmp_path: Path) -> None:
    assert vocabulary_sizes(tmp_path / "nowhere", "en", "de") is None
    assert vocabulary_sizes(tmp_path, None, None) is None
    with pytest.raises(DataError, match=r"the data folder has no dict\.en\.txt"):
        vocabulary_sizes(tmp_path, "en", "de")
    (tmp_path / "dict.en.txt").write_text("a 1\nb\u2028 1", encoding="utf-8")
    assert vocabulary_sizes(tmp_path, None, None) == (6, 6)
    (tmp_path / "dict.de.txt").write_text("a 1\nb 1\nc 1\n")
    assert vocabulary_sizes(tmp_path, "de", "en") == (7, 6)
    assert vocabulary_sizes(f"{tmp_path}:elsewhere", "de", "en") == (7, 6)
    with pytest.raises(ConfigError, match="different sizes: give --source-lang and --target-lang"):
        vocabulary_sizes(tmp_path, None, None)
    (tmp_path / "train.en-de.en.idx").touch()
    assert vocabulary_sizes(tmp_path, None, None) == (6, 7)
