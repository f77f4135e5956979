"""The mean of checkpoints' weights, of checkpoints of one training only."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor

from hat.arch.hat_yaml import arch_to_mapping
from hat.arch.model_options import MODEL_OPTIONS
from hat.conditions import files_digest
from hat.errors import CheckpointError, ConfigError
from hat.files import check_writable, writing
from hat.models.checkpoint import (
    check_weight,
    checkpoint_options,
    read_checkpoint,
    super_transformer,
    trained_network,
    with_average,
)
from hat.settings import AtLeast, Settings
from hat.signature import signature
from hat.text.dictionaries import digest_option, noted_dictionaries

_EPOCH = re.compile(r"checkpoint([0-9]+)\.pt")
_UPDATE = re.compile(r"checkpoint_[0-9]+_([0-9]+)\.pt")


@dataclass(frozen=True, kw_only=True)
class AverageSettings(Settings):
    """Which checkpoints are averaged."""

    inputs: tuple[Path, ...]
    """checkpoints, or one folder"""

    num_epoch_checkpoints: Annotated[int | None, AtLeast(1)] = None
    """the last N checkpointE.pt"""

    num_update_checkpoints: Annotated[int | None, AtLeast(1)] = None
    """the last N checkpoint_E_U.pt"""

    checkpoint_upper_bound: Annotated[int | None, AtLeast(1)] = None
    """last epoch or update to use"""

    ema: bool = False
    """take the moving average of the weights (--store-ema) out of each; of one checkpoint, make it
    a checkpoint of its own"""

    def __post_init__(self) -> None:
        super().__post_init__()
        counts = (self.num_epoch_checkpoints, self.num_update_checkpoints)
        if None not in counts:
            raise ConfigError(
                "give one of --num-epoch-checkpoints and --num-update-checkpoints, not both"
            )
        if counts != (None, None):
            if len(self.inputs) != 1 or self.inputs[0].is_file():
                raise ConfigError("to average the last checkpoints, --inputs is their folder")
            return
        needs = "needs --num-epoch-checkpoints or --num-update-checkpoints"
        if self.checkpoint_upper_bound is not None:
            raise ConfigError(f"--checkpoint-upper-bound {needs}")
        if any(path.is_dir() for path in self.inputs):
            raise ConfigError(f"a folder of checkpoints {needs}")

    def paths(self) -> list[Path]:
        """Returns the checkpoints that are averaged, in their order.

        Raises:
            CheckpointError: if the folder is not there, or holds fewer than are asked for.
        """
        epochs, updates = self.num_epoch_checkpoints, self.num_update_checkpoints
        count, pattern = (epochs, _EPOCH) if updates is None else (updates, _UPDATE)
        if count is None:
            return list(self.inputs)
        if not self.inputs[0].is_dir():
            raise CheckpointError(f"{self.inputs[0]}: there is no such folder of checkpoints")
        bound = self.checkpoint_upper_bound
        numbered = []
        for path in self.inputs[0].iterdir():
            found = pattern.fullmatch(path.name)
            if found and (bound is None or int(found.group(1)) <= bound):
                numbered.append((int(found.group(1)), path))
        if len(numbered) < count:
            raise CheckpointError(
                f"{self.inputs[0]}: holds {len(numbered)} such checkpoints, but {count} are to be "
                "averaged"
            )
        return [path for _, path in sorted(numbered)[-count:]]


@dataclass(frozen=True, kw_only=True)
class Averaged:
    """A checkpoint of mean weights, and what it was made of."""

    checkpoint: Path
    inputs: Sequence[Path]
    signature: str


def average_checkpoints(output: str | Path, settings: AverageSettings) -> Averaged:
    """Writes the mean of checkpoints; what stood at ``output`` stays if anything is wrong.

    Raises:
        ConfigError: if ``output`` is a folder.
        CheckpointError: if there are too few checkpoints, or they do not belong together.
    """
    output = Path(output)
    if output.is_dir():
        raise ConfigError(f"--output names the file to write, but {output} is a folder")
    check_writable(output)
    paths = settings.paths()
    inputs = files_digest(paths)  # before the output is written: it may be one of them
    content = average(paths, ema=settings.ema)
    with writing(output) as stream:
        torch.save(content, stream)
    return Averaged(
        checkpoint=output,
        inputs=paths,
        signature=signature(
            stage="average-checkpoints",
            count=len(paths),
            inputs=inputs,
            weights="moving average" if settings.ema else None,
        ),
    )


def average(paths: Sequence[Path], *, ema: bool = False) -> dict[str, Any]:
    """Returns the content of the last checkpoint with the mean weights of all.

    Sums are taken in float64, so that the order does not matter; what a training needs to go
    on (the optimizer's state) is left out.

    Args:
        paths: the checkpoints.
        ema: whether each stands for the moving average of its weights.

    Raises:
        CheckpointError: if a file is no checkpoint, if two are not of the same network, search
            space, SubTransformer or dictionaries, or if a weight is NaN or infinite.
    """
    total: dict[str, Tensor] = {}
    content: dict[str, Any] = {}
    network: dict[str, Any] = {}
    first: Mapping[str, Any] = {}
    for path in paths:
        content = read_checkpoint(path)
        if ema:
            content = with_average(content, path)
        described = _network(content, path)
        if not total:
            super_transformer(content, path)  # all its weights are there, in the right shapes
        _check_same({**described, **network}, described, paths[0], path)
        network = {**described, **network}
        weights = content["model"]
        first = first or weights
        _check_names_and_shapes(first, weights, paths[0], path)
        for name, weight in weights.items():
            check_weight(weight, name, path)
            wide = weight.double()
            total[name] = total[name] + wide if name in total else wide
    mean = {name: (weight / len(paths)).to(first[name].dtype) for name, weight in total.items()}
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
    # Files of HAT and of older versions note no dictionaries: they fit every other.
    noted = noted_dictionaries(options)
    described.update((digest_option(side).replace("_", "-"), noted[side]) for side in noted)
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
        types = [str(each[name].dtype).removeprefix("torch.") for each in (weights, first)]
        if types[0] != types[1]:
            raise CheckpointError(
                f"{path}: cannot be averaged with {first_path}: the weight {name!r} is in "
                f"{types[0]} here, but in {types[1]} there"
            )


def _shape(weights: Mapping[str, Any], name: str) -> str:
    weight = weights.get(name)
    return f"of shape {tuple(weight.shape)}" if isinstance(weight, Tensor) else "missing"
