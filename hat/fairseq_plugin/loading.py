"""Trained SuperTransformers joined with fairseq's tasks: dictionaries, data and batches."""

import argparse
import logging
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from fairseq import tasks, utils

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping, arch_options, space_from_options
from hat.errors import ConfigError
from hat.fairseq_plugin.data_folder import DataFolder
from hat.fairseq_plugin.dictionaries import task_words
from hat.fairseq_plugin.model import TransformerSuperModel
from hat.fairseq_plugin.quiet import fairseq_config
from hat.models.checkpoint import (
    checkpoint_options,
    read_checkpoint,
    super_transformer,
    with_average,
)
from hat.models.config import SuperTransformerConfig
from hat.models.super_transformer import SuperTransformer
from hat.scoring.batches import Batch
from hat.tasks.binary_split import Room, check_room
from hat.text.dictionaries import check_dictionaries, check_direction, noted_dictionaries

logger = logging.getLogger(__name__)


def build_task(args: argparse.Namespace) -> Any:
    """Sets up the translation task that ``args`` describe, its dictionaries loaded.

    Raises:
        ConfigError: if it is not clear which languages are meant.
        DataError: if the data folder or a dictionary is missing or damaged.
    """
    DataFolder.of(vars(args))
    return tasks.setup_task(fairseq_config(args).task)


def load_super_transformer(path: str, task: Any, *, ema: bool = False) -> SuperTransformer:
    """Loads a checkpoint, ours or HAT's own, that was trained with the task's dictionaries.

    Args:
        path: the checkpoint.
        task: a translation task.
        ema: whether to take the moving average of the weights.

    Raises:
        CheckpointError: if the file is no checkpoint or its vocabulary is another one, or it holds
            no moving average.
    """
    return load_trained(path, task, ema=ema)[0]


def load_trained(path: str, task: Any, *, ema: bool) -> tuple[SuperTransformer, dict[str, Any]]:
    """Returns what ``load_super_transformer`` does, and the options it was trained with."""
    content = read_checkpoint(path)
    if ema:
        content = with_average(content, path)
    plain = super_transformer(content, path)
    options = checkpoint_options(content, path)
    check_direction(options, task.cfg.source_lang, task.cfg.target_lang, path)
    check_dictionaries(
        noted_dictionaries(options),
        {"source": plain.config.src_vocab_size, "target": plain.config.tgt_vocab_size},
        task_words(task),
        path,
    )
    return plain, options


def _never_trained(options: Mapping[str, Any], arch: SubTransformerConfig) -> str | None:
    """Says what of ``arch`` no update of a training with these options can have trained."""
    try:
        if options.get("train_subtransformer"):
            trained = arch_from_mapping(arch_options(options), "")
            return None if arch == trained else "it was trained as another SubTransformer alone"
        space = space_from_options(options, "")
    except ConfigError:  # a file of others that does not say
        return None
    try:
        space.check(arch)
    except ConfigError as error:
        return str(error)
    return None


def load_model(
    path: str, task: Any, arch: SubTransformerConfig | None = None
) -> TransformerSuperModel:
    """Loads a checkpoint as a model that fairseq's generator accepts.

    Args:
        path: the checkpoint.
        task: a translation task; its dictionaries must be those of the training.
        arch: the SubTransformer to run; by default what the checkpoint was trained as.

    Raises:
        CheckpointError: if the file is no checkpoint or its vocabulary is another one.
        ConfigError: if ``arch`` is larger than the checkpoint's SuperTransformer.
    """
    plain, options = load_trained(path, task, ema=False)
    never = None if arch is None else _never_trained(options, arch)
    if never is not None:
        logger.warning("%s: was never trained as this SubTransformer: %s", path, never)
    model = TransformerSuperModel(plain.config, size=plain.size, arch=arch or plain.arch)
    model.load_state_dict(plain.state_dict())
    return model.eval()


def load_subset(task: Any, subset: str) -> Any:
    """Loads a split of the task's data.

    Raises:
        DataError: if the data folder does not hold it, or a file of it is damaged or of other
            dictionaries.
    """
    for part in DataFolder.of_task(task).check_split(subset):
        for said in part.odd:
            logger.warning("%s", said)
    task.load_dataset(subset)
    return task.dataset(subset)


def iterate(
    task: Any, subset: str, config: SuperTransformerConfig, *, shuffle: bool = False, **limits: Any
) -> Any:
    """Returns fairseq's iterator over every sentence of ``subset``, similar lengths together.

    Args:
        task: the task, with ``subset`` loaded.
        subset: name of the split.
        config: limits the sentence lengths.
        shuffle: whether the batches come in an order drawn by ``seed``.
        limits: ``max_tokens`` and ``max_sentences`` of a batch; ``seed``.

    Raises:
        DataError: if a sentence is longer than the model or a batch can take.
    """
    dataset = task.dataset(subset)
    positions = utils.resolve_max_positions(
        task.max_positions(), (config.max_source_positions, config.max_target_positions)
    )
    room = Room((int(positions[0]), int(positions[1])), limits.get("max_tokens"))
    where = f"{task.cfg.data}, {subset!r} data"
    check_room(where, (np.asarray(dataset.src_sizes), np.asarray(dataset.tgt_sizes)), room)
    return task.get_batch_iterator(
        dataset=dataset, max_positions=positions, disable_iterator_cache=True, **limits
    ).next_epoch_itr(shuffle=shuffle)


def validation_batches(
    task: Any,
    subset: str,
    config: SuperTransformerConfig,
    *,
    max_tokens: int | None,
    max_sentences: int | None = None,
    device: torch.device | str = "cpu",
) -> Sequence[Batch]:
    """Builds the batches of ``subset`` once, on ``device``, longest sentences last."""
    load_subset(task, subset)
    samples = iterate(task, subset, config, max_tokens=max_tokens, max_sentences=max_sentences)
    batches = [_batch(sample, device) for sample in samples]
    return sorted(batches, key=lambda batch: batch.src_tokens.size(1))


def training_batches(
    task: Any,
    subset: str,
    config: SuperTransformerConfig,
    *,
    count: int,
    max_tokens: int,
    seed: int,
    device: torch.device | str = "cpu",
) -> Sequence[Batch]:
    """Draws ``count`` batches of ``subset`` by ``seed``, all different while there are enough.

    Raises:
        DataError: if there is no such data, or a sentence is longer than the model can take.
    """
    load_subset(task, subset)
    found: list[Batch] = []
    while len(found) < count:
        samples = iterate(
            task, subset, config, max_tokens=max_tokens, shuffle=True, seed=seed + len(found)
        )
        found += [_batch(sample, device) for sample in islice(samples, count - len(found))]
    return found


def _batch(sample: dict[str, Any], device: torch.device | str) -> Batch:
    net_input = sample["net_input"]
    return Batch(
        src_tokens=net_input["src_tokens"].to(device),
        src_lengths=net_input["src_lengths"].to(device),
        prev_output_tokens=net_input["prev_output_tokens"].to(device),
        target=sample["target"].to(device),
    )
