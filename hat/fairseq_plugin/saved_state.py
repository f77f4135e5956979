"""What a checkpoint holds beside weights, checked before a training goes on from it.

fairseq takes every part of it as it stands and fails where it first needs one, some only when the
next epoch begins.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from fairseq.data.iterators import EpochBatchIterator
from fairseq.trainer import Trainer

from hat.errors import CheckpointError, HatError
from hat.models.checkpoint import check_weight

Check = Callable[[Any], bool]


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


_ITERATOR: Mapping[str, tuple[Check, str]] = {
    "epoch": (lambda value: _is_count(value) and value >= 1, "a whole number of at least 1"),
    "iterations_in_epoch": (_is_count, "a whole number"),
}
_EXTRA: Mapping[str, tuple[Check, str]] = {
    "train_iterator": (_is_mapping, "a mapping"),
    "best": (_or_none(_is_number), "a number"),
    "val_loss": (_or_none(_is_number), "a number"),
    "previous_training_time": (
        lambda value: _is_number(value) and value >= 0,
        "a number of seconds",
    ),
    "HatTranslationTask": (_is_mapping, "a mapping"),
}
_PATIENCE: Mapping[str, tuple[Check, str]] = {
    "best": (_or_none(_is_number), "a number"),
    "num_runs": (_is_count, "a whole number"),
}
_HISTORY: Mapping[str, tuple[Check, str]] = {
    "num_updates": (_is_count, "a whole number"),
    "criterion_name": (lambda value: isinstance(value, str), "a name"),
    "optimizer_name": (lambda value: isinstance(value, str), "a name"),
    "lr_scheduler_state": (_is_mapping, "a mapping"),
}


def check_saved_state(content: Mapping[str, Any], path: Path) -> None:
    """Checks the state of a training; what is not there is nobody's fault here.

    Raises:
        CheckpointError: naming the file, the part, what was found and what was expected.
    """
    history = content.get("optimizer_history")
    if "extra_state" in content:
        state: Any = content["extra_state"]
        _check(path, "extra_state", state, _is_mapping, "a mapping")
        if "train_iterator" not in state:
            raise CheckpointError(f"{path}: extra_state lacks 'train_iterator'")
        _check_parts(path, "extra_state", state, _EXTRA)
        _check_parts(path, "train_iterator", state["train_iterator"], _ITERATOR)
        _check_parts(path, "HatTranslationTask", state.get("HatTranslationTask", {}), _PATIENCE)
    if history is not None:
        is_list = isinstance(history, list) and bool(history) and all(map(_is_mapping, history))
        _check(path, "optimizer_history", history, lambda _: is_list, "a list of mappings")
        _check_parts(path, "optimizer_history", history[-1], _HISTORY)
    if content.get("last_optimizer_state") is not None:
        _check_optimizer_state(content["last_optimizer_state"], history or [{}], path)


def _check_optimizer_state(state: Any, history: list[Mapping[str, Any]], path: Path) -> None:
    _check(path, "last_optimizer_state", state, _is_mapping, "a mapping")
    weights, groups = state.get("state"), state.get("param_groups")
    is_list = isinstance(groups, list) and bool(groups) and all(map(_is_mapping, groups))
    _check(path, "param_groups", groups, lambda _: is_list, "a list of mappings")
    for group in groups:
        _check_parts(path, "param_groups", group, {"lr": (_is_number, "a number")})
    _check(path, "state of the optimizer", weights, _is_mapping, "a mapping")
    needs_state = history[-1].get("optimizer_name") not in (None, "FairseqSGD")
    if needs_state and not weights and history[-1].get("num_updates", 0):
        raise CheckpointError(f"{path}: the state of the optimizer holds nothing of any weight")


def _check_parts(
    path: Path, where: str, parts: Mapping[str, Any], checks: Mapping[str, tuple[Check, str]]
) -> None:
    for name, (check, wanted) in checks.items():
        if name in parts:
            _check(path, f"{where}[{name!r}]", parts[name], check, wanted)


def _check(path: Path, name: str, value: Any, check: Check, wanted: str) -> None:
    if not check(value):
        found = repr(value)
        found = found if len(found) <= 60 else f"{found[:60]} ..."
        raise CheckpointError(f"{path}: {name} must be {wanted}, but found {found}")


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
            if type(default) in (int, float) and not _is_number(group[name]):
                raise CheckpointError(
                    f"{path}: {name} of the optimizer's state must be a number, but found "
                    f"{group[name]!r}"
                )
    for number, (parameter, state) in enumerate((getattr(inner, "state", None) or {}).items()):
        for name, value in state.items():
            what = f"{name} of weight {number} in the optimizer's state"
            if not isinstance(value, torch.Tensor):
                _check(path, what, value, _or_none(_is_number), "a number")
                continue
            is_factored = "row" in name or "col" in name  # Adafactor keeps means of rows, columns
            if value.dim() and value.shape != parameter.shape and not is_factored:
                raise CheckpointError(
                    f"{path}: {what} has shape {tuple(value.shape)}, but the weight has "
                    f"{tuple(parameter.shape)}"
                )
            check_weight(value, what, path)
