"""The mean of checkpoints' weights, of checkpoints of one training only."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor

from hat.arch.hat_yaml import arch_to_mapping
from hat.arch.model_options import MODEL_OPTIONS
from hat.conditions import files_digest
from hat.errors import CheckpointError, ConfigError
from hat.files import check_writable, real_path, writing
from hat.locks import locked
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
        files = [real_path(path) for path in self.inputs]
        for path, file in zip(self.inputs, files, strict=True):
            if files.count(file) > 1:
                raise ConfigError(f"--inputs: {path} is named twice, and would count twice")

    def chosen(self) -> "Chosen":
        """Looks for the checkpoints that are averaged.

        Raises:
            CheckpointError: if the folder is not there, or holds fewer than are asked for.
        """
        epochs, updates = self.num_epoch_checkpoints, self.num_update_checkpoints
        count, pattern = (epochs, _EPOCH) if updates is None else (updates, _UPDATE)
        if count is None:
            return Chosen(paths=self.inputs)
        if not self.inputs[0].is_dir():
            raise CheckpointError(f"{self.inputs[0]}: there is no such folder of checkpoints")
        bound = self.checkpoint_upper_bound
        numbered = []
        for path in self.inputs[0].iterdir():
            found = pattern.fullmatch(path.name)
            if found and (bound is None or int(found.group(1)) <= bound):
                numbered.append((int(found.group(1)), path))
        if len(numbered) < count:
            kind, saves = (
                ("epochs", "save-interval")
                if updates is None
                else ("updates", "save-interval-updates")
            )
            raise CheckpointError(
                f"{self.inputs[0]}: holds {len(numbered)} checkpoints of {kind}, but {count} are "
                f"to be averaged; the training saves them by {saves}"
            )
        numbered.sort()
        last = [number for number, _ in numbered[-count:]]
        end = 0 if updates is None else _updates_done(self.inputs[0])
        gaps = _missing([number for number, _ in numbered], min(end, bound or end))
        return Chosen(
            paths=tuple(path for _, path in numbered[-count:]),
            kind="epoch" if updates is None else "update",
            numbers=tuple(last),
            missing=tuple(number for number in gaps if number > last[0]),
        )


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which checkpoints are averaged, in their order."""

    paths: tuple[Path, ...]
    kind: str = ""
    """What their numbers count: ``epoch`` or ``update``; empty where the paths were named."""

    numbers: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    """Numbers among these whose checkpoints are not there, though all others are evenly apart."""

    def warning(self) -> str | None:
        """Says which are missing, and what is averaged instead; None where none is.

        fairseq wrote no checkpoint of an update that an epoch ended with (its issue 2230), so the
        last N of such a folder begin earlier than was meant.
        """
        if not self.missing:
            return None
        return (
            f"{self.paths[0].parent}: lacks the checkpoint of {self.kind} "
            f"{_listed(self.missing)}, though the others are evenly apart; averaged are those of "
            f"{_listed(self.numbers)}"
        )


_SHOWN = 10
"""Most numbers that a sentence lists."""

_MOST_GAPS = 100
"""For each checkpoint that is there; more are no gaps."""

_LAST = "checkpoint_last.pt"


def _listed(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
    return ", ".join(map(str, numbers[:_SHOWN])) + more


def _missing(numbers: Sequence[int], end: int) -> list[int]:
    """Returns what is missing in rising numbers, which may go up to ``end``.

    Nothing, if they are not evenly apart but for gaps.
    """
    steps = [after - before for before, after in pairwise(numbers)]
    step = min(steps, default=0)
    # Two neighbours may be as far apart as they are by chance.
    if 2 * steps.count(step) < max(3, len(steps)) or any(each % step for each in steps):
        return []
    all_of_them = range(numbers[0], max(end, numbers[-1]) + 1, step)
    if len(all_of_them) > _MOST_GAPS * len(numbers):
        return []
    return sorted({*all_of_them} - {*numbers})


def _updates_done(folder: Path) -> int:
    """After how many updates the last checkpoint of a folder was saved; 0 if nobody can tell."""
    last = folder / _LAST
    try:
        history = read_checkpoint(last).get("optimizer_history") if last.is_file() else None
        return int(history[-1]["num_updates"]) if history else 0
    except (CheckpointError, TypeError, ValueError, LookupError, AttributeError):
        return 0


@dataclass(frozen=True, kw_only=True)
class Averaged:
    """A checkpoint of mean weights, and what it was made of."""

    checkpoint: Path
    inputs: Sequence[Path]
    warning: str | None
    """What about them may not be as it was meant."""

    signature: str


def average_checkpoints(output: str | Path, settings: AverageSettings) -> Averaged:
    """Writes the mean of checkpoints; what stood at ``output`` stays if anything is wrong.

    Raises:
        ConfigError: if ``output`` is a folder, or one of the checkpoints.
        CheckpointError: if there are too few checkpoints, or they do not belong together.
        LockedError: if another process writes ``output``.
    """
    output = Path(output)
    if output.is_dir():
        raise ConfigError(f"--output names the file to write, but {output} is a folder")
    check_writable(output, kind="archive", form="a checkpoint")
    chosen = settings.chosen()
    paths = chosen.paths
    if output.exists() and any(path.exists() and path.samefile(output) for path in paths):
        raise ConfigError(f"--output: {output} is one of the checkpoints that are averaged")
    inputs = files_digest(paths)
    with locked(output):
        content = average(paths, ema=settings.ema)
        with writing(output) as stream:
            torch.save(content, stream)
    return Averaged(
        checkpoint=output,
        inputs=paths,
        warning=chosen.warning(),
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
