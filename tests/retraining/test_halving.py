"""Successive halving: who goes on, what it costs, what is refused, and a real one."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import load_arch
from hat.arch.space import SearchSpace
from hat.errors import ConfigError, HatError
from hat.pipeline.steps import Step
from hat.retraining import halving
from hat.retraining.halving import HalvingSettings, Plan, halve, halving_section, read_plan
from hat.settings import from_values

pytest.importorskip("fairseq")

CURVES = {  # validation losses after 10, 20 and 40 updates
    0: (5.0, 4.0, 3.9),
    1: (4.0, 3.9, 3.0),
    2: (6.0, 1.0, 1.0),  # late, so it is dropped
    3: (4.5, 3.5, 3.2),
    4: (5.0, 4.0, 2.0),  # equal to the first, which the search ranks higher
}
PLAN = Plan(top=5, configs=Path("common.yml"), data=(Path("data"),), total=40, updates=(10, 20, 40))


@pytest.fixture
def archs(tiny_space: SearchSpace) -> list[SubTransformerConfig]:
    rng, found = np.random.default_rng(0), dict[SubTransformerConfig, None]()
    while len(found) < len(CURVES):
        found[tiny_space.sample(rng)] = None
    return list(found)


class FakeRunner:
    """Trains nothing: the loss is that of ``CURVES``."""

    steps: list[Step]
    archs: list[SubTransformerConfig]

    def __init__(self, folder: Path, machine: str, say: Any = print) -> None:
        self.folder = folder

    def run(self, step: Step) -> SimpleNamespace:
        self.steps.append(step)
        _, home, updates = step.name.split(".")
        index = self.archs.index(load_arch(self.folder / home / "arch.yml"))
        loss = CURVES[index][PLAN.updates.index(int(updates))]
        return SimpleNamespace(result={"best_loss": loss})


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, archs: list[SubTransformerConfig]) -> list[Step]:
    FakeRunner.steps, FakeRunner.archs = [], archs
    monkeypatch.setattr(halving, "Runner", FakeRunner)
    return FakeRunner.steps


def test_the_better_half_goes_on(
    steps: list[Step], archs: list[SubTransformerConfig], tmp_path: Path
) -> None:
    said: list[str] = []
    found = halve(archs, PLAN, tmp_path, say=said.append)
    assert found.chosen == 1
    assert [len(losses) for losses in found.losses] == [2, 3, 1, 3, 1]
    assert len(steps) == 5 + 3 + 2 == sum(PLAN.sizes(5))
    assert PLAN.trainings(5) == (5 * 10 + 3 * 10 + 2 * 20) / 40
    assert "5, 3, 2 are trained up to 10, 20, 40 of 40 updates" in said[0]
    assert "3.0 whole trainings" in said[0]
    words = " ".join(steps[0].command)
    assert "--max-update 10" in words and "--sub-configs=common.yml" in words
    # Only the first mark may set aside what was trained with other inputs.
    assert steps[0].work_dir is not None and steps[5].work_dir is None
    section = halving_section(archs, found)
    assert section.csv is not None and section.csv[1].count("\n") == 1 + len(archs)
    assert section.table is not None and section.table.count("| yes |") == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"halve_top": 1}, "halve-top must be 0 or at least 2"),
        ({"halve_configs": "x.yml"}, "--halve-configs has no effect without --halve-top"),
        ({"halve_top": 4, "halve_marks": (0.5, 0.2)}, "ascending parts, but found 0.5 0.2"),
        ({"halve_top": 4, "halve_marks": ()}, "halve-marks"),
        ({"halve_top": 4, "halve_marks": (0.5, 1.5)}, "halve-marks must be"),
        ({"halve_top": 4, "halve_seed": -1}, "halve-seed must be at least 0"),
        ({"halve_top": 4}, "--halve-configs is missing"),
        ({"halve_top": 4, "halve_configs": "nowhere.yml"}, "nowhere.yml"),
    ],
)
def test_a_wrong_setting_is_one_sentence(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        read_plan(from_values(HalvingSettings, values), on_cpu=True)
    assert "\n" not in str(error.value)


TRAINING = "arch: transformersuper\ndata: bin\noptimizer: adam\nmax-tokens: 100\n"
COSINE = "lr-scheduler: cosine\nwarmup-updates: 10\nmax-lr: 0.01\nlr: 1e-7\n"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("lr: 0.1\n", "halving needs max-update"),
        (f"{COSINE}max-update: 100\ndisable-validation: True\n", "so it must validate"),
        (
            "lr-scheduler: tri_stage\nphase-ratio: (0.1, 0.1, 0.8)\nmax-update: 100\nlr: 0.1\n",
            "learning rates of lr-scheduler tri_stage hang on max-update",
        ),
    ],
)
def test_a_training_that_cannot_be_halved_is_refused(
    more: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "common.yml"
    path.write_text(TRAINING + more)
    settings = HalvingSettings(halve_top=4, halve_configs=path)
    with pytest.raises(ConfigError, match=message):
        read_plan(settings, on_cpu=True)


def test_rates_follow_the_whole_training(tmp_path: Path) -> None:
    path = tmp_path / "common.yml"
    path.write_text(f"{TRAINING}{COSINE}max-update: 100\n")
    plan = read_plan(HalvingSettings(halve_top=4, halve_configs=path), on_cpu=True)
    assert plan is not None and plan.updates == (15, 30, 60, 100) and plan.total == 100
    assert plan.flags == ("--lr-period-updates=90", "--seed", "1", "--cpu")
    path.write_text(f"{TRAINING}lr-scheduler: inverse_sqrt\nlr: 0.1\nmax-update: 100\n")
    plan = read_plan(HalvingSettings(halve_top=4, halve_configs=path), on_cpu=False)
    assert plan is not None and plan.flags == ("--seed", "1")
    assert read_plan(HalvingSettings(), on_cpu=True) is None


def test_what_decides_who_is_chosen_is_in_the_digest(tmp_path: Path) -> None:
    path = tmp_path / "common.yml"
    path.write_text(f"{TRAINING}{COSINE}max-update: 100\n")

    def digest(**settings: Any) -> str:
        given: dict[str, Any] = {"halve_top": 4, "halve_configs": path, **settings}
        plan = read_plan(HalvingSettings(**given), on_cpu=True)
        assert plan is not None
        return plan.digest()

    before = digest()
    assert before == digest()
    changes: list[dict[str, Any]] = [{"halve_top": 5}, {"halve_seed": 2}, {"halve_marks": (1.0,)}]
    assert all(digest(**change) != before for change in changes)
    path.write_text(f"{TRAINING}{COSINE}max-update: 100\nclip-norm: 1.0\n")
    assert digest() != before


def test_a_training_within_its_warm_up_is_halved_too(tmp_path: Path) -> None:
    path = tmp_path / "common.yml"
    path.write_text(f"{TRAINING}{COSINE}max-update: 5\n")
    plan = read_plan(HalvingSettings(halve_top=4, halve_configs=path), on_cpu=True)
    assert plan is not None and plan.flags[0] == "--lr-period-updates=1"


def test_a_training_that_tells_no_loss_is_an_error(
    monkeypatch: pytest.MonkeyPatch, archs: list[SubTransformerConfig], tmp_path: Path
) -> None:
    class Silent(FakeRunner):
        def run(self, step: Step) -> SimpleNamespace:
            return SimpleNamespace(result={"best_loss": None})

    monkeypatch.setattr(halving, "Runner", Silent)
    with pytest.raises(HatError, match="told no validation loss, but None"):
        halve(archs, PLAN, tmp_path, say=lambda line: None)
