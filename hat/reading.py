"""Reading files, anybody's: bounded in time and memory, and one sentence where one is damaged.

Every reader of hat begins here, so that what may be wrong with any file is said once. Only regular
files are opened: to open a named pipe would wait for ever, a device has no end, and what comes out
of a pipe is gone when its digest is taken. What is unpacked or read as a whole has a limit. Text is
UTF-8; a byte-order mark before it is left out.
"""

import gzip
import io
import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from hat.errors import DataError, HatError

Error = type[HatError]
"""What is raised: the class says what kind of file the caller was reading."""

MOST_BYTES = 1 << 30
"""Of a file that is read as a whole, unpacked. The largest table that is has 100 MB."""

LONGEST_LINE = 1 << 24
"""Bytes. A line of a corpus has a few hundred, one that holds a cell of a benchmark a thousand."""

_BLOCK = 1 << 20
_GZIP = b"\x1f\x8b"
_PACKED = {
    b"BZh91AY&SY": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
"""How files begin that are packed in ways that are not unpacked here."""

_FREE_BYTES = 64 * _BLOCK
_GROWTH = 300
"""What is unpacked may be that many times what is packed; text packs 3 to 30 times. A megabyte of
a bomb becomes a gigabyte. The first 64 MiB are free: a short file of blanks is no bomb."""

_KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a pipe, which can be read only once",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
    stat.S_ISSOCK: "a socket",
}


def open_file(path: str | Path, error: Error = DataError) -> io.BufferedReader:
    """Opens a regular file for reading bytes; never waits.

    Raises:
        HatError: of class ``error``, if there is no such file, it cannot be opened or is no file.
    """
    try:
        # Without O_NONBLOCK, opening a named pipe waits until somebody writes to it.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as problem:
        raise error(f"{path!s}: cannot be read: {reason(problem)}") from None
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        kind = next((name for is_it, name in _KINDS.items() if is_it(mode)), "something else")
        raise error(f"{path!s}: is {kind}: expected a file")
    return os.fdopen(handle, "rb")


def check_file(path: str | Path, error: Error = DataError) -> None:
    """Checks that ``path`` is a regular file that can be opened, for readers of other packages.

    Raises:
        HatError: of class ``error``, as ``open_file`` does.
    """
    open_file(path, error).close()


def reason(problem: BaseException) -> str:
    """What the operating system or a library says is wrong, as a part of a sentence."""
    said = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
    return " ".join(said.split())[:200] or type(problem).__name__


@contextmanager
def opened(path: str | Path, error: Error = DataError) -> Iterator[IO[bytes]]:
    """Yields a file's bytes; those of a file whose name ends in ``.gz`` are unpacked.

    Raises:
        HatError: of class ``error``, if it cannot be read, or is no gzip file, or not a whole one,
            or one that grows out of proportion.
    """
    with open_file(path, error) as stream:
        try:
            if str(path).endswith(".gz"):
                yield io.BufferedReader(cast(Any, _Unpacked(stream, str(path), error)), _BLOCK)
            else:
                yield stream
        except OSError as problem:
            raise error(f"{path!s}: cannot be read: {reason(problem)}") from None


class _Unpacked(io.RawIOBase):
    """What is in a gzip file, as long as it does not grow out of proportion."""

    def __init__(self, packed: BinaryIO, name: str, error: Error) -> None:
        self._packed, self._name, self._error = packed, name, error
        self._unpacked = gzip.GzipFile(fileobj=packed)
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._unpacked.read(len(buffer))
        except (EOFError, gzip.BadGzipFile, zlib.error) as problem:
            raise self._error(
                f"{self._name}: is not a complete gzip file: {reason(problem)}"
            ) from None
        self._count += len(data)
        if self._count > max(_FREE_BYTES, _GROWTH * self._packed.tell()):
            raise self._error(
                f"{self._name}: grows more than {_GROWTH} times when it is unpacked: expected text"
            )
        buffer[: len(data)] = data
        return len(data)


def gunzipped(content: bytes, where: str, error: Error = DataError) -> bytes:
    """Returns what is in a gzip file that is in memory.

    Raises:
        HatError: of class ``error``, as ``opened`` and ``read_bytes`` do.
    """
    stream = io.BufferedReader(cast(Any, _Unpacked(io.BytesIO(content), where, error)), _BLOCK)
    return _whole(stream, where, error, MOST_BYTES)


def read_member(archive: zipfile.ZipFile, name: str, where: str, error: Error = DataError) -> bytes:
    """Returns what a zip archive holds under a name.

    Raises:
        HatError: of class ``error``, naming ``where``, if it is damaged, packed in a way that is
            not known here, or too large.
    """
    try:
        packed = archive.getinfo(name)
        if packed.file_size > max(_FREE_BYTES, _GROWTH * packed.compress_size):
            raise error(f"{where}: grows more than {_GROWTH} times when it is unpacked")
        with archive.open(packed) as stream:
            return _whole(stream, where, error, MOST_BYTES)
    except (OSError, EOFError, RuntimeError, ValueError, *_OF_ZIP) as problem:
        raise error(f"{where}: cannot be unpacked: {reason(problem)}") from None


_OF_ZIP = (KeyError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error)
"""What Python's reader of zip archives raises of damaged ones."""


def _whole(stream: IO[bytes], name: str, error: Error, most: int) -> bytes:
    content = stream.read(most + 1)
    if content is None:  # a file of the kernel's that has nothing to say yet
        raise error(f"{name}: cannot be read now: expected a file that is there as a whole")
    if len(content) > most:
        raise error(f"{name}: is too large: expected at most {most:,} bytes")
    return content


def read_bytes(path: str | Path, error: Error = DataError, *, most: int = MOST_BYTES) -> bytes:
    """Returns the bytes of a file, unpacked where its name ends in ``.gz``.

    Raises:
        HatError: of class ``error``, as ``opened`` does, or if there are more than ``most``.
    """
    with opened(path, error) as stream:
        return _whole(stream, str(path), error, most)


def read_text(path: str | Path, error: Error = DataError, *, most: int = MOST_BYTES) -> str:
    """Returns the text of a file; see ``decoded``.

    Raises:
        HatError: of class ``error``, as ``read_bytes`` and ``decoded`` do.
    """
    return decoded(read_bytes(path, error, most=most), str(path), error)


def read_log(path: str | Path, error: Error = DataError) -> str:
    """Returns the text of a log, whatever bytes a program left in it.

    Raises:
        HatError: of class ``error``, as ``read_bytes`` does.
    """
    return read_bytes(path, error).decode("utf-8", "replace")


def check_kind(beginning: bytes, where: str, error: Error = DataError) -> None:
    """Checks that a file that should be text does not begin as another usual kind does.

    Raises:
        HatError: of class ``error``, naming ``where`` and the kind.
    """
    if beginning.startswith(_GZIP):
        raise error(f"{where}: is no text but packed by gzip: expected a name that ends in .gz")
    for mark, kind in _PACKED.items():
        if beginning.startswith(mark):
            raise error(f"{where}: is not UTF-8 text but packed by {kind}: unpack it first")
    if beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise error(f"{where}: is not UTF-8 text but UTF-16: save it as UTF-8")


def decoded(content: bytes, where: str, error: Error = DataError) -> str:
    """Returns UTF-8 text without the byte-order mark that may stand before it.

    Raises:
        HatError: of class ``error``, naming ``where`` and the byte, if it is none.
    """
    check_kind(content, where, error)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise error(
            f"{where}: is not UTF-8 (byte {problem.start}): "
            f"found 0x{content[problem.start]:02x} in line {line}"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise error(f"{where}: is no text: line {line} holds the character U+0000")
    return text


def lines_of(stream: IO[bytes], name: str, error: Error = DataError) -> Iterator[tuple[int, bytes]]:
    """Yields number and bytes of each line of a stream, its line feed included.

    Raises:
        HatError: of class ``error``, if a line is longer than ``LONGEST_LINE``.
    """
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise error(
                f"{name}:{number}: the line is too long: expected at most {LONGEST_LINE:,} bytes"
            )
        yield number, line


def read_text_lines(path: str | Path, error: Error = DataError) -> Iterator[tuple[int, str]]:
    """Yields number and text of each line that is not blank, reading them one by one.

    Raises:
        HatError: of class ``error``, as ``opened``, ``lines_of`` and ``decoded`` do.
    """
    with opened(path, error) as stream:
        for number, line in lines_of(stream, str(path), error):
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield number, decoded(line, f"{path!s}:{number}", error)
