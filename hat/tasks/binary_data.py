"""The sentences of fairseq's binary data, read without fairseq."""

import itertools
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hat.errors import DataError
from hat.reading import MOST_BYTES, open_file, read_bytes
from hat.tasks.binary_index import FORMATS, count_sentences
from hat.tasks.corpus import check_sides

_TYPES = {1: "u1", 2: "i1", 3: "<i2", 4: "<i4", 5: "<i8", 8: "<u2", 9: "<u4", 10: "<u8"}
"""Types of the words' numbers by fairseq's code, in both formats."""


def read_sentences(prefix: Path, count: int) -> list[list[int]]:
    """Returns the first sentences of ``prefix.idx`` and ``prefix.bin``, their ends included.

    Args:
        prefix: the path without ``.idx``.
        count: how many sentences at most.

    Raises:
        DataError: if a file cannot be read, is no such file or shorter than it says.
    """
    index_path, data_path = (prefix.with_name(f"{prefix.name}.{end}") for end in ("idx", "bin"))
    total = count_sentences(index_path)
    index = read_bytes(index_path)
    is_mmap = index.startswith(FORMATS[0][0])
    code = index[len(FORMATS[0][0]) + 8] if is_mmap else struct.unpack_from("<Q", index, 16)[0]
    if code not in _TYPES:
        raise DataError(f"{index_path}: holds numbers of an unknown type ({code})")
    kind = np.dtype(_TYPES[code])
    # mmap: lengths at once; the older format: first where each sentence begins, twice.
    place, size = (26, "<i4") if is_mmap else (48 + 16 * (total + 1), "<i8")
    wanted = min(count, total)
    try:
        lengths = np.frombuffer(index, size, wanted, place).tolist()
        num_words = sum(lengths)
        if min(lengths, default=0) < 0 or num_words > MOST_BYTES:
            raise DataError(f"{index_path}: says that a sentence has {max(lengths, key=abs)} words")
        with open_file(data_path) as stream:
            words = np.frombuffer(stream.read(num_words * kind.itemsize), kind, num_words)
    except ValueError:
        raise DataError(f"{prefix}: its .idx or .bin file is shorter than it says") from None
    ends = [0, *itertools.accumulate(lengths)]
    # HAT's older format counts words from 1.
    shifted = words.astype(np.int64) - (0 if is_mmap else 1)
    return [shifted[a:b].tolist() for a, b in itertools.pairwise(ends)]


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
    for split, pair in itertools.product(splits, (languages, languages[::-1])):
        prefixes = [folder / f"{split}.{pair[0]}-{pair[1]}.{name}" for name in languages]
        if all(prefix.with_name(f"{prefix.name}.idx").is_file() for prefix in prefixes):
            source, target = (read_sentences(prefix, count) for prefix in prefixes)
            check_sides(folder / split, languages, (len(source), len(target)), "sentences")
            return list(zip(source, target, strict=True))
    return []
