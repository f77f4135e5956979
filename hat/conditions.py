"""What a result depends on, by content: digests of files, and what differs between two runs.

A result may be reused, and interrupted work may go on, only under the conditions it began with.
Conditions are a flat mapping from a name that users know (an option, a file's role) to a plain
value. A file stands there as the digest of its content: the name of a file says nothing about
what is in it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hat.errors import CheckpointError, HatError
from hat.reading import open_file

_DIGITS = 16
"""Hex digits of a digest that are kept: 64 bits, plenty to tell a user's files apart."""

_SHOWN = 60
"""Longest value that a message shows in full."""

_NAMED = 4
"""How many differences a message spells out."""

_MISSING = "nothing"


def bytes_digest(content: bytes) -> str:
    """Returns the digest of ``content``: 16 hex digits of SHA-256."""
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def file_digest(path: str | Path) -> str:
    """Returns the digest of a file's content: 16 hex digits of SHA-256.

    A folder counts by the names and contents of the files that lie in it and are not hidden.

    Raises:
        HatError: if the file cannot be read.
    """
    if Path(path).is_dir():
        inside = (file for file in Path(path).iterdir() if file.is_file())
        return files_digest(file for file in inside if not file.name.startswith("."))
    with open_file(path, HatError) as stream:
        try:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:_DIGITS]
        except OSError as error:
            raise HatError(f"{path}: cannot be read: {error.strerror}") from None


def check_digests(folder: Path, digests: Mapping[str, Any]) -> None:
    """Checks that files of a folder are those that were written.

    Args:
        folder: where.
        digests: by name of the file.

    Raises:
        CheckpointError: naming the one that is another, or lies elsewhere.
    """
    for name, digest in digests.items():
        file = folder / name
        try:
            found = file_digest(file) if file.parent == folder else "a path"
        except HatError as error:
            raise CheckpointError(str(error)) from None
        if found != digest:
            raise CheckpointError(
                f"{file}: is damaged or another network's: expected the digest {digest!s:.40}, but "
                f"found {found}"
            )


def content_digest(paths: str | Path | Sequence[str | Path]) -> str:
    """Returns the digest of one file, or those of several in their order, joined by ``+``.

    Raises:
        HatError: if a file cannot be read.
    """
    several = [paths] if isinstance(paths, str | Path) else paths
    return "+".join(file_digest(path) for path in several)


def files_digest(paths: Iterable[str | Path]) -> str:
    """Returns one digest over the base names and contents of several files, in sorted order.

    Raises:
        HatError: if a file cannot be read.
    """
    lines = sorted(f"{Path(path).name} {file_digest(path)}" for path in paths)
    return bytes_digest("\n".join(lines).encode())


def mapping_digest(conditions: Mapping[str, Any]) -> str:
    """Returns one digest over all conditions: 16 hex digits of SHA-256."""
    return bytes_digest(json.dumps(_plain(conditions), sort_keys=True, default=str).encode())


OWN_DIGEST = "digest"
"""The key under which what is written holds a digest of its other values."""


def own_digest(values: Mapping[str, Any]) -> str:
    """Returns the digest of all values but their own digest, before or after it was added."""
    return mapping_digest({key: values[key] for key in values if key != OWN_DIGEST})


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Returns what differs between two sets of conditions: ``"seed was 1, is now 2"`` and so on.

    Values are compared as JSON would keep them: a tuple equals a list of the same elements.
    """
    names = [*old, *(name for name in new if name not in old)]
    return [
        "{} was {}, is now {}".format(name, *_shown(_text(old, name), _text(new, name)))
        for name in names
        if name not in old or name not in new or _plain(old[name]) != _plain(new[name])
    ]


def what_differs(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Returns ``differences`` as a part of a sentence, the first of them; empty if all is equal."""
    found = differences(old, new)
    more = [f"and {len(found) - _NAMED} more"] if len(found) > _NAMED else []
    return "; ".join([*found[:_NAMED], *more])


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _text(values: Mapping[str, Any], name: str) -> str:
    if name not in values:
        return _MISSING
    text = str(values[name])
    return text if text and text.isprintable() else repr(values[name])


def _shown(old: str, new: str) -> tuple[str, str]:
    """Both values cut to a readable length, so that the place where they differ is seen."""
    if old == new:
        return old, f"{new} of another type"
    if max(len(old), len(new)) <= _SHOWN:
        return old, new
    same = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
    start = 0 if same < _SHOWN // 2 else same - _SHOWN // 4
    return _cut(old, start), _cut(new, start)


def _cut(text: str, start: int) -> str:
    beginning = "..." if start else ""
    room = _SHOWN - len(beginning)
    rest = text[start:]
    return beginning + (rest if len(rest) <= room else f"{rest[: room - 3]}...")
