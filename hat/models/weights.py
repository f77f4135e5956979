"""Named weights in one file, safetensors' or torch's. Reading either cannot run code.

safetensors is a header of names, types and shapes and then the bytes of the weights, which many
programs read; torch's is a zip archive that torch alone reads, without a further package.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from hat.errors import CheckpointError, ConfigError
from hat.files import replacing, writing
from hat.models.checkpoint import read_plain
from hat.reading import check_file, reason
from hat.torch_files import check_tensors

WEIGHTS_FILES = {"safetensors": "model.safetensors", "torch": "model.pt"}
"""The name of the file by kind."""


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Writes weights, each once, atomically; the suffix decides the kind.

    Raises:
        ConfigError: if safetensors is not installed.
    """
    plain = {name: weight.detach().cpu().contiguous() for name, weight in weights.items()}
    if path.suffix != ".safetensors":
        with writing(path) as stream:
            torch.save(plain, stream)
        return
    try:
        from safetensors.torch import save_file
    except ImportError:
        raise ConfigError(f"{path}: {_NEEDED}") from None
    with replacing(path) as temporary:
        save_file(plain, temporary)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Reads weights on the CPU; the suffix decides the kind.

    Raises:
        CheckpointError: if the file is missing, damaged or holds anything but named weights.
        ConfigError: if safetensors is not installed.
    """
    weights = _read_safetensors(path) if path.suffix == ".safetensors" else read_plain(path)
    if not isinstance(weights, Mapping) or not all(
        isinstance(name, str) and isinstance(weight, Tensor) for name, weight in weights.items()
    ):
        raise CheckpointError(f"{path}: holds more than named weights")
    check_tensors(dict(weights), path)
    return dict(weights)


_MOST = 100_000
"""Weights of a file; a network of ``MAX_LAYERS`` has 42,000. Reading takes 30 us for each."""

_NEEDED = "needs the package safetensors, which is not installed"


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        from safetensors import SafetensorError, safe_open
        from safetensors.torch import load_file
    except ImportError:
        raise ConfigError(f"{path}: {_NEEDED}") from None
    check_file(path, CheckpointError)
    try:
        with safe_open(path, "pt") as stream:
            count = len(stream.keys())
        if count > _MOST:
            raise CheckpointError(f"{path}: holds {count:,} weights: expected at most {_MOST:,}")
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path}: is damaged or no safetensors file: {reason(error)}"
        ) from None
