"""Byte-pair encoding: learned by subword-nmt, applied by fastBPE where it is installed.

Both programs give the same output; fastBPE is tens of times faster (its Python package can only
apply codes). Sennrich et al., ACL 2016, is the method.
"""

import contextlib
import importlib.util
import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from hat.errors import DataError
from hat.files import replacing
from hat.reading import read_text
from hat.text.dictionaries import SPECIAL_SYMBOLS
from hat.text.lines import plain

SEPARATOR = "@@"
"""Ends each unit that is not the last of its word; ``--remove-bpe`` undoes it."""

_LONGEST_WORD = 100_000
"""Characters; a second's work."""

_TWO_CHARACTERS = re.compile(r"\S\S")
_VERSION = re.compile(r"#version: 0\.[12]")
_MERGE = re.compile(r"(\S+) (\S+)(?: [0-9]+)?")


def learn_bpe(lines: Iterable[str], codes_path: Path, *, num_merges: int) -> None:
    """Learns merges from tokenised lines (of both languages for joint BPE) and writes them.

    A merge of a pair seen once is not made, so there can be fewer merges than asked for.

    Raises:
        DataError: if there is no text.
    """
    from subword_nmt.learn_bpe import learn_bpe as learn

    text = "".join(f"{plain(line)}\n" for line in lines)
    check_learnable([text])
    with (
        replacing(codes_path) as temporary,
        open(temporary, "w", encoding="utf-8", newline="\n") as stream,
        # The program draws a progress bar on the error stream, whatever it is asked.
        contextlib.redirect_stderr(io.StringIO()),
    ):
        learn(io.StringIO(text), stream, num_merges)


def check_learnable(lines: Iterable[str]) -> None:
    """Checks that there is something to merge.

    Raises:
        DataError: if no word has two characters.
    """
    if not any(_TWO_CHARACTERS.search(line) for line in lines):
        raise DataError("no text to learn BPE merges from: no word has two characters")


class BpeEncoder:
    """Splits the words of tokenised lines into BPE units.

    ``program`` says which program does it: ``"fastBPE"`` or ``"subword-nmt"``.
    """

    def __init__(self, codes_path: Path, program: str | None = None) -> None:
        """Reads the codes.

        Args:
            codes_path: merges in subword-nmt's format.
            program: ``"fastBPE"`` or ``"subword-nmt"``; by default the faster that is installed.

        Raises:
            DataError: if there are no codes at ``codes_path``, or not all of its lines are merges.
        """
        merges = read_merges(codes_path)
        self.program = program or (
            "fastBPE" if importlib.util.find_spec("fastBPE") else "subword-nmt"
        )
        if self.program == "fastBPE":
            from fastBPE import fastBPE

            with _without_notes():
                self._encode_lines: Callable[[list[str]], list[str]] = fastBPE(
                    str(codes_path)
                ).apply
        else:
            from subword_nmt.apply_bpe import BPE

            first = read_text(codes_path).partition("\n")[0]
            head = f"{first}\n" if _VERSION.fullmatch(first) else ""
            # Without counts. It takes no file without a merge, so one that no text has.
            pairs = "".join(f"{left} {right}\n" for left, right in merges or [("\0", "\0")])
            encoder = BPE(io.StringIO(head + pairs, newline="\n"))
            self._encode_lines = lambda lines: [encoder.process_line(line) for line in lines]

    def encode(self, lines: Iterable[str]) -> list[str]:
        """Returns the lines, made plain, with each word split; no unit is a symbol of fairseq's.

        Raises:
            DataError: if a word is so long that splitting it would take minutes.
        """
        texts = [plain(line) for line in lines]
        for text in texts:
            _check_words(text)
        return [spell_out(units) for units in self._encode_lines(texts)]

    def join(self, line: str) -> str:
        """Returns the words of a line of units."""
        return remove_bpe(line)


def _check_words(line: str) -> None:
    """Refuses a word that is none: fastBPE's time grows with the square of its length."""
    if len(line) <= _LONGEST_WORD:
        return
    longest = max(line.split(), key=len)
    if len(longest) > _LONGEST_WORD:
        raise DataError(
            f"the word {longest[:20]!r}... has {len(longest):,} characters: expected at most "
            f"{_LONGEST_WORD:,} to be split into units"
        )


def read_merges(path: Path) -> list[tuple[str, str]]:
    """Returns the pairs of BPE merges, in their order.

    Of a file with other lines one program makes something, and the other ends the process.

    Raises:
        DataError: naming the file and line of what is no merge: two units with a blank between
            them, behind which fastBPE's own files have a count.
    """
    text = read_text(path)
    merges = []
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        if number == 1 and line.startswith("#version"):
            if not _VERSION.fullmatch(line):
                raise DataError(f"{path}:1: expected '#version: 0.2', but found {line[:60]!r}")
            continue
        found = _MERGE.fullmatch(line)
        if not found:
            raise DataError(
                f"{path}:{number}: expected the two units of a BPE merge, but found {line[:60]!r}"
            )
        merges.append((found[1], found[2]))
    if not merges and not text.startswith("#version"):  # a text may teach none
        raise DataError(f"{path}: holds no BPE merges")
    return merges


@contextlib.contextmanager
def _without_notes() -> Iterator[None]:
    """Keeps what a compiled library writes to the error stream from it: fastBPE counts codes."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


_SYMBOL = re.compile(rf"(?<!\S)<(?=(?:{'|'.join(s[1:] for s in SPECIAL_SYMBOLS)})(?!\S))")


def spell_out(line: str) -> str:
    """Splits each unit that fairseq takes for a symbol of its own: ``<pad>`` to ``<@@ pad>``.

    In a text they are words like others, but a binarised sentence would end at its ``</s>``
    and be blind to its ``<pad>``. ``remove_bpe`` gives the words back.
    """
    return _SYMBOL.sub(f"<{SEPARATOR} ", line) if "<" in line else line


def remove_bpe(line: str, symbol: str = f"{SEPARATOR} ") -> str:
    """Joins BPE units back into words, as fairseq's ``--remove-bpe`` does."""
    return (line + " ").replace(symbol, "").rstrip()
