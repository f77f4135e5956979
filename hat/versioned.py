"""JSON files that name their format and its version, so that no version reads another's wrongly.

A file that an older version of hat cannot understand says so by its number: whoever changes what
a format means raises it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hat.errors import CheckpointError
from hat.files import write_json
from hat.json_reader import read_json
from hat.version import __version__


def write_versioned(path: Path, name: str, version: int, values: Mapping[str, Any]) -> None:
    """Writes ``values`` with the name and the version of their format, atomically."""
    write_json(path, {"format": name, "version": version, "hat": __version__, **values})


def read_versioned(path: Path, name: str, version: int) -> dict[str, Any]:
    """Returns what ``write_versioned`` was given.

    Args:
        path: the file.
        name: of the format.
        version: the newest that the caller understands.

    Raises:
        CheckpointError: if the file cannot be read, is no such file or of a newer version.
    """
    content = read_json(path, CheckpointError)
    if not isinstance(content, dict) or content.get("format") != name:
        raise CheckpointError(f"{path}: expected a JSON object of the format {name!r}")
    found = content.get("version")
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise CheckpointError(f"{path}: version must be a positive number, but found {found!r}")
    if found > version:
        raise CheckpointError(
            f"{path}: is of version {found} of its format, written by hat {content.get('hat')}, "
            f"but this is hat {__version__}, which reads up to version {version}: install a newer "
            "hat"
        )
    return {key: value for key, value in content.items() if key not in _HEAD}


_HEAD = ("format", "version", "hat")
