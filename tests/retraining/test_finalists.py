from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import load_arch, write_arch
from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.pipeline.steps import Step
from hat.report.search_report import SearchStory
from hat.retraining import finalists as search_retrain
from hat.retraining.finalists import (
    RetrainSettings,
    Training,
    read_training,
    retrain,
    retrain_section,
)
from hat.search.base import SearchResult, Trial
from hat.search.deliver import Delivery
from hat.settings import from_values
from tests.tiny_yaml import NETWORK, SUB


class FakeRunner:
    """Runs nothing; BLEU is the training's seed plus the depth of the decoder."""

    def __init__(self, folder: Path, machine: str, say: Any = print) -> None:
        self.folder = folder
        self.steps: list[Step] = []
        runners.append(self)

    def run(self, step: Step) -> SimpleNamespace:
        self.steps.append(step)
        result: dict[str, Any] = {}
        if step.name.startswith("score."):
            home, seed = step.name.split(".")[1:3]
            arch = load_arch(self.folder / home / "arch.yml")
            bleu = 10 * arch.decoder.num_layers + float(
                seed.removeprefix("seed").removesuffix("-inherited")
            )
            result = {"bleu": bleu, "chrf": 50.0, "signature": "nrefs:1"}
        return SimpleNamespace(result=result)


runners: list[FakeRunner] = []


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> list[FakeRunner]:
    runners.clear()
    monkeypatch.setattr(search_retrain, "Runner", FakeRunner)
    return runners


def trial(arch: SubTransformerConfig, loss: float) -> Trial[SubTransformerConfig]:
    return Trial(arch, (loss,), 0, {"latency_ms": 10.0})


def delivery(arch: SubTransformerConfig, loss: float, fits: bool) -> Delivery[Any]:
    return Delivery(
        arch=arch,
        objective=loss,
        predicted={"latency_ms": 10.0},
        measured={"latency_ms": 9.5},
        upper={"latency_ms": 9.6},
        budget={"latency_ms": 10.0},
        fits=fits,
    )


def story(archs: list[SubTransformerConfig], **more: Any) -> SearchStory[SubTransformerConfig]:
    result = SearchResult(
        trials=tuple(trial(arch, 3.0 - i) for i, arch in enumerate(archs)),
        objective_names=("loss",),
        higher_is_better=(False,),
    )
    return SearchStory(result=result, budgets={"latency_ms": 10.0}, **more)


def training(tmp_path: Path, **more: Any) -> Training:
    values: dict[str, Any] = {
        "configs": (tmp_path / "common.yml",),
        "data": (tmp_path / "data", tmp_path / "more"),
        "seeds": (1, 2),
        "subset": "test",
        "metric": "sacre",
        "target_lang": "de",
        "beam": 4,
        "lenpen": 0.6,
    }
    return Training(**{**values, **more})


@pytest.fixture
def archs(tiny_space: SearchSpace, rng: np.random.Generator) -> list[SubTransformerConfig]:
    """Decoders of depth 1, 2, 3 and one more of depth 3."""
    found: dict[int, SubTransformerConfig] = {}
    while len(found) < 3:
        arch = tiny_space.sample(rng)
        found.setdefault(arch.decoder.num_layers, arch)
    return [found[1], found[2], found[3], tiny_space.largest()]


def test_finalists_that_fit_and_baselines_are_trained(
    runner: list[FakeRunner], archs: list[SubTransformerConfig], tmp_path: Path
) -> None:
    told = story(
        archs,
        deliveries=[delivery(archs[2], 1.0, True), delivery(archs[3], 0.5, False)],
        baselines={"random search": trial(archs[0], 2.0)},
    )
    rows = retrain(told, training(tmp_path), tmp_path, top=3)
    assert [row.name for row in rows] == ["finalist 1", "random search"]
    assert rows[0].bleu == (31.0, 32.0) and rows[1].bleu == (11.0, 12.0)
    assert rows[0].measured_ms == 9.5 and rows[1].measured_ms is None
    train, generate, score = runner[0].steps[3:6]
    assert load_arch(rows[0].folder / "arch.yml") == archs[2]
    assert train.outputs == (rows[0].folder / "seed2" / "checkpoint_best.pt",)
    assert train.work_dir == rows[0].folder / "seed2"
    assert {tmp_path / "data", tmp_path / "more"} <= set(train.inputs) & set(generate.inputs)
    assert f"--configs={rows[0].folder / 'arch.yml'}" in train.command
    words = " ".join(generate.command)
    assert "--gen-subset test" in words and "--beam 4 --lenpen 0.6" in words
    assert "--metric sacre --target-lang de" in " ".join(score.command)

    section = retrain_section(rows, training(tmp_path))
    assert (
        "- Not enough seeds for a verdict by BLEU: finalist 1 reached 31.5 and random search 11.5"
        in section.text
    )
    assert "2 seeds against 2 seeds" in section.text
    assert section.csv is not None and section.csv[1].count("\n") == 3


def test_an_edited_architecture_is_not_trained_under_the_name_of_another(
    runner: list[FakeRunner], archs: list[SubTransformerConfig], tmp_path: Path
) -> None:
    rows = retrain(story([archs[2]]), training(tmp_path), tmp_path, top=1)
    yml = rows[0].folder / "arch.yml"
    before = yml.read_bytes()
    write_arch(yml, archs[0])
    retrain(story([archs[2]]), training(tmp_path), tmp_path, top=1)
    assert yml.read_bytes() == before


def test_without_measurements_the_best_trials_are_finalists(
    runner: list[FakeRunner], archs: list[SubTransformerConfig], tmp_path: Path
) -> None:
    rows = retrain(story([*archs, archs[0]]), training(tmp_path, seeds=(1,)), tmp_path, top=2)
    assert [row.trial.arch for row in rows] == [archs[0], archs[3]]
    assert "One run" not in retrain_section(rows, training(tmp_path)).text


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"retrain_top": -1}, "retrain-top must be at least 0, but found -1"),
        ({"retrain_top": 2}, "--retrain-configs is missing"),
        ({"retrain_top": 2, "retrain_configs": "no.yml"}, "no.yml: cannot be read"),
        ({"retrain_top": 2, "retrain_configs": "{empty}"}, "names no data folder"),
        (
            {"retrain_top": 2, "retrain_configs": "{full}", "retrain_ref": "no.de"},
            "--retrain-ref: there is no file no.de",
        ),
        ({"retrain_top": 2, "retrain_configs": "{evil}"}, "evil.yml:2: arch cannot be 'fconv'"),
        ({"retrain_top": 2, "retrain_configs": "{typo}"}, "typo.yml:3: unknown key 'dropuot'"),
    ],
)
def test_a_wrong_training_is_found_before_the_search(
    values: dict[str, Any], message: str, tmp_path: Path
) -> None:
    (tmp_path / "empty.yml").write_text("arch: transformersuper\n")
    (tmp_path / "full.yml").write_text("data: data/binary/x\n")
    (tmp_path / "evil.yml").write_text("data: x\narch: fconv\n")
    (tmp_path / "typo.yml").write_text("data: x\narch: transformersuper\ndropuot: 0.1\n")
    files = {name: tmp_path / f"{name}.yml" for name in ("empty", "full", "evil", "typo")}
    named = {k: v.format(**files) if isinstance(v, str) else v for k, v in values.items()}
    with pytest.raises(ConfigError, match=message):
        read(from_values(RetrainSettings, named))


def read(settings: RetrainSettings) -> Training | None:
    return read_training(settings, beam=5, lenpen=1.0, target_lang="de", on_cpu=False)


def test_raw_references_and_trainings_that_do_not_validate(
    runner: list[FakeRunner], archs: list[SubTransformerConfig], tmp_path: Path
) -> None:
    reference = tmp_path / "test.de"
    changes = {"reference": reference, "checkpoint_name": "checkpoint_last.pt"}
    chosen = training(tmp_path, seeds=(1,), train_flags=("--max-update", "7"), **changes)
    retrain(story(archs), chosen, tmp_path, top=1)
    train, generate, score = runner[0].steps
    checkpoint = str(train.outputs[0])
    assert checkpoint.endswith("checkpoint_last.pt") and checkpoint in generate.command
    assert train.command[-2:] == ("--max-update", "7")
    assert score.command[-2:] == ("--ref", str(reference)) and reference in score.inputs


def test_the_scored_checkpoint_is_the_one_that_the_training_leaves(tmp_path: Path) -> None:
    yml = tmp_path / "common.yml"
    names = []
    for line in ("", "disable-validation: True\n"):
        yml.write_text(f"arch: transformersuper\ndata: data/binary/x\n{line}")
        found = read(RetrainSettings(retrain_top=1, retrain_configs=yml))
        assert found is not None
        names.append(found.checkpoint_name)
    assert names == ["checkpoint_best.pt", "checkpoint_last.pt"]


def test_nothing_is_retrained_unless_asked() -> None:
    assert read(RetrainSettings()) is None


def test_a_training_may_begin_with_inherited_weights(
    runner: list[FakeRunner], archs: list[SubTransformerConfig], tmp_path: Path
) -> None:
    pytest.importorskip("fairseq")
    yml = tmp_path / "common.yml"
    yml.write_text(NETWORK + SUB + "arch: transformersuper\ndata: data\n")
    values = {"retrain_top": 1, "retrain_configs": yml, "retrain_init": "supernet"}
    settings = from_values(RetrainSettings, values)
    checkpoint = tmp_path / "super.pt"
    where: dict[str, Any] = {"target_lang": "de", "on_cpu": True}
    read = read_training(settings, beam=5, lenpen=1.0, supernet=checkpoint, **where)
    assert read is not None
    rows = retrain(story([archs[2]]), read, tmp_path, top=1)
    train = runner[0].steps[0]
    assert " ".join(train.command).endswith(f"--init-from-supernet {checkpoint}")
    assert checkpoint in train.inputs  # another SuperTransformer is another training
    # Beside a training from scratch of the same seed, not in its folder.
    assert train.work_dir == rows[0].folder / "seed1-inherited"
    assert "Trained from inherited weights with common.yml" in retrain_section(rows, read).text
    with pytest.raises(ConfigError, match="make a checkpoint of the moving average first"):
        read_training(settings, beam=5, lenpen=1.0, **where)
