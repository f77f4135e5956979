"""CSV files with an architecture a line: HAT's YAML keys, then what a bench says of it."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import ARCH_KEYS, arch_from_mapping, arch_to_mapping
from hat.csv_reader import CsvRows
from hat.files import write_text
from hat.json_reader import parse_json

Arch = SubTransformerConfig


def read(path: Path, more: Sequence[str] = ()) -> list[tuple[Arch, dict[str, str]]]:
    """Reads the architectures in their order, each with its other columns as text.

    Args:
        path: the file.
        more: columns that must be there beside HAT's keys.

    Raises:
        DataError: naming file and line, if there are no such columns or no architecture.
    """
    rows = CsvRows.read(path, columns=(*ARCH_KEYS, *more))
    found = []
    for row, where in zip(rows.fields, rows.places, strict=True):
        keys = {key: parse_json(row[key], f"{where}: {key}") for key in ARCH_KEYS}
        rest = {name: text for name, text in row.items() if name not in ARCH_KEYS}
        found.append((arch_from_mapping(keys, where), rest))
    return found


def write(path: Path, archs: Sequence[Arch], columns: Mapping[str, Sequence[str]]) -> None:
    """Writes a line for each architecture, its keys first, then the texts of each column."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*ARCH_KEYS, *columns])
    for arch, *more in zip(archs, *columns.values(), strict=True):
        keys = arch_to_mapping(arch)
        writer.writerow([*(json.dumps(keys[key]) for key in ARCH_KEYS), *more])
    write_text(path, text.getvalue())
