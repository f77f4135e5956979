"""Single things that a search leaves: architectures, tables, lines of its report."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hat.arch.config import MAX_LAYERS, MAX_WIDTH, SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping, load_arch
from hat.errors import ConfigError, DataError
from hat.fields import Fields
from hat.json_reader import read_object
from hat.reading import read_log
from hat.record.files import number, read_rows
from hat.search.loop import FACTS_FORMAT
from hat.versioned import check_format


def arch_of(values: Any, where: str) -> SubTransformerConfig:
    """Reads an architecture from JSON of a run.

    Raises:
        DataError: if it is none.
    """
    if not isinstance(values, dict):
        raise DataError(f"{where}: holds no architecture")
    try:
        return _plausible(arch_from_mapping(values, where), where)
    except ConfigError as error:
        raise DataError(str(error)) from None


def read_arch(path: Path) -> SubTransformerConfig:
    """Reads an architecture from a YAML file of a run.

    Raises:
        DataError: if it holds none.
    """
    try:
        return _plausible(load_arch(path), str(path))
    except ConfigError as error:
        raise DataError(str(error)) from None


def _plausible(arch: SubTransformerConfig, where: str) -> SubTransformerConfig:
    """Refuses sizes that no network has: figures of them would be nonsense."""
    e, d = arch.encoder, arch.decoder
    widths = (e.embed_dim, d.embed_dim, *e.ffn_dims, *d.ffn_dims)
    heads = (*e.self_heads, *d.self_heads, *d.ende_heads)
    if max(*widths, *heads) > MAX_WIDTH or max(e.num_layers, d.num_layers) > MAX_LAYERS:
        raise DataError(f"{where}: holds no architecture: a width or a depth is out of all bounds")
    return arch


def search_facts(path: Path) -> Mapping[str, Any]:
    """Reads what a search notes of its figures; nothing of a folder of older versions.

    Raises:
        DataError: if it is damaged or of a newer hat.
    """
    if not path.is_file():
        return {}
    facts = read_object(path, "what a search notes")
    check_format(facts.get("format"), FACTS_FORMAT, path)
    fields = Fields(facts, str(path))
    for name, direction in fields.mapping("higher_is_better").items():
        if not isinstance(direction, bool):
            raise DataError(
                f"{path}: 'higher_is_better' of {name!r:.40} must be true or false, but found "
                f"{direction!r:.40}"
            )
    for name, limit in fields.mapping("limits").items():
        told = limit if isinstance(limit, Mapping) else {"device": limit}
        device, workload = told.get("device"), told.get("workload")
        named = device is None or isinstance(device, str)
        if not named or not isinstance(workload, Mapping | None):
            raise DataError(
                f"{path}: 'limits' of {name!r:.40} must hold a device by name and a workload, but "
                f"found {limit!r:.60}"
            )
    return facts


def plain_rows(path: Path) -> list[dict[str, Any]]:
    """Returns the rows of a table with numbers as numbers."""
    return [
        {key: text if (found := number(text)) is None else found for key, text in row.items()}
        for row in read_rows(path)
    ]


def _report_line(report: Path, pattern: str) -> str:
    path = report / "report.md"
    match = re.search(pattern, read_log(path)) if path.is_file() else None
    return match[1] if match else ""


def report_signature(report: Path) -> str:
    """What signs the report in a folder; empty if there is none."""
    return _report_line(report, r"Signature: `([^`\n]+)`")


def ranking_truth(report: Path) -> str:
    """By which score the report in a folder compares others; empty if it does not."""
    return _report_line(report, r"Agreement with (\S+) on a fixed sample")
