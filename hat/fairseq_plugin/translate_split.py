"""Translating a split of the data with one checkpoint: what ``generate.py`` does."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import torch
from fairseq.dataclass.configs import GenerationConfig

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping, arch_options, arch_to_mapping
from hat.conditions import file_digest, mapping_digest
from hat.errors import ConfigError
from hat.fairseq_plugin.data_folder import dictionaries_digest, subset_digest
from hat.fairseq_plugin.generation import Translation, translate
from hat.fairseq_plugin.loading import load_model
from hat.fairseq_plugin.quiet import fairseq_config
from hat.signature import signature
from hat.tasks.units import joining


@dataclass(frozen=True, kw_only=True)
class SplitSettings:
    """Which checkpoint translates what, and how."""

    checkpoint: str
    subset: str = "test"
    arch: SubTransformerConfig | None = None
    """The SubTransformer; None: what the checkpoint was trained as."""

    generation: GenerationConfig
    """fairseq's: beam, length penalty and the like."""

    max_tokens: int | None = None
    """Source tokens of a batch."""

    max_sentences: int | None = None
    """Sentences of a batch."""

    post_process: str | None = None
    """The marking of units to remove; ``"@@ "`` joins those of SentencePiece, too."""

    on_cpu: bool = False
    """Even if there is a GPU."""

    fp16: bool = False
    """On a GPU."""

    @classmethod
    def of(cls, options: argparse.Namespace) -> "SplitSettings":
        """Reads the settings from fairseq's options and HAT's of a SubTransformer.

        Raises:
            ConfigError: if no checkpoint is named, or the SubTransformer is described in part.
        """
        if not options.path:
            raise ConfigError("which checkpoint translates? give --path")
        given = arch_options(vars(options))
        is_given = any(value is not None for value in given.values())
        return cls(
            checkpoint=options.path,
            subset=options.gen_subset,
            arch=arch_from_mapping(given, "the SubTransformer's options") if is_given else None,
            generation=fairseq_config(options).generation,
            max_tokens=options.max_tokens,
            max_sentences=options.batch_size,
            post_process=options.post_process,
            on_cpu=options.cpu,
            fp16=options.fp16,
        )


@dataclass(frozen=True, kw_only=True)
class TranslatedSplit:
    """What was translated."""

    sentences: int
    subset: str
    signature: str


def translate_split(
    task: Any,
    settings: SplitSettings,
    *,
    take: Callable[[Translation], None],
    show_progress: bool = False,
) -> TranslatedSplit:
    """Translates every sentence of a split by beam search.

    Args:
        task: a translation task with the dictionaries of the checkpoint's training.
        settings: what translates what.
        take: is given each translation as it comes; similar lengths stand together.
        show_progress: draw a progress bar on standard error.

    Raises:
        CheckpointError: if the checkpoint is none, or of other dictionaries.
        ConfigError: if the SubTransformer does not fit into it.
        DataError: if the data folder does not hold the split.
    """
    model = load_model(settings.checkpoint, task, settings.arch)
    if torch.cuda.is_available() and not settings.on_cpu:
        model.cuda()
        if settings.fp16:
            model.half()
    count = 0
    for translation in translate(
        model,
        task,
        settings.subset,
        generation=settings.generation,
        max_tokens=settings.max_tokens,
        max_sentences=settings.max_sentences,
        post_process=joining(task.target_dictionary.symbols, settings.post_process),
        show_progress=show_progress,
    ):
        count += 1
        take(translation)
    arch = settings.arch
    return TranslatedSplit(
        sentences=count,
        subset=settings.subset,
        signature=signature(
            stage="generate",
            checkpoint=file_digest(settings.checkpoint),
            subtransformer=None if arch is None else mapping_digest(arch_to_mapping(arch)),
            dictionaries=dictionaries_digest(task),
            data=subset_digest(task, settings.subset),
            subset=settings.subset,
            beam=settings.generation.beam,
            lenpen=f"{settings.generation.lenpen:g}",
            options=_further_options(settings),
        ),
    )


def _further_options(settings: SplitSettings) -> str | None:
    """The digest of what else was asked of the generator; None if nothing was."""
    plain = GenerationConfig()
    chosen = {
        field.name: value
        for field in fields(plain)
        if field.name not in ("beam", "lenpen")
        and (value := getattr(settings.generation, field.name)) != getattr(plain, field.name)
    }
    if settings.post_process is not None:
        chosen["post_process"] = settings.post_process
    if settings.fp16:
        chosen["fp16"] = True
    return mapping_digest(chosen) if chosen else None
