"""Reading checkpoints, HAT's and ours, with torch alone and without running code from the file.

Both are what fairseq writes: a dictionary with the weights under ``model`` and the options under
``args`` (HAT's fairseq: a Namespace) or ``cfg["model"]`` (fairseq 0.12). torch's unpickler is
told which types may stand in such a file. HAT's files also hold meters of the old fairseq; they
become objects of a class that does nothing.
"""

import argparse
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping, arch_options
from hat.arch.model_options import ARCHITECTURES, with_architecture
from hat.errors import CheckpointError, ConfigError
from hat.models.config import SuperTransformerConfig, super_config_from_options
from hat.models.flops import num_params
from hat.models.super_transformer import SuperTransformer
from hat.torch_files import is_plain_float, open_torch


class InertMeter:
    """Stands for a meter of a fairseq that is not here. It holds what the file says and no code."""


_METERS = tuple(
    f"{module}.{meter}"
    for module in ("fairseq.meters", "fairseq.logging.meters")
    for meter in ("AverageMeter", "StopwatchMeter", "TimeMeter")
)
_SCALAR = np.float64(0).__reduce__()[0]
_DTYPES = ("bool", "int32", "int64", "float16", "float32", "float64")

PLAIN_GLOBALS: list[Any] = [
    argparse.Namespace,
    (_SCALAR, "numpy.core.multiarray.scalar"),
    (_SCALAR, "numpy._core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(name)) for name in _DTYPES),
]
"""What a checkpoint may hold beside tensors and plain containers: options as a ``Namespace`` and
numbers as numpy's scalars. None of these can run code when it is built."""

_ALLOWED: list[Any] = [*PLAIN_GLOBALS, *((InertMeter, meter) for meter in _METERS)]
"""The same, and HAT's own meters: where fairseq reads its files it has meters itself."""

EXTRACTED = "extracted"
"""The option of a checkpoint that holds the weights of its SubTransformer and no others."""

EMA_KEY = "ema"
"""Where fairseq keeps the moving average of the weights, in a checkpoint's ``extra_state``."""

_TOLERATED = tuple(
    f"{side}.{name}"
    for side in ("encoder", "decoder")
    for name in ("version", "embed_positions._float_tensor", "embed_positions.weights")
)
"""Entries of fairseq's files that are no parameters."""


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Reads a checkpoint as it is, with all tensors on the CPU.

    Raises:
        CheckpointError: if the file is missing, damaged, no checkpoint, or holds anything but
            tensors, plain values, numbers of numpy, a Namespace and fairseq's meters.
    """
    content = read_plain(path)
    if not isinstance(content, dict) or not isinstance(content.get("model"), Mapping):
        raise CheckpointError(
            f"{path}: is not a checkpoint: expected a dictionary with weights under 'model'"
        )
    return content


def read_plain(path: str | Path) -> Any:
    """Reads what torch saved, with all tensors on the CPU and without running code.

    Raises:
        CheckpointError: if the file is missing, damaged or holds more than a checkpoint may.
    """
    with open_torch(path) as stream:
        return _unpickle(stream, path)


def load_checkpoint(path: str | Path) -> SuperTransformer:
    """Loads a SuperTransformer from HAT's checkpoints or ours: on the CPU, float32, eval mode.

    If the file was trained as one SubTransformer, or holds only one, the model is set to that
    one, else to the largest.

    Raises:
        CheckpointError: if the file is not such a checkpoint; see also ``read_checkpoint``.
    """
    return super_transformer(read_checkpoint(path), path)


def super_transformer(content: Mapping[str, Any], path: str | Path) -> SuperTransformer:
    """Builds what ``load_checkpoint`` returns.

    Args:
        content: what ``read_checkpoint`` returned.
        path: names the file in error messages.

    Raises:
        CheckpointError: if it is not a SuperTransformer's.
    """
    config, arch = trained_network(content, path)
    weights = content["model"]
    is_extracted = bool(checkpoint_options(content, path).get(EXTRACTED))
    size = arch if is_extracted else None
    _check_size(config, size or config.largest_arch(), weights, path)
    model = SuperTransformer(config, size=size)
    _check_weights(model, weights, path)
    model.load_state_dict(weights)
    if arch is not None:
        model.set_sample_config(arch)
    return model.eval()


def with_average(content: Mapping[str, Any], path: str | Path) -> dict[str, Any]:
    """Returns a checkpoint's content with the moving average of the weights in their place.

    What a training needs to go on is left out: it belongs to the weights of the last update.

    Args:
        content: what ``read_checkpoint`` returned.
        path: names the file in error messages.

    Raises:
        CheckpointError: if it holds none (``--store-ema`` keeps one).
    """
    state = content.get("extra_state")
    state = state if isinstance(state, Mapping) else {}
    average = state.get(EMA_KEY)
    if not isinstance(average, Mapping):
        raise CheckpointError(
            f"{path}: holds no moving average of the weights: it was trained without store-ema"
        )
    rest = {key: value for key, value in state.items() if key != EMA_KEY}
    plain = {key: value for key, value in content.items() if key != "last_optimizer_state"}
    return {**plain, "extra_state": rest, "model": dict(average)}


def trained_network(
    content: Mapping[str, Any], path: str | Path
) -> tuple[SuperTransformerConfig, SubTransformerConfig | None]:
    """Returns the network of a checkpoint, and the SubTransformer that was trained in it, if one.

    Args:
        content: what ``read_checkpoint`` returned.
        path: names the file in error messages.

    Raises:
        CheckpointError: if its options do not describe a SuperTransformer.
    """
    options = checkpoint_options(content, path)
    try:
        config = _config(options, content["model"], path)
        arch = _fixed_arch(options)
        if arch is not None:
            config.check(arch)
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from None
    return config, arch


def checkpoint_options(content: Mapping[str, Any], path: str | Path) -> dict[str, Any]:
    """Returns the options a checkpoint was trained with, by name with underscores.

    Args:
        content: what ``read_checkpoint`` returned.
        path: names the file in error messages.

    Raises:
        CheckpointError: if it holds none.
    """
    parts: list[Any] = [content.get("args")]
    cfg = content.get("cfg")
    if isinstance(cfg, Mapping):
        parts = [cfg.get("task"), cfg.get("model"), *parts]
    options: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, argparse.Namespace):
            options.update(vars(part))
        elif isinstance(part, Mapping):
            options.update(part)
    if not options:
        raise CheckpointError(
            f"{path}: holds no options: expected them under 'args' or under 'model' of 'cfg'"
        )
    strange = [name for name, value in options.items() if isinstance(value, Tensor)]
    if strange:
        raise CheckpointError(f"{path}: its option {strange[0]!r} is a tensor")
    return options


def _unpickle(stream: BinaryIO, path: str | Path) -> Any:
    try:
        _check_sums(stream)
        with warnings.catch_warnings(), _allowed_globals():
            warnings.simplefilter("ignore")  # a file is read or refused; torch's doubts help nobody
            return torch.load(stream, map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged file makes torch raise is not documented
        raise CheckpointError(f"{path}: {_reason(error)}") from None


def _check_sums(stream: BinaryIO) -> None:
    """Reads over the archive that torch writes: its own reader passes over wrong checksums.

    Raises:
        zipfile.BadZipFile: if a byte is another one than was written.
    """
    if stream.read(2) == b"PK":
        with zipfile.ZipFile(stream) as archive:
            wrong = archive.testzip()
        if wrong is not None:
            raise zipfile.BadZipFile(wrong)
    stream.seek(0)


@contextmanager
def _allowed_globals() -> Iterator[None]:
    """Lets torch's unpickler build what ``_ALLOWED`` names, for the length of the block.

    ``torch.serialization.safe_globals`` would take away on leaving what was allowed before, too:
    fairseq could not read its checkpoints any more.
    """
    before = torch.serialization.get_safe_globals()
    torch.serialization.add_safe_globals(_ALLOWED)
    try:
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(before)


def _config(
    options: dict[str, Any], weights: Mapping[str, Any], path: str | Path
) -> SuperTransformerConfig:
    def vocab_size(side: str) -> int:
        name = f"{side}.embed_tokens.weight"
        weight = weights.get(name)
        if not isinstance(weight, Tensor) or weight.dim() != 2:
            raise CheckpointError(f"{path}: is not a SuperTransformer: it has no matrix {name!r}")
        return weight.size(0)

    # Files of an older HAT may lack options that were added later.
    arch = options.get("arch")
    name = arch if isinstance(arch, str) and arch in ARCHITECTURES else "transformersuper"
    filled = with_architecture(options, name)
    return super_config_from_options(
        filled, src_vocab_size=vocab_size("encoder"), tgt_vocab_size=vocab_size("decoder")
    )


def _fixed_arch(options: Mapping[str, Any]) -> SubTransformerConfig | None:
    named = arch_options(options)
    if any(value is None for value in named.values()):
        return None
    return arch_from_mapping(named, "its SubTransformer")


def _check_size(
    config: SuperTransformerConfig,
    arch: SubTransformerConfig,
    weights: Mapping[str, Any],
    path: str | Path,
) -> None:
    """Checks that options call for no network far larger than the file, before it takes memory."""
    wanted = num_params(config, arch, include_embeddings=True)
    tensors = [each for each in weights.values() if isinstance(each, Tensor)]
    held = sum(each.untyped_storage().nbytes() for each in tensors if each.layout == torch.strided)
    if wanted > max(held, _UNCHECKED):
        raise CheckpointError(
            f"{path}: its options call for {wanted:,} parameters, but its weights have {held:,} "
            "bytes"
        )


_UNCHECKED = 10_000_000
"""Parameters that fit everywhere: of fewer, what is said names the weight that does not fit."""


def _check_weights(model: SuperTransformer, weights: Mapping[str, Any], path: str | Path) -> None:
    expected = model.state_dict()
    for name, target in expected.items():
        found = weights.get(name)
        if found is None:
            raise CheckpointError(f"{path}: the weight {name!r} is missing")
        check_weight(found, name, path)
        if found.shape != target.shape:
            raise CheckpointError(
                f"{path}: the weight {name!r} has shape {tuple(found.shape)}, "
                f"but its options call for {tuple(target.shape)}"
            )
    known = (*expected, *_TOLERATED)
    unexpected = [name for name in weights if name not in known]
    if unexpected:
        raise CheckpointError(
            f"{path}: the weight {unexpected[0]!r:.80} does not belong to a SuperTransformer "
            "of its options"
        )


def check_weight(weight: Any, name: str, path: str | Path) -> None:
    """Refuses what could stand in a weight's place and be computed with, or fail there.

    Raises:
        CheckpointError: if it is no plain tensor of finite floating-point numbers.
    """
    if (
        not isinstance(weight, Tensor)
        or weight.layout != torch.strided
        or weight.is_quantized
        or weight.is_meta
        or not is_plain_float(weight)
    ):
        kind = (
            f"{weight.dtype} {weight.layout}" if isinstance(weight, Tensor) else f"{weight!r:.60}"
        )
        raise CheckpointError(
            f"{path}: the weight {name!r} must be a plain floating-point tensor of 16 bits or "
            f"more, but found {kind}"
        )
    if not torch.isfinite(weight).all():
        raise CheckpointError(f"{path}: the weight {name!r} holds NaN or infinite numbers")


def _reason(error: Exception) -> str:
    """Says in one clause why torch would not read a file."""
    text = str(error)
    found = re.search(r"GLOBAL (\S+) (?:was not an allowed|whose module)", text)
    if found:
        return f"refused, because it holds {found[1]!r}, which no checkpoint needs"
    if "Weights only load failed" in text or "weights_only" in text:
        return "refused, because it is not a checkpoint or holds more than plain data"
    return "is damaged or not a checkpoint"
