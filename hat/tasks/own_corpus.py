"""The task ``corpus``: raw text in three splits becomes units and fairseq's binary data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from hat.settings import NO_OUTCOME, AtLeast, AtMost, Shown
from hat.tasks.binarise import binarise, check_replaceable
from hat.tasks.corpus import Corpus, Parallel, describe, write_corpus
from hat.tasks.pieces import PieceEncoder, learn_pieces
from hat.tasks.prepare import (
    FolderTask,
    LanguageSettings,
    Say,
    TextSettings,
    corpus_digest,
    prepare_corpus,
)
from hat.tasks.text_rules import TextRules

RULES = {
    "sentencepiece": TextRules(tokeniser="none"),
    "moses": TextRules(tokeniser="moses", normalise=True),
}
"""What is done to a line before it is split into units, by the name of the tokeniser."""

UNITS_FILES = {"sentencepiece": "pieces/model", "moses": "bpe/codes"}
"""What splits words, under the text folder."""


@dataclass(frozen=True, kw_only=True)
class OwnCorpusSettings(TextSettings, LanguageSettings):
    """Of the task ``corpus``."""

    data: Annotated[Path, Shown("DIR"), NO_OUTCOME]
    """folder for the binarised data"""

    tokeniser: Literal["sentencepiece", "moses"] = "sentencepiece"
    """sentencepiece: pieces of raw text; moses: Moses' tokeniser, then BPE"""

    vocabulary: Annotated[int, AtLeast(10), AtMost(1_000_000)] = 8000
    """pieces or BPE merges to learn, for both languages together"""

    workers: Annotated[int, AtLeast(1), AtMost(4096), NO_OUTCOME] = 1
    """processes"""


class OwnCorpus(FolderTask):
    """The task ``corpus``."""

    Settings: ClassVar = OwnCorpusSettings
    about: ClassVar = "a corpus of one's own, TEXT_DIR/raw, tokenised, split and binarised"
    folder: ClassVar = "raw"

    @classmethod
    def build(cls, settings: Any) -> Self:
        """Reads the text.

        Raises:
            ConfigError: if the data folder holds text of the task, or what is no binarised data.
            DataError: as of every task with its text in a folder.
        """
        for folder in (settings.text_dir, _units(settings).parent):
            check_replaceable(settings.data, folder)
        return super().build(settings)

    def prepare(self, say: Say = print) -> dict[str, Any]:
        """Writes the text and the binary data; returns their figures, ready for JSON."""
        say(str(self._changes))
        one = self._settings
        units = _units(one)
        if one.tokeniser == "sentencepiece":
            figures = {
                "words": describe(self._corpus),
                "bpe": describe(split_pieces(self._corpus, one, units.parent)),
            }
        else:
            figures = prepare_corpus(
                self._corpus,
                one.languages,
                one.text_dir,
                tokenise=lambda lines, language: [
                    *map(RULES[one.tokeniser].tokenise(language), lines)
                ],
                num_merges=one.vocabulary,
            )
        say(f"units: {units}")
        done = binarise(
            units.parent,
            one.languages,
            one.data,
            flags=["--joined-dictionary", "--workers", str(one.workers)],
        )
        say(f"{one.data}: {done.words[0]:,} words of both languages, fairseq's own four among them")
        sizes = {"src_vocab_size": done.words[0], "tgt_vocab_size": done.words[1]}
        return {**figures, **sizes, "text": self._changes.to_json()}

    def signature(self) -> dict[str, Any]:
        """What decides the text."""
        one = self._settings
        return {
            "corpus": corpus_digest(self._corpus),
            "tokeniser": one.tokeniser,
            "vocabulary": one.vocabulary,
        }


def _units(settings: OwnCorpusSettings) -> Path:
    """The file of what splits words, in the folder of the text that is split."""
    return settings.text_dir / UNITS_FILES[settings.tokeniser]


def split_pieces(raw: Corpus, settings: OwnCorpusSettings, folder: Path) -> dict[str, Parallel]:
    """Learns pieces on both sides of ``train``, splits all and writes ``folder``."""
    train = raw["train"]
    learn_pieces([*train.source, *train.target], folder / "model", size=settings.vocabulary)
    encoder = PieceEncoder(folder / "model")
    units = {
        split: Parallel(tuple(encoder.encode(both.source)), tuple(encoder.encode(both.target)))
        for split, both in raw.items()
    }
    write_corpus(folder, units, settings.languages)
    return units
