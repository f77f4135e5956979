"""How many sentences fairseq's binary data holds, as its ``.idx`` files say; without fairseq."""

import struct
from pathlib import Path

from hat.conditions import files_digest
from hat.errors import DataError
from hat.reading import open_file
from hat.tasks.corpus import check_sides

FORMATS = ((b"MMIDIDX\x00\x00", 8 + 1), (b"TNTIDX\x00\x00", 8 + 8 + 8))
"""fairseq's ``mmap`` format and the older one of HAT's time: how a file starts, and how many bytes
of version and type follow before the number of sentences, 8 bytes, the lowest first."""

_HOLDS_DATA = (".bin", ".idx", ".txt")
"""Endings of the files that fairseq-preprocess makes, its log apart."""


def count_sentences(path: Path) -> int:
    """Returns the number of sentences that an ``.idx`` file names.

    Raises:
        DataError: if the file cannot be read or is no such file.
    """
    with open_file(path) as stream:
        start = stream.read(64)
    for magic, between in FORMATS:
        place = len(magic) + between
        if start.startswith(magic) and len(start) >= place + 8:
            count: int = struct.unpack_from("<Q", start, place)[0]
            return count
    raise DataError(f"{path}: is no index of binarised sentences")


def binary_digest(folder: Path) -> str:
    """Returns the digest of a data folder: its sentences and dictionaries, not fairseq's log."""
    return files_digest(path for path in folder.iterdir() if path.suffix in _HOLDS_DATA)


def check_binary_sides(folder: Path) -> None:
    """Refuses a data folder in which the two sides of a split differ in their sentences.

    Raises:
        DataError: naming the split, both languages and both numbers, or an index that is damaged.
    """
    for source in sorted(folder.glob("*.*-*.*.idx")):
        split, pair, language = source.name.rsplit(".", 3)[:3]
        first, _, second = pair.partition("-")
        target = folder / f"{split}.{pair}.{second}.idx"
        if language != first or not target.is_file():
            continue
        counts = (count_sentences(source), count_sentences(target))
        check_sides(folder / split, (first, second), counts, "sentences")
