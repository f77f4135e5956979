"""A trained SuperTransformer with its data: what scorers of inherited weights read."""

import argparse
import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from hat.arch.hat_yaml import space_from_options, space_to_options
from hat.arch.space import SearchSpace
from hat.conditions import file_digest
from hat.errors import ConfigError
from hat.files import Files
from hat.machine.instructions import float_type
from hat.tasks.facts import default_src_len
from hat.version import __version__

if TYPE_CHECKING:
    from hat.models.super_transformer import SuperTransformer
    from hat.scoring.batches import Batch
    from hat.scoring.inherited_loss import InheritedLoss


@dataclass(frozen=True, kw_only=True)
class Supernet:
    """A SuperTransformer, where and how exactly it is run, and its validation data."""

    space: SearchSpace
    model: "SuperTransformer"
    """On the CPU in single precision, as it was loaded; never changed by scorers."""

    task: Any
    """fairseq's task: dictionaries and data."""

    device: str
    precision: str
    """The number format in which inherited weights are run: ``fp32``, ``bf16`` or ``fp16``."""

    valid_subset: str
    max_tokens: int
    """Of a validation batch."""

    label_smoothing: float
    src_len: int
    """Tokens of the sentence whose FLOPs are counted."""

    seed: int
    checkpoint: str
    """The digest of the file that the weights are from."""

    restore_file: Path | None = None
    """That file."""

    trained_spans: tuple[int, ...] = ()
    """Numbers of encoder layers that its decoder's were trained to attend to; () if unknown."""

    is_average: bool = False
    """Whether they are its moving average rather than those of its last update."""

    in_turn: Any = field(default_factory=RLock, compare=False, repr=False)
    """Held by the thread that searches: the network is set to one architecture at a time."""

    @cached_property
    def network(self) -> "SuperTransformer":
        """A copy on the device and in the precision of this supernet."""
        # Losses are summed in float32 whatever the precision of the network.
        return copy.deepcopy(self.model).to(self.device, float_type(self.precision))

    @cached_property
    def validation(self) -> "Sequence[Batch]":
        """The batches of the validation subset, on the device."""
        from hat.fairseq_plugin.loading import validation_batches

        return validation_batches(
            self.task,
            self.valid_subset,
            self.model.config,
            max_tokens=self.max_tokens,
            device=self.device,
        )

    @cached_property
    def loss(self) -> "InheritedLoss":
        """The loss of inherited weights on the validation subset."""
        from hat.scoring.inherited_loss import InheritedLoss

        return InheritedLoss(self.network, self.validation, label_smoothing=self.label_smoothing)

    def signature(self, *, reads_data: bool) -> dict[str, Any]:
        """Returns what decides the scores of inherited weights, files by content.

        Args:
            reads_data: whether the validation data counts; the dictionaries always do.
        """
        from hat.fairseq_plugin.data_folder import dictionaries_digest, subset_digest

        parts: dict[str, Any] = {
            **space_to_options(self.space),
            "seed": self.seed,
            "src-len": self.src_len,
            "precision": self.precision,
            "device": self.device,
            "content of restore-file": self.checkpoint,
            **({"restore-ema": True} if self.is_average else {}),
            "source-lang": self.task.cfg.source_lang,
            "target-lang": self.task.cfg.target_lang,
            "content of data (dictionaries)": dictionaries_digest(self.task),
            "hat": __version__,
        }
        if reads_data:
            parts |= {
                "valid-subset": self.valid_subset,
                "max-tokens": self.max_tokens,
                "label-smoothing": self.label_smoothing,
                f"content of data ({self.valid_subset})": subset_digest(
                    self.task, self.valid_subset
                ),
            }
        return parts


def load_supernet(
    configs: Files, *, restore_file: str | Path, restore_ema: bool = False, **options: Any
) -> Supernet:
    """Loads a trained SuperTransformer with its data.

    Args:
        configs: the YAML files that it was trained with; a later one wins over an earlier one.
        restore_file: its checkpoint.
        restore_ema: whether to take the moving average of its weights.
        options: further options of its training, such as ``cpu=True``; they win over the files.

    Raises:
        ConfigError: if an option is wrong, or they do not describe a search space.
        CheckpointError: if ``restore_file`` is no checkpoint of this space and these words.
        DataError: if the data is not there.
    """
    from hat.fairseq_plugin.arguments import parse_call

    given = {**options, "restore_file": restore_file}
    parsed = parse_call("hat.load_supernet", given, configs=configs)
    return supernet_of(parsed, ema=restore_ema)


def supernet_of(options: argparse.Namespace, *, ema: bool = False) -> Supernet:
    """Loads the SuperTransformer, its task and its space that fairseq's options name.

    Args:
        options: as ``hat.fairseq_plugin.arguments.parse`` returns them for a training.
        ema: whether to take the moving average of the weights.

    Raises:
        ConfigError: if the options do not describe a search space, or ``--max-tokens`` is missing.
        CheckpointError: if ``--restore-file`` is no checkpoint of this space and these words.
        DataError: if the data is not there.
    """
    import torch

    from hat.fairseq_plugin.loading import build_task, load_trained

    values = vars(options)
    if options.max_tokens is None:
        raise ConfigError("--max-tokens is missing")
    space = space_from_options(values, "the SuperTransformer's options")
    task = build_task(options)
    model, trained = load_trained(options.restore_file, task, ema=ema)
    return Supernet(
        space=space,
        model=model,
        task=task,
        device="cuda" if torch.cuda.is_available() and not options.cpu else "cpu",
        precision="bf16" if options.bf16 else "fp16" if options.fp16 else "fp32",
        valid_subset=options.valid_subset,
        max_tokens=options.max_tokens_valid,
        label_smoothing=values.get("label_smoothing", 0.0),
        src_len=default_src_len(options.arch),
        seed=options.seed,
        checkpoint=file_digest(options.restore_file),
        restore_file=Path(options.restore_file),
        trained_spans=_trained_spans(trained),
        is_average=ema,
    )


def _trained_spans(options: Mapping[str, Any]) -> tuple[int, ...]:
    """The spans that a training with these options drew from; none if they do not say."""
    try:
        return space_from_options(options, "").decoder_ende_spans
    except ConfigError:  # a file of others
        return ()
