"""NAS-Bench-201 and NATS-Bench's topology space as their authors publish them.

As their README files and ``nats_bench/api_utils.py`` and ``api_topology.py`` describe them
(github.com/D-X-Y/NAS-Bench-201, github.com/D-X-Y/NATS-Bench):

- ``NAS-Bench-201-v1_0-e61699.pth`` and ``v1_1-096897.pth``, which ``torch.save`` wrote: a
  dictionary of ``meta_archs`` (the cells' strings in the order of their index), ``arch2infos``
  (index -> ``full`` and ``less``, 200 and 12 epochs) and ``evaluated_indexes``;
- ``NATS-tss-v1_0-3ffb9.pickle.pbz2``: the same as a pickle in bzip2, with the lengths of training
  named ``200`` and ``12``;
- the folders ``NATS-tss-v1_0-3ffb9-simple`` and ``-full``: ``meta.pickle.pbz2`` with ``meta_archs``
  and a file ``000011.pickle.pbz2`` for each index; ``-full`` holds the trained weights as well;
- the folder ``NAS-Bench-201-v1_1-archive``: ``000011-FULL.pth`` for each index, without ``meta``.

Every file is read by ``pickle_stream``: nothing in it can run, and weights are passed over.
"""

import bz2
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from hat.benchmarks.nb201_runs import Entry, read_entry
from hat.csv_reader import distinct
from hat.errors import DataError
from hat.formats.pickle_stream import PickleStream
from hat.reading import open_file, reason

_META = "meta.pickle.pbz2"
_MEMBER = re.compile(r"(?P<index>[0-9]+)(-(FULL|SIMPLE)\.pth|\.pickle\.pbz2)")

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""The first value of what ``torch.save`` wrote before torch 1.6 (``torch/serialization.py``)."""


def is_published_nb201(source: Path) -> bool:
    """Whether a file or folder looks like one of those above and not like a TFRecord file.

    What cannot be read is none; whoever reads it next will say why.
    """
    if source.is_dir():
        return True
    try:
        with open_file(source) as stream:
            start = stream.read(8)
    except DataError:
        return False
    # A TFRecord begins with a length, of which the upper four of eight bytes are zero.
    return start.startswith((b"PK\x03\x04", b"BZh", b"\x80")) and start[4:] != bytes(4)


def check_unpacked(source: Path) -> None:
    """Checks that a file is not the archive in which a benchmark was downloaded.

    Raises:
        DataError: if it is a tar archive or compressed by gzip.
    """
    with suppress(OSError, EOFError, zlib.error, lzma.LZMAError):
        if source.is_file() and (tarfile.is_tarfile(source) or _begins(source, b"\x1f\x8b")):
            raise DataError(f"{source}: is an archive; unpack it and give what is in it")


def _begins(source: Path, magic: bytes) -> bool:
    with open_file(source) as stream:
        return stream.read(len(magic)) == magic


class PublishedFile:
    """One of the files or folders above."""

    def __init__(self, source: Path) -> None:
        """Args: source: the file or folder."""
        self.source = source
        self.num_cells: int | None = None
        """How many cells the file lists, measured or not; known after ``entries``."""

    @property
    def num_bytes(self) -> int:
        """Size of what will be read."""
        return sum(path.stat().st_size for path in self._files())

    def entries(self, on_bytes: Callable[[int], object] = lambda count: None) -> Iterator[Entry]:
        """Yields the architectures one by one; memory holds no more than one of them.

        Args:
            on_bytes: is told how many bytes of the file were read since the last call.

        Raises:
            DataError: if a file is damaged, holds more than plain values, or if something in it is
                missing, out of range or at odds with the rest; the latter also at the end.
        """
        archs: dict[int, str] = {}
        meta: dict[str, Any] = {}
        whole = not self.source.is_dir()
        read = self._one_file if whole else self._folder
        for where, index, content in read(meta, on_bytes):
            entry = read_entry(index, content, where)
            if entry.index in archs:
                raise DataError(f"{where}: architecture {index} stands there twice")
            archs[entry.index] = entry.arch
            yield entry
        self._check_meta(meta, archs, whole)

    def _files(self) -> list[Path]:
        if not self.source.is_dir():
            return [self.source]
        files = sorted(path for path in self.source.iterdir() if _MEMBER.fullmatch(path.name))
        if not files:
            raise DataError(
                f"{self.source}: the folder holds no 000000.pickle.pbz2 or 000000-FULL.pth"
            )
        return files

    def _one_file(
        self, meta: dict[str, Any], on_bytes: Callable[[int], object]
    ) -> Iterator[tuple[str, Any, Any]]:
        where = str(self.source)
        with _opened(self.source, on_bytes) as unpickler:
            for index, content in unpickler.entries("arch2infos"):
                yield where, index, content
            meta.update(_dictionary(unpickler.value, where))
        for name in ("meta_archs", "arch2infos", "evaluated_indexes"):
            if name not in meta:
                raise DataError(
                    f"{where}: is not NAS-Bench-201's or NATS-Bench's: it has no {name!r}"
                )

    def _folder(
        self, meta: dict[str, Any], on_bytes: Callable[[int], object]
    ) -> Iterator[tuple[str, Any, Any]]:
        files = self._files()
        about = self.source / _META
        if about.exists() or files[0].suffix == ".pbz2":
            with _opened(about) as unpickler:
                meta.update(_dictionary(unpickler.load(), str(about)))
        for path in files:
            found = cast("re.Match[str]", _MEMBER.fullmatch(path.name))
            with _opened(path, on_bytes) as unpickler:
                yield str(path), int(found["index"]), unpickler.load()

    def _check_meta(self, meta: dict[str, Any], archs: dict[int, str], whole: bool) -> None:
        """What the file lists must be what was found."""
        where = f"{self.source}" if whole else f"{self.source / _META}"
        if not archs:
            raise DataError(f"{self.source}: holds no architectures")
        if not meta:
            distinct(((arch, f"index {index}") for index, arch in archs.items()), "cell")
            return
        listed = meta.get("meta_archs")
        if not isinstance(listed, list | tuple) or not all(
            isinstance(arch, str) for arch in listed
        ):
            raise DataError(f"{where}: 'meta_archs' must be the list of the cells' strings")
        places = (f"{where}: meta_archs[{index}]" for index in range(len(listed)))
        distinct(zip(listed, places, strict=True), "cell")
        self.num_cells = len(listed)
        for index, arch in archs.items():
            if index >= len(listed) or listed[index] != arch:
                said = repr(listed[index]) if index < len(listed) else f"only {len(listed)} cells"
                raise DataError(
                    f"{where}: architecture {index} is {arch!r}, but meta_archs has {said:.120}"
                )
        other = _indexes(meta.get("evaluated_indexes"), where) ^ set(archs) if whole else None
        if other:
            raise DataError(
                f"{where}: evaluated_indexes and arch2infos must name the same architectures, "
                f"but only one of them has {min(other)}"
            )


def _dictionary(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(f"{where}: expected a dictionary, but found {type(value).__name__}")
    return value


def _indexes(value: Any, where: str) -> set[int]:
    if not isinstance(value, list | set | tuple) or not all(isinstance(i, int) for i in value):
        raise DataError(f"{where}: evaluated_indexes must be a list of whole numbers")
    return set(value)


class _Counted:
    """A file that tells how much of it was read."""

    def __init__(self, stream: BinaryIO, on_bytes: Callable[[int], object]) -> None:
        self._stream, self._on_bytes = stream, on_bytes

    def read(self, count: int = -1) -> bytes:
        data = self._stream.read(count)
        self._on_bytes(len(data))
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _opened(
    path: Path, on_bytes: Callable[[int], object] = lambda count: None
) -> Iterator[PickleStream]:
    """Yields an unpickler that stands before the value that was saved."""
    try:
        with ExitStack() as stack:
            raw = stack.enter_context(open_file(path))
            start = raw.read(4)
            raw.seek(0)
            stream = cast(BinaryIO, _Counted(raw, on_bytes))
            if start == b"PK\x03\x04":
                stream = stack.enter_context(_member(path, stream))
            elif start[:3] == b"BZh":
                stream = cast(BinaryIO, stack.enter_context(bz2.open(stream)))
            unpickler = PickleStream(stream, str(path), kept=_is_shared)
            if start[:1] == b"\x80" and path.suffix == ".pth":
                _skip_legacy_head(unpickler, path)
            yield unpickler
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"{path}: cannot be read: {reason(error)}") from None


def _is_shared(text: str) -> bool:
    """Names of epochs are made anew for every run, and are most of the texts of a file."""
    return "@" not in text


def _member(path: Path, stream: BinaryIO) -> Any:
    """The pickle in the archive that ``torch.save`` writes since torch 1.6."""
    try:
        archive = zipfile.ZipFile(stream)
        names = [name for name in archive.namelist() if name.rsplit("/", 1)[-1] == "data.pkl"]
        if len(names) == 1:
            return archive.open(names[0])
    except (ValueError, RuntimeError, struct.error) as error:
        raise DataError(f"{path}: cannot be read: {reason(error)}") from None
    raise DataError(f"{path}: is not what torch.save writes: it has no data.pkl")


def _skip_legacy_head(unpickler: PickleStream, path: Path) -> None:
    """Before torch 1.6 a magic number, a version and facts of the machine came first."""
    head = [unpickler.load() for _ in range(3)]
    if head[0] != _LEGACY_MAGIC:
        raise DataError(f"{path}: is not what torch.save writes: it does not begin as such a file")
