"""The batch that recurrent cells are scored on: words, and the embedding that they go through."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np

from hat.arrays import Floats
from hat.conditions import content_digest
from hat.errors import DataError
from hat.settings import AtLeast, Settings
from hat.studies.epsinas.common import Count, OptionalCount
from hat.text.lines import Changes, read_text

VOCABULARY, EMBED_DIM = 10_000, 400
"""Of Penn Treebank, and of the benchmark's networks."""

STEPS, SENTENCES = 70, 256
AUTHORS_EMBEDDING_SEED = 21
END_OF_LINE = "<eos>"

CORPUS_FILES = ("train.txt", "valid.txt", "test.txt")
"""Of a corpus in a folder. The words of all of them are the vocabulary; the first is read."""


@dataclass(frozen=True, kw_only=True)
class BatchSettings(Settings):
    """Which words the cells see."""

    sentences: Count = SENTENCES
    """Of the batch (256)."""

    steps: OptionalCount = None
    """Tokens of each (70; with --logs, their bptt)."""

    seed: Annotated[int, AtLeast(0)] = 0
    """Of the random tokens (0)."""

    embedding_seed: Annotated[int, AtLeast(0)] = AUTHORS_EMBEDDING_SEED
    """PyTorch's; authors: 21."""

    text: Path | None = None
    """Take the tokens from a text instead, or from a folder with train.txt, valid.txt, test.txt."""


class WordBatch:
    """Words in columns, as many as a network needs, and their embedding."""

    def __init__(self, settings: BatchSettings, text: Path | None = None) -> None:
        """Reads the text, if any.

        Args:
            settings: the size of the batch and where its words come from.
            text: file or folder to take them from where the settings name none.

        Raises:
            DataError: if the text cannot be read.
        """
        self.text = settings.text or text
        self._settings = settings
        self._word_sums: dict[int, Floats] = {}
        self._sums: dict[tuple[int, int], Floats] = {}
        self._files = [] if self.text is None else _text_files(self.text)
        self._words, self.vocabulary = _numbered(self._files)

    def tokens(self, steps: int) -> np.ndarray:
        """Numbers of words (steps, sentences), time first: random ones or consecutive ones.

        A text is cut into as many columns as there are sentences; a batch is the top of each.

        Raises:
            DataError: if the text is too short.
        """
        sentences = self._settings.sentences
        if self.text is None:
            rng = np.random.default_rng(self._settings.seed)
            return rng.integers(0, VOCABULARY, (steps, sentences))
        needed = steps * sentences
        if len(self._words) < needed:
            raise DataError(
                f"{self._files[0]}: {needed} words are needed, but it has {len(self._words)}"
            )
        columns = self._words[: len(self._words) // sentences * sentences].reshape(sentences, -1)
        return columns[:, :steps].T.copy()

    def embedding(self, width: int = EMBED_DIM) -> np.ndarray:
        """The embedding of the authors' notebook, uniform in [0, 1]: (V, width) float32."""
        import torch

        generator = torch.Generator().manual_seed(self._settings.embedding_seed)
        weights: np.ndarray = (
            torch.empty(self.vocabulary, width).uniform_(0, 1, generator=generator).numpy()
        )
        return weights

    def sums(self, steps: int, width: int = EMBED_DIM) -> Floats:
        """The embedding of the tokens summed over its width: (steps, sentences)."""
        if width not in self._word_sums:
            self._word_sums[width] = self.embedding(width).astype(np.float64).sum(axis=1)
        if (steps, width) not in self._sums:
            self._sums[steps, width] = self._word_sums[width][self.tokens(steps)]
        return self._sums[steps, width]

    @cached_property
    def digest(self) -> str | None:
        """Of the content of the text; none if there is none."""
        return content_digest(self._files) if self._files else None


def random_sums() -> Floats:
    """The default batch: the embedding of random tokens summed over its width, (70, 256)."""
    return WordBatch(BatchSettings()).sums(STEPS)


def _text_files(text: Path) -> list[Path]:
    if not text.is_dir():
        return [text]
    files = [text / name for name in CORPUS_FILES]
    if not files[0].is_file():
        raise DataError(f"{text}: is no corpus: it has no {CORPUS_FILES[0]}")
    return [file for file in files if file.is_file()]


def _numbered(files: Sequence[Path]) -> tuple[np.ndarray, int]:
    """The words of the first file as numbers, and how many different ones all files have.

    Words are numbered as they appear, a line's end counts as one: the rule of the language models
    that the benchmark trains.
    """
    if not files:
        return np.zeros(0, np.int64), VOCABULARY
    known: dict[str, int] = {}
    changes = Changes()
    first, *others = (_words(file, changes) for file in files)
    numbers = np.array([known.setdefault(word, len(known)) for word in first], np.int64)
    for words in others:
        for word in words:
            known.setdefault(word, len(known))
    if changes.changed:
        print(changes)
    return numbers, len(known)


def _words(file: Path, changes: Changes) -> Iterator[str]:
    for line in read_text(file, changes):
        yield from filter(None, line.split(" "))
        yield END_OF_LINE
