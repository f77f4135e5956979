"""Text to the numbers of words and back: the whole way that a task's training data went.

A line is made plain (``hat.text.lines``), tokenised by the task's rules, split into units (BPE or
SentencePiece) and looked up; what comes back is joined and detokenised. ``pretokenised`` text is
what training files hold: units with blanks between them, and so is its translation.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from hat.errors import ConfigError
from hat.tasks.bpe import remove_bpe, spell_out
from hat.tasks.text_rules import TextRules
from hat.tasks.units import check_codes, has_units, name_units, open_units
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
            codes: BPE merges or a SentencePiece model, if the dictionaries' words are units.
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
                f"the dictionaries hold {name_units(words)}, but there are no BPE codes: give "
                "--bpe-codes (the merges, or SentencePiece's model), or --pretokenised text"
            )
        if codes is not None:
            check_codes(codes, words[0])
        self._units = None if codes is None else open_units(codes)
        self._tokenise = rules.tokenise(languages[0])
        self._detokenise = rules.detokenise(languages[1])

    def encode(self, lines: Iterable[str]) -> list[list[int]]:
        """Returns the words of each line by number, the end included; none for an empty line."""
        units = [plain(line) for line in lines]
        if self._pretokenised:
            units = [spell_out(line) for line in units]
        else:
            units = [plain(self._tokenise(line)) for line in units]
            # Where nothing is split, too, no word is a symbol of fairseq's own.
            split = self._units
            units = list(map(spell_out, units)) if split is None else split.encode(units)
        return [self._encoded(line.split()) for line in units]

    def _encoded(self, units: list[str]) -> list[int]:
        numbers = [self._numbers.get(unit, UNKNOWN_IDX) for unit in units]
        return [*numbers, END_IDX] if numbers else []

    def decode(self, tokens: Iterable[int]) -> str:
        """Returns the text of a translation; its end may be among the tokens."""
        units = units_of(tokens, self._words)
        if self._pretokenised:
            return units
        join = remove_bpe if self._units is None else self._units.join
        return self._detokenise(join(units))


def units_of(tokens: Iterable[int], words: Sequence[str]) -> str:
    """Returns a sentence as it stands in training files, without the words that frame it."""
    hidden = (BEGIN_IDX, PADDING_IDX, END_IDX)
    return " ".join(words[token] for token in tokens if token not in hidden)
