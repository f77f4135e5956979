"""What a few updates of its own do to an architecture's score, and to nothing else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("fairseq")

import hat
from hat.nas.scorers import SCORERS
from hat.nas.scorers.tuned_loss import CalibratedLoss
from hat.nas.supernet import Supernet
from hat.nas.tuning import tuned
from hat.settings import from_values

UPDATES = 6


@pytest.fixture(scope="module")
def loaded(space_yml: Path, supernet: Path) -> Supernet:
    return hat.load_supernet(space_yml, restore_file=supernet, cpu=True)


def build(name: str, supernet: Supernet, **values: Any) -> Any:
    part: Any = SCORERS.load(name)
    return part.build(from_values(part.Settings, values), supernet)


@pytest.mark.parametrize("what", ["all", "norms"])
def test_updates_lower_the_loss_and_leave_the_supernet_alone(what: str, loaded: Supernet) -> None:
    archs = [loaded.space.largest(), loaded.space.smallest()]
    before = {name: weight.clone() for name, weight in loaded.model.state_dict().items()}
    inherited = build("inherited-loss", loaded).score(archs)
    scorer = build("tuned-loss", loaded, tune_updates=UPDATES, tune_lr=5e-3, tune_what=what)
    found = scorer.score(archs)
    assert (found < inherited).all()
    few = build("tuned-loss", loaded, tune_updates=1, tune_lr=1e-9, tune_what=what).score(archs)
    np.testing.assert_allclose(few, inherited, rtol=1e-5)  # an update of nothing changes nothing
    after = loaded.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_norms_only_moves_norms_only(loaded: Supernet) -> None:
    arch = loaded.space.largest()
    scorer = build("tuned-loss", loaded, tune_updates=2)
    moved = {}
    for norms_only in (True, False):
        found = tuned(
            loaded.model, arch, scorer._batches, lr=0.01, norms_only=norms_only, label_smoothing=0.1
        )
        before = loaded.model.state_dict()
        moved[norms_only] = {
            name
            for name, weight in found.state_dict().items()
            if not torch.equal(weight, before[name])
        }
    assert moved[True] == {name for name in moved[False] if "layer_norm" in name}
    assert len(moved[False]) > len(moved[True]) > 0


def test_calibration_shifts_every_depth_by_its_mean_gain(loaded: Supernet) -> None:
    calibrated: CalibratedLoss = build(
        "calibrated-loss", loaded, tune_updates=UPDATES, tune_lr=5e-3, calibrate_archs=2
    )
    rng = np.random.default_rng(1)
    archs = [loaded.space.sample(rng) for _ in range(6)]
    shift = build("inherited-loss", loaded).score(archs) - calibrated.score(archs)
    gains = [calibrated.gains[arch.decoder.num_layers] for arch in archs]
    np.testing.assert_allclose(shift, gains)
    assert set(calibrated.gains) == set(loaded.space.decoder_layer_nums)
    assert min(calibrated.gains.values()) > 0 and len(set(calibrated.gains.values())) == 3


def test_batches_are_the_same_for_a_seed_and_enough(loaded: Supernet) -> None:
    many = build("tuned-loss", loaded, tune_updates=40)._batches  # more than there are
    again = build("tuned-loss", loaded, tune_updates=40)._batches
    assert len(many) == 40
    assert all(torch.equal(a.target, b.target) for a, b in zip(many, again, strict=True))
    assert len({tuple(batch.target.flatten().tolist()) for batch in many[:3]}) == 3
