"""SentencePiece's pieces: text comes back, symbols of fairseq's are no pieces, files are told."""

from pathlib import Path

import pytest

from hat.errors import DataError
from hat.tasks.bpe import learn_bpe
from hat.tasks.pieces import PieceEncoder, is_pieces_model, join_pieces, learn_pieces
from hat.tasks.units import check_codes, describe_units, has_units, join_units, joining, open_units
from hat.text.dictionaries import SPECIAL_SYMBOLS

_NUMBERS = ("two", "three", "twenty-one", "a hundred", "seven", "forty", "no", "eighteen")
_THINGS = ("houses", "houseboats", "kegs of jam", "violins")
LINES = [
    f"{who} {what} {number} <pad> {things}, don't they?"
    for who in ("Anna", "the old man", "my neighbours", "Quentin", "that fisherman")
    for what in ("sees", "has seen", "sold", "will borrow", "wants")
    for number, things in zip(_NUMBERS, _THINGS * 2, strict=True)
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pieces") / "model"
    assert learn_pieces(LINES, path, size=60) == 60
    return path


def test_text_comes_back_and_no_piece_is_a_symbol(model: Path) -> None:
    encoder = PieceEncoder(model)
    units = encoder.encode([*LINES, "", "an unseen \u4e2d word"])
    assert [encoder.join(line) for line in units] == [*LINES, "", "an unseen \u4e2d word"]
    assert not {unit for line in units for unit in line.split(" ")} & set(SPECIAL_SYMBOLS)
    assert len(encoder.pieces) == 60


def test_the_same_text_gives_the_same_model(model: Path, tmp_path: Path) -> None:
    learn_pieces(LINES, tmp_path / "again", size=60)
    assert (tmp_path / "again").read_bytes() == model.read_bytes()


def test_a_small_text_gives_fewer_pieces_and_too_few_are_an_error(tmp_path: Path) -> None:
    made = learn_pieces(LINES, tmp_path / "model", size=5000)
    assert 60 < made < 1000
    assert len(PieceEncoder(tmp_path / "model").pieces) == made
    with pytest.raises(DataError, match=r"10 pieces are too few: .* at least [0-9]+ are needed"):
        learn_pieces(LINES, tmp_path / "none", size=10)
    with pytest.raises(DataError, match="no text to learn pieces from"):
        learn_pieces(["", " "], tmp_path / "none", size=10)
    assert not (tmp_path / "none").exists()


def test_a_file_says_which_units_it_makes(model: Path, tmp_path: Path) -> None:
    codes = tmp_path / "codes"
    learn_bpe(LINES, codes, num_merges=30)
    assert is_pieces_model(model) and not is_pieces_model(codes)
    assert not is_pieces_model(tmp_path / "nowhere")
    assert describe_units(model) == "60 SentencePiece pieces"
    assert describe_units(codes) == "30 BPE merges"
    for path in (model, codes):
        units = open_units(path)
        assert [units.join(line) for line in units.encode(LINES)] == LINES


def test_a_damaged_model_is_one_sentence(model: Path, tmp_path: Path) -> None:
    cut, no_text = tmp_path / "cut", tmp_path / "no_text"
    cut.write_bytes(model.read_bytes()[:300])
    whole, piece = model.read_bytes(), PieceEncoder(model).pieces[-1].encode()
    start = b"\n" + bytes([len(piece)])  # of its field
    assert start + piece in whole
    no_text.write_bytes(whole.replace(start + piece, start + b"\x9f" * len(piece)))
    for damaged in (cut, no_text):
        with pytest.raises(DataError, match="is no SentencePiece model, or not a whole one"):
            PieceEncoder(damaged)
    with pytest.raises(DataError, match="cannot be read"):
        PieceEncoder(tmp_path / "nowhere")


def test_dictionaries_tell_how_units_are_joined(model: Path, tmp_path: Path) -> None:
    pieces = [*SPECIAL_SYMBOLS, *PieceEncoder(model).pieces[3:]]
    words = [*SPECIAL_SYMBOLS, *(f"ho{n}@@" for n in range(50)), *(f"use{n}" for n in range(49))]
    assert joining(pieces) == joining(pieces, "subword_nmt") == "sentencepiece"
    assert joining(pieces, None) is None and joining(words, "subword_nmt") == "subword_nmt"
    assert joining(words) == "@@ " and joining(words, "__") == "__"
    assert has_units(pieces) and has_units(words) and not has_units([*SPECIAL_SYMBOLS, "a", "b"])
    # A corpus without pieces may hold the character that marks them.
    assert joining([*words, "\u2581"]) == "@@ "
    assert join_units("\u2581a \u2581ho use", "sentencepiece") == join_pieces("\u2581a \u2581house")
    check_codes(model, pieces)
    with pytest.raises(DataError, match=r"makes only \d+ of the \d+ units of the dictionary"):
        check_codes(model, words)
