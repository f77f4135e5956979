"""``hat pipeline``: what a dry run says, and what is said of a wrong file."""

from pathlib import Path

import pytest

from hat.commands.pipeline import main
from hat.pipeline.run import Pipeline

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_a_dry_run_says_what_there_is_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    main(["configs/numbers.en-fr/pipeline.yml", "--dry-run"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("numbers.en-fr: 16 steps, about ")
    first = " train-supertransformer: train all SubTransformers at once, with shared weights"
    assert first in lines[3]
    assert lines[4] == (
        "  python -m hat.cli train --configs=configs/numbers.en-fr/supertransformer/space0.yml"
        " --save-dir runs/numbers.en-fr/supertransformer"
    )


def test_texts_of_a_pipeline_are_kept_as_they_are_written(tmp_path: Path) -> None:
    lines = (ROOT / "configs/numbers.en-fr/pipeline.yml").read_text().splitlines()
    kept = [line for line in lines if line.split(":")[0] not in ("task", "run-dir", "data")]
    path = tmp_path / "pipeline.yml"
    more = ["task: no", "run-dir: 007", "data: 1:30", "preprocess-arguments: [010, yes, '1']"]
    path.write_text("\n".join([*kept, *more]) + "\n")
    pipeline = Pipeline(path)
    assert (pipeline.settings.task, pipeline.settings.run_dir) == ("no", Path("007"))
    preprocess = pipeline.steps()[0]
    assert preprocess.command[2:] == ("010", "yes", "1")
    assert preprocess.outputs == (Path("1:30"),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("preprocess: configs/nowhere.sh", "preprocess: configs/nowhere.sh does not exist"),
        ("metric: blue", "metric cannot be 'blue'; expected one of normal, sacre"),
        ("run-dirr: runs/x", "unknown key 'run-dirr'; did you mean 'run-dir'?"),
        ("data: [3]", "data takes one value, but found a list"),
        ("task:", "task needs a value, but found nothing"),
        ("minutes: {serch: 3}", "there is no step 'serch'"),
        ("minutes: {evo-search: 1:30}", "1:30 is an ambiguous number (YAML reads 90): write 90"),
        ("minutes: {evo-search: 1, evo_search: 2}", "'evo-search' stands here again"),
        ("minutes: 3", "minutes holds 'name: value' lines, but found 3"),
        ("preprocess-arguments: [[x]]", "preprocess-arguments needs a value, but found a list"),
        ('retrain-largest: "no"', "is a switch: expected True or False, but found 'no'"),
        ("retrain-largest: yes", "is a switch: expected True or False, but found yes"),
        ("run-dir: --user-dir=evil", "run-dir cannot begin with a dash: '--user-dir=evil'"),
        ("device: no", "device cannot be 'no'; expected one of cpu, gpu"),
        ("evo-search: -x.yml", "evo-search cannot begin with a dash: '-x.yml'"),
        ("beam: 0", "pipeline.yml:21: beam must be at least 1, but found 0"),
        ("lenpen: 1e400", "lenpen must be a number, but found '1e400'"),
        ("subset: train", "subset cannot be 'train'; expected one of test, valid"),
        ("hardware: ../x", "pipeline.yml:21: hardware must be a name, but found '../x'"),
        (
            "hardware: tpu",
            "latency-dataset: configs/numbers.en-fr/latency_dataset/tpu.yml does not",
        ),
        ("hardware:", "hardware needs a value, but found nothing"),
        ("evo-search: '{hardware}/x.yml'", "pipeline.yml:21: evo-search: cpu/x.yml does not exist"),
        (
            "evo-search: '{hardwere}.yml'",
            "may hold {hardware} or {hardware-name}, but found {hardw",
        ),
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


def test_what_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pipeline.yml"
    lines = (ROOT / "configs/numbers.en-fr/pipeline.yml").read_text().splitlines()
    for missing, message in (
        ("task", f"{path}: task is missing"),
        ("hardware", f"{path}:8: latency-dataset holds {{hardware}}, but no hardware is given"),
    ):
        path.write_text("\n".join(line for line in lines if not line.startswith(f"{missing}:")))
        with pytest.raises(SystemExit):
            main([str(path), "--dry-run"])
        assert capsys.readouterr().err == f"error: {message}\n"
