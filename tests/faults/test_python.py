"""The same from Python: ``hat.search(...)`` and the others raise a HatError before they work."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hat
from hat.errors import HatError
from tests.faults.fault import contents

NAN, INF = float("nan"), float("inf")


def part(table: Any, name: str) -> Any:
    return table.load(name).Settings


SETTINGS: dict[str, tuple[Callable[[], object], str]] = {
    "evo-iter": (lambda: hat.SearchSettings(evo_iter=0), "evo-iter must be at least 1"),
    "evo-iter-text": (
        lambda: hat.SearchSettings(evo_iter="3"),  # type: ignore[arg-type]
        "evo-iter must be a whole number, but found '3'",
    ),
    "evo-iter-switch": (lambda: hat.SearchSettings(evo_iter=True), "whole number, but found True"),
    "evo-iter-much": (lambda: hat.SearchSettings(evo_iter=10**12), "at most 10000000"),
    "mutation-prob": (lambda: hat.SearchSettings(mutation_prob=NAN), "mutation-prob must be"),
    "mutation-prob-0": (lambda: hat.SearchSettings(mutation_prob=0), "must be above 0"),
    "mutation-prob-2": (lambda: hat.SearchSettings(mutation_prob=2), "between 0 and 1"),
    "warm-up": (lambda: hat.SearchSettings(warm_up=-1), "warm-up must be at least 0"),
    "moves": (lambda: hat.SearchSettings(moves=0), "moves must be at least 1"),
    "scorer": (lambda: hat.SearchSettings(scorer="blue"), "did you mean 'bleu'"),
    "scorer-none": (lambda: hat.SearchSettings(scorer=None), "scorer needs a value"),  # type: ignore[arg-type]
    "algorithm": (lambda: hat.SearchSettings(search_algorithm="evo"), "must be one of"),
    "population": (lambda: hat.GenerationSettings(population_size=9), "= 125, but found 9"),
    "population-much": (lambda: hat.GenerationSettings(population_size=10**12), "at most 1000000"),
    "margin": (lambda: hat.FinishSettings(measure_margin=2), "measure-margin must be below 1"),
    "margin-less": (lambda: hat.FinishSettings(measure_margin=-0.1), "must be at least 0"),
    "repeats": (lambda: hat.FinishSettings(measure_repeats=0), "must be at least 1"),
    "patience": (lambda: hat.FinishSettings(measure_patience=INF), "must be a number"),
    "finalists": (lambda: hat.FinishSettings(measure_finalists=-1), "must be at least 0"),
    "seeds": (lambda: hat.FinishSettings(contest_seeds=(1, -2)), "contest-seeds must be at least"),
    "constraint": (
        lambda: hat.LatencySettings(ckpt_path=("x",), latency_constraint=("-1%",)),
        "--latency-constraint must be positive",
    ),
    "constraint-alone": (
        lambda: hat.LatencySettings(latency_constraint=("5",)),
        "--ckpt-path is missing",
    ),
    "constraint-number": (
        lambda: hat.LatencySettings(ckpt_path=("x",), latency_constraint=(5,)),  # type: ignore[arg-type]
        "latency-constraint must be a text, but found 5",
    ),
    "norms": (lambda: hat.LatencySettings(feature_norm=(0.0,)), "feature-norm must be above 0"),
    "params": (
        lambda: part(hat.LIMITS, "params")(params_constraint="0%"),
        "--params-constraint must be positive",
    ),
    "memory": (
        lambda: part(hat.LIMITS, "memory")(memory_constraint="x", memory_ckpt_path="y"),
        "--memory-constraint is a number of MiB",
    ),
    "bleu-beam": (lambda: part(hat.SCORERS, "bleu")(bleu_beam=0), "bleu-beam must be at least 1"),
    "bleu-lenpen": (lambda: part(hat.SCORERS, "bleu")(bleu_lenpen=NAN), "bleu-lenpen must be"),
    "tune-lr": (lambda: part(hat.SCORERS, "tuned-loss")(tune_lr=-1.0), "tune-lr must be above 0"),
    "hidden-dim": (lambda: part(hat.PREDICTORS, "mlp")(hidden_dim=0), "hidden-dim must be at"),
    "threads": (lambda: part(hat.ENGINES, "torch")(threads=0), "threads must be at least 1"),
    "retrain": (
        lambda: hat.RetrainSettings(retrain_configs=Path("x.yml")),
        "--retrain-configs has no effect without --retrain-top",
    ),
    "empty-path": (lambda: hat.RetrainSettings(retrain_ref=""), "retrain-ref needs a value"),  # type: ignore[arg-type]
    "workload": (lambda: hat.Workload(src_len=0), "src-len must be at least 1"),
    "workload-beam": (lambda: hat.Workload(beam=10**6), "beam must be at most 10000"),
    "fit": (lambda: hat.FitSettings(lat_norm=0.0), "lat-norm must be above 0"),
    "group": (
        lambda: hat.TranslationSettings(search={"beam": 4}),  # type: ignore[arg-type]
        "search must be BeamSettings(...), but found {'beam': 4}",
    ),
    "array": (lambda: hat.BeamSettings(beam=np.array([4])), "must be a whole number"),  # type: ignore[arg-type]
    "numpy-much": (lambda: hat.BeamSettings(beam=np.int64(0)), "must be at least 1, but found 0"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("make", "says"), SETTINGS.values(), ids=SETTINGS.keys())
def test_settings_check_themselves(make: Callable[[], object], says: str) -> None:
    with pytest.raises(HatError) as error:
        make()
    assert says in str(error.value)


CALLS: dict[str, tuple[Callable[[], object], str]] = {
    "fit-nothing": (lambda: hat.fit_predictor("nowhere.csv"), "nowhere.csv"),
    "fit-checkpoint": (lambda: hat.fit_predictor("net.pt"), "net.pt"),
    "fit-none": (lambda: hat.fit_predictor([]), "name a latency dataset"),
    "page-none": (lambda: hat.write_page([]), "name the folder of a run"),
    "page-one": (lambda: hat.write_page("predictor.pt"), "predictor.pt: is not a folder"),
    "fit-twice": (lambda: hat.fit_predictor(["latency.csv"] * 2), "the same dataset"),
    "fit-class": (
        lambda: hat.fit_predictor("latency.csv", hat.FitSettings),  # type: ignore[arg-type]
        "not their class: FitSettings(...)",
    ),
    "fit-others": (
        lambda: hat.fit_predictor("latency.csv", hat.SearchSettings()),
        "hat.fit_predictor reads no settings SearchSettings",
    ),
    "fit-unused": (
        lambda: hat.fit_predictor(
            "latency.csv",
            hat.FitSettings(predictor="additive"),
            part(hat.PREDICTORS, "mlp")(hidden_dim=7),
        ),
        "--hidden-dim is not for --predictor additive, but for mlp",
    ),
    "train-key": (lambda: hat.train("space.yml", save_dri="x"), "save-dri"),
    "train-value": (lambda: hat.train("space.yml", save_dir="x", lr="much"), "lr"),
    "train-file": (lambda: hat.train("nowhere.yml", save_dir="x"), "nowhere.yml"),
    "supernet": (
        lambda: hat.load_supernet("space.yml", restore_file="predictor.pt", cpu=True),
        "predictor.pt",
    ),
    "pipeline": (lambda: hat.Pipeline("space.yml"), "space.yml:1: unknown key 'arch'"),
    "translator": (lambda: hat.Translator("nowhere"), "nowhere"),
    "translator-text": (lambda: hat.Translator("sys.txt"), "sys.txt"),
    "translator-table": (lambda: hat.Translator("bin"), "bin: is no exported model"),
    "translator-settings": (
        lambda: hat.Translator("model", settings=hat.BeamSettings()),  # type: ignore[arg-type]
        "hat.Translator reads no settings BeamSettings",
    ),
    "translator-device": (
        lambda: hat.Translator("model", device="tpu"),
        "device 'tpu': torch has none: ",
    ),
    "translator-none": (
        lambda: hat.Translator("model").translate(["one", None]),  # type: ignore[list-item]
        "line 2: expected a text, but found None",
    ),
    "translator-half": (
        lambda: hat.Translator("model").translate(["one", "\ud800"]),
        "line 2: holds half a character (surrogate), '\\ud800'",
    ),
    "translator-word": (
        lambda: hat.Translator("model").nbest(["one", "a" * 100_001], name="in.txt: line", first=7),
        "in.txt: line 8: the word 'aaaaaaaaaaaaaaaaaaaa'... has 100,001 characters",
    ),
    "pipeline-step": (
        lambda: hat.Pipeline("pipeline.yml").steps(only="preproces"),
        "there is no step 'preproces'; did you mean 'preprocess'?",
    ),
    "part-none": (lambda: hat.SCORERS.load(None), "unknown scorer None; there are"),  # type: ignore[arg-type]
    "checkpoint": (lambda: hat.load_checkpoint("predictor.pt"), "predictor.pt"),
    "arch": (lambda: hat.load_arch("space.yml"), "space.yml"),
    "load": (lambda: hat.load("nowhere"), "nowhere"),
    "load-table": (lambda: hat.load("latency.csv"), "latency.csv"),
    "load-predictor": (lambda: hat.load_predictor("net.pt"), "net.pt"),
}


@pytest.mark.parametrize(("call", "says"), CALLS.values(), ids=CALLS.keys())
def test_calls_refuse_before_they_work(
    call: Callable[[], object], says: str, good_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(good_copy)
    before = contents(good_copy)
    with pytest.raises(HatError) as error:
        call()
    assert says in str(error.value)
    assert contents(good_copy) == before


def test_lines_may_come_one_by_one(good_copy: Path) -> None:
    translator = hat.Translator(good_copy / "model")
    assert translator.translate(iter(["one", "", "two"])) == translator.translate(
        ["one", "", "two"]
    )


def test_numbers_of_numpy_are_numbers() -> None:
    """Written to files and compared with what was, so they become Python's own."""
    settings = hat.BeamSettings(beam=np.int64(4), lenpen=np.float32(0.5))  # type: ignore[arg-type]
    assert settings == hat.BeamSettings(beam=4, lenpen=0.5)
    assert [type(settings.beam), type(settings.lenpen)] == [int, float]
    seeds = hat.FinishSettings(contest_seeds=tuple(np.arange(2)))
    assert [type(each) for each in seeds.contest_seeds] == [int, int]


def test_a_search_refuses_what_it_does_not_read(
    good_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(good_copy)
    supernet = hat.load_supernet("space.yml", restore_file="net.pt", cpu=True, data="bin")
    limit = part(hat.LIMITS, "params")(params_constraint="60%")
    quiet = {"write_config_path": "best.yml", "say": io.StringIO().write}
    before = contents(good_copy)
    for settings, says in (
        ((), "a search needs a limit"),
        ((limit, limit), "takes ParamsSettings once"),
        ((limit, hat.FitSettings()), "reads no settings FitSettings"),
        ((limit, part(hat.SCORERS, "bleu")(bleu_beam=2)), "--bleu-beam is not for --scorer"),
        ((part(hat.LIMITS, "params")(params_constraint="1"),), "no candidate met"),
    ):
        with pytest.raises(HatError) as error:
            hat.search(supernet, *settings, **quiet)  # type: ignore[arg-type]
        assert says in str(error.value)
    assert contents(good_copy) == before


def test_searches_of_one_supernet_in_threads_take_turns(
    good_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network holds one architecture at a time; another's would be scored in its place."""
    monkeypatch.chdir(good_copy)
    supernet = hat.load_supernet("space.yml", restore_file="net.pt", cpu=True, data="bin")
    sizes = {"population_size": 6, "parent_size": 2, "mutation_size": 2, "crossover_size": 2}

    def found(path: str) -> float:
        outcome = hat.search(
            supernet,
            part(hat.LIMITS, "params")(params_constraint="90%"),
            hat.SearchSettings(evo_iter=2),
            hat.GenerationSettings(**sizes),
            write_config_path=path,
            say=io.StringIO().write,
        )
        assert outcome is not None
        return outcome.score

    alone = found("alone.yml")
    with ThreadPoolExecutor(3) as pool:
        several = list(pool.map(found, ["one.yml", "two.yml", "three.yml"]))
    assert several == [alone] * 3
