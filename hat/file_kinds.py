"""What a file is by its first bytes, so that none is written over by one of another kind.

And by the end of its name, so that none is written under the name of another format.
"""

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


Form = Literal["a checkpoint", "CSV", "HDF5", "YAML"]
"""What is written."""

_ENDS: Mapping[str, tuple[str, ...]] = {
    "a checkpoint": (".pt", ".pth", ".ckpt"),
    "CSV": (".csv",),
    "HDF5": (".h5", ".hdf5"),
    "YAML": (".yml", ".yaml"),
    "JSON": (".json", ".jsonl"),
    "Markdown": (".md",),
    "HTML": (".html", ".htm"),
    "a picture": (".png", ".pdf", ".svg", ".jpg"),
    "an archive": (".zip", ".gz", ".bz2", ".xz", ".tar", ".npz", ".safetensors", ".onnx"),
}
"""Ends of names by which others know what a file is; any other end may be anything."""


def check_end(target: Path, form: Form) -> None:
    """Checks that a name does not end as files of another format do: no reader would take it.

    Args:
        target: what will be written.
        form: its format.

    Raises:
        DataError: naming both formats.
    """
    end = target.suffix.lower()
    named = next((each for each, ends in _ENDS.items() if end in ends), form)
    if named != form:
        ends = " or ".join(_ENDS[form])
        raise DataError(
            f"{target}: {end} is the end of {named}, but {form} is written there: name it with "
            f"{ends}"
        )
