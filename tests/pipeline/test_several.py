"""Several targets, searches, seeds and formats in one file: names, commands, table, index."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import hat
from hat.arch.hat_yaml import load_arch
from hat.commands.pipeline import _change
from hat.errors import ConfigError
from hat.pipeline.run import Pipeline
from hat.pipeline.steps import Step
from hat.record.index import read_index
from hat.validation.files import validate
from tests.pipeline.conftest import calls

ONNX = "onnx: {lat-engine: onnxruntime, lat-precision: int8}"
COMMON = "configs/numbers.en-fr/subtransformer"


@pytest.fixture
def several(path: Path) -> Path:
    (path.parent / "prepare.sh").write_text(
        "mkdir -p data && touch data/dict.txt data/codes && echo '{}'\n"
    )
    text = path.read_text().replace(
        f"subtransformer: {COMMON}/common.yml",
        f"subtransformer: [{COMMON}/common.yml, {COMMON}/keep_updates.yml]",
    )
    more = [
        "targets:",
        "  torch: {}",
        f"  {ONNX}",
        "budgets: [1ms, 80%]",
        "retrain-seeds: 2",
        "average-checkpoints: 3",
        "bpe-codes: data/codes",
        "export: run/models",
    ]
    path.write_text(text + "\n".join(more) + "\n")
    return path


def test_all_of_it_runs_once_and_the_table_has_a_row_for_each(several: Path) -> None:
    lines: list[str] = []
    pipeline = hat.Pipeline(several)
    report = pipeline.run(say=lines.append).report
    assert report is not None
    assert [text.partition(" misses")[0] for text in report.missed] == [
        f"The winner of {target}, 1ms" for target in ("torch", "onnx")
    ]
    written = Path("run/report_cpu.md").read_text()
    assert all(f"**{text}**" in written for text in report.missed)
    assert "standard deviation" in written and "## onnx, 80pct" in written
    _, *table = report.text.splitlines()
    assert [line.split("  ")[0] for line in table] == [
        *("torch, 1ms", "torch, 80pct", "largest, torch"),
        *("onnx, 1ms", "onnx, 80pct", "largest, onnx"),
    ]
    figures = "1.00 1.40 1.60 1.50 0.10 30.00 31.00 1.41 50.00 25.0%"
    assert table[0].split()[2:] == figures.split()
    assert table[2].split()[2] == "-", "limits differ"
    called = [call.split()[0] for call in calls()]
    assert {name: called.count(name) for name in set(called)} == {
        "train": 1 + 2 * 5,
        "latency-dataset": 2,
        "latency-predictor": 2,
        "evo-search": 4,
        "generate": 3 * 5,
        "score": 3 * 5,
        "average-checkpoints": 2 * 5,
        "latency": 2,
        "export": 4,
    }
    again = hat.Pipeline(several).run(say=lines.append).report
    assert again is not None and again.signature == report.signature
    assert len(calls()) == len(called), "all is up to date"


def steps(path: Path, **more: Any) -> dict[str, list[str]]:
    return {step.name: list(step.command[2:]) for step in Pipeline(path).steps(**more)}


def test_settings_of_targets_and_searches_go_to_their_commands(several: Path) -> None:
    found = steps(several)
    engine = ["--lat-engine=onnxruntime", "--lat-precision=int8"]
    assert found["latency-dataset.onnx"][-2:] == engine
    assert found["compare-latencies.onnx"][-2:] == engine
    assert not set(engine) & set(found["latency-dataset.torch"] + found["evo-search.onnx.1ms"])
    assert found["evo-search.onnx.1ms"][-2:] == ["--latency-constraint", "1ms"]
    assert "run/predictor_cpu.onnx.pt" in found["evo-search.onnx.80pct"]
    rows = [word for word in found["compare-latencies.torch"] if word.endswith(".yml")][:3]
    assert rows == ["run/best_cpu.torch.1ms.yml", "run/best_cpu.torch.80pct.yml", "run/largest.yml"]
    assert found["train-subtransformer.onnx.1ms.seed2"][-2:] == ["--seed", "2"]
    assert found["average-largest.seed2"][1:] == [
        "--inputs",
        "run/largest.seed2",
        "--num-update-checkpoints",
        "3",
        "--output",
        "run/largest.seed2/averaged.pt",
    ]
    export = found["export.onnx.1ms"]
    assert export[1:3] == [
        "run/subtransformer_cpu.onnx.1ms/averaged.pt",
        "run/models/onnx.1ms",
    ]
    assert export[-3:] == ["--format", "onnx", "--int8"], "what was measured is what ships"
    assert "--format" not in found["export.torch.1ms"]


def test_every_sentence_names_the_seed_and_the_target_that_it_belongs_to(several: Path) -> None:
    hat.Pipeline(several).run(only=["preprocess"], say=lambda _: None)
    about = {step.name: step.about for step in Pipeline(several).steps()}
    for name, sentence in about.items():
        trained = name.startswith(("train-sub", "train-l", "average", "export")) or "-retr" in name
        assert ("seed" in sentence) == trained, name
        assert ("seed 2" in sentence) == name.endswith(".seed2"), name
        assert ("onnx" in sentence) == (".onnx" in name), name
    assert len(set(about.values())) == len(about), "no two read the same"
    several.write_text(several.read_text().replace("retrain-seeds: 2\n", ""))
    assert not any("seed" in step.about for step in Pipeline(several).steps())


KEPT = {
    "no-epoch-checkpoints: False": "--num-epoch-checkpoints",
    "save-interval-updates: 10": "--num-update-checkpoints",
}
TOO_FEW_KEPT = {
    "no-epoch-checkpoints: False\nkeep-last-epochs: 2": "3 checkpoints, but kept.yml:2 keeps 2",
    "save-interval-updates: 10\nkeep-interval-updates: 2": "3 checkpoints, but kept.yml:2 keeps 2",
    "save-interval-updates: 10\nmax-update: 29": (
        "3 checkpoints, but kept.yml:1 saves one every 10 updates, and kept.yml:2 ends after 29"
    ),
    "no-epoch-checkpoints: True\nsave-interval-updates: 0": "but kept.yml:1 says no-epoch-check",
}


def average(several: Path, kept: str, *changes: tuple[str, str, str]) -> Step:
    Path("kept.yml").write_text(f"{kept}\n")
    several.write_text(several.read_text().replace(f"{COMMON}/keep_updates.yml", "kept.yml"))
    steps = Pipeline(several).steps(changes=changes)
    return next(step for step in steps if step.name == "average-subtransformer.onnx.1ms")


@pytest.mark.parametrize(("kept", "flag"), KEPT.items())
def test_what_is_averaged_is_what_the_training_keeps(several: Path, kept: str, flag: str) -> None:
    words = average(several, kept).command
    assert words[words.index(flag) + 1] == "3"


@pytest.mark.parametrize(("kept", "message"), TOO_FEW_KEPT.items())
def test_a_training_that_keeps_too_few_is_refused(several: Path, kept: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        average(several, kept)


def test_what_is_set_for_a_training_decides_what_it_keeps(several: Path) -> None:
    train, largest = "train-subtransformer", "train-largest"
    enough = "no-epoch-checkpoints: True\nsave-interval-updates: 10\nmax-update: 30"
    for change, says in {
        (train, "max-update", "29"): f"--set {train}.max-update ends after 29",
        (train, "save-interval-updates", "11"): f"--set {train}.save-interval-updates saves one",
        (train, "keep-interval-updates", "2"): f"--set {train}.keep-interval-updates keeps 2",
        (largest, "max-update", "29"): f"--set {largest}.max-update ends after 29",
        (f"{train}.onnx.1ms", "max-update", "9"): f"--set {train}.onnx.1ms.max-update ends after",
    }.items():
        with pytest.raises(ConfigError, match=re.escape(says)):
            average(several, enough, change)
    too_few = "no-epoch-checkpoints: True\nsave-interval-updates: 10\nmax-update: 29"
    both = [(each, "max-update", "30") for each in (train, largest)]
    assert "--num-update-checkpoints" in average(several, too_few, *both).command
    with pytest.raises(ConfigError, match=r"kept\.yml:3 ends after 29"):
        average(several, too_few, both[0])
    epochs = [(each, "save-interval-updates", "0") for each in (train, largest)]
    assert (
        "--num-epoch-checkpoints"
        in average(several, "no-epoch-checkpoints: False", *epochs).command
    )


def test_a_name_without_its_end_means_all_of_a_kind(several: Path) -> None:
    assert list(steps(several, only=["evo-search"])) == [
        f"evo-search.{target}.{limit}" for target in ("torch", "onnx") for limit in ("1ms", "80pct")
    ]
    assert list(steps(several, only=["evo-search.onnx.1ms"])) == ["evo-search.onnx.1ms"]
    found = steps(
        several,
        only=["evo-search"],
        changes=[("evo-search.onnx.1ms", "evo-iter", "3"), ("evo-search", "evo-iter", "2")],
    )
    assert [words[-1] for words in found.values()] == ["2", "2", "3", "2"]
    with pytest.raises(ConfigError, match=r"no step 'evo-search.onx.1ms'; did you mean 'evo-sear"):
        steps(several, only=["evo-search.onx.1ms"])
    assert _change("evo-search.onnx.1ms.evo-iter=3") == ("evo-search.onnx.1ms", "evo-iter", "3")


def test_a_target_may_narrow_the_space_and_has_a_largest_of_its_own(several: Path) -> None:
    choice = "decoder-layer-num-choice: [1]"
    several.write_text(several.read_text().replace(ONNX, f"{ONNX[:-1]}, {choice}}}"))
    found = steps(several)
    assert found["latency-dataset.onnx"][-2:] == ["--decoder-layer-num-choice", "1"]
    assert "--decoder-layer-num-choice" in found["evo-search.onnx.1ms"]
    assert "--decoder-layer-num-choice" not in found["evo-search.torch.1ms"]
    assert "run/largest.onnx.yml" in found["compare-latencies.onnx"]
    assert {"train-largest", "train-largest.onnx.seed2"} <= found.keys()
    hat.Pipeline(several).run(say=lambda _: None)
    assert load_arch("run/largest.onnx.yml").decoder.num_layers == 1
    assert load_arch("run/largest.yml").decoder.num_layers == 3


def test_the_index_says_what_is_what_for_each_kind_of_hardware(several: Path) -> None:
    hat.Pipeline(several).run(only=["latency-dataset"], say=lambda _: None)
    hat.Pipeline(several, hardware="gpu").run(only=["latency-dataset"], say=lambda _: None)
    index = read_index(Path("run"))
    assert list(index.datasets) == [
        *("latency_cpu.torch.csv", "latency_cpu.onnx.csv"),
        *("latency_gpu.torch.csv", "latency_gpu.onnx.csv"),
    ]
    assert index.searches == (), "none has begun"
    titles = index.trainings
    assert (
        titles["train-subtransformer.torch.1ms.seed2_cpu"] == "the winner (torch, 1ms, seed 2, cpu)"
    )
    assert titles["train-subtransformer.torch.1ms_cpu"] == "the winner (torch, 1ms, seed 1, cpu)"
    assert titles["train-largest"] == "the largest (seed 1)" and next(iter(titles)).startswith(
        "train-super"
    )
    found = json.loads(Path("run/run.json").read_text())["searches"][0]
    assert found["name"] == "torch, 1ms (cpu)" and len(found["best"]["retrained"]) == 2
    several.write_text(several.read_text().replace("budgets: [1ms, 80%]", "budgets: [80%]"))
    hat.Pipeline(several).run(only=["latency-dataset"], say=lambda _: None)
    names = [each["name"] for each in json.loads(Path("run/run.json").read_text())["searches"]]
    assert sorted(names) == [
        *("onnx, 1ms (gpu)", "onnx, 80pct (cpu)", "onnx, 80pct (gpu)"),
        *("torch, 1ms (gpu)", "torch, 80pct (cpu)", "torch, 80pct (gpu)"),
    ], "what the file does not name any more is gone"


WRONG = {
    "searches: {a: {evo-itr: 3}}": "unknown key 'evo-itr'; did you mean 'evo-iter'?",
    "searches: {a: {ckpt-path: x}}": "ckpt-path is what the pipeline itself says",
    "searches: {a: {user-dir: x}}": "'user-dir' is allowed on the command line only",
    "searches: {a.b: {}}": "a name has letters, digits, - and _, but found 'a.b'",
    "searches: {a: 3}": "a holds 'name: value' lines, but found 3",
    "searches: [a]": "searches holds 'name: value' lines, but found a list",
    "searches: {}": "searches holds 'name: {key: value}' lines",
    "searches: {a: {latency-constraint: [--x]}}": "latency-constraint cannot begin with a dash",
    "searches: {a: {evo-iter: [3, 4]}}": "evo-iter takes one value, but found a list",
    "searches: {a: {compare-scorers: False}}": "unknown key 'compare-scorers'",
    "targets: {a: {lat-memory: False}}": "lat-memory can only be turned on here",
    "targets: {a: {lat-dataset-path: x}}": "lat-dataset-path is what the pipeline itself says",
    "targets: {a: {lat-engin: x}}": "unknown key 'lat-engin'; did you mean 'lat-engine'?",
    "budgets: [5, 5]": "budgets: '5' stands twice",
    "budgets: ['!']": "budgets: '!' is no limit",
    "budgets: [5]\nsearches: {a: {}}": "give budgets or searches, not both",
    "retrain-seeds: 0": "retrain-seeds must be at least 1, but found 0",
    "export-int8: True\nexport: x\nbpe-codes: y": "export-int8 needs export-formats with onnx or",
    "export: x": "export needs bpe-codes, or YAML files in preprocess",
    "average-checkpoints: 3": "says no-epoch-checkpoints: True",
}


@pytest.mark.parametrize(("text", "message"), WRONG.items())
def test_what_is_wrong_is_one_sentence_with_its_line(path: Path, text: str, message: str) -> None:
    path.write_text(f"{path.read_text()}{text}\n")
    with pytest.raises(ConfigError) as error:
        Pipeline(path).steps()
    assert message in str(error.value) and "\n" not in str(error.value)
    assert str(error.value).startswith(f"{path}:")


def test_validation_knows_the_settings_of_blocks(several: Path) -> None:
    (found,) = (each for each in validate([several]) if each.path == str(several))
    assert found.errors == ()
    text = several.read_text().replace("lat-precision: int8", "lat-precision: int7, latiter: 0")
    several.write_text(text)
    (found,) = (each for each in validate([several]) if each.path == str(several))
    assert len(found.errors) == 2 and "lat-precision" in found.errors[0]
    assert "latiter must be at least 1, but found 0" in found.errors[1]
