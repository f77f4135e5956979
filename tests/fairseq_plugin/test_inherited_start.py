"""Trainings of a SubTransformer that begin with the weights it inherits."""

import argparse
import shutil
from pathlib import Path

import pytest
import torch

pytest.importorskip("fairseq")

import hat
from hat.errors import CheckpointError, ConfigError
from hat.fairseq_plugin.resuming import begin
from hat.fairseq_plugin.training import run_training
from tests.fairseq_plugin.test_recipes import options


def begins_with(space_yml: Path, sub_yml: Path, folder: Path, *flags: str) -> argparse.Namespace:
    words = ["--train-subtransformer", *flags]
    return options(space_yml, folder, f"--sub-configs={sub_yml}", *words)


def test_a_subtransformer_begins_with_what_it_inherits(
    space_yml: Path, sub_yml: Path, trained: Path, tmp_path: Path
) -> None:
    supernet = trained / "checkpoint_last.pt"
    # Updates whose learning rate is nearly nothing: the weights stay where they began.
    still = ("--lr", "1e-9", "--min-lr", "0", "--warmup-init-lr", "1e-10", "--warmup-updates", "1")
    still = (*still, "--max-update", "2")
    flags = (*still, "--init-from-supernet", str(supernet))
    args = begins_with(space_yml, sub_yml, tmp_path / "sub", *flags)
    found = run_training(args)
    assert found is not None and found.record is not None
    assert "init-from-supernet" in found.record.conditions
    ours = hat.load_checkpoint(tmp_path / "sub" / "checkpoint_last.pt")
    assert ours.arch == hat.load_arch(sub_yml)
    theirs = hat.load_checkpoint(supernet).state_dict()
    for name, weight in ours.state_dict().items():
        torch.testing.assert_close(weight, theirs[name], rtol=0, atol=1e-7)

    # It goes on without the supernet's weights, and not from another supernet.
    moved = Path(shutil.copy(supernet, tmp_path / "moved.pt"))
    again = begins_with(
        space_yml, sub_yml, tmp_path / "sub", *still, "--init-from-supernet", str(moved)
    )
    assert begin(again).loads == tmp_path / "sub" / "checkpoint_last.pt"
    assert again.init_from_supernet is None
    scratch = begins_with(space_yml, sub_yml, tmp_path / "sub", *still)
    with pytest.raises(CheckpointError, match="init-from-supernet was "):
        begin(scratch)


def test_what_cannot_be_inherited_is_one_sentence(
    space_yml: Path, sub_yml: Path, trained: Path, tmp_path: Path
) -> None:
    supernet = ("--init-from-supernet", str(trained / "checkpoint_last.pt"))
    args = begins_with(space_yml, sub_yml, tmp_path / "x", *supernet, "--qkv-dim", "16")
    with pytest.raises(CheckpointError, match="qkv-dim is 32 there, but 16 here"):
        begin(args)
    with pytest.raises(ConfigError, match="init-from-supernet is for a SubTransformer"):
        begin(options(space_yml, tmp_path / "x", *supernet))
    both = ("--finetune-from-model", supernet[1])
    with pytest.raises(ConfigError, match="init-from-supernet excludes restore-file"):
        begin(begins_with(space_yml, sub_yml, tmp_path / "x", *supernet, *both))
    assert not (tmp_path / "x").exists()
