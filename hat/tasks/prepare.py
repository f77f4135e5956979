"""From a raw corpus to files that fairseq binarises: tokenise, learn BPE, split into units."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hat.tasks.bpe import BpeEncoder, learn_bpe
from hat.tasks.corpus import Corpus, Parallel, describe, write_corpus

Tokenise = Callable[[tuple[str, ...], str], list[str]]
"""Tokenises sentences of a language: ``(lines, language) -> lines``."""


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
    source, target = languages
    tokenised = {
        split: Parallel(
            tuple(tokenise(pairs.source, source)), tuple(tokenise(pairs.target, target))
        )
        for split, pairs in raw.items()
    }
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
    units = {
        split: Parallel(tuple(encoder.encode(pairs.source)), tuple(encoder.encode(pairs.target)))
        for split, pairs in tokenised.items()
    }
    write_corpus(text_dir / "bpe", units, languages)
    return units
