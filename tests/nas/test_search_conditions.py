"""A search goes on under the conditions it was begun under, and under no others."""

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hat.arch.hat_yaml import arch_to_mapping
from hat.arch.space import SearchSpace
from hat.conditions import file_digest

pytest.importorskip("fairseq")

from hat.commands.search import main
from hat.latency.predictors.load import load_predictor
from hat.models.checkpoint import read_checkpoint
from hat.nas.limits import LIMITS
from hat.nas.scorers import SCORERS
from hat.nas.settings import FinishSettings, SearchSettings
from hat.nas.supernet import supernet_of
from hat.retraining.finalists import RetrainSettings
from hat.search.algorithms import ALGORITHMS
from hat.settings import own_settings, settings_signature

CLASSES = (
    SearchSettings,
    FinishSettings,
    RetrainSettings,
    *ALGORITHMS.settings(),
    *SCORERS.settings(),
    *LIMITS.settings(),
)

NO_OUTCOME = {
    "more rounds continue a search": {"evo-iter"},
    "it only matters after the search, where nothing is reused without a check of its own": {
        *("measure-finalists", "measure-margin", "measure-repeats", "measure-patience"),
        *("contest-seeds", "rank-sample", "rank-scorers", "retrain-top", "retrain-configs"),
        *("contest-margin", "retrain-margin"),
        *("retrain-seeds", "retrain-subset", "retrain-metric", "retrain-ref", "retrain-init"),
    },
}


def test_every_setting_counts_unless_it_is_said_why_not() -> None:
    settings = [setting for cls in CLASSES for setting in own_settings(cls)]
    quiet = {setting.key for setting in settings if not setting.decides}
    assert quiet == set().union(*NO_OUTCOME.values())


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_setting_that_counts_changes_the_signature(cls: Any, tmp_path: Path) -> None:
    for setting in own_settings(cls):
        if not setting.decides:
            continue
        signed = []
        for name in ("one", "two"):
            path = tmp_path / name
            path.write_text(name)
            made = object.__new__(cls)
            for each in own_settings(cls):
                object.__setattr__(made, each.field, each.default)
            value = path if setting.type is Path else name
            object.__setattr__(made, setting.field, (value,) if setting.is_list else value)
            signed.append(settings_signature(made))
        assert signed[0] != signed[1], setting.key


class Place:
    """Copies of all that a search reads, at paths that stay while the content changes."""

    def __init__(self, folder: Path, supernet: Path, predictor: Path, data: Path) -> None:
        self.folder = folder
        self.net, self.predictor = folder / "net.pt", folder / "here.pt"
        self.data, self.table = folder / "data", folder / "table.csv"
        self.sources = {self.net: supernet, self.predictor: predictor}
        shutil.copytree(data, self.data)
        self.original = data
        self.restore()

    def restore(self) -> None:
        """Makes everything as it was."""
        for path, source in self.sources.items():
            shutil.copyfile(source, path)
        shutil.copytree(self.original, self.data, dirs_exist_ok=True)

    def other_net(self) -> None:
        content = read_checkpoint(self.net)
        for weight in content["model"].values():
            if weight.is_floating_point():
                weight += 0.5
        torch.save(content, self.net)

    def other_predictor(self) -> None:
        predictor = load_predictor(self.predictor)
        predictor.facts["note"] = "another"
        predictor.save(self.predictor)

    def other_dictionary(self) -> None:
        """As many words in another order."""
        for path in self.data.glob("dict.*.txt"):
            lines = path.read_text().splitlines()
            path.write_text("\n".join(lines[::-1]) + "\n")

    def other_sentences(self) -> None:
        for path in self.data.glob("test.*"):
            shutil.copyfile(path, path.with_name(path.name.replace("test.", "valid.")))

    def other_scores(self) -> None:
        """The table negated."""
        header, *rows = csv.reader(self.table.open())
        self.write_table([(arch, -float(score)) for arch, score in rows], header)

    def write_table(self, rows: list[Any], header: list[str]) -> None:
        with self.table.open("w", newline="") as stream:
            csv.writer(stream).writerows([header, *rows])


@pytest.fixture
def place(
    tmp_path: Path, supernet: Path, predictor_pt: Path, corpus: Path, search_space: SearchSpace
) -> Place:
    made = Place(tmp_path, supernet, predictor_pt, corpus)
    rng = np.random.default_rng(0)
    archs = [json.dumps(arch_to_mapping(search_space.sample(rng))) for _ in range(30)]
    rows = [(arch, float(index)) for index, arch in enumerate(dict.fromkeys(archs))]
    made.write_table(rows, ["arch", "BLEU"])
    return made


Search = Callable[..., str]


@pytest.fixture
def search(place: Place, space_yml: Path, capsys: pytest.CaptureFixture[str]) -> Search:
    """``search(*flags)`` returns what was printed, the error included."""

    def run(*flags: object) -> str:
        words = [
            *(f"--configs={space_yml}", "--data", place.data, "--restore-file", place.net),
            *("--population-size", "10", "--parent-size", "3", "--mutation-size", "4"),
            *("--crossover-size", "3", "--evo-iter", "2", "--cpu", "--contest-seeds"),
            *("--rank-sample", "0", "--measure-finalists", "0"),
            *("--write-config-path", place.folder / "found.yml", *flags),
        ]
        try:
            main([str(word) for word in words])
        except SystemExit as exit_:
            assert exit_.code == 2
            return capsys.readouterr().err
        return capsys.readouterr().out

    return run


def left(place: Place) -> dict[Path, bytes]:
    """The finished search: every file of it."""
    paths = [place.folder / "found.yml", *(place.folder / "found.search").rglob("*")]
    return {path: path.read_bytes() for path in paths if path.is_file()}


LATENCY = ("--ckpt-path", "{predictor}", "--latency-constraint", "90%")
PARAMS = ("--params-constraint", "95%")
BLEU = (*PARAMS, "--scorer", "bleu", "--bleu-sentences", "4", "--bleu-beam", "2")
TABLE = (*PARAMS, "--scorer", "table", "--scorer-table", "{table}", "--scorer-column", "BLEU")

CASES: dict[str, tuple[tuple[str, ...], list[tuple[str, tuple[str, ...], str]]]] = {
    "loss": (
        LATENCY,
        [
            ("other_net", (), "content of restore-file was {net}, is now"),
            ("other_predictor", (), "content of ckpt-path was {predictor}, is now"),
            ("other_sentences", (), "content of data (valid) was"),
            ("", ("--valid-subset", "test"), "valid-subset was valid, is now test; content of"),
            ("", ("--latency-constraint", "80%"), "limit latency_ms was"),
            ("", ("--seed", "4"), "seed was 3, is now 4"),
            ("", ("--scorer", "params"), "content of data (valid) was"),
            ("", ("--max-tokens", "100"), "max-tokens was 200, is now 100"),
            ("", ("--race-error", "0"), "race-error was 0.05, is now 0"),
            ("", ("--measure-finalists", "4"), "parents kept by a race was 3, is now 4"),
            ("", ("--search-algorithm", "random"), "search-algorithm was evolution, is now random"),
            (
                "",
                ("--decoder-layer-num-choice", "2", "1"),
                "decoder-layer-num-choice was [3, 2, 1]",
            ),
        ],
    ),
    "bleu": (
        BLEU,
        [
            ("", ("--bleu-beam", "3"), "bleu-beam was 2, is now 3"),
            ("", ("--bleu-lenpen", "0.6"), "bleu-lenpen was 1.0, is now 0.6"),
            ("", ("--bleu-sentences", "5"), "bleu-sentences was 4, is now 5"),
            ("other_sentences", (), "content of data (valid) was"),
        ],
    ),
    "table": (
        TABLE,
        [
            ("other_scores", (), "content of scorer-table was {table}, is now"),
            ("", ("--warm-up", "20"), "warm-up was 0, is now 20"),
        ],
    ),
}


@pytest.mark.stage
@pytest.mark.parametrize("kind", CASES)
def test_a_search_under_other_conditions_is_refused_and_stays_as_it_was(
    kind: str, place: Place, search: Search
) -> None:
    base, cases = CASES[kind]
    paths = {"predictor": place.predictor, "table": place.table, "net": place.net}
    flags = [word.format(**paths) for word in base]
    assert "the winner is in" in search(*flags)
    before, table = left(place), place.table.read_bytes()
    digests = {name: file_digest(path) for name, path in paths.items()}
    for change, more, message in cases:
        if change:
            getattr(place, change)()
        error = search(*flags, *more)
        assert "search_state.json: holds a search under other conditions: " in error, change
        assert message.format(**digests) in error, (change, more)
        assert error.count("\n") == 1
        assert left(place) == before, (change, more)
        place.restore()
        place.table.write_bytes(table)
    if kind == "loss":  # the checkpoint knows its words, so it is refused before the search is
        place.other_dictionary()
        assert "net.pt: was trained with other source words" in search(*flags)
        assert left(place) == before
        place.restore()
    # What cannot change the outcome may change, and so may the names of files.
    for path in (place.net, place.predictor):
        path.rename(path.with_name(f"moved_{path.name}"))
    moved = [word.replace("here.pt", "moved_here.pt") for word in flags]
    printed = search(
        *(*moved, "--restore-file", place.folder / "moved_net.pt", "--evo-iter", "3"),
        *("--log-interval", "7", "--save-dir", "elsewhere"),
    )
    assert "| goes on after round 2" in printed and "| round 3/3 |" in printed
    assert "3 rounds are done, more than the 2 asked for" in search(*moved, *_net(place))


def test_a_search_under_other_conditions_may_be_set_aside(place: Place, search: Search) -> None:
    folder, old = place.folder / "found.search", place.folder / "found.search.old"
    flags = [*PARAMS, "--scorer", "params"]
    assert "the winner is in" in search(*flags, "--set-aside") and not old.exists()
    first = (folder / "trials.jsonl").read_bytes()
    said = f"| its conditions have changed: {folder} is now {old}"
    assert said in search(*flags, "--seed", "4", "--set-aside")
    assert (old / "trials.jsonl").read_bytes() == first
    assert (folder / "trials.jsonl").read_bytes() != first
    printed = search(*flags, "--seed", "4", "--set-aside", "--evo-iter", "3")
    assert "| goes on after round 2" in printed, "under the same conditions nothing is set aside"
    assert said in search(*flags, "--seed", "5", "--set-aside")
    assert (old / "trials.jsonl").read_bytes() != first, "only the last one is kept"


def test_precision_and_device_count_as_they_are_and_not_as_asked_for(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = (*PARAMS, "--scorer", "params")
    search(*flags)
    monkeypatch.setattr(
        "hat.commands.search.supernet_of",
        lambda options, **others: replace(
            supernet_of(options, **others), precision="bf16", device="cuda"
        ),
    )
    assert "precision was fp32, is now bf16; device was cpu, is now cuda" in search(*flags)


def _net(place: Place) -> tuple[object, ...]:
    return ("--restore-file", place.folder / "moved_net.pt")


def test_the_printed_signature_holds_contents_and_no_names(place: Place, search: Search) -> None:
    flags = [word.format(predictor=place.predictor) for word in LATENCY]
    text = json.loads(search(*flags).splitlines()[-1])["signature"]
    assert f"|checkpoint:{file_digest(place.net)}|predictor:{file_digest(place.predictor)}|" in text
    assert ".pt" not in text and "additive" not in text
    assert text in (place.folder / "found.yml").read_text()


def _set_engine(path: Path, engine: str, **facts: str) -> None:
    """Makes a predictor one whose dataset was measured elsewhere, in an engine."""
    predictor = load_predictor(path)
    workload = {**predictor.facts["workload"], "engine": engine, "engine_version": "1.2"}
    predictor.facts = {**predictor.facts, "workload": workload, "device": "a phone", **facts}
    predictor.save(path)


def test_the_printed_signature_names_engine_and_version_of_each_limit(
    place: Place, search: Search
) -> None:
    _set_engine(place.predictor, "onnxruntime")
    memory = place.folder / "memory.pt"
    shutil.copyfile(place.predictor, memory)
    _set_engine(memory, "ctranslate2", target="memory")
    flags = [word.format(predictor=place.predictor) for word in LATENCY]
    both = (*flags, "--memory-ckpt-path", memory, "--memory-constraint", "100%")
    text = json.loads(search(*both, "--scorer", "params").splitlines()[-1])["signature"]
    assert "|workload:cpu-onnxruntime1.2-fp32-" in text and ",cpu-ctranslate21.2-fp32-" in text
    asked = (*both, "--scorer", "params", "--lat-engine", "onnxruntime")
    assert "memory.pt is for the engine ctranslate2, not for onnxruntime" in search(*asked)
