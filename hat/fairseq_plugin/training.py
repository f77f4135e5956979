"""Training through fairseq's own trainer, on one process or, under torchrun, on several."""

import argparse
import os
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.distributed import utils as distributed_utils
from fairseq_cli.train import main as fairseq_train

from hat.errors import CheckpointError, ConfigError
from hat.heap import keep_freed_memory


def add_torchrun_options(args: argparse.Namespace) -> None:
    """Makes the processes that torchrun started train one model together.

    fairseq recognises torchrun's variables only where it finds GPUs; on CPUs each process
    would train a model of its own into the same folder. ``legacy_ddp`` is the wrapper that
    works on CPUs and accepts parameters that an update does not use.
    """
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1 or "RANK" not in os.environ:
        return
    on_gpu = torch.cuda.is_available() and not args.cpu
    args.distributed_world_size = world_size
    args.distributed_rank = int(os.environ["RANK"])
    args.distributed_init_method = "env://"
    args.distributed_no_spawn = True
    args.distributed_backend = "nccl" if on_gpu else "gloo"
    args.device_id = int(os.environ.get("LOCAL_RANK", "0"))
    args.ddp_backend = "legacy_ddp"


def is_first_process() -> bool:
    """Whether this process reports results (rank 0, or the only one)."""
    return os.environ.get("RANK", "0") == "0"


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Trains what ``args`` describe and returns where the checkpoints are.

    Returns:
        ``checkpoint`` (the best one by validation loss, else the last one), ``best_loss`` (its
        label-smoothed validation loss in bits per token, None without validation) and
        ``num_updates``.

    Raises:
        ConfigError: if neither ``--max-tokens`` nor ``--batch-size`` is given.
        CheckpointError: if the folder to save in holds checkpoints of another network.
    """
    if args.max_tokens is None and args.batch_size is None:
        raise ConfigError("how large is a batch? give --max-tokens or --batch-size")
    add_torchrun_options(args)
    keep_freed_memory()
    # fairseq keeps the best loss in a function attribute, which outlives a training.
    vars(checkpoint_utils.save_checkpoint).pop("best", None)
    try:
        distributed_utils.call_main(convert_namespace_to_omegaconf(args), fairseq_train)
    except Exception as error:
        if "Cannot load model parameters" in str(error):  # a plain Exception of fairseq's
            raise CheckpointError(
                f"{args.save_dir}: holds the checkpoints of another network, so this training "
                "cannot go on from them: choose another --save-dir"
            ) from None
        raise
    folder = Path(args.save_dir)
    suffix = args.checkpoint_suffix
    names = (f"checkpoint_best{suffix}.pt", f"checkpoint_last{suffix}.pt")
    written = [folder / name for name in names if (folder / name).is_file()]
    best = getattr(checkpoint_utils.save_checkpoint, "best", None)
    return {
        "checkpoint": str(written[0]) if written else None,
        "best_loss": None if best is None else float(best),
    }
