"""A training whose loss is no number any more ends: when, with which architecture, what is left.

fairseq would save such a network as ``crash.pt``, run the update once more to find the module where
numbers got lost, and fail at that in networks like ours.
"""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from fairseq.trainer import Trainer
from fairseq_cli import train as fairseq_s

from hat.arch.config import SubTransformerConfig
from hat.errors import CheckpointError, TrainingError
from hat.fairseq_plugin.progress import Progress
from hat.models.checkpoint import check_weight, read_checkpoint

_REMEDIES = "lower lr, raise warmup-updates or set clip-norm, and begin in another --save-dir"


@contextlib.contextmanager
def divergence_told(last: Path) -> Iterator[None]:
    """A training in this block ends by ``TrainingError`` at the first gradient without a number.

    Args:
        last: where its last checkpoint is, if there is one.
    """
    original, validate = Trainer.clip_grad_norm, fairseq_s.validate

    def clip_grad_norm(self: Any, clip_norm: float) -> Any:
        try:
            norm = original(self, clip_norm)
        except FloatingPointError as error:  # mixed precision that found no scale any more
            raise TrainingError(_sentence(self, f"{error}".splitlines()[0], last)) from None
        if not self.cfg.common.amp and not torch.isfinite(norm).all():
            raise TrainingError(_sentence(self, "the gradients are NaN or infinite", last))
        return norm

    def checked_validate(cfg: Any, trainer: Any, *rest: Any, **named: Any) -> Any:
        losses = validate(cfg, trainer, *rest, **named)
        found = [loss for loss in losses if loss is not None and not math.isfinite(loss)]
        if found:  # before it is saved, and taken for the best
            raise TrainingError(
                f"after update {trainer.get_num_updates()} the validation loss is {found[0]}"
                f"{_of(_archs(trainer.get_model()))}: {_left(last)}; {_REMEDIES}"
            )
        return losses

    Trainer.clip_grad_norm, fairseq_s.validate = clip_grad_norm, checked_validate
    try:
        yield
    finally:
        Trainer.clip_grad_norm, fairseq_s.validate = original, validate


def _sentence(trainer: Any, what: str, last: Path) -> str:
    rate = trainer.get_lr()
    return (
        f"at update {trainer.get_num_updates() + 1}, with a learning rate of {rate:g}, {what}"
        f"{_of(_archs(trainer.get_model()))}: {_left(last)}; {_REMEDIES}"
    )


def _archs(model: Any) -> list[SubTransformerConfig]:
    """What the update trained: the draw of a SuperTransformer, else the one SubTransformer."""
    drawn = list(getattr(model, "drawn", None) or [])
    return drawn or [arch for arch in [getattr(model, "arch", None)] if arch is not None]


def _of(archs: list[SubTransformerConfig]) -> str:
    return f" of the SubTransformer {' and '.join(map(_short, archs))}" if archs else ""


def _short(arch: SubTransformerConfig) -> str:
    sides = []
    for name, side in (("encoder", arch.encoder), ("decoder", arch.decoder)):
        ffn = "/".join(map(str, side.ffn_dims))
        sides.append(f"{name} {side.embed_dim} wide, {side.num_layers} layers, ffn {ffn}")
    return f"({'; '.join(sides)})"


def _left(last: Path) -> str:
    """What to go on from."""
    if not last.is_file():
        return "no checkpoint was saved before"
    try:
        content = read_checkpoint(last)
        for name, weight in content["model"].items():
            check_weight(weight, name, last)
    except CheckpointError as error:
        return f"the last checkpoint is of no use ({error})"
    return f"the last good checkpoint is {last}, of update {Progress.of(content).updates}"
