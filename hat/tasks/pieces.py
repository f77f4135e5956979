"""SentencePiece: text into pieces and back, without a tokeniser before it.

Kudo and Richardson, EMNLP 2018, is the program, Kudo, ACL 2018, the unigram model that it learns. A
piece that begins a word has the mark U+2581 before it, so that joining pieces gives the text back.
"""

import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hat.errors import ConfigError, DataError
from hat.files import replacing
from hat.reading import open_file, read_bytes
from hat.text.dictionaries import SPECIAL_SYMBOLS
from hat.text.lines import plain

WORD_MARK = "\u2581"
"""Begins each piece that begins a word."""

POST_PROCESS = "sentencepiece"
"""What fairseq's ``--remove-bpe`` calls joining pieces."""

_FEW_CHARACTERS = 2000
"""Scripts with more characters than that, such as Chinese, leave the rarest out."""

_COVERAGE = 0.9995
"""The part of a text that the kept characters make up there; the program's own figure."""

_TOO_LARGE = re.compile(r"Vocabulary size too high \(\d+\).*<= (\d+)")
_TOO_SMALL = re.compile(r"Vocabulary size is smaller than required_chars\. \d+ vs (\d+)")


def learn_pieces(lines: Iterable[str], model_path: Path, *, size: int) -> int:
    """Learns pieces from raw lines (of both languages for joint pieces) and writes the model.

    Small texts do not hold as many pieces as are asked for: then there are as many as they hold.

    Args:
        lines: raw text.
        model_path: file to write.
        size: pieces to learn, the program's own three among them.

    Returns:
        How many pieces there are.

    Raises:
        ConfigError: if the program is not installed.
        DataError: if there is no text, or ``size`` is less than the text has characters.
    """
    sentencepiece = _sentencepiece()
    text = [line for line in map(plain, lines) if line]
    if not text:
        raise DataError("no text to learn pieces from: every line is empty")
    characters = len(set().union(*text))
    coverage = _COVERAGE if characters > _FEW_CHARACTERS else 1.0
    try:
        model = _train(sentencepiece, text, size, coverage)
    except RuntimeError as error:
        too_small = _TOO_SMALL.search(str(error))
        if too_small:
            raise DataError(
                f"{size} pieces are too few: the text has so many different characters that "
                f"at least {too_small[1]} are needed"
            ) from None
        too_large = _TOO_LARGE.search(str(error))
        if not too_large:
            raise DataError(f"SentencePiece learned nothing: {error}") from None
        size = int(too_large[1])
        model = _train(sentencepiece, text, size, coverage)
    with replacing(model_path) as temporary:
        temporary.write_bytes(model)
    return size


def _train(sentencepiece: Any, text: list[str], size: int, coverage: float) -> bytes:
    """Returns the model, which holds no name of a file."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text),
        model_writer=model,
        vocab_size=size,
        character_coverage=coverage,
        # Longer lines are left out of learning, which would be unsaid; none is so long.
        max_sentence_length=1 << 20,
        num_threads=1,  # sums do not depend on how many there are
        minloglevel=2,
    )
    return model.getvalue()


class PieceEncoder:
    """Splits raw lines into pieces, and joins them again."""

    def __init__(self, model_path: Path) -> None:
        """Reads a model.

        Raises:
            ConfigError: if the program is not installed.
            DataError: if there is no model at ``model_path``.
        """
        sentencepiece = _sentencepiece()
        content = read_bytes(model_path)
        self._processor = sentencepiece.SentencePieceProcessor()
        try:
            self._processor.LoadFromSerializedProto(content)
            size = self._processor.get_piece_size()
            self.pieces = [str(self._processor.id_to_piece(number)) for number in range(size)]
            """All pieces, the program's own three first."""
        except (RuntimeError, UnicodeDecodeError):  # a piece that is no text is met in use only
            raise DataError(
                f"{model_path}: is no SentencePiece model, or not a whole one"
            ) from None

    def encode(self, lines: Iterable[str]) -> list[str]:
        """Returns the pieces of each line, made plain, with blanks between them."""
        found = self._processor.encode([plain(line) for line in lines], out_type=str)
        return [" ".join(_spelled(pieces)) for pieces in found]

    def join(self, line: str) -> str:
        """Returns the text of pieces with blanks between them."""
        return join_pieces(line)


def join_pieces(line: str) -> str:
    """Joins pieces into text, as fairseq's ``--remove-bpe sentencepiece`` does."""
    return line.replace(" ", "").replace(WORD_MARK, " ").strip()


def is_pieces_model(path: Path) -> bool:
    """Whether a file is a SentencePiece model, as its first bytes say, and no BPE merges."""
    try:
        with open_file(path) as stream:
            start = stream.read(64)
    except DataError:
        return False
    # The first field of the message, the first piece: the unknown one.
    return start.startswith(b"\n") and b"<unk>" in start


def _spelled(pieces: Iterable[str]) -> list[str]:
    """Splits pieces that fairseq takes for symbols of its own; joining gives them back."""
    spelled: list[str] = []
    for piece in pieces:
        spelled += [piece[:1], piece[1:]] if piece in SPECIAL_SYMBOLS else [piece]
    return spelled


def _sentencepiece() -> Any:
    try:
        import sentencepiece
    except ImportError:
        raise ConfigError(
            "splitting into pieces needs the package sentencepiece, which is not installed: "
            "pip install sentencepiece"
        ) from None
    return sentencepiece
