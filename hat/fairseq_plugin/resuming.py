"""Whether and from where a training goes on in its folder: only under the conditions it began with.

Every checkpoint notes the conditions of its training, so the note survives whatever happens to the
process. A training that is started again in its folder goes on from its last checkpoint; ``restore-
file``, ``finetune-from-model`` and ``reset-*`` say how it began and apply only once.
"""

import argparse
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hat.conditions import what_differs
from hat.errors import CheckpointError, ConfigError
from hat.fairseq_plugin.data_folder import check_training_data
from hat.fairseq_plugin.dictionaries import task_words
from hat.fairseq_plugin.loading import build_task
from hat.fairseq_plugin.progress import Progress
from hat.fairseq_plugin.recipe import (
    INIT,
    check_recipe,
    check_same_network,
    inherited_weights,
    network_config,
)
from hat.fairseq_plugin.training_conditions import EMA_SEED, STARTS, training_conditions
from hat.models.checkpoint import (
    EMA_KEY,
    checkpoint_options,
    read_checkpoint,
    super_transformer,
    with_average,
)
from hat.models.saved_state import check_saved_state
from hat.models.training_record import Stretch, TrainingRecord
from hat.text.dictionaries import check_dictionaries, noted_dictionaries

logger = logging.getLogger(__name__)

DEFAULT_RESTORE_FILE = "checkpoint_last.pt"
"""fairseq's default, which stands for the last checkpoint of the folder to save in."""

_RESETS = ("reset_optimizer", "reset_lr_scheduler", "reset_meters", "reset_dataloader")

_MEANT = "--resume-anyway goes on all the same"


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """How a training begins or goes on."""

    record: TrainingRecord
    """What its checkpoints shall note."""

    loads: Path | None = None
    """The checkpoint whose state it takes up; None: it begins from nothing."""

    why_over: str | None = None
    """Why there is nothing left to do; None if there is."""


def add_resume_option(parser: argparse.ArgumentParser) -> None:
    """Adds ``--resume-anyway``."""
    parser.add_argument_group("training again in the same folder").add_argument(
        "--resume-anyway",
        action="store_true",
        help="go on in --save-dir although its training began under other conditions",
    )


def begin(args: argparse.Namespace) -> Beginning:
    """Decides how the training that ``args`` describe begins; writes nothing.

    Where it goes on from its own last checkpoint, the options that say how it once began are
    switched off in ``args``.

    Raises:
        ConfigError: if a checkpoint to begin from is not there, options exclude each other, or
            the checkpoint to begin from leaves nothing to train.
        CheckpointError: if the folder holds a training under other conditions, or a checkpoint
            cannot be gone on from, and ``--resume-anyway`` is not given.
        DataError: if a split of the data is missing.
    """
    own = Path(args.save_dir) / f"checkpoint_last{args.checkpoint_suffix}.pt"
    starts = _starts(args, own)
    for said in check_training_data(args):
        logger.warning("%s", said)
    kept = own if own.is_file() else _newest(own.parent)
    first = kept or _named(starts)
    content = {} if first is None else _state(first)  # what is damaged is said before more is done
    task = build_task(args)
    check_recipe(args, task)
    if EMA_SEED in starts:
        _check_seed(starts[EMA_SEED], args, task)
    record = TrainingRecord(conditions=training_conditions(args, task, starts))
    if kept is None:
        return _from_start(args, record, starts, task, content)
    old = TrainingRecord.of(checkpoint_options(content, kept))
    changed = old is None or bool(what_differs(old.conditions, record.conditions))
    if changed and not _anyway(args):
        raise CheckpointError(_refusal(args.save_dir, old, record))
    progress = Progress.of(content)
    if kept != own and not changed and progress.why_over(args):
        return Beginning(record=old or record, why_over=progress.why_over(args))
    if kept != own or (changed and "restore-file" in starts):
        return _from_start(args, record, starts, task, {})
    if changed or old is None:
        record = _with_history(record, old, progress)
        progress = progress.after_resets(args)
    else:
        record = old
        _switch_off_starts(args)
    _check_network(content, own, args, task)
    args.init_from_supernet = None  # it has begun
    over = progress.why_over(args)
    if not over and not _has_optimizer(content) and not (args.reset_optimizer or _anyway(args)):
        raise CheckpointError(
            f"{own}: holds no state of the optimizer, so the training cannot go on as if it had "
            f"never stopped; {_MEANT}, as from update 0"
        )
    return Beginning(record=record, loads=own, why_over=over)


def _starts(args: argparse.Namespace, own: Path) -> dict[str, Path]:
    """The checkpoints that options name to begin from, by option. They are there."""
    if args.restore_file != DEFAULT_RESTORE_FILE and args.finetune_from_model:
        raise ConfigError("restore-file and finetune-from-model exclude each other: give one")
    if args.ema_seed_model and not args.store_ema:
        raise ConfigError(f"{EMA_SEED} needs store-ema: without it there is no moving average")
    if args.finetune_from_model and any(getattr(args, name) for name in _RESETS):
        raise ConfigError("finetune-from-model resets everything: give no --reset-* with it")
    starts = {}
    others = (args.restore_file != DEFAULT_RESTORE_FILE, args.finetune_from_model)
    if getattr(args, "init_from_supernet", None) and (any(others) or args.continue_once):
        raise ConfigError(
            f"{INIT} excludes restore-file, finetune-from-model and continue-once: give one"
        )
    for name in STARTS:
        value = getattr(args, name.replace("-", "_"), None)
        if not value or (name == "restore-file" and value == DEFAULT_RESTORE_FILE):
            continue
        if name == "restore-file":  # as fairseq names the file that it looks for
            value = value.replace(".pt", f"{args.checkpoint_suffix}.pt")
        path = Path(value)
        if not path.is_file():
            raise ConfigError(f"{name}: there is no file {path}")
        if name == "restore-file" and own.is_file() and path.samefile(own):
            args.restore_file = DEFAULT_RESTORE_FILE
            continue
        starts[name] = path
    return starts


def _named(starts: Mapping[str, Path]) -> Path | None:
    """The checkpoint whose state a new training takes up."""
    named = ("restore-file", "continue-once", "finetune-from-model")
    return next((starts[name] for name in named if name in starts), None)


def _state(path: Path) -> dict[str, Any]:
    content = read_checkpoint(path)
    check_saved_state(content, path)
    return content


def _from_start(
    args: argparse.Namespace,
    record: TrainingRecord,
    starts: dict[str, Path],
    task: Any,
    content: Mapping[str, Any],
) -> Beginning:
    """Begins as fairseq does where no last checkpoint is: from a file that is named, or nothing.

    ``content`` is that file's, if it has been read.
    """
    path = _named(starts)
    if INIT in starts:
        inherited_weights(starts[INIT], network_config(vars(args), task), task)  # if they fit
    if path is None:
        return Beginning(record=record)
    content = content or _state(path)
    missing = [key for key in ("optimizer_history", "extra_state") if key not in content]
    if missing:
        raise CheckpointError(f"{path}: lacks {missing[0]!r}: no training can begin from it")
    _check_network(content, path, args, task)
    if args.store_ema and EMA_KEY not in content["extra_state"]:
        raise CheckpointError(
            f"{path}: holds no moving average, so a training with store-ema cannot begin from it"
        )
    if not _anyway(args):
        noted = noted_dictionaries(checkpoint_options(content, path))
        check_dictionaries(noted, {}, task_words(task), path)
    if path != starts.get("finetune-from-model"):
        progress = Progress.of(content).after_resets(args)
        if not _has_optimizer(content):  # fairseq counts its updates from 0
            progress = Progress(epoch=progress.epoch, seconds=progress.seconds)
        over = progress.why_over(args)
        if over:
            raise ConfigError(
                f"{path}: leaves nothing to train: {over}; raise the limit, or begin anew with "
                "finetune-from-model"
            )
    return Beginning(record=record, loads=path)


def _check_network(
    content: Mapping[str, Any], path: Path, args: argparse.Namespace, task: Any
) -> None:
    """Checks that the training's network can take up a checkpoint's weights, and that they are."""
    check_same_network(super_transformer(content, path), network_config(vars(args), task), path)


def _check_seed(path: Path, args: argparse.Namespace, task: Any) -> None:
    """Checks that a moving average can begin with that of a checkpoint: fairseq just loads it."""
    average = with_average(read_checkpoint(path), path)
    _check_network(average, path, args, task)
    if not _anyway(args):
        check_dictionaries(
            noted_dictionaries(checkpoint_options(average, path)), {}, task_words(task), path
        )


def _newest(folder: Path) -> Path | None:
    """The newest checkpoint of a folder that has no last one."""
    found = [path for path in folder.glob("checkpoint*.pt") if path.is_file()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def _refusal(folder: str, old: TrainingRecord | None, new: TrainingRecord) -> str:
    if old is None:
        return (
            f"{folder}: holds checkpoints that do not note the conditions of their training, as "
            "older versions wrote them, so nobody knows whether this is the same training: choose "
            f"another --save-dir; {_MEANT}"
        )
    changes = what_differs(old.conditions, new.conditions)
    return (
        f"{folder}: holds a training under other conditions: {changes}: choose another "
        f"--save-dir; {_MEANT}"
    )


def _with_history(
    record: TrainingRecord, old: TrainingRecord | None, progress: Progress
) -> TrainingRecord:
    """The record of a training that goes on under other conditions from its last checkpoint."""
    if old is None:
        return record.after(Stretch(updates=progress.updates, conditions=None))
    # It does not begin once more, whatever the options name to begin from.
    now = {name: value for name, value in record.conditions.items() if name not in STARTS}
    began = {name: value for name, value in old.conditions.items() if name in STARTS}
    new = TrainingRecord(conditions={**now, **began}, earlier=old.earlier)
    return new.after(Stretch(updates=progress.updates, conditions=old.conditions))


def _switch_off_starts(args: argparse.Namespace) -> None:
    args.restore_file = DEFAULT_RESTORE_FILE
    args.finetune_from_model = args.continue_once = args.ema_seed_model = None
    args.optimizer_overrides = "{}"
    for name in _RESETS:
        setattr(args, name, False)


def _has_optimizer(content: Mapping[str, Any]) -> bool:
    return content.get("last_optimizer_state") is not None


def _anyway(args: argparse.Namespace) -> bool:
    return bool(getattr(args, "resume_anyway", False))
