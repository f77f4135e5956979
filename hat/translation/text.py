"""Text to the numbers of words and back: the whole way that a task's training data went.

A line is made plain (``hat.text.lines``), tokenised by the task's rules, split into BPE units and
looked up; what comes back is joined and detokenised. ``pretokenised`` text is what training files
hold: units with blanks between them, and so is its translation.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from hat.errors import ConfigError, DataError
from hat.tasks.bpe import SEPARATOR, BpeEncoder, remove_bpe, spell_out
from hat.tasks.text_rules import TextRules
from hat.text.dictionaries import SPECIAL_SYMBOLS
from hat.text.lines import plain

BEGIN_IDX, PADDING_IDX, END_IDX, UNKNOWN_IDX = range(len(SPECIAL_SYMBOLS))
"""fairseq's four words."""


class Text:
    """Both sides of a translation model as text."""

    def __init__(
        self,
        languages: tuple[str, str],
        words: tuple[Sequence[str], Sequence[str]],
        *,
        rules: TextRules | None,
        codes: Path | None,
        pretokenised: bool = False,
    ) -> None:
        """Prepares both ways.

        Args:
            languages: source and target.
            words: of both dictionaries, by number.
            rules: how the task tokenises; None: nobody knows, so only pretokenised text will do.
            codes: BPE merges, if the dictionaries' words are BPE units.
            pretokenised: whether text is taken and given as it stands in training files.

        Raises:
            ConfigError: if text is to be tokenised or split and it is not known how.
            DataError: if the codes are not there or are another task's.
        """
        # Where a word stands twice the later one counts, as in fairseq.
        self._numbers = {word: number for number, word in enumerate(words[0])}
        self._words = words[1]
        self._pretokenised = pretokenised
        if pretokenised:
            return
        if rules is None:
            raise ConfigError("nothing says how the text is tokenised: only --pretokenised will do")
        if codes is None and any(has_units(side) for side in words):
            raise ConfigError(
                f"the dictionaries hold BPE units ({SEPARATOR}), but there are no BPE codes: give "
                "--bpe-codes, or --pretokenised text"
            )
        if codes is not None:
            check_codes(codes, words[0])
        self._bpe = None if codes is None else BpeEncoder(codes)
        self._tokenise = rules.tokenise(languages[0])
        self._detokenise = rules.detokenise(languages[1])

    def encode(self, lines: Iterable[str]) -> list[list[int]]:
        """Returns the words of each line by number, the end included; none for an empty line."""
        units = [plain(line) for line in lines]
        if self._pretokenised:
            units = [spell_out(line) for line in units]
        else:
            units = [plain(self._tokenise(line)) for line in units]
            # Without BPE, too, no word is a symbol of fairseq's own.
            units = list(map(spell_out, units)) if self._bpe is None else self._bpe.encode(units)
        return [self._encoded(line.split()) for line in units]

    def _encoded(self, units: list[str]) -> list[int]:
        numbers = [self._numbers.get(unit, UNKNOWN_IDX) for unit in units]
        return [*numbers, END_IDX] if numbers else []

    def decode(self, tokens: Iterable[int]) -> str:
        """Returns the text of a translation; its end may be among the tokens."""
        units = units_of(tokens, self._words)
        return units if self._pretokenised else self._detokenise(remove_bpe(units))


def units_of(tokens: Iterable[int], words: Sequence[str]) -> str:
    """Returns a sentence as it stands in training files, without the words that frame it."""
    hidden = (BEGIN_IDX, PADDING_IDX, END_IDX)
    return " ".join(words[token] for token in tokens if token not in hidden)


def has_units(words: Iterable[str]) -> bool:
    """Whether there are parts of words among ``words``, so that text has to be split."""
    return any(word.endswith(SEPARATOR) for word in words)


def check_codes(codes: Path, words: Sequence[str]) -> None:
    """Checks that the units of a dictionary come from these merges.

    Every unit of more than one character is what some merge made, or a piece of one that was
    undone because it was rare. Another task's codes make few of them.

    Raises:
        DataError: if the file is missing or makes less than half of the units.
    """
    try:
        text = codes.read_bytes().decode("utf-8")
    except OSError as error:
        raise DataError(f"{codes}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{codes}: is not UTF-8 (byte {error.start})") from None
    pairs = (line.split(" ")[:2] for line in text.split("\n") if not line.startswith("#version"))
    made = {"".join(pair).removesuffix("</w>") for pair in pairs if len(pair) == 2}
    units = {word.removesuffix(SEPARATOR) for word in words[len(SPECIAL_SYMBOLS) :]}
    long = [unit for unit in units if len(unit) > 1 and not unit.startswith("madeupword")]
    known = sum(unit in made for unit in long)
    if long and 2 * known < len(long):
        raise DataError(
            f"{codes}: makes only {known} of the {len(long)} units of the dictionary: they are "
            "another task's codes"
        )
