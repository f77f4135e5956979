"""Units below words, whoever made them: BPE merges or a SentencePiece model, told by the file."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from hat.errors import DataError
from hat.tasks.bpe import SEPARATOR, BpeEncoder, read_merges, remove_bpe
from hat.tasks.pieces import POST_PROCESS, WORD_MARK, PieceEncoder, is_pieces_model, join_pieces
from hat.text.dictionaries import SPECIAL_SYMBOLS

BPE_SYMBOL = f"{SEPARATOR} "
"""What joining BPE units removes."""

_BPE_NAMES = (BPE_SYMBOL, "subword_nmt")
"""The values of ``--remove-bpe`` that mean BPE; the second is fairseq's where none is given."""


class Units(Protocol):
    """Splits lines into units and joins them."""

    def encode(self, lines: Iterable[str]) -> list[str]:
        """Returns the units of each line with blanks between them."""
        ...

    def join(self, line: str) -> str:
        """Returns the text that the units of a line come from."""
        ...


def open_units(path: Path) -> Units:
    """Opens BPE merges or a SentencePiece model.

    Raises:
        ConfigError: if the program that reads it is not installed.
        DataError: if it cannot be read.
    """
    return PieceEncoder(path) if is_pieces_model(path) else BpeEncoder(path)


def has_pieces(words: Sequence[str]) -> bool:
    """Whether a dictionary holds SentencePiece's pieces.

    About half of them begin words. Elsewhere the mark is a rare character like others.
    """
    return 10 * sum(word.startswith(WORD_MARK) for word in words) > len(words)


def has_units(words: Sequence[str]) -> bool:
    """Whether there are parts of words in a dictionary, so that text has to be split."""
    return any(word.endswith(SEPARATOR) for word in words) or has_pieces(words)


def name_units(sides: Iterable[Sequence[str]]) -> str:
    """What the units of two dictionaries are called."""
    return "SentencePiece's pieces" if any(map(has_pieces, sides)) else f"BPE units ({SEPARATOR})"


def joining(words: Sequence[str], symbol: str | None = BPE_SYMBOL) -> str | None:
    """Returns what fairseq's ``--remove-bpe`` has to be for a dictionary.

    Args:
        words: of the dictionary.
        symbol: what was asked for; BPE's names stand for joining units, whatever they are.
    """
    return POST_PROCESS if symbol in _BPE_NAMES and has_pieces(words) else symbol


def join_units(line: str, symbol: str) -> str:
    """Joins units as fairseq's ``--remove-bpe SYMBOL`` does."""
    return join_pieces(line) if symbol == POST_PROCESS else remove_bpe(line, symbol)


def describe_units(path: Path) -> str:
    """What made the units, in words: ``1,998 BPE merges``, ``2,000 SentencePiece pieces``."""
    if is_pieces_model(path):
        return f"{len(PieceEncoder(path).pieces):,} SentencePiece pieces"
    return f"{len(read_merges(path)):,} BPE merges"


def check_codes(codes: Path, words: Sequence[str]) -> None:
    """Checks that the units of a dictionary come from these merges or from this model.

    Every unit of more than one character is what some merge made, or a piece of one that was
    undone because it was rare; or it is one of the model's pieces. Another task's make few of them.

    Raises:
        DataError: if the file cannot be read or makes less than half of the units.
    """
    if is_pieces_model(codes):
        made = set(PieceEncoder(codes).pieces)
    else:
        made = {"".join(pair).removesuffix("</w>") for pair in read_merges(codes)}
    units = {word.removesuffix(SEPARATOR) for word in words[len(SPECIAL_SYMBOLS) :]}
    long = [unit for unit in units if len(unit) > 1 and not unit.startswith("madeupword")]
    known = sum(unit in made for unit in long)
    if long and 2 * known < len(long):
        raise DataError(
            f"{codes}: makes only {known} of the {len(long)} units of the dictionary: they are "
            "another task's codes"
        )
