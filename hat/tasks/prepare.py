"""From a raw corpus to files that fairseq binarises: tokenise, learn BPE, split into units."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from hat.conditions import mapping_digest
from hat.errors import ConfigError, DataError
from hat.settings import LANGUAGE, NO_OUTCOME, Settings
from hat.tasks.bpe import BpeEncoder, check_learnable, learn_bpe
from hat.tasks.corpus import Corpus, Parallel, check_words, describe, read_corpus, write_corpus
from hat.text.lines import Changes, plain

Say = Callable[[str], None]

Tokenise = Callable[[tuple[str, ...], str], list[str]]
"""Tokenises sentences of a language: ``(lines, language) -> lines``."""


@dataclass(frozen=True, kw_only=True)
class TextSettings(Settings):
    """Where the text goes."""

    text_dir: Annotated[Path, NO_OUTCOME]
    """folder to write to"""


@dataclass(frozen=True, kw_only=True)
class LanguageSettings(Settings):
    """From which language to which."""

    source_lang: Annotated[str, LANGUAGE]
    """for example en"""

    target_lang: Annotated[str, LANGUAGE]
    """for example fr"""

    def __post_init__(self) -> None:
        super().__post_init__()
        # The files of both sides would be the same ones: a network would learn to copy.
        if self.source_lang == self.target_lang:
            raise ConfigError(f"source and target language are both {self.source_lang!r}")

    @property
    def languages(self) -> tuple[str, str]:
        """Source and target."""
        return self.source_lang, self.target_lang


class FolderTask:
    """A task whose text lies in its text folder: what is common to all of them."""

    folder: ClassVar[str]
    """Where in the text folder."""

    def __init__(self, settings: Any, corpus: Corpus, changes: Changes) -> None:
        self._settings = settings
        self._corpus = corpus
        self._changes = changes

    @classmethod
    def build(cls, settings: Any) -> Self:
        """Reads the text.

        Raises:
            DataError: if a file is missing or has no word, or two sides differ in their number of
                lines.
        """
        changes = Changes()
        corpus = read_corpus(settings.text_dir / cls.folder, settings.languages, changes)
        for split, both in corpus.items():
            for language, lines in zip(settings.languages, (both.source, both.target), strict=True):
                check_words(any(lines), settings.text_dir / cls.folder / f"{split}.{language}")
        return cls(settings, corpus, changes)


def prepare_corpus(
    raw: Corpus,
    languages: tuple[str, str],
    text_dir: Path,
    *,
    tokenise: Tokenise,
    num_merges: int,
) -> dict[str, Any]:
    """Writes ``raw``, tokenised and BPE-split files (see ``hat.tasks.corpus``) under ``text_dir``.

    Returns:
        The numbers of sentences and mean lengths in words and in BPE units, per split.
    """
    tokenised = _changed(raw, languages, "tokenising", tokenise)
    check_learnable([*tokenised["train"].source, *tokenised["train"].target])
    write_corpus(text_dir / "raw", raw, languages)
    write_corpus(text_dir / "tok", tokenised, languages)
    units = split_words(tokenised, languages, text_dir, num_merges=num_merges)
    return {"words": describe(tokenised), "bpe": describe(units)}


def split_words(
    tokenised: Corpus, languages: tuple[str, str], text_dir: Path, *, num_merges: int
) -> dict[str, Parallel]:
    """Learns joint BPE on both sides of ``train``, applies it to all splits and writes them."""
    codes = text_dir / "bpe" / "codes"
    train = tokenised["train"]
    learn_bpe([*train.source, *train.target], codes, num_merges=num_merges)
    encoder = BpeEncoder(codes)
    units = _changed(tokenised, languages, "BPE", lambda lines, _: encoder.encode(lines))
    write_corpus(text_dir / "bpe", units, languages)
    return units


def corpus_digest(corpus: Corpus) -> str:
    """Returns the digest of the sentences, however they are stored."""
    return mapping_digest({split: (both.source, both.target) for split, both in corpus.items()})


def _changed(
    corpus: Corpus, languages: tuple[str, str], step: str, change: Tokenise
) -> dict[str, Parallel]:
    """Applies ``change`` to both sides of each split; what comes out is plain text again.

    Raises:
        DataError: if it does not give a line for each line: the sides would drift apart.
    """
    changed = {}
    for split, pairs in corpus.items():
        sides = []
        for language, before in zip(languages, (pairs.source, pairs.target), strict=True):
            after = tuple(plain(line) for line in change(before, language))
            if len(after) != len(before):
                raise DataError(
                    f"{split}.{language}: {step} made {len(after)} lines of {len(before)}"
                )
            sides.append(after)
        changed[split] = Parallel(*sides)
    return changed
