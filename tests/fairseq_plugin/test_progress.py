"""When a training is over: fairseq's rules, applied to what a checkpoint holds."""

from argparse import Namespace
from typing import Any

import pytest

pytest.importorskip("fairseq")

from hat.fairseq_plugin.progress import Progress

NO_LIMIT = {
    "max_update": 0,
    "max_epoch": 0,
    "stop_time_hours": 0,
    "patience": -1,
    "stop_min_lr": -1.0,
    "reset_optimizer": False,
    "reset_dataloader": False,
}


def limits(**more: Any) -> Namespace:
    return Namespace(**{**NO_LIMIT, **more})


def checkpoint(*, epoch: int = 3, position: int = 0, failures: int = 2) -> dict[str, Any]:
    return {
        "optimizer_history": [{"num_updates": 20}, {"num_updates": 40}],
        "last_optimizer_state": {"param_groups": [{"lr": 0.001}]},
        "extra_state": {
            "train_iterator": {"epoch": epoch, "iterations_in_epoch": position},
            "previous_training_time": 5400.0,
            "HatTranslationTask": {"best": 3.0, "num_runs": failures},
        },
    }


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ({}, None),
        ({"max_update": 41}, None),
        ({"max_update": 40}, "40 updates are done, and max-update is 40"),
        ({"max_update": 8}, "40 updates are done, and max-update is 8"),
        ({"max_epoch": 3}, None),  # the third is next
        ({"max_epoch": 2}, "2 epochs are done, and max-epoch is 2"),
        ({"stop_time_hours": 1.5}, None),  # fairseq asks for more than the limit
        ({"stop_time_hours": 1}, "it took 1.50 hours, and stop-time-hours is 1"),
        ({"patience": 3}, None),
        ({"patience": 2}, "2 validations brought no gain, and patience is 2"),
        ({"stop_min_lr": 1e-4}, None),
        ({"stop_min_lr": 1e-3}, "the learning rate is 0.001, and stop-min-lr is 0.001"),
    ],
)
def test_each_of_fairseq_s_rules(limit: dict[str, Any], reason: str | None) -> None:
    assert Progress.of(checkpoint()).why_over(limits(**limit)) == reason


def test_in_the_midst_of_an_epoch_only_some_rules_are_asked() -> None:
    progress = Progress.of(checkpoint(epoch=2, position=7))
    assert progress.why_over(limits(max_epoch=2, stop_min_lr=1.0)) is None
    assert progress.why_over(limits(max_update=40)) is not None


def test_what_is_reset_does_not_count() -> None:
    limit = limits(max_update=40, max_epoch=2, patience=2, stop_min_lr=1.0)
    limit.reset_optimizer = True
    assert "epochs are done" in str(Progress.of(checkpoint()).after_resets(limit).why_over(limit))
    limit.reset_dataloader = True
    assert Progress.of(checkpoint()).after_resets(limit).why_over(limit) is None


def test_a_file_without_state_has_not_begun() -> None:
    assert Progress.of({"model": {}}) == Progress()
    assert Progress.of({"optimizer_history": [], "last_optimizer_state": None}) == Progress()
