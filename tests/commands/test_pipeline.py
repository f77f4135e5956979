"""``hat pipeline``: the plan of the shipped tasks, and what is said of a wrong file."""

from dataclasses import replace
from pathlib import Path

import pytest

from hat.cli.options import read_yaml
from hat.commands.pipeline import Plan, main
from hat.yaml_reader import Scalar

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = sorted(ROOT.glob("configs/*/pipeline.yml"))


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.parent.name)
def test_shipped_pipelines_are_whole(path: Path) -> None:
    steps = Plan(read_yaml(path), str(path)).steps()
    names = [step.name for step in steps]
    assert len(set(names)) == len(names)
    made: set[Path] = set()
    largest = Plan(read_yaml(path), str(path)).largest_yml  # written by the pipeline itself
    for step in steps:
        for needed in step.inputs:
            assert needed.exists() or needed in made | {largest}, f"{step.name} reads {needed}"
        made |= set(step.outputs)
    for script in ("train.py", "latency_dataset.py", "latency_predictor.py", "evo_search.py"):
        assert any(script in step.command for step in steps)


def test_steps_run_again_when_a_file_changes_that_they_read_unsaid(tmp_path: Path) -> None:
    """What is not in their command: what a search's YAML names, test.sh's settings, the data."""
    entries = read_yaml(ROOT / "configs/numbers.en-fr/pipeline.yml")
    search = tmp_path / "search.yml"
    search.write_text("scorer-table: a.csv\nretrain-configs: b.yml\nretrain-ref: c.txt\n")
    entries["evo-search"] = replace(entries["evo-search"], node=Scalar(str(search), "here"))
    steps = {step.name: set(step.inputs) for step in Plan(entries, "pipeline.yml").steps()}
    assert {Path("a.csv"), Path("b.yml"), Path("c.txt")} <= steps["evo-search"]
    data = Path("data/binary/numbers_en_fr")
    assert data in steps["latency-dataset"] & steps["measure-best"]
    settings = Path("configs/numbers.en-fr/subtransformer/common.yml")
    assert {settings, Path("configs/common.sh")} <= steps["evaluate-best-inherited"]


def test_a_dry_run_says_what_there_is_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    main(["configs/numbers.en-fr/pipeline.yml", "--dry-run"])
    assert capsys.readouterr().out.startswith("numbers.en-fr: 13 steps, about ")


def test_texts_of_a_pipeline_are_kept_as_they_are_written(tmp_path: Path) -> None:
    lines = (ROOT / "configs/numbers.en-fr/pipeline.yml").read_text().splitlines()
    kept = [line for line in lines if line.split(":")[0] not in ("task", "run-dir", "data")]
    path = tmp_path / "pipeline.yml"
    more = ["task: no", "run-dir: 007", "data: 1:30", "preprocess-arguments: [010, yes, '1']"]
    path.write_text("\n".join([*kept, *more]) + "\n")
    plan = Plan(read_yaml(path), str(path))
    assert (plan.task, plan.run_dir) == ("no", Path("007"))
    preprocess = plan.steps()[0]
    assert preprocess.command[2:] == ("010", "yes", "1")
    assert preprocess.outputs == (Path("1:30"),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("preprocess: configs/nowhere.sh", "preprocess: configs/nowhere.sh does not exist"),
        ("metric: blue", "metric is one of normal, sacre, not 'blue'"),
        ("run-dirr: runs/x", "unknown key 'run-dirr'; did you mean 'run-dir'?"),
        ("data: [3]", "data needs a value, but found a list"),
        ("task:", "task needs a value, but found nothing"),
        ("minutes: {serch: 3}", "there is no step 'serch'"),
        ("minutes: {evo-search: 1:30}", "1:30 is an ambiguous number (YAML reads 90): write 90"),
        ("minutes: {evo-search: 1, evo_search: 2}", "'evo-search' stands here again"),
        ("minutes: 3", "minutes holds 'name: value' lines, but found 3"),
        ("preprocess-arguments: /data/x", "is a list, written [a, b], but found /data/x"),
        ("preprocess-arguments: [[x]]", "preprocess-arguments needs a value, but found a list"),
        ('retrain-largest: "no"', "is a switch: expected True or False, but found 'no'"),
        ("retrain-largest: yes", "is a switch: expected True or False, but found yes"),
        ("run-dir: --user-dir=evil", "run-dir cannot begin with a dash: '--user-dir=evil'"),
        ("device: no", "device is one of cpu, gpu, not 'no'"),
    ],
)
def test_a_wrong_file_is_one_sentence(
    change: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = change.split(":")[0]
    lines = (ROOT / "configs/numbers.en-fr/pipeline.yml").read_text().split("minutes:")[0]
    kept = [line for line in lines.splitlines() if not line.startswith(f"{key}:")]
    path = tmp_path / "pipeline.yml"
    path.write_text("\n".join([*kept, change]) + "\n")
    with pytest.raises(SystemExit) as exit_info:
        main([str(path), "--dry-run"])
    assert exit_info.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
