"""What a checkpoint holds beside weights, checked before a training goes on from it.

fairseq takes every part of it as it stands and fails where it first needs one, some only when the
next epoch begins.
"""

import math
import numbers
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from hat.errors import CheckpointError

Check = Callable[[Any], bool]


def _is_count(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and int(value) >= 0


def is_number(value: Any) -> bool:
    """Whether a value is a finite number: Python's, numpy's or a tensor of one element."""
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    return isinstance(value, numbers.Real) and math.isfinite(value)


def or_none(check: Check) -> Check:
    """Lets None pass, too."""
    return lambda value: value is None or check(value)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


_ITERATOR: Mapping[str, tuple[Check, str]] = {
    "epoch": (lambda value: _is_count(value) and value >= 1, "a whole number of at least 1"),
    "iterations_in_epoch": (_is_count, "a whole number"),
}
_EXTRA: Mapping[str, tuple[Check, str]] = {
    "train_iterator": (_is_mapping, "a mapping"),
    "best": (or_none(is_number), "a number"),
    "val_loss": (or_none(is_number), "a number"),
    "previous_training_time": (
        lambda value: is_number(value) and value >= 0,
        "a number of seconds",
    ),
    "HatTranslationTask": (_is_mapping, "a mapping"),
}
_PATIENCE: Mapping[str, tuple[Check, str]] = {
    "best": (or_none(is_number), "a number"),
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
        check_value(path, "extra_state", state, _is_mapping, "a mapping")
        if "train_iterator" not in state:
            raise CheckpointError(f"{path}: extra_state lacks 'train_iterator'")
        _check_parts(path, "extra_state", state, _EXTRA)
        _check_parts(path, "train_iterator", state["train_iterator"], _ITERATOR)
        _check_parts(path, "HatTranslationTask", state.get("HatTranslationTask", {}), _PATIENCE)
    if history is not None:
        is_list = isinstance(history, list) and bool(history) and all(map(_is_mapping, history))
        check_value(path, "optimizer_history", history, lambda _: is_list, "a list of mappings")
        _check_parts(path, "optimizer_history", history[-1], _HISTORY)
    if content.get("last_optimizer_state") is not None:
        _check_optimizer_state(content["last_optimizer_state"], history or [{}], path)


def _check_optimizer_state(state: Any, history: list[Mapping[str, Any]], path: Path) -> None:
    check_value(path, "last_optimizer_state", state, _is_mapping, "a mapping")
    weights, groups = state.get("state"), state.get("param_groups")
    is_list = isinstance(groups, list) and bool(groups) and all(map(_is_mapping, groups))
    check_value(path, "param_groups", groups, lambda _: is_list, "a list of mappings")
    for group in groups:
        _check_parts(path, "param_groups", group, {"lr": (is_number, "a number")})
    check_value(path, "state of the optimizer", weights, _is_mapping, "a mapping")
    needs_state = history[-1].get("optimizer_name") not in (None, "FairseqSGD")
    if needs_state and not weights and history[-1].get("num_updates", 0):
        raise CheckpointError(f"{path}: the state of the optimizer holds nothing of any weight")


def _check_parts(
    path: Path, where: str, parts: Mapping[str, Any], checks: Mapping[str, tuple[Check, str]]
) -> None:
    for name, (check, wanted) in checks.items():
        if name in parts:
            check_value(path, f"{where}[{name!r}]", parts[name], check, wanted)


def check_value(path: Path, name: str, value: Any, check: Check, wanted: str) -> None:
    """Refuses a value of a checkpoint.

    Raises:
        CheckpointError: naming the file, the value, what was found and what is ``wanted``.
    """
    if not check(value):
        found = repr(value)
        found = found if len(found) <= 60 else f"{found[:60]} ..."
        raise CheckpointError(f"{path}: {name} must be {wanted}, but found {found}")
