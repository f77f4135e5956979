"""Training through fairseq's own trainer, on one process or, under torchrun, on several."""

import argparse
import logging
import os
import re
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils
from fairseq.distributed import utils as distributed_utils
from fairseq_cli.train import main as fairseq_train
from fairseq_cli.train import should_stop_early

from hat.errors import CheckpointError, ConfigError, DataError, HatError
from hat.fairseq_plugin.arguments import check_data_folder, parse_call
from hat.fairseq_plugin.progress import Progress
from hat.fairseq_plugin.quiet import fairseq_config
from hat.fairseq_plugin.resuming import add_resume_option, begin
from hat.fairseq_plugin.stopping import stopped_by_signals
from hat.files import Files
from hat.locks import locked
from hat.machine.heap import keep_freed_memory
from hat.models import training_record
from hat.models.checkpoint import checkpoint_options, read_checkpoint
from hat.models.training_record import TrainingRecord
from hat.signature import signature

logger = logging.getLogger(__name__)

_FAILURES: tuple[tuple[re.Pattern[str], type[HatError], str], ...] = (
    (
        re.compile("Dataset not found|Index file doesn't match"),
        DataError,
        "the data folder holds no such data of dataset-impl {dataset_impl}: leave the option out",
    ),
    (
        re.compile(r"Sentences lengths should not exceed|Size of sample|.* exceeds max_tokens"),
        DataError,
        "a sentence is longer than max-tokens ({max_tokens}), max-source-positions or "
        "max-target-positions",
    ),
    (
        re.compile("The dataset is empty"),
        DataError,
        "the data folder holds no sentence that max-tokens, batch-size and the lengths allow",
    ),
    (
        re.compile("Either --max_update or --lr-period-updates"),
        ConfigError,
        "lr-scheduler cosine needs max-update or lr-period-updates above 0",
    ),
    (
        re.compile("world size is .* available devices"),
        ConfigError,
        "distributed-world-size is {distributed_world_size}, but only torchrun starts several "
        "processes",
    ),
)
"""What fairseq says of inputs that it does not check before, and what we say in its place."""

_MISMATCH = re.compile("(Criterion|Optimizer) does not match")


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
    # Else the first process would send the others what it read, by pickle, which today's torch
    # refuses: no training could go on.
    args.load_checkpoint_on_all_dp_ranks = True


def is_first_process() -> bool:
    """Whether this process reports results (rank 0, or the only one)."""
    return os.environ.get("RANK", "0") == "0"


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
    check_data_folder(vars(args))
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
        setattr(args, training_record.OPTION, beginning.record.to_plain())
        _run_fairseq(args, beginning.loads)
    return _left(args, beginning.record) if is_first_process() else None


def _run_fairseq(args: argparse.Namespace, loads: Path | None) -> None:
    keep_freed_memory()
    # fairseq keeps these in attributes of functions, which outlive a training.
    for function in (checkpoint_utils.save_checkpoint, should_stop_early):
        vars(function).clear()
    try:
        with stopped_by_signals():
            distributed_utils.call_main(fairseq_config(args), fairseq_train)
    except Exception as error:
        if "Cannot load model parameters" in str(error):  # a plain Exception of fairseq's
            raise CheckpointError(
                f"{loads}: holds another network than the options describe, so this training "
                "cannot go on from it"
            ) from None
        for pattern, kind, sentence in _FAILURES:
            if pattern.match(str(error)):
                raise kind(sentence.format(**vars(args))) from None
        mismatch = _MISMATCH.match(str(error))
        if mismatch:  # a failed assertion of fairseq's
            raise CheckpointError(
                f"{loads}: the {mismatch[1].lower()} of its training is another one; "
                "--reset-optimizer begins with a new one"
            ) from None
        raise


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
