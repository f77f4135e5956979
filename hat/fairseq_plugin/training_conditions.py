"""The conditions of a training: every option that can change its weights, and its data by content.

An option counts unless it is listed here as one that changes nothing, so an option that a new
version brings counts from its first day.
"""

import argparse
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from fairseq.optim.lr_scheduler import LR_SCHEDULER_DATACLASS_REGISTRY

from hat.conditions import bytes_digest, file_digest, files_digest
from hat.errors import DataError
from hat.fairseq_plugin.dictionaries import task_digests
from hat.fairseq_plugin.recipe import INIT, follows_max_update, recipe_conditions, recipe_keys
from hat.models import training_record
from hat.text.dictionaries import SIDES, digest_option

_CHANGES_NOTHING = {
    "names of places; what lies there counts by its content": """
        data save-dir checkpoint-suffix plasma-path restore-file finetune-from-model continue-once
        init-from-supernet ema-seed-model
    """,
    "logs": """
        aim-repo aim-run-hash azureml-logging eval-bleu-print-samples log-file log-format
        log-interval no-progress-bar profile suppress-crashes tensorboard-logdir wandb-project
    """,
    "which of the saved checkpoints are kept, and what of a state": """
        keep-best-checkpoints keep-interval-updates keep-interval-updates-pattern keep-last-epochs
        no-epoch-checkpoints no-last-checkpoints no-save no-save-optimizer-state
        write-checkpoints-asynchronously load-checkpoint-on-all-dp-ranks
    """,
    "when it ends: a training may be given more time": """
        max-epoch max-update patience stop-min-lr stop-time-hours
    """,
    "how data comes into memory": """
        data-buffer-size empty-cache-freq num-workers use-plasma-view
    """,
    "how processes find each other; their number counts": """
        all-gather-list-size device-id distributed-backend distributed-init-method
        distributed-no-spawn distributed-num-procs distributed-port distributed-rank
        heartbeat-timeout local-rank nprocs-per-node
    """,
    "counts as the device": "cpu",
    "what fairseq notes of its own parsing, and other commands' options": """
        gen-subset latcpu latgpu no-seed-provided profile-flops resume-anyway
    """,
}

EXEMPT = frozenset(" ".join(_CHANGES_NOTHING.values()).split())
"""Options that are no condition of a training."""

EMA_SEED = "ema-seed-model"

STARTS = ("restore-file", "finetune-from-model", "continue-once", INIT, EMA_SEED)
"""Options that name a checkpoint to begin from. The file's content is a condition."""

_DERIVED = {name.replace("_", "-") for name in (training_record.OPTION, *map(digest_option, SIDES))}
"""What hat itself adds to the options of a checkpoint."""

_LIKE_A_FILE = re.compile(r"[./\\]")

_OF_MAX_UPDATE = "${optimization.max_update}"
"""fairseq's default of options that follow ``--max-update``."""


def training_conditions(
    args: argparse.Namespace, task: Any, starts: dict[str, Path]
) -> dict[str, Any]:
    """Returns the conditions of the training that ``args`` describe, by names that users know.

    Args:
        args: fairseq's options, those of torchrun included.
        task: the translation task, its dictionaries loaded.
        starts: the checkpoints that the options ``STARTS`` name.

    Returns:
        Plain values. An option without a value is left out.

    Raises:
        DataError: if a split is not in the data folders.
        HatError: if a file that an option names cannot be read.
    """
    conditions: dict[str, Any] = {}
    conditions["training data"] = _split_digest(task, str(args.train_subset))
    if not args.disable_validation:
        splits = str(args.valid_subset).split(",")
        conditions["validation data"] = "+".join(_split_digest(task, name) for name in splits)
    for side, digest in task_digests(task).items():
        conditions[f"{side} dictionary"] = digest
    conditions["device"] = "cuda" if torch.cuda.is_available() and not args.cpu else "cpu"
    conditions.update((name, file_digest(path)) for name, path in starts.items())
    recipe = recipe_keys()  # asked for once: packages of others are looked for
    conditions.update(
        (key, _content(value))
        for key, value in sorted((dest.replace("_", "-"), v) for dest, v in vars(args).items())
        if value is not None and key not in recipe and _counts(key, args)
    )
    conditions.update(recipe_conditions(args))
    return conditions


def counts(key: str, args: argparse.Namespace) -> bool:
    """Whether an option, named with dashes, is a condition of the training ``args`` describe."""
    return key not in recipe_keys() and _counts(key, args)


def _counts(key: str, args: argparse.Namespace) -> bool:
    """The same for options that are no recipe's."""
    if key == "max-update":
        return (
            schedule_ends_at_max_update(args)
            or args.quantization_config_path is not None
            or follows_max_update(args)
        )
    if key == "max-epoch":
        return args.quantization_config_path is not None
    return key not in EXEMPT and key not in _DERIVED


def schedule_ends_at_max_update(args: argparse.Namespace) -> bool:
    """Whether another ``--max-update`` means other learning rates from the first update on."""
    if args.lr_scheduler == "cosine":
        return bool(args.lr_period_updates <= 0)
    if args.lr_scheduler == "tri_stage":
        return args.phase_ratio is not None
    schedule = LR_SCHEDULER_DATACLASS_REGISTRY.get(args.lr_scheduler)
    following = [
        field.name
        for field in (fields(schedule) if schedule is not None else ())
        if field.default == _OF_MAX_UPDATE
    ]
    return any(name == "max_update" or getattr(args, name, None) is None for name in following)


def _content(value: Any) -> Any:
    """An option's value as plain data; a file or a folder of code stands for its content."""
    if isinstance(value, str) and _LIKE_A_FILE.search(value):
        with suppress(OSError):  # a text may be too long to be a path
            if Path(value).is_file():
                return file_digest(value)
            if Path(value).is_dir():
                return files_digest(Path(value).rglob("*.py"))
    if isinstance(value, list | tuple):
        return [_content(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _content(item) for key, item in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _split_digest(task: Any, split: str) -> str:
    """Returns the digest of all files of a split, in the order of the data folders.

    Raises:
        DataError: if there is none.
    """
    digests = [files_digest(files) for files in _split_files(task, split) if files]
    if not digests:
        raise DataError(f"{task.cfg.data}: has no {split!r} data")
    return digests[0] if len(digests) == 1 else bytes_digest("\n".join(digests).encode())


def _split_files(task: Any, split: str) -> list[list[Path]]:
    """The files of a split in each data folder, its numbered parts (train1, train2) included."""
    source, target = task.cfg.source_lang, task.cfg.target_lang
    name = re.compile(rf"{re.escape(split)}\d*\..*")
    pairs: Sequence[str] = (f"{source}-{target}", f"{target}-{source}")
    return [
        [
            path
            for path in Path(folder).iterdir()
            if name.fullmatch(path.name) and any(pair in path.name for pair in pairs)
        ]
        for folder in str(task.cfg.data).split(os.pathsep)
        if Path(folder).is_dir()
    ]
