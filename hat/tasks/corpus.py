"""A parallel corpus in three splits, and where its files lie.

TEXT_DIR/raw/{train,valid,test}.{src,tgt}    as people write it; sacreBLEU's references
TEXT_DIR/tok/{train,valid,test}.{src,tgt}    tokenised
TEXT_DIR/bpe/{train,valid,test}.{src,tgt}    split into BPE units; TEXT_DIR/bpe/codes
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from hat.errors import DataError
from hat.text.lines import Changes, read_text, write_lines

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


def read_corpus(
    folder: Path, languages: tuple[str, str], changes: Changes | None = None
) -> dict[str, Parallel]:
    """Reads what ``write_corpus`` wrote, or others did, under the rule of ``hat.text.lines``.

    Raises:
        DataError: if a file is missing or the two sides have different numbers of lines.
    """
    return {
        split: read_sides(
            folder / split, languages, [folder / f"{split}.{name}" for name in languages], changes
        )
        for split in SPLITS
    }


def read_sides(
    where: Path, languages: tuple[str, str], paths: Sequence[Path], changes: Changes | None = None
) -> Parallel:
    """Reads a source and a target file, whose lines belong together, under the rule.

    Raises:
        DataError: naming ``where`` if the two have different numbers of lines, or naming the file
            that is missing.
    """
    source, target = (tuple(read_text(path, changes)) for path in paths)
    check_sides(where, languages, (len(source), len(target)))
    return Parallel(source, target)


def check_sides(
    where: str | Path, languages: tuple[str, str], counts: Sequence[int], unit: str = "lines"
) -> None:
    """Refuses two sides of a text that have different numbers of lines.

    Raises:
        DataError: naming both languages and both numbers.
    """
    if counts[0] != counts[1]:
        raise DataError(
            f"{where}: {languages[0]} has {counts[0]} {unit}, but {languages[1]} has {counts[1]}"
        )


def check_words(has_words: bool, path: Path) -> None:
    """Refuses a side of a split that has no word: nothing is learned from it, and BLEU of it is 0.

    Raises:
        DataError: naming the file.
    """
    if not has_words:
        raise DataError(f"{path}: holds no word; expected a sentence a line")


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
