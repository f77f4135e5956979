"""Files that ``torch.save`` wrote: opened so that none can grow in memory, and tensors looked at.

torch builds nothing but tensors and plain values of a file (``weights_only``), and yet a small file
can claim a large network: entries of the archive may be packed a thousandfold, and a tensor of one
number can be of any shape when its strides are zero.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hat.arrays import Floats
from hat.errors import CheckpointError, ConfigError
from hat.reading import open_file, reason

_DEEPEST = 50


def open_torch(path: str | Path) -> io.BufferedReader:
    """Opens a file for ``torch.load``.

    Raises:
        CheckpointError: if it cannot be read, is empty, or an archive with packed entries: torch
            packs none.
    """
    stream = open_file(path, CheckpointError)
    try:
        if not stream.peek(1):
            raise CheckpointError(f"{path}: is damaged or not a checkpoint: it is empty")
        if stream.read(2) == b"PK":
            with zipfile.ZipFile(stream) as archive:
                packed = [each for each in archive.infolist() if each.compress_type]
            if packed:
                raise CheckpointError(
                    f"{path}: is not what torch.save writes: its entry {packed[0].filename!r:.60} "
                    "is packed"
                )
        stream.seek(0)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        stream.close()
        raise CheckpointError(f"{path}: is damaged or not a checkpoint: {reason(error)}") from None
    except CheckpointError:
        stream.close()
        raise
    return stream


def check_tensors(content: Any, path: str | Path) -> None:
    """Checks all tensors among plain containers: they lie in memory and are finite.

    Raises:
        CheckpointError: naming file and tensor.
    """
    level: list[tuple[str, Any]] = [("", content)]
    for _ in range(_DEEPEST):
        deeper: list[tuple[str, Any]] = []
        for name, value in level:
            if isinstance(value, dict):
                deeper += [(f"{name}.{key}" if name else str(key), v) for key, v in value.items()]
            elif isinstance(value, list | tuple):
                deeper += [(f"{name}[{place}]", v) for place, v in enumerate(value)]
            else:
                _check(value, name, path)
        level = deeper
        if not level:
            return
    raise CheckpointError(f"{path}: holds values nested more than {_DEEPEST} deep")


def _check(value: Any, name: str, path: str | Path) -> None:
    import torch

    if not isinstance(value, torch.Tensor):
        return
    if value.layout != torch.strided or value.is_meta or value.is_quantized:
        raise CheckpointError(
            f"{path}: {name:.80} must be a plain tensor, but found {value.layout}"
        )
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        raise CheckpointError(
            f"{path}: {name:.80} is of shape {tuple(value.shape)}, but holds "
            f"{value.untyped_storage().nbytes():,} bytes"
        )
    if value.is_floating_point() and not is_plain_float(value):
        raise CheckpointError(
            f"{path}: {name:.80} is of type {value.dtype}, but weights are in float64, float32, "
            "float16 or bfloat16"
        )
    if value.is_floating_point() and not torch.isfinite(value).all():
        raise CheckpointError(f"{path}: {name:.80} holds NaN or infinite numbers")


def is_plain_float(tensor: Any) -> bool:
    """Whether a tensor is of a type that networks are trained in.

    Numbers of 8 bits and less have no sums in torch, and nobody can ask whether they are finite.
    """
    import torch

    return tensor.dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def vector(state: Mapping[str, Any], name: str) -> Floats:
    """Returns the numbers of a tensor that a file holds, (N,).

    Raises:
        ConfigError: if there is no tensor of float64 or float32 numbers in a row.
    """
    import torch

    found = state.get(name)
    if not isinstance(found, torch.Tensor) or found.dtype not in (torch.float64, torch.float32):
        what = found.dtype if isinstance(found, torch.Tensor) else f"{found!r:.60}"
        raise ConfigError(f"{name} must be a tensor of float64 numbers, but found {what}")
    if found.dim() != 1:
        raise ConfigError(f"{name} must be a row of numbers, but has the shape {[*found.shape]}")
    numbers: Floats = found.detach().double().numpy()
    return numbers
