"""Training through fairseq's own trainer, on one process or, under torchrun, on several."""

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils
from fairseq.distributed import utils as distributed_utils
from fairseq_cli.train import main as fairseq_train
from fairseq_cli.train import should_stop_early

from hat.errors import ConfigError
from hat.fairseq_plugin.arguments import parse_call
from hat.fairseq_plugin.divergence import divergence_told
from hat.fairseq_plugin.progress import Progress
from hat.fairseq_plugin.quiet import fairseq_config
from hat.fairseq_plugin.rehearsal import rehearse
from hat.fairseq_plugin.resuming import add_resume_option, begin
from hat.fairseq_plugin.state_loading import loading_told
from hat.fairseq_plugin.stopping import stopped_by_signals
from hat.files import Files
from hat.locks import locked
from hat.machine import torchrun
from hat.machine.heap import keep_freed_memory
from hat.machine.loader_processes import end_loader_processes
from hat.machine.lost_processes import lost_processes_told
from hat.models import training_record
from hat.models.checkpoint import checkpoint_options, read_checkpoint
from hat.models.training_record import TrainingRecord
from hat.signature import signature

logger = logging.getLogger(__name__)


def add_torchrun_options(args: argparse.Namespace) -> None:
    """Makes the processes that torchrun started train one model together.

    fairseq recognises torchrun's variables only where it finds GPUs; on CPUs each process
    would train a model of its own into the same folder. ``legacy_ddp`` is the wrapper that
    works on CPUs and accepts parameters that an update does not use.
    """
    if not torchrun.started_us():
        return
    on_gpu = torch.cuda.is_available() and not args.cpu
    args.distributed_world_size = torchrun.world_size()
    args.distributed_rank = torchrun.rank()
    args.distributed_init_method = "env://"
    args.distributed_no_spawn = True
    args.distributed_backend = "nccl" if on_gpu else "gloo"
    args.device_id = torchrun.local_rank()
    args.ddp_backend = "legacy_ddp"
    # Else the first process would send the others what it read, by pickle, which today's torch
    # refuses: no training could go on.
    args.load_checkpoint_on_all_dp_ranks = True


def _check_processes(args: argparse.Namespace) -> None:
    devices = 0 if args.cpu else torch.cuda.device_count()
    found = "1 GPU" if devices == 1 else f"{devices} GPUs"
    if not torchrun.started_us() and args.distributed_world_size > max(1, devices):
        raise ConfigError(
            f"distributed-world-size is {args.distributed_world_size}, but hat finds {found}, and "
            "only torchrun starts several processes without them"
        )
    if torchrun.started_us() and devices and args.device_id >= devices:
        raise ConfigError(
            f"process {args.device_id} of this machine has no GPU of its own: torch finds {found}; "
            "start as many processes as there are GPUs, or give --cpu"
        )


def is_first_process() -> bool:
    """Whether this process reports results (rank 0, or the only one)."""
    return torchrun.rank() == 0


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a training left."""

    checkpoint: Path | None
    """The best one by validation loss, else the last one; None if none was saved."""

    best_loss: float | None
    """Its label-smoothed validation loss in bits per token; None without validation."""

    num_updates: int | None
    """After how many updates it was saved."""

    record: TrainingRecord | None
    """The conditions that it was trained under; None if nobody noted them."""


def train(
    configs: Files = (), *, sub_configs: Files = (), resume_anyway: bool = False, **options: Any
) -> dict[str, Any] | None:
    """Trains a SuperTransformer, or one SubTransformer from scratch, as ``train.py`` does.

    Args:
        configs: YAML files; a later one wins over an earlier one.
        sub_configs: YAML files that win over those, as ``--sub-configs`` names them.
        resume_anyway: goes on in ``save_dir`` although its training began under other conditions.
        options: HAT's and fairseq's options, such as ``save_dir="runs"``; they win over the files.

    Returns:
        What ``train.py`` prints: ``checkpoint``, ``best_loss`` in bits per token, ``num_updates``
        and ``signature``; None in all but the first of several processes.

    Raises:
        ConfigError: if an option is wrong or missing.
        CheckpointError: if the folder holds another training.
        DataError: if the data is not there.
    """
    flags = ["--resume-anyway"] if resume_anyway else []
    args = parse_call(
        "hat.train",
        options,
        configs=configs,
        sub_configs=sub_configs,
        flags=flags,
        add_options=add_resume_option,
    )
    return train_and_tell(args)


def train_and_tell(args: argparse.Namespace) -> dict[str, Any] | None:
    """Trains what fairseq's options describe; see ``train``."""
    trained = run_training(args)
    if trained is None:
        return None
    what = "subtransformer" if args.train_subtransformer else "supertransformer"
    record = trained.record
    parts = record.signature_parts() if record is not None else {"conditions": "unknown"}
    return {
        "checkpoint": None if trained.checkpoint is None else str(trained.checkpoint),
        "best_loss": trained.best_loss,
        "num_updates": trained.num_updates,
        "signature": signature(stage=f"train-{what}", updates=trained.num_updates, **parts),
    }


def run_training(args: argparse.Namespace) -> Trained | None:
    """Trains what ``args`` describe, as far as that is not done yet.

    A training that is over by fairseq's rules is left as it is.

    Returns:
        What the folder holds then; None in all but the first process.

    Raises:
        ConfigError: if neither ``--max-tokens`` nor ``--batch-size`` is given, or the training
            cannot begin as the options say.
        CheckpointError: if the folder to save in holds another training; see ``begin``.
        LockedError: if another process trains there.
    """
    if args.max_tokens is None and args.batch_size is None:
        raise ConfigError("how large is a batch? give --max-tokens or --batch-size")
    _check_save_dir(Path(args.save_dir))
    add_torchrun_options(args)
    # Of several processes, the first one writes.
    alone = locked(args.save_dir) if is_first_process() and not args.no_save else nullcontext()
    with alone:
        return _run(args)


def _run(args: argparse.Namespace) -> Trained | None:
    """Trains in a folder that nobody else trains in."""
    beginning = begin(args)
    if beginning.why_over is not None:
        if is_first_process():  # whose last line is the result
            logger.info("nothing to train: %s", beginning.why_over)
    else:
        _check_processes(args)
        rehearse(args)
        setattr(args, training_record.OPTION, beginning.record.to_plain())
        _run_fairseq(args, beginning.loads)
    return _left(args, beginning.record) if is_first_process() else None


def _check_save_dir(folder: Path) -> None:
    for place in (folder, *folder.parents):
        if place.exists():
            if not place.is_dir():
                raise ConfigError(f"save-dir: {place} is a file, but a folder is to be there")
            return


def _run_fairseq(args: argparse.Namespace, loads: Path | None) -> None:
    keep_freed_memory()
    # fairseq keeps these in attributes of functions, which outlive a training.
    for function in (checkpoint_utils.save_checkpoint, should_stop_early):
        vars(function).clear()
    last = Path(args.save_dir) / f"checkpoint_last{args.checkpoint_suffix}.pt"
    with (
        _left_as_it_was(Path(args.save_dir)),
        stopped_by_signals(),
        lost_processes_told(),
        divergence_told(last),
        loading_told(loads),
    ):
        try:
            distributed_utils.call_main(fairseq_config(args), fairseq_train)
        finally:
            end_loader_processes()


@contextmanager
def _left_as_it_was(folder: Path) -> Iterator[None]:
    """Takes away the folders that fairseq makes before it begins, if nothing comes to lie there."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        yield
    finally:
        with suppress(OSError):  # one that holds something
            for each in missing:
                each.rmdir()


def _left(args: argparse.Namespace, record: TrainingRecord) -> Trained:
    """Reads off the checkpoint to use, not off the options, what it is."""
    if args.no_save:
        best = getattr(checkpoint_utils.save_checkpoint, "best", None)
        loss = None if best is None else float(best)
        return Trained(checkpoint=None, best_loss=loss, num_updates=None, record=record)
    names = (f"checkpoint_{which}{args.checkpoint_suffix}.pt" for which in ("best", "last"))
    written = [path for path in (Path(args.save_dir) / name for name in names) if path.is_file()]
    if not written:
        return Trained(checkpoint=None, best_loss=None, num_updates=None, record=record)
    content = read_checkpoint(written[0])
    best = content["extra_state"].get("best")
    return Trained(
        checkpoint=written[0],
        best_loss=None if best is None else float(best),
        num_updates=Progress.of(content).updates,
        record=TrainingRecord.of(checkpoint_options(content, written[0])),
    )
