"""Steps are estimated by the processor's rates; more work is never less time."""

from pathlib import Path

import pytest

from hat.machine import rates as machine
from hat.pipeline.estimates import Speed, step_seconds, training_seconds, weights
from hat.pipeline.run import Pipeline

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Pipeline:
    monkeypatch.chdir(ROOT)
    found = machine.Rates({"fp32": 100.0, "bf16": 100.0, "fp16": 1.0, "int8": 1.0}, 1, "this one")
    monkeypatch.setattr(machine, "rates", lambda: found)
    monkeypatch.setattr(machine, "call_seconds", lambda: 2e-6)
    folders = {"data": str(tmp_path / "data"), "run_dir": str(tmp_path / "run")}
    return Pipeline("configs/multi30k.en-de/pipeline.yml", **folders)


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
    assert line.endswith(f"(about {(seconds + 4) / 60:.1f} min)") and " h of work" in lines[0]
    assert "about" not in pipeline.preview(pipeline.steps())[1]
    steps = pipeline.steps()
    assert pipeline.preview(steps[:1])[0].endswith(": 1 step, which never ran here")
    assert pipeline.preview(steps[:2])[0].endswith(": 2 steps, none of which ever ran here")


def estimates(pipeline: Pipeline, speed: Speed, *changes: tuple[str, str, str]) -> dict[str, float]:
    found = {s.name: step_seconds(pipeline.plan, s, speed) for s in pipeline.steps(changes=changes)}
    return {name: seconds for name, seconds in found.items() if seconds is not None}


def test_all_steps_are_estimated_once_the_data_are_there(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    speed = Speed(100.0, 2e-6)
    # Without data nobody knows how many sentences there are to score and to translate.
    known = estimates(pipeline, speed)
    assert {"latency-dataset", "compare-latencies", "latency-predictor"} <= known.keys()
    assert not {"evo-search", "translate-best-inherited"} & known.keys()
    data = tmp_path / "data"
    data.mkdir()
    for split, size in (("valid", 30_000), ("test", 28_000)):
        for language in ("en", "de"):
            (data / f"{split}.en-de.{language}.bin").write_bytes(bytes(size))
    there = Pipeline(
        "configs/multi30k.en-de/pipeline.yml", data=str(data), run_dir=str(tmp_path / "run")
    )
    full = estimates(there, speed)
    assert full.keys() == {step.name for step in there.steps()} - {"preprocess"}
    slower = estimates(there, Speed(50.0, 4e-6))
    assert all(slower[name] >= full[name] for name in full)
    assert slower["latency-dataset"] - 4 == pytest.approx(2 * (full["latency-dataset"] - 4))
    for name, key, value in (
        ("latency-dataset", "lat-dataset-size", "9999"),
        ("latency-dataset", "latiter", "999"),
        ("evo-search", "evo-iter", "99"),
        ("evo-search", "race-error", "0"),
        ("evo-search", "rank-sample", "999"),
        ("train-subtransformer", "max-update", "99999"),
        ("compare-latencies", "compare-rounds", "99"),
    ):
        assert estimates(there, speed, (name, key, value))[name] > full[name], key
    (data / "valid.en-de.de.bin").write_bytes(bytes(60_000))
    assert estimates(there, speed)["evo-search"] > full["evo-search"]


def test_what_is_measured_elsewhere_is_not_estimated(tmp_path: Path) -> None:
    """Nobody knows how fast another device is."""
    text = (ROOT / "configs/numbers.en-fr/pipeline.yml").read_text().partition("minutes:")[0]
    path = tmp_path / "pipeline.yml"
    path.write_text(f"{text}base: {ROOT}\ntargets: {{a: {{}}, b: {{device: 'ssh://x/y'}}}}\n")
    known = estimates(Pipeline(path), Speed(100.0, 2e-6))
    assert "latency-dataset.a" in known and "latency-dataset.b" not in known
