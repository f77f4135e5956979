"""Trainings are estimated by the processor's rates; more work is never less time."""

from pathlib import Path

import pytest

from hat.machine import rates as machine
from hat.pipeline.estimates import training_seconds, weights
from hat.pipeline.run import Pipeline

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Pipeline:
    monkeypatch.chdir(ROOT)
    found = machine.Rates({"fp32": 100.0, "bf16": 100.0, "fp16": 1.0, "int8": 1.0}, 1, "this one")
    monkeypatch.setattr(machine, "rates", lambda: found)
    return Pipeline("configs/multi30k.en-de/pipeline.yml", run_dir=str(tmp_path / "run"))


def test_seconds_go_by_work_and_rate(pipeline: Pipeline) -> None:
    names = ("train-supertransformer", "train-subtransformer", "train-largest")
    supernet, winner, largest = (training_seconds(pipeline.plan, n, 100.0) for n in names)
    assert supernet and winner and largest and winner < largest
    assert supernet == pytest.approx(winner * 2200 / 1400), "more updates of as large a network"
    assert training_seconds(pipeline.plan, names[0], 200.0) == pytest.approx(supernet / 2)
    assert training_seconds(pipeline.plan, "evo-search", 100.0) is None


def test_weights_are_those_of_the_products(pipeline: Pipeline) -> None:
    largest = pipeline.plan.space.largest()
    layer, ffn = 4 * 256 * 256, 2 * 256 * 1024
    assert weights(largest, 256, 1000) == 6 * (layer + ffn) + 6 * (2 * layer + ffn) + 256 * 1000


def test_a_preview_says_how_long(pipeline: Pipeline) -> None:
    lines = pipeline.preview(pipeline.steps(), by_rates=True)
    seconds = training_seconds(pipeline.plan, "train-subtransformer", 100.0)
    assert seconds is not None
    (line,) = (line for line in lines if line.startswith("> train-subtransformer"))
    assert line.endswith(f"(about {seconds / 60:.1f} min)") and " min of work" in lines[0]
    assert "about" not in pipeline.preview(pipeline.steps())[1]
