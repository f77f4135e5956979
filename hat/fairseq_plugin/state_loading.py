"""Taking up the state of a checkpoint: what fairseq and torch raise at it is one sentence."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from fairseq.data.iterators import EpochBatchIterator
from fairseq.trainer import Trainer

from hat.errors import CheckpointError, HatError
from hat.models.checkpoint import check_weight
from hat.models.saved_state import check_value, is_number, or_none


@contextlib.contextmanager
def loading_told(path: Path | None) -> Iterator[None]:
    """Says in one sentence what fairseq raises while it takes up the state of a checkpoint.

    Args:
        path: the checkpoint; None: there is none.
    """
    if path is None:
        yield
        return
    load, place = Trainer.load_checkpoint, EpochBatchIterator.load_state_dict

    def load_checkpoint(self: Any, *words: Any, **named: Any) -> Any:
        found = _told(lambda: load(self, *words, **named), path)
        _check_optimizer(self.optimizer, path)
        return found

    def load_state_dict(self: Any, state: Any) -> Any:
        return _told(lambda: place(self, state), path)

    Trainer.load_checkpoint, EpochBatchIterator.load_state_dict = load_checkpoint, load_state_dict
    try:
        yield
    finally:
        Trainer.load_checkpoint, EpochBatchIterator.load_state_dict = load, place


def _told(call: Callable[[], Any], path: Path) -> Any:
    try:
        return call()
    except HatError:
        raise
    except Exception as error:  # whatever a state of the wrong form makes fairseq or torch raise
        text = str(error)
        if "Cannot load model parameters" in text:
            raise CheckpointError(
                f"{path}: holds another network than the options describe, so this training "
                "cannot go on from it"
            ) from None
        for what in ("Criterion", "Optimizer"):
            if text.startswith(f"{what} does not match"):
                raise CheckpointError(
                    f"{path}: the {what.lower()} of its training is another one; "
                    "--reset-optimizer begins with a new one"
                ) from None
        first = " ".join(text.split("\n")[0].split()) or type(error).__name__
        raise CheckpointError(
            f"{path}: its state cannot be taken up ({first}); --reset-optimizer begins with a new "
            "one"
        ) from None


def _check_optimizer(optimizer: Any, path: Path) -> None:
    """Checks what an optimizer remembers of each weight: torch takes tensors of any shape."""
    inner: Any = getattr(optimizer, "optimizer", None)
    needed = getattr(optimizer, "optimizer_config", {})  # what its class is made with
    for group in getattr(inner, "param_groups", []):
        for name, default in needed.items():
            if name not in group:
                raise CheckpointError(f"{path}: the optimizer's state lacks its {name!r}")
            if type(default) in (int, float) and not is_number(group[name]):
                raise CheckpointError(
                    f"{path}: {name} of the optimizer's state must be a number, but found "
                    f"{group[name]!r}"
                )
    for number, (parameter, state) in enumerate((getattr(inner, "state", None) or {}).items()):
        for name, value in state.items():
            what = f"{name} of weight {number} in the optimizer's state"
            if not isinstance(value, torch.Tensor):
                check_value(path, what, value, or_none(is_number), "a number")
                continue
            is_factored = "row" in name or "col" in name  # Adafactor keeps means of rows, columns
            if value.dim() and value.shape != parameter.shape and not is_factored:
                raise CheckpointError(
                    f"{path}: {what} has shape {tuple(value.shape)}, but the weight has "
                    f"{tuple(parameter.shape)}"
                )
            check_weight(value, what, path)
