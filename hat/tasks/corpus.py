"""A parallel corpus in three splits, and where its files lie.

TEXT_DIR/raw/{train,valid,test}.{src,tgt}    as people write it; sacreBLEU's references
TEXT_DIR/tok/{train,valid,test}.{src,tgt}    tokenised
TEXT_DIR/bpe/{train,valid,test}.{src,tgt}    split into BPE units; TEXT_DIR/bpe/codes
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from hat.errors import DataError
from hat.text.lines import read_lines, write_lines

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Parallel:
    """Sentence pairs: line i of ``source`` translates to line i of ``target``."""

    source: tuple[str, ...]
    target: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.source) != len(self.target):
            raise DataError(
                f"a parallel text has {len(self.source)} source lines, "
                f"but {len(self.target)} target lines"
            )

    def __len__(self) -> int:
        return len(self.source)


Corpus = Mapping[str, Parallel]
"""The splits ``train``, ``valid`` and ``test``."""


def write_corpus(folder: Path, corpus: Corpus, languages: tuple[str, str]) -> None:
    """Writes ``folder/{split}.{language}`` for each split and both languages."""
    for split, pairs in corpus.items():
        write_lines(folder / f"{split}.{languages[0]}", pairs.source)
        write_lines(folder / f"{split}.{languages[1]}", pairs.target)


def read_corpus(folder: Path, languages: tuple[str, str]) -> dict[str, Parallel]:
    """Reads what ``write_corpus`` wrote.

    Raises:
        DataError: if a file is missing or the two sides have different numbers of lines.
    """
    corpus = {}
    for split in SPLITS:
        source, target = (read_lines(folder / f"{split}.{language}") for language in languages)
        if len(source) != len(target):
            raise DataError(
                f"{folder}/{split}: {languages[0]} has {len(source)} lines, "
                f"but {languages[1]} has {len(target)}"
            )
        corpus[split] = Parallel(tuple(source), tuple(target))
    return corpus


def describe(corpus: Corpus) -> dict[str, dict[str, float]]:
    """Returns sentences and mean length in tokens of each split, both sides."""
    return {
        split: {
            "sentences": len(pairs),
            "source_tokens_mean": round(_mean_length(pairs.source), 2),
            "target_tokens_mean": round(_mean_length(pairs.target), 2),
        }
        for split, pairs in corpus.items()
    }


def _mean_length(lines: tuple[str, ...]) -> float:
    return fmean(len(line.split()) for line in lines) if lines else 0.0
