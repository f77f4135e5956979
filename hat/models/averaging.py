"""The mean of checkpoints' weights, of checkpoints of one training only."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hat.arch.hat_yaml import arch_to_mapping
from hat.arch.model_options import MODEL_OPTIONS
from hat.errors import CheckpointError
from hat.models.checkpoint import (
    checkpoint_options,
    read_checkpoint,
    super_transformer,
    trained_network,
)

_DICTIONARIES = ("source-dictionary-digest", "target-dictionary-digest")
"""Files of HAT and of older versions hold none: they fit every other."""


def average(paths: Sequence[Path]) -> dict[str, Any]:
    """Returns the content of the last checkpoint with the mean weights of all.

    Sums are taken in float64, so that the order does not matter; what a training needs to go
    on (the optimizer's state) is left out.

    Raises:
        CheckpointError: if a file is no checkpoint, if two are not of the same network, search
            space, SubTransformer or dictionaries, or if a weight is NaN or infinite.
    """
    total: dict[str, Tensor] = {}
    content: dict[str, Any] = {}
    network: dict[str, Any] = {}
    for path in paths:
        content = read_checkpoint(path)
        described = _network(content, path)
        if not total:
            super_transformer(content, path)  # all its weights are there, in the right shapes
        _check_same({**described, **network}, described, paths[0], path)
        network = {**described, **network}
        weights = content["model"]
        if total:
            _check_names_and_shapes(total, weights, paths[0], path)
        for name, weight in weights.items():
            if not torch.isfinite(weight).all():
                raise CheckpointError(f"{path}: the weight {name!r} holds NaN or infinite numbers")
            wide = weight.double()
            total[name] = total[name] + wide if name in total else wide
    mean = {
        name: (weight / len(paths)).to(content["model"][name].dtype)
        for name, weight in total.items()
    }
    content.pop("last_optimizer_state", None)
    return {**content, "model": mean}


def _network(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """What two checkpoints must agree in, by names that users know."""
    options = checkpoint_options(content, path)
    config, arch = trained_network(content, path)
    is_sub = bool(options.get("train_subtransformer", arch is not None))
    described: dict[str, Any] = {"what was trained": "a SuperTransformer"}
    if is_sub:
        described["what was trained"] = "one SubTransformer"
        described.update(arch_to_mapping(arch) if arch is not None else {})
    else:
        space = (option for option in MODEL_OPTIONS if option.group == "space")
        described.update((option.name, options.get(option.dest)) for option in space)
    described.update((name.replace("_", "-"), value) for name, value in asdict(config).items())
    noted = ((name, options.get(name.replace("-", "_"))) for name in _DICTIONARIES)
    described.update((name, digest) for name, digest in noted if digest)
    return described


def _check_same(
    first: Mapping[str, Any], other: Mapping[str, Any], first_path: Path, path: Path
) -> None:
    for name, value in other.items():
        if first[name] != value:
            raise CheckpointError(
                f"{path}: cannot be averaged with {first_path}: {name} is {value} here, "
                f"but {first[name]} there"
            )


def _check_names_and_shapes(
    first: Mapping[str, Tensor], weights: Mapping[str, Any], first_path: Path, path: Path
) -> None:
    for name in [*first, *(name for name in weights if name not in first)]:
        here, there = _shape(weights, name), _shape(first, name)
        if here != there:
            raise CheckpointError(
                f"{path}: cannot be averaged with {first_path}: the weight {name!r} is {here} "
                f"here, but {there} there"
            )


def _shape(weights: Mapping[str, Any], name: str) -> str:
    weight = weights.get(name)
    return f"of shape {tuple(weight.shape)}" if isinstance(weight, Tensor) else "missing"
