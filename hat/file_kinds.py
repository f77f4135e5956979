"""What a file is by its first bytes, so that none is written over by one of another kind."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from hat.errors import DataError

Kind = Literal["text", "picture", "archive"]
"""What a file is by its first bytes; weights and tables of arrays are archives."""

_STARTS: Mapping[Kind, tuple[bytes, ...]] = {
    # torch.save's today, and before torch 1.6; HDF5; gzip
    "archive": (b"PK", b"\x80\x02", b"\x89HDF", b"\x1f\x8b"),
    "picture": (
        b"\x89PNG",
        b"\xff\xd8",
        b"%PDF",
        b"%!PS",
        b"<?xml",
        b"<svg",
        b"RIFF",
        b"II*",
        b"MM\0",
    ),
}


def check_replaced(target: Path, kind: Kind) -> None:
    """Checks that what would be written over is of the kind that is written: a slip costs no file.

    Args:
        target: what will be written; nothing or an empty file may stand there.
        kind: what it will be.

    Raises:
        DataError: if a file of another kind is there.
    """
    if not target.is_file() or not os.access(target, os.R_OK):
        return
    with target.open("rb") as stream:
        head = stream.read(4096)
    starts = _STARTS.get(kind)
    fits = b"\0" not in head if starts is None else head.startswith(starts)
    if head and not fits:
        word = "file of weights or arrays" if kind == "archive" else f"{kind} file"
        raise DataError(f"{target}: would be written over, but is no {word}: name another file")
