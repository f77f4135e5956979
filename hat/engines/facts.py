"""What engines write about a network beside it, for those who open it without its architecture."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hat.conditions import check_digests, file_digest
from hat.errors import CheckpointError
from hat.versioned import read_versioned, write_versioned

if TYPE_CHECKING:
    from hat.models.config import SuperTransformerConfig

NETWORK_FILE, FORMAT, VERSION = "network.json", "hat.network", 1
"""Scripts that run without hat read the file, too: raise the version when its meaning changes."""

PRECISIONS = ("fp32", "int8")
_COUNTS = ("source-words", "target-words", "source-positions", "target-positions", "padding")


def write_facts(
    folder: Path, config: "SuperTransformerConfig", signature: Mapping[str, Any], **more: Any
) -> None:
    """Writes the file.

    Args:
        folder: where to.
        config: of the network.
        signature: of the engine; its version and threads are those of whoever runs it.
        more: what this engine needs.
    """
    values = {
        **{key: value for key, value in signature.items() if key not in ("version", "threads")},
        "source-words": config.src_vocab_size,
        "target-words": config.tgt_vocab_size,
        "padding": config.padding_idx,
        "source-positions": config.max_source_positions,
        "target-positions": config.max_target_positions,
        **more,
        "digests": {path.name: file_digest(path) for path in _others(folder)},
    }
    write_versioned(folder / NETWORK_FILE, FORMAT, VERSION, values)


def _others(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name != NETWORK_FILE)


def read_facts(folder: Path) -> dict[str, Any]:
    """Reads what ``write_facts`` wrote.

    Raises:
        CheckpointError: if the file is missing, damaged or of a newer hat.
    """
    path = folder / NETWORK_FILE
    facts = read_versioned(path, FORMAT, VERSION)
    for name in _COUNTS:
        value = facts.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise CheckpointError(
                f"{path}: {name} must be a positive number, but found {value!r:.60}"
            )
    if facts["padding"] >= facts["target-words"]:
        raise CheckpointError(
            f"{path}: padding must be one of {facts['target-words']} target-words, but found "
            f"{facts['padding']}"
        )
    if facts.get("precision") not in PRECISIONS:
        raise CheckpointError(
            f"{path}: precision must be {' or '.join(PRECISIONS)}, but found "
            f"{facts.get('precision')!r:.60}"
        )
    digests = facts.setdefault("digests", {})  # older versions noted none
    if not isinstance(digests, dict):
        raise CheckpointError(f"{path}: digests must be an object, but found {digests!r:.60}")
    return facts


def checked_facts(folder: Path, precision: str) -> dict[str, Any]:
    """Reads what ``write_facts`` wrote, and the digests of the other files: engines trust theirs.

    Raises:
        CheckpointError: as ``read_facts``, if the network is of another precision, or if a file is
            not the one that was written.
    """
    facts = read_facts(folder)
    if facts["precision"] != precision:
        raise CheckpointError(
            f"{folder / NETWORK_FILE}: expected a network in {precision}, but found one in "
            f"{facts['precision']}"
        )
    check_digests(folder, facts["digests"])
    return facts
