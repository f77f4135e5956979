"""``hat average-checkpoints``: the mean of the last checkpoints' weights as one checkpoint."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import torch

from hat.cli.console import command, print_result
from hat.conditions import files_digest
from hat.errors import CheckpointError, ConfigError
from hat.files import replacing
from hat.models.averaging import average
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
    if Path(options.output).is_dir():
        raise ConfigError(f"--output names the file to write, but {options.output} is a folder")
    paths = _chosen(options)
    inputs = files_digest(paths)  # before the output is written: it may be one of them
    content = average(paths)
    with replacing(options.output) as temporary:
        torch.save(content, temporary)
    print(f"averaged {len(paths)} checkpoints: {', '.join(path.name for path in paths)}")
    print_result(
        {
            "checkpoint": options.output,
            "inputs": [str(path) for path in paths],
            "signature": signature(stage="average-checkpoints", count=len(paths), inputs=inputs),
        }
    )


def _chosen(options: argparse.Namespace) -> list[Path]:
    paths = [Path(path) for path in options.inputs]
    count, pattern = options.num_epoch_checkpoints, _EPOCH
    if options.num_update_checkpoints is not None:
        count, pattern = options.num_update_checkpoints, _UPDATE
    if count is None:
        if options.checkpoint_upper_bound is not None:
            raise ConfigError(
                "--checkpoint-upper-bound needs --num-epoch-checkpoints or --num-update-checkpoints"
            )
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
