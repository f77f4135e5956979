"""The plan of the shipped tasks: whole, with the hardware in the names of what depends on it."""

from pathlib import Path

import pytest

from hat.errors import ConfigError
from hat.pipeline import commands
from hat.pipeline.run import Pipeline

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = sorted(ROOT.glob("configs/*/pipeline.yml"))
HARDWARE = [
    (path.parent.name, hardware.stem)
    for path in PIPELINES
    for hardware in sorted(path.parent.glob("latency_dataset/*.yml"))
]


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def pipeline(task: str, **settings: object) -> Pipeline:
    return Pipeline(f"configs/{task}/pipeline.yml", **settings)


def test_every_task_has_a_pipeline() -> None:
    assert {path.parent for path in PIPELINES} == {p for p in ROOT.glob("configs/*") if p.is_dir()}


@pytest.mark.parametrize(("task", "hardware"), HARDWARE)
def test_shipped_pipelines_are_whole(task: str, hardware: str) -> None:
    plan = pipeline(task, hardware=hardware).plan
    steps = plan.steps()
    names = [step.name for step in steps]
    assert len(set(names)) == len(names)
    made: set[Path] = {largest.yml for largest in plan.largest}  # written by the pipeline itself
    for step in steps:
        for needed in step.inputs:
            assert needed.exists() or needed in made, f"{step.name} reads {needed}"
        made |= set(step.outputs)
    commands = {step.command[3] for step in steps if "hat.cli" in step.command}
    assert commands == {
        *("train", "latency-dataset", "latency-predictor", "evo-search", "generate", "score"),
        "latency",
    }
    translates = [step for step in steps if step.stage.startswith("translate-")]
    assert {step.command[-1] == "--cpu" for step in translates} == {hardware.startswith("cpu")}


def outputs(pipeline: Pipeline, **more: Path) -> dict[str, str]:
    only = [name for name in NAMES if not (more and name == "evo-search")]
    run_dir = pipeline.plan.run_dir
    return {
        step.name: str(step.outputs[0].relative_to(run_dir))
        for step in pipeline.steps(only=only, **more)  # type: ignore[arg-type]
    }


NAMES = (
    "train-supertransformer",
    "latency-dataset",
    "latency-predictor",
    "evo-search",
    "train-subtransformer",
)


def test_what_depends_on_the_hardware_has_its_name() -> None:
    one_space, own = pipeline("wmt14.en-de", hardware="cpu_xeon"), pipeline("multi30k.en-de")
    assert list(outputs(one_space).values()) == [
        "supertransformer/checkpoint_best.pt",
        "latency_cpu_xeon.csv",
        "predictor_cpu_xeon.pt",
        "best_cpu_xeon.yml",
        "subtransformer_cpu_xeon/checkpoint_best.pt",
    ]
    assert list(outputs(own).values()) == [
        "supertransformer_cpu/checkpoint_best.pt",
        "latency_cpu.csv",
        "predictor_cpu.pt",
        "best_cpu.yml",
        "subtransformer_cpu/checkpoint_best.pt",
    ]
    assert [each.yml.name for each in one_space.plan.largest] == ["largest.yml"]
    assert [each.yml.name for each in own.plan.largest] == ["largest_cpu.yml"]
    assert own.plan.report("results.json").name == "results_cpu.json"
    labels = {step.name: step.label for step in one_space.plan.steps()}
    assert labels["train-supertransformer"] == "train-supertransformer"
    assert labels["latency-dataset"] == "latency-dataset_cpu_xeon"
    assert labels["evaluate-best-inherited"] == "evaluate-best-inherited_cpu_xeon"
    assert labels["evaluate-largest-inherited"] == "evaluate-largest-inherited"


def test_another_architecture_is_not_the_winner_for_some_hardware(tmp_path: Path) -> None:
    """Its training depends on the hardware only where the settings of trainings do."""
    mine = tmp_path / "mine.yml"
    for task, folder in (
        ("wmt14.en-de", "subtransformer"),
        ("multi30k.en-de", "subtransformer_cpu"),
    ):
        found = outputs(pipeline(task), architecture=mine)
        assert found["train-subtransformer"] == f"{folder}/checkpoint_best.pt"
    (step,) = pipeline("numbers.en-fr").steps(only=["compare-latencies"], architecture=mine)
    assert str(mine) in step.command
    with pytest.raises(ConfigError, match="there is no step 'evo-search'"):
        pipeline("numbers.en-fr").steps(only=["evo-search"], architecture=mine)


def test_without_hardware_nothing_has_its_name(tmp_path: Path) -> None:
    """As in files of before."""
    text = Path("configs/numbers.en-fr/pipeline.yml").read_text()
    kept = [
        line for line in text.splitlines() if not line.startswith(("hardware:", "target-lang:"))
    ]
    old = tmp_path / "pipeline.yml"
    old.write_text("\n".join(kept).replace("{hardware}", "cpu"))
    found = Pipeline(old)
    assert list(outputs(found).values())[1:4] == ["latency.csv", "predictor.pt", "best.yml"]
    (score,) = found.steps(only=["evaluate-best-inherited"])
    assert score.command[-2:] == ("--target-lang", "fr"), "that of the training's file"
    with pytest.raises(ConfigError, match=r"holds no \{hardware\}, so there is nothing to choose"):
        Pipeline(old, hardware="gpu")


def test_steps_run_again_when_a_file_changes_that_they_read_unsaid(tmp_path: Path) -> None:
    """What is not in their command: what a search's YAML names, the data, references."""
    search, reference = tmp_path / "search.yml", tmp_path / "valid.de"
    search.write_text(
        "scorer-table: a.csv\nretrain-configs: b.yml\nretrain-ref: c.txt\nhalve-configs: f.yml\n"
        "memory-ckpt-path: g.pt\n"
    )
    reference.touch()
    measured, fitted = tmp_path / "dataset.yml", tmp_path / "predictor.yml"
    measured.write_text("until-error: 3\nprior: d.pt\n")
    fitted.write_text("prior: e.pt\n")
    changed = pipeline(
        "multi30k.en-de",
        evo_search=str(search),
        latency_dataset=str(measured),
        latency_predictor=str(fitted),
        subset="valid",
        reference=f"{tmp_path}/{{subset}}.de",
    )
    steps = {step.name: set(step.inputs) for step in changed.steps()}
    found = {"a.csv", "b.yml", "c.txt", "f.yml", "g.pt"}
    assert {Path(name) for name in found} <= steps["evo-search"]
    assert Path("d.pt") in steps["latency-dataset"] and Path("e.pt") in steps["latency-predictor"]
    data = Path("data/binary/multi30k_en_de")
    assert data in steps["latency-dataset"] & steps["compare-latencies"]
    settings = Path("configs/multi30k.en-de/subtransformer/common_cpu.yml")
    assert {settings, data} <= steps["translate-best-inherited"]
    assert reference in steps["evaluate-best-inherited"]
    reference.unlink()
    (score,) = changed.steps(only=["evaluate-best-inherited"])
    assert "--ref" not in score.command, "the data's own, where there is no such file"


def test_trainings_read_what_their_settings_name(tmp_path: Path) -> None:
    """Weights that they begin with, embeddings: another content is another training."""
    space, training = tmp_path / "space.yml", tmp_path / "sub.yml"
    shipped = "configs/numbers.en-fr"
    space.write_text(
        Path(f"{shipped}/supertransformer/space0.yml").read_text() + "finetune-from-model: a.pt\n"
    )
    training.write_text(
        Path(f"{shipped}/subtransformer/common.yml").read_text() + "encoder-embed-path: b.txt\n"
    )
    changed = pipeline("numbers.en-fr", supertransformer=str(space), subtransformer=str(training))
    steps = {step.name: set(step.inputs) for step in changed.steps()}
    assert Path("a.pt") in steps["train-supertransformer"]
    assert Path("b.txt") in steps["train-subtransformer"] & steps["train-largest"]


def test_so_do_steps_whose_settings_stand_on_the_command_line(tmp_path: Path) -> None:
    names = [tmp_path / name for name in ("a.csv", "b.pt", "c.yml")]
    for path in names:
        path.touch()
    found = pipeline("numbers.en-fr")
    (search,) = found.steps(
        only=["evo-search"],
        changes=[("evo-search", "scorer-table", str(names[0]))],
        flags=[f"--memory-ckpt-path={names[1]}", "--retrain-configs", str(names[2])],
    )
    assert {*names} <= {*search.inputs}


def test_only_the_files_of_the_steps_need_be_there() -> None:
    """So a new kind of hardware can be measured before it has a search."""
    found = pipeline("numbers.en-fr", evo_search="{hardware}/nowhere.yml")
    assert found.steps(only=["latency-dataset", "latency-predictor"])
    with pytest.raises(ConfigError, match=r"--evo-search: evo-search: cpu/nowhere\.yml does not"):
        found.steps()


def test_a_pipeline_called_from_elsewhere_says_where_its_files_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``hat configs copy my-work``, then ``hat pipeline my-work/...`` without going there."""
    file = Path("configs/numbers.en-fr/pipeline.yml").absolute()
    (tmp_path / "my-work").mkdir()
    (tmp_path / "my-work/configs").symlink_to(file.parents[1])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"\.sh does not exist here; call hat in my-work, where"):
        Pipeline("my-work/configs/numbers.en-fr/pipeline.yml").steps()
    monkeypatch.chdir(tmp_path / "my-work/configs")
    with pytest.raises(ConfigError, match=r"does not exist here; call hat in \.\., where"):
        Pipeline("numbers.en-fr/pipeline.yml").steps()


def test_flags_are_for_one_step() -> None:
    found = pipeline("numbers.en-fr")
    (step,) = found.steps(only=["latency-predictor"], flags=["--seed", "2"])
    assert step.command[-2:] == ("--seed", "2")
    for only, message in ((NAMES[:2], "--only names 2"), ((), "need the step")):
        with pytest.raises(ConfigError, match=message):
            found.steps(only=only, flags=["--seed", "2"])
    with pytest.raises(ConfigError, match="no step 'latency-datset'; did you mean 'latency-data"):
        found.steps(only=["latency-datset"])


def test_a_launcher_starts_trainings_and_nothing_else() -> None:
    plain, launched = (
        {step.name: step for step in pipeline("numbers.en-fr", **settings).plan.steps()}
        for settings in ({}, {"launcher": "torchrun", "processes": 2})
    )
    trains = {name for name in plain if plain[name].command != launched[name].command}
    assert trains == {"train-supertransformer", "train-subtransformer", "train-largest"}
    for name in plain:
        words = commands.words_of(launched[name].command)
        assert words == commands.words_of(plain[name].command), "the command itself is the same"
    words = launched["train-largest"].command[1:7]
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    assert words == (*torchrun, "-m", "hat.cli")
    with pytest.raises(ConfigError, match="processes needs a launcher: torchrun"):
        pipeline("numbers.en-fr", processes=2)
    more = pipeline("numbers.en-fr", launcher="torchrun", launcher_arguments=["--nnodes=2"])
    (step,) = more.steps(only=["train-supertransformer"])
    assert "--nnodes=2" in step.command and "--standalone" not in step.command


def test_own_trainings_may_begin_with_inherited_weights() -> None:
    """A SuperTransformer with other weights is a reason to train again then."""
    plain, inheriting = (
        pipeline("numbers.en-fr", hardware="cpu", **settings).plan
        for settings in ({}, {"retrain_init": "supernet"})
    )
    begun = {step.name: step for step in inheriting.steps()}
    supernet = inheriting.supernet
    for name, step in ((step.name, step) for step in plain.steps()):
        if name in {"train-subtransformer", "train-largest"}:
            assert begun[name].command == (*step.command, "--init-from-supernet", str(supernet))
            assert set(begun[name].inputs) - set(step.inputs) == {supernet}
            assert "from scratch" in step.about and "inherited weights" in begun[name].about
        else:
            assert begun[name].command == step.command and begun[name].inputs == step.inputs


def test_every_step_whose_result_is_shown_doubts_one_that_holds_nothing() -> None:
    """A note that somebody edited is no reason for a report that ends in the middle."""
    for step in pipeline("numbers.en-fr", hardware="cpu").plan.steps():
        shown = step.stage == "compare-latencies" or step.stage.startswith("evaluate-")
        assert (step.doubt({}) is not None) == shown, step.name
