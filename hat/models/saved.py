"""A SubTransformer in a folder of its own: ``config.json`` and its weights, nothing else's.

``config.json`` holds the SuperTransformer's configuration, which decides what a smaller
architecture computes (``SuperTransformer``), the SubTransformer's, and a digest of the weights.
Nothing in the folder can run code when it is loaded.
"""

import logging
import types
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, get_origin

import torch

from hat.arch.config import SubTransformerConfig
from hat.conditions import check_digests, file_digest
from hat.errors import CheckpointError, ConfigError, suggestion
from hat.folders import replacing_folder
from hat.models.config import SuperTransformerConfig
from hat.models.extract import extract
from hat.models.super_transformer import SuperTransformer
from hat.models.weights import WEIGHTS_FILES, read_weights, write_weights
from hat.versioned import read_versioned, write_versioned

logger = logging.getLogger(__name__)

FORMAT, VERSION = "hat.model", 1
"""Of ``config.json``. Raise the version when an older hat would read a folder wrongly."""

CONFIG_FILE = "config.json"


def save(model: SuperTransformer, path: str | Path, *, weights: str = "safetensors") -> None:
    """Writes the SubTransformer that ``model`` is set to, in its precision, as a folder.

    Args:
        model: what ``extract`` returned, or any SuperTransformer.
        path: the folder; one that ``save`` wrote before is replaced when all is written.
        weights: ``safetensors`` or ``torch``: the kind of file for the weights.

    Raises:
        ConfigError: if ``weights`` is unknown or ``path`` holds other files.
    """
    with replacing_folder(path, lambda each: each.is_file() and each.name in _NAMES) as folder:
        write_model(model, folder, weights=weights)


def load(path: str | Path) -> SuperTransformer:
    """Loads what ``save`` wrote: on the CPU, in the precision it was saved in, in eval mode.

    Raises:
        CheckpointError: if a file is missing, damaged, of a newer hat, or does not fit the others.
        ConfigError: if the weights are safetensors and the package is not installed.
    """
    folder = Path(path)
    if not (folder / CONFIG_FILE).exists() and (folder / "export.json").exists():
        raise CheckpointError(
            f"{folder}: is an export in another format than safetensors or torch, which hat.load "
            "reads; hat.Translator opens all of them"
        )
    values = read_versioned(folder / CONFIG_FILE, FORMAT, VERSION)
    digests, name = values.get("digests"), values.get("weights")
    if "digests" not in values:
        logger.warning(
            "%s: an older hat saved it and noted no digests, so nobody can tell whether its "
            "weights are those that were saved",
            folder,
        )
    elif not isinstance(digests, Mapping):
        raise CheckpointError(
            f"{folder / CONFIG_FILE}: digests must be an object, but found {digests!r:.60}"
        )
    elif name in WEIGHTS_FILES.values() and name not in digests:
        raise CheckpointError(f"{folder / CONFIG_FILE}: digests holds none of {name}")
    else:
        check_digests(folder, digests)
    return read_model(folder)


def read_model(path: Path) -> SuperTransformer:
    """Reads the files of ``load`` where somebody else has checked that they are the right ones."""
    config_path = path / CONFIG_FILE
    values = read_versioned(config_path, FORMAT, VERSION)
    try:
        config = _read(SuperTransformerConfig, values.get("network"), "network")
        arch = _read(SubTransformerConfig, values.get("subtransformer"), "subtransformer")
        config.check(arch)
    except ConfigError as error:
        raise CheckpointError(f"{config_path}: {error}") from None
    name = values.get("weights")
    if not isinstance(name, str) or name not in WEIGHTS_FILES.values():
        known = " or ".join(WEIGHTS_FILES.values())
        raise CheckpointError(f"{config_path}: weights must be {known}, but found {name!r:.60}")
    weights = read_weights(path / name)
    with torch.device("meta"):  # whatever config.json says, this takes no memory
        _check_shapes(SuperTransformer(config, size=arch), weights, path / name)
    return _filled(SuperTransformer(config, size=arch), weights).eval()


def write_model(model: SuperTransformer, folder: Path, *, weights: str) -> None:
    """Writes the files of ``save`` into a folder that is there; see ``save``."""
    if weights not in WEIGHTS_FILES:
        hint = suggestion(weights, WEIGHTS_FILES)
        known = " or ".join(WEIGHTS_FILES)
        raise ConfigError(f"weights must be {known}, but found {weights!r}{hint}")
    small, name = extract(model, model.arch), WEIGHTS_FILES[weights]
    # Shared weights stand once among the parameters, though twice in the state.
    write_weights(folder / name, dict(small.named_parameters()))
    described = {
        "weights": name,
        "digests": {name: file_digest(folder / name)},
        "network": asdict(small.config),
        "subtransformer": asdict(small.arch),
    }
    write_versioned(folder / CONFIG_FILE, FORMAT, VERSION, described)


_NAMES = frozenset((CONFIG_FILE, *WEIGHTS_FILES.values()))


def _check_shapes(model: SuperTransformer, weights: Mapping[str, torch.Tensor], path: Path) -> None:
    parameters = dict(model.named_parameters())
    for name in weights:
        if name not in parameters:
            raise CheckpointError(f"{path}: the weight {name!r:.80} does not belong to its network")
    for name, parameter in parameters.items():
        if name not in weights:
            raise CheckpointError(f"{path}: the weight {name!r} is missing")
        found = weights[name]
        if found.shape != parameter.shape:
            raise CheckpointError(
                f"{path}: the weight {name!r} has shape {tuple(found.shape)}, but {CONFIG_FILE} "
                f"calls for {tuple(parameter.shape)}"
            )
    precisions = sorted({str(weight.dtype) for weight in weights.values()})
    if len(precisions) > 1:
        raise CheckpointError(
            f"{path}: expected weights of one precision, but found {' and '.join(precisions)}"
        )
    if not next(iter(weights.values())).is_floating_point():
        raise CheckpointError(f"{path}: expected floating-point weights, but found {precisions[0]}")


def _filled(model: SuperTransformer, weights: Mapping[str, torch.Tensor]) -> SuperTransformer:
    model.to(next(iter(weights.values())).dtype)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weights[name])
    return model


def _read(cls: Any, values: Any, where: str) -> Any:
    """Makes a configuration of what JSON holds.

    Raises:
        ConfigError: naming the entry that is missing, unknown or of a wrong type.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} must be an object, but found {values!r:.60}")
    known = {field.name: field for field in fields(cls)}
    for name in values:
        if name not in known:
            raise ConfigError(f"{where} has an unknown entry {name!r:.60}{suggestion(name, known)}")
    arguments = {}
    for name, field in known.items():
        if name in values:
            arguments[name] = _value(field.type, values[name], f"{where}.{name}")
        elif field.default is MISSING:
            raise ConfigError(f"{where} lacks {name}")
    return cls(**arguments)


def _value(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind):
        return _read(kind, value, where)
    if isinstance(kind, types.GenericAlias) and get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{where} must be a list, but found {value!r:.60}")
        return tuple(value)  # whose elements the configuration checks
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ConfigError(f"{where} must be of type {kind.__name__}, but found {value!r:.60}")
    return value
