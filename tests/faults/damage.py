"""One set of damaged and malicious contents, which every loader is fed."""

import gzip
import io
import os
import pickle
import random
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

NUM_FLIPS = 8
MARKER = "harmed"
"""A folder that appears where code from a file runs."""


class _Harm:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.marker),)


def hostile(marker: Path) -> Iterator[tuple[str, bytes]]:
    """Contents that no loader may take for its own; those of text may be lines to who reads any."""
    for protocol in (0, 2, 5):
        yield f"pickle-{protocol}", pickle.dumps({"model": _Harm(marker)}, protocol=protocol)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(_Harm(marker), protocol=2))
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
    yield "pickle-in-torch's-archive", packed.getvalue()
    yield "bomb-in-zip", _zip_bomb()
    yield "bomb-in-gzip", _gzip_bomb()
    yield "binary", random.Random(0).randbytes(3000)
    yield "ones", b"\xff" * 500
    yield "zeros", bytes(500)
    yield "long-claims", b"\x80\x04B\xff\xff\xff\x7f" + b"\xff" * 8 + b"{}" * 20
    yield "utf-16", "arch,score\n1,2\n".encode("utf-16")
    yield "half-a-letter", b"arch,score\n\xc3"


@cache
def _gzip_bomb() -> bytes:
    return gzip.compress(bytes(80 << 20), compresslevel=9, mtime=0)


@cache
def _zip_bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("archive/data.pkl", "a/log.json", "a.npy"):
            archive.writestr(name, bytes(80 << 20))
    return packed.getvalue()


def texts(marker: Path) -> Iterator[tuple[str, bytes]]:
    """Texts that are bad JSON, YAML and tables; lines like others to who reads any lines."""
    yield "prose", b"It was a dark and stormy night;\nthe rain fell in torrents.\n"
    yield "deep-lists", b"[" * 100_000
    yield "deep-objects", b'{"a":' * 100_000
    yield "deep-but-closed", b"[" * 900 + b"]" * 900
    yield "yaml-tag", f"a: !!python/object/apply:os.mkdir [{marker}]\n".encode()
    yield "yaml-date", b"!!timestamp 2024-01-01\n"
    yield "yaml-bomb", _yaml_bomb()
    yield "yaml-itself", b"a: &a [*a]\n"
    yield "long-field", b'a,b\n1,"' + b"x\n" * 70_000
    yield "twice", b'{"a": 1, "a": 2}\n'
    yield "huge-number", b'{"a": 1' + b"0" * 400 + b".0}\n"
    yield "more-digits", b'{"a": ' + b"9" * 5000 + b"}\n"
    yield "half-a-character", b'{"a": "\\ud800"}\n'
    yield "a-number", b"1\n"
    yield "null", b"null\n"
    yield "list", b"[]\n"
    yield "object", b"{}\n"


def _yaml_bomb() -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    return "\n".join(lines).encode()


def spoilt(good: bytes) -> Iterator[tuple[str, bytes]]:
    """What a disk or a network makes of a good content. Some of it may still be a good one."""
    for share in (0.1, 0.5, 0.9):
        yield f"cut-at-{share:.0%}", good[: int(len(good) * share)]
    yield "cut-by-1", good[:-1]
    yield "empty", b""
    yield "doubled", good + good
    yield "tail", good + b"\0garbage"
    yield "mark-before", b"\xef\xbb\xbf" + good
    draw = random.Random(len(good))
    for _ in range(NUM_FLIPS if good else 0):
        place, bit = draw.randrange(len(good)), draw.randrange(8)
        flipped = bytearray(good)
        flipped[place] ^= 1 << bit
        yield f"bit-{bit}-of-byte-{place}", bytes(flipped)


def odd_places(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    """Paths of what is no file, all under the same name."""
    for kind in ("missing", "folder", "pipe", "device", "loop", "dangling"):
        path = folder / kind / name
        path.parent.mkdir(parents=True)
        if kind == "folder":
            path.mkdir()
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "device":
            path.symlink_to("/dev/zero")
        elif kind == "loop":
            path.symlink_to(path)
        elif kind == "dangling":
            path.symlink_to(folder / "nowhere")
        yield kind, path
