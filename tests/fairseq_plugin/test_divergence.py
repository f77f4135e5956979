"""A training that loses its numbers says when and with what; none of its good files is lost."""

import json
from pathlib import Path

import pytest
import torch

pytest.importorskip("fairseq")

import hat
from hat.errors import TrainingError
from hat.models.checkpoint import read_checkpoint


def test_gradients_that_are_no_numbers_end_a_training(space_yml: Path, tmp_path: Path) -> None:
    options = {"lr": 1e9, "warmup_updates": 0, "save_dir": str(tmp_path / "new" / "run")}
    with pytest.raises(TrainingError) as end:
        hat.train(str(space_yml), num_workers=0, **options)
    sentence = str(end.value)
    assert "\n" not in sentence
    assert "the SubTransformer (encoder " in sentence and "decoder " in sentence
    assert "update" in sentence and "no checkpoint was saved before" in sentence
    assert not (tmp_path / "new").exists()


def test_the_last_good_checkpoint_is_named(space_yml: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = {"lr": 1e6, "max_update": 100, "save_interval_updates": 1, "save_dir": str(run)}
    with pytest.raises(TrainingError, match=r"validation loss is nan|gradients are NaN") as end:
        hat.train(str(space_yml), num_workers=0, **options)
    last = run / "checkpoint_last.pt"
    updates = read_checkpoint(last)["optimizer_history"][-1]["num_updates"]
    assert f"the last good checkpoint is {last}, of update {updates}; lower lr" in str(end.value)
    assert all(
        torch.isfinite(weight).all() for weight in hat.load_checkpoint(last).state_dict().values()
    )
    assert not (run / "crash.pt").exists()
    best = read_checkpoint(run / "checkpoint_best.pt")["extra_state"]["best"]
    assert best == best  # no NaN is the best


def test_an_update_on_an_epoch_s_end_has_its_checkpoint(space_yml: Path, tmp_path: Path) -> None:
    """As every other multiple of --save-interval-updates."""
    options = {"save_interval_updates": 1, "max_update": 6, "warmup_updates": 2}
    hat.train(str(space_yml), save_dir=str(tmp_path), num_workers=0, **options)
    found = {
        int(path.stem.split("_")[2]): int(path.stem.split("_")[1])
        for path in tmp_path.glob("checkpoint_*_*.pt")
    }
    assert sorted(found) == [1, 2, 3, 4, 5, 6]
    assert len(set(found.values())) > 1, "no epoch ended on the way"
    for update, epoch in found.items():
        content = read_checkpoint(tmp_path / f"checkpoint_{epoch}_{update}.pt")
        assert content["optimizer_history"][-1]["num_updates"] == update


def test_the_newest_updates_are_kept(space_yml: Path, tmp_path: Path) -> None:
    options = {"save_interval_updates": 1, "keep_interval_updates": 2, "no_last_checkpoints": True}
    hat.train(
        str(space_yml),
        save_dir=str(tmp_path),
        num_workers=0,
        max_update=6,
        warmup_updates=2,
        **options,
    )
    names = {path.name for path in tmp_path.glob("checkpoint_*_*.pt")}
    assert {int(name.split("_")[2][:-3]) for name in names} == {5, 6}, json.dumps(sorted(names))
