"""Digests of files by content, of which those that have not changed are not read again."""

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hat.errors import HatError
from hat.files import write_json
from hat.json_reader import read_object
from hat.reading import open_file

_YOUNG_NS = 2_000_000_000
"""A file that was written so shortly before may be written again under the same time."""


_DIGEST = re.compile("[0-9a-f]{64}")


class Digests:
    """Digests of files and folders, kept beside size, time and place of each file."""

    def __init__(self, kept: Path) -> None:
        """Reads what an earlier run has kept, if it is there and whole."""
        self._path = kept
        try:
            self._known: dict[str, Any] = read_object(kept, "digests of files")
        except HatError:
            self._known = {}
        self._saved = dict(self._known)

    def of(self, paths: Sequence[Path]) -> str:
        """Returns a hash over names and contents of files; folders count with all their files."""
        total = hashlib.sha256()
        for path in paths:
            for file in sorted(_files_below(path)) if path.is_dir() else [path]:
                total.update(os.fsencode(file))
                if file.is_file():
                    total.update(bytes.fromhex(self._content(file)))
        # Looking alone, as a dry run does, makes no folder.
        if self._known != self._saved and self._path.parent.is_dir():
            with contextlib.suppress(HatError):  # a folder that cannot be written keeps nothing
                write_json(self._path, self._known)
                self._saved = dict(self._known)
        return total.hexdigest()

    def _content(self, file: Path) -> str:
        found = file.stat()
        name = str(file.absolute())
        # Copying tools set the time of the content; that of the last change is the system's own.
        mark = [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
        known = self._known.get(name)
        if isinstance(known, list) and known[:-1] == mark and _DIGEST.fullmatch(str(known[-1])):
            return str(known[-1])
        with open_file(file) as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > _YOUNG_NS:
            self._known[name] = [*mark, digest]
        return digest


def _files_below(folder: Path) -> Iterator[Path]:
    """Yields all files below a folder, those of folders that are links, too; each folder once."""
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # such as a link to a folder that it lies in
            folders.clear()
            continue
        seen.add(real)
        folders.sort()  # of several links to one folder, always the same counts
        yield from (path for name in files if (path := Path(place, name)).is_file())
