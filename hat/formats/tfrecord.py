"""Reads TFRecord files without TensorFlow, checking every checksum.

A record is its length (uint64, little-endian), the masked CRC-32C of those eight bytes, the data
and the masked CRC-32C of the data (TensorFlow, core/lib/io/record_writer.h).
"""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from hat.errors import DataError
from hat.formats.crc32c import crc32c, crc32c_batch, masked
from hat.reading import open_file

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_BLOCK_BYTES = 4 << 20

Record = tuple[int, bytes]
"""Byte offset of the record in its file, and its data."""


def read_records(
    path: str | Path, *, on_bytes: Callable[[int], object] | None = None
) -> Iterator[Record]:
    """Yields the records of a file in order, reading a few megabytes at a time.

    Args:
        path: the file.
        on_bytes: told how many bytes were just dealt with, for a progress bar.

    Raises:
        DataError: if the file cannot be read, ends within a record or fails a checksum; it names
            the byte offset of the record.
    """
    with open_file(path) as stream:
        yield from _read(stream, path, on_bytes)


def _read(
    stream: BinaryIO, path: str | Path, on_bytes: Callable[[int], object] | None
) -> Iterator[Record]:
    headers: dict[int, int] = {}  # length -> its checksum; a file has few different lengths
    offset = 0
    rest = b""
    while True:
        block = stream.read(_BLOCK_BYTES)
        buffer = rest + block
        records, checksums, used = _split(buffer, offset, path, headers)
        _check_data(records, checksums, path)
        yield from records
        if on_bytes is not None:
            on_bytes(used)
        offset += used
        rest = buffer[used:]
        if not block:
            break
    if rest:
        wanted = "a record's 12 header bytes"
        if len(rest) >= _HEADER.size:
            size = _HEADER.size + _HEADER.unpack_from(rest)[0] + _FOOTER.size
            wanted = f"a record of {size} bytes"
        raise DataError(
            f"{path}: byte {offset}: the file is truncated: {wanted} should stand here, "
            f"but only {len(rest)} bytes follow"
        )


def _split(
    buffer: bytes, offset: int, path: str | Path, headers: dict[int, int]
) -> tuple[list[Record], list[int], int]:
    """Cuts whole records off a buffer that starts at byte ``offset`` of the file."""
    records: list[Record] = []
    checksums: list[int] = []
    start = 0
    while start + _HEADER.size <= len(buffer):
        length, length_crc = _HEADER.unpack_from(buffer, start)
        if headers.get(length) != length_crc:
            expected = masked(crc32c(buffer[start : start + 8]))
            if expected != length_crc:
                raise DataError(
                    f"{path}: byte {offset + start}: the checksum of the record's length is "
                    f"{length_crc:08x}, but expected {expected:08x}: the file is corrupt or not "
                    "a TFRecord file"
                )
            headers[length] = length_crc
        data_start = start + _HEADER.size
        data_end = data_start + length
        if data_end + _FOOTER.size > len(buffer):
            break
        records.append((offset + start, buffer[data_start:data_end]))
        checksums.append(_FOOTER.unpack_from(buffer, data_end)[0])
        start = data_end + _FOOTER.size
    return records, checksums, start


def _check_data(records: list[Record], checksums: list[int], path: str | Path) -> None:
    crcs = crc32c_batch([data for _, data in records]).astype(np.uint64)
    found = ((crcs >> 15 | crcs << 17) + 0xA282EAD8) & 0xFFFFFFFF
    wrong = np.flatnonzero(found != np.array(checksums, dtype=np.uint64))
    if len(wrong):
        first = int(wrong[0])
        raise DataError(
            f"{path}: byte {records[first][0]}: the checksum of the record's data is "
            f"{checksums[first]:08x}, but its bytes give {int(found[first]):08x}: "
            "the file is corrupt"
        )
