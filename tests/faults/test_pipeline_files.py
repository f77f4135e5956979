"""Pipeline files: values of a wrong type, unknown keys, references that lead nowhere."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import hat
from hat.errors import HatError
from hat.locks import LockedError, locked
from tests.faults.fault import Fault, as_tests, refused, run_here
from tests.faults.more_good import PIPELINE

DRY = "pipeline pipeline.yml --dry-run"
LAST = PIPELINE.count("\n") + 1


def line(text: str, *says: str, words: str = DRY) -> Fault:
    """The pipeline's file with another line; one of the same key goes."""
    key = text.partition(":")[0]

    def spoil(world: Path) -> None:
        kept = [each for each in PIPELINE.splitlines() if each.partition(":")[0] != key]
        (world / "pipeline.yml").write_text("\n".join([*kept, *text.split("|")]) + "\n")

    return Fault(f"file:{text}", words, ("pipeline.yml", *says), spoil)


def flags(text: str, *says: str) -> Fault:
    """The pipeline with more flags."""
    return Fault(f"flag:{text}", f"{DRY} {text}", says)


def other(name: str, change: Callable[[str], str], *says: str) -> Fault:
    """Another change of a file that the pipeline names."""

    def spoil(world: Path) -> None:
        path = world / name
        path.write_text(change(path.read_text()))

    return Fault(f"{name}:{says[-1]}", DRY, says, spoil)


FAULTS = [
    line("minutes: [1]", f"{LAST}: minutes holds 'name: value' lines, but found a list"),
    line("minutes: yes", "minutes holds 'name: value' lines"),
    line("minutes: {evo-search: [1]}", "evo-search needs a value, but found a list"),
    line("minutes: {evo-search: soon}", "evo-search must be a number, but found soon"),
    line("minutes: {evo-search: .nan}", "evo-search"),
    line("minutes: {evo-search: -1}", "evo-search must be at least 0, but found -1"),
    line("minutes: {serach: 1}", "there is no step 'serach'"),
    line('retrain-largest: "no"', "retrain-largest is a switch", "'no'"),
    line("retrain-largest: [True]", "retrain-largest is a switch", "a list"),
    line("processes: 0", "processes must be at least 1, but found 0"),
    line("processes: 2", "processes needs a launcher: torchrun"),
    line("launcher: mpirun", "launcher cannot be 'mpirun'", "torchrun"),
    line("beam: 0", "beam must be at least 1, but found 0"),
    line("beam: 1e3", "beam must be a whole number, but found '1e3'"),
    line("beam: {a: 1}", "beam needs a value, but found a mapping"),
    line("lenpen: .inf", "lenpen"),
    line("lenpen: 1e9", "lenpen must be between -100 and 100, but found 1e+09"),
    line("task: [a]", "task takes one value, but found a list"),
    line('task: ""', "task needs a value, but found ''"),
    line("run-dir:", "run-dir needs a value, but found nothing"),
    line("run-dir: -rf", "run-dir cannot begin with a dash: '-rf'"),
    line("run-dir: sys.txt", "run-dir", "sys.txt is a file"),
    line("run-dir: /dev/null", "run-dir: /dev/null is a device", "a folder is wanted"),
    line("run-dir: /", "run-dir: / holds the whole file system"),
    line("data: sys.txt", "data: sys.txt is a file, but a folder is wanted"),
    line("export: out|export-formats: [onnx, onnx]", "export-formats names 'onnx' twice"),
    line("target-lang: ../../x", "target-lang must be a language", "'../../x'"),
    line("hardware: a/b", "hardware must be a name, but found 'a/b'"),
    line("metric: blue", "metric cannot be 'blue'", "normal, sacre"),
    line("subset: train", "subset cannot be 'train'", "test, valid"),
    line("evo-serch: x.yml", "unknown key 'evo-serch'; did you mean 'evo-search'?"),
    line("evo-search: nowhere.yml", "evo-search: nowhere.yml does not exist"),
    line("evo-search: bin", "bin does not exist"),
    line("evo-search: []", "evo-search needs a value, but found an empty list"),
    line("evo-search: '{hardwear}.yml'", "may hold {hardware}", "{hardwear}"),
    line("base: nowhere", "base:", "nowhere is no folder"),
    line("data: '!x'|data: y", "'data' stands here again"),
    line("supertransformer: &a [*a]", "anchors (&) and aliases (*) are not read"),
    line("supertransformer: !!python/name:os.system", "tag"),
    line(
        "targets: {a: {lat-engine: torch}, b: {lat-engine: torch}}",
        f"{LAST}: targets: b has the same settings as a",
    ),
    line("retrain-seeds: 1000000", "retrain-seeds must be at most 1000, but found 1000000"),
    line("export-formats: [onnx]", f"{LAST}: export-formats needs export: the folder to write"),
    line("export-int8: True", f"{LAST}: export-int8 needs export"),
    line("searches: {a: {}, b: {}}", f"{LAST}: searches: b has the same settings as a"),
    line("export: out", "export", "preprocess"),
    *(
        flags(f"--export {place} --bpe-codes codes", f"step export: {place}: is", says)
        for place, says in (
            ("net.pt", "a file, but a folder is to be written there"),
            ("bin", "not replaced, because it holds dict.xx.txt, which is not of a model"),
        )
    ),
    flags("--set evo-search", "--set", "STEP.KEY=VALUE", "'evo-search'"),
    flags("--set evo-serch.seed=2", "--set: there is no step 'evo-serch'"),
    flags(
        "--only evo-search --set evo-search.write-config-path=net.pt",
        "--set: write-config-path is what the pipeline itself says",
    ),
    flags(
        "--only train-supertransformer --set train-supertransformer.save-dir=x",
        "--set: save-dir is what the pipeline itself says",
    ),
    flags(
        "--set evo-search.seed='1",
        "--set evo-search.seed: a quotation mark is not closed in",
        '"\'1"',
    ),
    Fault(
        "no-checkpoint",
        "pipeline pipeline.yml --test nowhere.pt --architecture sub.yml",
        ("--test: there is no file nowhere.pt",),
    ),
    Fault(
        "no-architecture",
        "pipeline pipeline.yml --test net.pt --architecture gone.yml",
        ("--architecture: there is no file gone.yml",),
    ),
    flags("--from nowhere", "--from: there is no step 'nowhere'"),
    flags("--only nowhere", "'nowhere'"),
    flags("--from evo-search --only evo-search", "give one"),
    flags("--test net.pt", "--test needs --architecture"),
    flags("--architecture sub.yml", "--only STEP"),
    flags("--only evo-search train-subtransformer -- --seed 2", "are for one step"),
    flags("--beam=x", "--beam must be a whole number, but found 'x'"),
    flags("--hardware=gpu", "holds no {hardware}, so there is nothing to choose"),
    flags("--dry", "unknown option --dry; did you mean"),
    flags("--run-dir=", "run-dir needs a value, but found ''"),
    flags("--preprocess=nowhere.sh", "nowhere.sh does not exist"),
    Fault("no-file", "pipeline nowhere.yml --dry-run", ("nowhere.yml", "No such file")),
    Fault("another-file", "pipeline space.yml --dry-run", ("space.yml:1", "unknown key 'arch'")),
    Fault("a-folder", "pipeline bin --dry-run", ("bin: is a folder: expected a file",)),
    Fault("no-name", "pipeline --dry-run", ("required: FILE",)),
    Fault("a-predictor", "pipeline predictor.pt", ("predictor.pt", "UTF-8")),
    other("space.yml", lambda text: text.replace("32, 16", "32, 16,, 8"), "space.yml"),
    Fault(
        "real", f"{DRY} --beam=-1", ("--beam: beam must be at least 1, but found -1",), real=True
    ),
]


def test_pipelines_for_different_hardware_take_turns(
    good_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one trains anew, the other might be reading."""
    monkeypatch.chdir(good_copy)
    for name in ("cpu", "gpu"):
        shutil.copy("latency.yml", f"{name}.yml")
    text = Path("pipeline.yml").read_text()
    Path("several.yml").write_text(text.replace("latency.yml", "'{hardware}.yml'"))
    with locked("runs/small"):
        for name, turns in (("pipeline.yml", False), ("several.yml", True)):
            with pytest.raises(LockedError) as refusal:
                hat.Pipeline(name).run(only=["preprocess"])
            sentence = str(refusal.value)
            assert sentence.startswith("runs/small: process ") and "\n" not in sentence
            assert turns == sentence.endswith("are one run (docs/tasks.md)"), sentence
    hat.Pipeline("several.yml", hardware="gpu").run(only=["preprocess"])


def test_a_pipeline_is_no_file_of_its_own_stages(good_copy: Path) -> None:
    path = good_copy / "pipeline.yml"
    path.write_text(path.read_text().replace("evo-search: search.yml", "evo-search: pipeline.yml"))
    ended = run_here(["validate", "pipeline.yml"], good_copy)
    assert ended.code == 2 and "pipeline.yml:2: unknown key 'run-dir'" in ended.err, ended.err


def test_an_engine_that_cannot_run_the_space_is_refused_before_anything_is_trained(
    good: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ctranslate2")

    def spoil(world: Path) -> None:
        with (world / "pipeline.yml").open("a") as file:
            file.write("targets: {a: {lat-engine: ctranslate2}, b: {}}\n")

    says = ("step latency-dataset.a: CTranslate2 cannot represent decoder.ende_spans",)
    refused(Fault("engine", DRY, says, spoil), good, tmp_path)


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, good: Path, tmp_path: Path) -> None:
    refused(fault, good, tmp_path)


def test_without_its_faults_it_is_right_and_leaves_nothing(good_copy: Path) -> None:
    before = sorted(good_copy.rglob("*"))
    ended = run_here(DRY.split(), good_copy)
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[-1] == "all settings of all steps are right"
    assert sorted(good_copy.rglob("*")) == before


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"beam": 0}, "beam must be at least 1, but found 0"),
        ({"beam": "5"}, "beam must be a whole number, but found '5'"),
        ({"beam": True}, "beam must be a whole number, but found True"),
        ({"lenpen": float("nan")}, "lenpen must be a number, but found nan"),
        ({"retrain_largest": "no"}, "retrain-largest must be True or False, but found 'no'"),
        ({"task": 3}, "task must be a text, but found 3"),
        ({"evo_search": ["nowhere.yml"]}, "evo-search: nowhere.yml does not exist"),
        ({"processes": 3}, "processes needs a launcher"),
    ],
    ids=json.dumps,
)
def test_from_python_as_well(
    settings: dict[str, object], says: str, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(good)
    with pytest.raises(HatError) as error:
        hat.Pipeline("pipeline.yml", **settings).steps()
    assert says in str(error.value)
