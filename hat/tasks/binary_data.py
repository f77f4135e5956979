"""The sentences of fairseq's binary data, read and checked without fairseq.

An ``.idx`` file says how many words each sentence has and where in the ``.bin`` file it begins. In
the ``mmap`` format lengths are 4 bytes and places are in bytes; in the older one of HAT's time,
which counts words from 1, both are 8 bytes and places are in words.
"""

import itertools
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hat.errors import DataError
from hat.reading import open_file, read_bytes
from hat.tasks.binary_index import FORMATS, count_sentences
from hat.tasks.corpus import check_sides
from hat.text.dictionaries import SPECIAL_SYMBOLS

_TYPES = {1: "u1", 2: "i1", 3: "<i2", 4: "<i4", 5: "<i8", 8: "<u2", 9: "<u4", 10: "<u8"}
"""Types of the words' numbers by fairseq's code, in both formats."""

_END = SPECIAL_SYMBOLS.index("</s>")
_WITHIN = {_END: "</s>", SPECIAL_SYMBOLS.index("<pad>"): "<pad>"}
"""Numbers that stand for no word within a sentence: the model stops at the one, the other hides."""

_AT_ONCE = 1 << 24
"""Words that are looked at together."""


@dataclass(frozen=True)
class BinarySide:
    """One language of a split."""

    prefix: Path
    """The path without ``.idx``."""

    kind: np.dtype[np.integer]
    """Of the words' numbers in the file."""

    first: int
    """From which words are counted there."""

    lengths: npt.NDArray[np.int64]
    """(N,) words of each sentence, its end included."""

    @property
    def index_path(self) -> Path:
        """The file of lengths."""
        return _with_end(self.prefix, "idx")

    @property
    def data_path(self) -> Path:
        """The file of words."""
        return _with_end(self.prefix, "bin")

    @classmethod
    def open(cls, prefix: Path) -> "BinarySide":
        """Reads the lengths, and checks that both files are whole.

        Raises:
            DataError: naming the file that cannot be read, is no such file, or is shorter, longer
                or of other lengths than it says.
        """
        index_path = _with_end(prefix, "idx")
        total = count_sentences(index_path)
        index = read_bytes(index_path)
        is_mmap = index.startswith(FORMATS[0][0])
        start = len(FORMATS[0 if is_mmap else 1][0])
        version = struct.unpack_from("<Q", index, start)[0]
        if version != 1:
            raise DataError(f"{index_path}: is of version {version}, but expected 1")
        code = index[start + 8] if is_mmap else struct.unpack_from("<Q", index, start + 8)[0]
        if code not in _TYPES:
            raise DataError(f"{index_path}: holds numbers of an unknown type ({code})")
        kind = np.dtype(_TYPES[code])
        lengths, places = (_mmap_index if is_mmap else _old_index)(index, total, index_path)
        side = cls(prefix, kind, 0 if is_mmap else 1, lengths)
        side._check_lengths()
        unit = kind.itemsize if is_mmap else 1
        expected = np.concatenate([[0], np.cumsum(lengths)])[: len(places)] * unit
        wrong = np.flatnonzero(places != expected)
        if wrong.size:
            raise DataError(
                f"{index_path}: sentence {wrong[0] + 1} begins at {places[wrong[0]]}, but those "
                f"before it end at {expected[wrong[0]]}: the file is damaged"
            )
        side._check_size()
        return side

    def _check_lengths(self) -> None:
        (short,) = np.nonzero(self.lengths < 1)
        if short.size:
            raise DataError(
                f"{self.index_path}: sentence {short[0] + 1} has {self.lengths[short[0]]} words, "
                "but each has its end at least"
            )

    def _check_size(self) -> None:
        with open_file(self.data_path) as stream:
            found = stream.seek(0, 2)
        expected = int(self.lengths.sum()) * self.kind.itemsize
        if found != expected:
            raise DataError(
                f"{self.data_path}: has {found} bytes, but {self.index_path.name} tells of "
                f"{expected}: one of the two is damaged"
            )

    def _stored(self, start: int, end: int) -> npt.NDArray[np.integer]:
        """The words from the one place to the other, as they stand in the file."""
        with open_file(self.data_path) as stream:
            stream.seek(start * self.kind.itemsize)
            content = stream.read((end - start) * self.kind.itemsize)
        return np.frombuffer(content, self.kind)

    def sentences(self, count: int) -> list[list[int]]:
        """Returns the first sentences, ``count`` at most.

        Raises:
            DataError: if the file of words cannot be read.
        """
        ends = [0, *itertools.accumulate(self.lengths[:count].tolist())]
        words = self._stored(0, ends[-1]).astype(np.int64) - self.first
        return [words[a:b].tolist() for a, b in itertools.pairwise(ends)]

    def some(self, places: Iterable[int]) -> Iterator[npt.NDArray[np.int64]]:
        """Yields the sentences at some places, one by one.

        Raises:
            DataError: if the file of words cannot be read.
        """
        ends, size = np.cumsum(self.lengths), self.kind.itemsize
        with open_file(self.data_path) as stream:
            for place in places:
                length = int(self.lengths[place])
                stream.seek((int(ends[place]) - length) * size)
                words = np.frombuffer(stream.read(length * size), self.kind)
                yield words.astype(np.int64) - self.first

    def check_words(self, vocabulary: int, dictionary: str) -> str | None:
        """Checks that all words are the dictionary's, and that each sentence ends with its end.

        Args:
            vocabulary: how many words the dictionary has.
            dictionary: names it in messages.

        Returns:
            What is odd but can be trained on: words that stand for no word; None if there are none.

        Raises:
            DataError: naming the sentence and the number.
        """
        ends = np.cumsum(self.lengths) - 1
        within = dict.fromkeys(_WITHIN, 0)
        total = int(self.lengths.sum())
        for start in range(0, total, _AT_ONCE):
            words = self._stored(start, min(start + _AT_ONCE, total))
            if int(words.min()) < self.first or int(words.max()) >= vocabulary + self.first:
                words = words.astype(np.int64) - self.first
                wrong = np.flatnonzero((words < 0) | (words >= vocabulary))
                sentence = int(np.searchsorted(ends, start + wrong[0])) + 1
                raise DataError(
                    f"{self.data_path}: sentence {sentence} holds word number {words[wrong[0]]}, "
                    f"but {dictionary} has {vocabulary} words: it is another one's data"
                )
            here = ends[(ends >= start) & (ends < start + len(words))]
            open_ = np.flatnonzero(words[here - start] != _END + self.first)
            if open_.size:
                sentence = int(np.searchsorted(ends, here[open_[0]])) + 1
                raise DataError(
                    f"{self.data_path}: sentence {sentence} does not end with </s>, as all of "
                    "fairseq-preprocess do: the file is damaged"
                )
            for number in within:
                within[number] += int((words == number + self.first).sum())
            within[_END] -= len(here)
        found = [f"{count} {_WITHIN[number]}" for number, count in within.items() if count]
        if not found:
            return None
        return (
            f"{self.data_path}: holds {' and '.join(found)} within sentences, where fairseq takes "
            "them for its own symbols and not for words: prepare the text anew with hat prepare"
        )


def _with_end(prefix: Path, end: str) -> Path:
    return prefix.with_name(f"{prefix.name}.{end}")


def _mmap_index(
    index: bytes, total: int, path: Path
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns lengths (N,), and where sentences begin, (N,), in bytes."""
    start = 26
    _check_index_size(path, len(index), start + 12 * total, total)
    lengths = np.frombuffer(index, "<i4", total, start).astype(np.int64)
    return lengths, np.frombuffer(index, "<i8", total, start + 4 * total)


def _old_index(
    index: bytes, total: int, path: Path
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns lengths (N,), and where sentences begin and the last ends, (N+1,), in words."""
    start = 48
    _check_index_size(path, len(index), start + 8 * (2 * (total + 1) + total), total)
    places = np.frombuffer(index, "<i8", total + 1, start + 8 * (total + 1))
    return np.frombuffer(index, "<i8", total, start + 16 * (total + 1)), places


def _check_index_size(path: Path, found: int, expected: int, total: int) -> None:
    if found != expected:
        raise DataError(
            f"{path}: has {found} bytes, but the {total} sentences that it tells of take "
            f"{expected}: it is damaged"
        )


def read_sentences(prefix: Path, count: int) -> list[list[int]]:
    """Returns the first sentences of ``prefix.idx`` and ``prefix.bin``, their ends included.

    Args:
        prefix: the path without ``.idx``.
        count: how many sentences at most.

    Raises:
        DataError: if a file cannot be read, is no such file or not as long as it says.
    """
    return BinarySide.open(prefix).sentences(count)


def read_pairs(
    folder: Path, languages: tuple[str, str], splits: Sequence[str], count: int
) -> list[tuple[list[int], list[int]]]:
    """Returns the first pairs of the first split of a data folder that has both sides.

    Args:
        folder: the data folder.
        languages: source and target; the folder may hold the pair in the other order.
        splits: names of splits to look for.
        count: how many pairs at most.

    Returns:
        (source, target) words by number, ends included; empty if there is no such split.

    Raises:
        DataError: if the data is damaged.
    """
    for split in splits:
        prefixes = prefixes_of(folder, languages, split)
        if prefixes is not None:
            source, target = (read_sentences(prefix, count) for prefix in prefixes)
            check_sides(folder / split, languages, (len(source), len(target)), "sentences")
            return list(zip(source, target, strict=True))
    return []


def prefixes_of(folder: Path, languages: tuple[str, str], split: str) -> tuple[Path, Path] | None:
    """Returns the paths, without ``.idx``, of source and target; None if one is not there."""
    for pair in (languages, languages[::-1]):
        source, target = (folder / f"{split}.{pair[0]}-{pair[1]}.{name}" for name in languages)
        if all(_with_end(prefix, "idx").is_file() for prefix in (source, target)):
            return source, target
    return None
