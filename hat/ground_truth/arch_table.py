"""CSV files with an architecture a line: HAT's YAML keys, then what is said of it."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import ARCH_KEYS, arch_from_mapping, arch_to_mapping
from hat.csv_reader import CsvRows
from hat.errors import ConfigError, DataError
from hat.json_reader import parse_json

Arch = SubTransformerConfig


def read(path: Path, more: Sequence[str] = ()) -> list[tuple[str, Arch, dict[str, str]]]:
    """Reads the architectures in their order, each after its place and before its other columns.

    Args:
        path: the file.
        more: columns that must be there beside HAT's keys.

    Raises:
        DataError: naming file and line, if there are no such columns or no architecture.
    """
    rows = CsvRows.read(path, columns=(*ARCH_KEYS, *more))
    found = []
    for row, where in zip(rows.fields, rows.places, strict=True):
        try:
            keys = {key: parse_json(row[key], f"{where}: {key}") for key in ARCH_KEYS}
            arch = arch_from_mapping(keys, where)
        except ConfigError as error:
            raise DataError(str(error)) from None
        rest = {name: text for name, text in row.items() if name not in ARCH_KEYS}
        found.append((where, arch, rest))
    return found


def text_of(archs: Sequence[Arch], columns: Mapping[str, Sequence[str]]) -> str:
    """The file's text: a line for each architecture, its keys first, then each column's text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*ARCH_KEYS, *columns])
    for arch, *more in zip(archs, *columns.values(), strict=True):
        keys = arch_to_mapping(arch)
        writer.writerow([*(json.dumps(keys[key]) for key in ARCH_KEYS), *more])
    return out.getvalue()
