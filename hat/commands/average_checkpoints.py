"""``hat average-checkpoints``: the mean of the last checkpoints' weights as one checkpoint."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from hat.cli.console import command, print_result
from hat.conditions import files_digest
from hat.errors import CheckpointError, ConfigError
from hat.files import replacing
from hat.models.checkpoint import load_checkpoint, read_checkpoint
from hat.signature import signature

_EPOCH = re.compile(r"checkpoint(\d+)\.pt")
_UPDATE = re.compile(r"checkpoint_\d+_(\d+)\.pt")


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``hat average-checkpoints``."""
    parser = argparse.ArgumentParser(prog="hat average-checkpoints", description=__doc__)
    parser.add_argument("--inputs", nargs="+", required=True, help="checkpoints, or one folder")
    parser.add_argument("--output", required=True, help="the checkpoint to write")
    last = parser.add_mutually_exclusive_group()
    last.add_argument("--num-epoch-checkpoints", type=int, help="the last N checkpointE.pt")
    last.add_argument("--num-update-checkpoints", type=int, help="the last N checkpoint_E_U.pt")
    parser.add_argument("--checkpoint-upper-bound", type=int, help="last epoch or update to use")
    options = parser.parse_args(argv)
    paths = _chosen(options)
    content = average(paths)
    with replacing(options.output) as temporary:
        torch.save(content, temporary)
    load_checkpoint(options.output)
    print(f"averaged {len(paths)} checkpoints: {', '.join(path.name for path in paths)}")
    print_result(
        {
            "checkpoint": options.output,
            "inputs": [str(path) for path in paths],
            "signature": signature(
                stage="average-checkpoints", count=len(paths), inputs=files_digest(paths)
            ),
        }
    )


def _chosen(options: argparse.Namespace) -> list[Path]:
    paths = [Path(path) for path in options.inputs]
    count, pattern = options.num_epoch_checkpoints, _EPOCH
    if options.num_update_checkpoints is not None:
        count, pattern = options.num_update_checkpoints, _UPDATE
    if count is None:
        if any(path.is_dir() for path in paths):
            raise ConfigError(
                "a folder of checkpoints needs --num-epoch-checkpoints or --num-update-checkpoints"
            )
        return paths
    if count < 1:
        raise ConfigError(f"the number of checkpoints must be positive, but found {count}")
    if len(paths) != 1 or not paths[0].is_dir():
        raise ConfigError("to average the last checkpoints, --inputs is their folder")
    numbered = []
    for path in paths[0].iterdir():
        found = pattern.fullmatch(path.name)
        bound = options.checkpoint_upper_bound
        if found and (bound is None or int(found.group(1)) <= bound):
            numbered.append((int(found.group(1)), path))
    if len(numbered) < count:
        raise CheckpointError(
            f"{paths[0]}: holds {len(numbered)} such checkpoints, but {count} are to be averaged"
        )
    return [path for _, path in sorted(numbered)[-count:]]


def average(paths: Sequence[Path]) -> dict[str, Any]:
    """Returns the content of the last checkpoint with the mean weights of all.

    Sums are taken in float64, so that the order does not matter; what a training needs to go
    on (the optimizer's state) is left out.

    Raises:
        CheckpointError: if the checkpoints do not hold the same weights.
    """
    total: dict[str, torch.Tensor] = {}
    content: dict[str, Any] = {}
    for path in paths:
        content = read_checkpoint(path)
        weights = content["model"]
        shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
        if total and shapes != {name: tuple(weight.shape) for name, weight in total.items()}:
            raise CheckpointError(f"{path}: holds other weights than {paths[0]}")
        for name, weight in weights.items():
            wide = weight.double()
            total[name] = total[name] + wide if name in total else wide
    mean = {
        name: (weight / len(paths)).to(content["model"][name].dtype)
        for name, weight in total.items()
    }
    content.pop("last_optimizer_state", None)
    return {**content, "model": mean}
