"""Files that name their format and its version, so that no version reads another's wrongly.

A file that an older version of hat cannot understand says so by its number: whoever changes what
a format means raises it.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hat.errors import CheckpointError, DataError, HatError
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
    writer = f", written by hat {content.get('hat')!s:.20}"
    check_version(content.get("version"), version, path, CheckpointError, writer=writer)
    return {key: value for key, value in content.items() if key not in _HEAD}


def check_format(
    found: Any, expected: str, where: str | Path, error: type[HatError] = DataError
) -> None:
    """Checks a format that is named with its version in one word: ``hat-run-1``.

    Args:
        found: what a file holds.
        expected: the newest that the caller understands.
        where: names the file in messages.
        error: what is raised.

    Raises:
        HatError: of the class ``error``, if it is another format or a newer version.
    """
    if found == expected:
        return
    check_not_newer(found, expected, where, error)
    raise error(f"{where}: format is {found!r:.40}; expected {expected!r}")


def check_not_newer(
    found: Any, expected: str, where: str | Path, error: type[HatError] = DataError
) -> None:
    """The same for who begins anew where there is anything but a newer version."""
    name, _, newest = expected.rpartition("-")
    begins = isinstance(found, str) and found.startswith(f"{name}-")
    version = found.removeprefix(f"{name}-") if begins else ""
    if re.fullmatch("[0-9]{1,9}", version) and int(version) > int(newest):
        check_version(int(version), int(newest), where, error)


def check_version(
    found: Any, newest: int, where: str | Path, error: type[HatError], *, writer: str = ""
) -> None:
    """Checks the version of a format.

    Args:
        found: what a file holds.
        newest: that the caller understands.
        where: names the file in messages.
        error: what is raised.
        writer: what is known of who wrote it.

    Raises:
        HatError: of the class ``error``, if it is none, or newer.
    """
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise error(f"{where}: version must be a positive number, but found {found!r:.40}")
    if found > newest:
        raise error(
            f"{where}: is of version {found!s:.20} of its format{writer}, but this is hat "
            f"{__version__}, which reads up to version {newest}: install a newer hat"
        )


_HEAD = ("format", "version", "hat")
