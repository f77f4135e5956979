import importlib.util
from pathlib import Path

import pytest

from hat.errors import DataError
from hat.tasks.bpe import BpeEncoder, learn_bpe, remove_bpe, spell_out

TEXT = [
    "der Hund schläft im Garten , die Hunde schlafen im Haus",
    "two dogs sleep in the garden , the dog sleeps in the house",
] * 3
UNSEEN = [
    *TEXT,
    "Gartenhäuser – ☃ 日本 x@y &amp; <unk>",
    "",
    "  blanks at both ends \t",
    "two  blanks",
    "U+2028 \u2028 and no-break\u00a0blank",
]


@pytest.fixture(scope="module")
def codes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bpe") / "codes"
    learn_bpe(TEXT, path, num_merges=40)
    return path


def test_learning_is_quiet_and_repeatable(
    codes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    learn_bpe(TEXT, tmp_path / "again", num_merges=40)
    assert (tmp_path / "again").read_bytes() == codes.read_bytes()
    assert capsys.readouterr() == ("", "")
    assert len(codes.read_text().splitlines()) == 41  # a version line and the merges


def test_round_trip(codes: Path) -> None:
    encoded = BpeEncoder(codes, "subword-nmt").encode(UNSEEN)
    assert any("@@ " in line for line in encoded)
    for line, units in zip(TEXT, encoded, strict=False):
        assert remove_bpe(units) == line


@pytest.mark.skipif(importlib.util.find_spec("fastBPE") is None, reason="needs fastBPE")
def test_both_programs_give_the_same_units(codes: Path) -> None:
    fast = BpeEncoder(codes, "fastBPE")
    assert BpeEncoder(codes).program == "fastBPE"
    assert fast.encode(UNSEEN) == BpeEncoder(codes, "subword-nmt").encode(UNSEEN)


def test_remove_bpe_joins_a_dangling_unit() -> None:
    assert remove_bpe("Gar@@ ten@@ haus@@") == "Gartenhaus"


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="absent: cannot be read: No such file"):
        BpeEncoder(tmp_path / "absent")
    with pytest.raises(DataError, match="no text to learn BPE merges from"):
        learn_bpe(["", ""], tmp_path / "codes", num_merges=10)
    with pytest.raises(DataError, match="merges from: no word has two characters"):
        learn_bpe(["a b", "c"], tmp_path / "codes", num_merges=10)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("program", ["subword-nmt", "fastBPE"])
@pytest.mark.parametrize("blank", ["\u2028", "\x85", "\xa0", "\t", "\r", "\n", "\x00", "\u200b"])
def test_words_part_at_every_blank(codes: Path, program: str, blank: str) -> None:
    if program == "fastBPE":
        pytest.importorskip("fastBPE")
    encoder = BpeEncoder(codes, program)
    assert encoder.encode([f" der{blank}Hund"]) == encoder.encode(["der Hund"])


def test_merges_are_learned_from_the_same_words(codes: Path, tmp_path: Path) -> None:
    odd = [line.replace(" ", "\u2028") for line in TEXT]
    learn_bpe(odd, tmp_path / "codes", num_merges=40)
    assert (tmp_path / "codes").read_bytes() == codes.read_bytes()


@pytest.mark.parametrize(
    ("line", "spelled"),
    [
        ("<pad>", "<@@ pad>"),
        ("a </s> <s> <unk> b", "a <@@ /s> <@@ s> <@@ unk> b"),
        ("<pad>@@ x a<pad> <pads> <PAD> <", "<pad>@@ x a<pad> <pads> <PAD> <"),
    ],
)
def test_no_unit_is_a_symbol_of_fairseqs(line: str, spelled: str) -> None:
    assert spell_out(line) == spelled
    assert remove_bpe(spelled) == remove_bpe(line)


def test_symbols_that_bpe_made_whole_are_spelled_out(tmp_path: Path) -> None:
    learn_bpe(["<pad> <s> </s> <unk> x"] * 9, tmp_path / "codes", num_merges=40)
    encoder = BpeEncoder(tmp_path / "codes", "subword-nmt")
    assert encoder.encode(["x <pad> <s>"]) == ["x <@@ pad> <@@ s>"]


@pytest.mark.parametrize("program", ["fastBPE", "subword-nmt"])
def test_a_word_that_would_take_minutes_is_refused(program: str, tmp_path: Path) -> None:
    pytest.importorskip(program.replace("-", "_"))
    (tmp_path / "codes").write_text("#version: 0.2\nx x</w>\n")
    encoder = BpeEncoder(tmp_path / "codes", program)
    text = "xx " * 50_000
    assert encoder.encode([text]) == [text.rstrip()]
    with pytest.raises(
        DataError, match=r"the word 'x{20}'\.\.\. has 16,000,000 characters: expected"
    ):
        encoder.encode(["a", f"xx {'x' * 16_000_000}"])
