"""Files of a newer hat, or of no version: each reader says what it found and what it reads."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import hat
from hat.engines import onnx_files
from hat.errors import CheckpointError
from tests.faults.fault import Fault, Spoil, as_tests, refused
from tests.models.conftest import KINDS, tiny_config

REPORT = "report run"
TRANSLATE = "translate model hello.en"
FIT = "latency-predictor --configs=predictor.yml --lat-dataset-path latency.csv --ckpt-path new.pt"
PREDICT = "latency predict sub.yml --ckpt-path predictor.pt"
ONLY = "pipeline pipeline.yml --run-dir run --only preprocess"


def in_json(name: str, key: str, value: Any, line: int | None = None) -> Spoil:
    """Changes a value of a JSON file, or of a line of a file of JSON lines; None takes it away."""

    def spoil(world: Path) -> None:
        path = world / name
        lines = [path.read_text()] if line is None else path.read_text().splitlines(keepends=True)
        content = json.loads(lines[line or 0])
        assert key in content
        content = {**content, key: value}
        if value is None:
            del content[key]
        lines[line or 0] = json.dumps(content) + "\n"
        path.write_text("".join(lines))
        _agree(path)

    return spoil


def _agree(path: Path) -> None:
    """An exported folder knows sizes and digests: another file there is refused as damaged."""
    index = path.with_name("export.json")
    if index.exists() and index != path:
        content = json.loads(index.read_text())
        content["files"][path.name] = path.stat().st_size
        del content["digests"][path.name], content["digest"]
        index.write_text(json.dumps(content))


def in_predictor(value: str) -> Spoil:
    def spoil(world: Path) -> None:
        content = torch.load(world / "predictor.pt", weights_only=True)
        assert content["format"] == "hat-latency-predictor-1"
        torch.save({**content, "format": value}, world / "predictor.pt")

    return spoil


def newer(found: object, known: int) -> tuple[str, ...]:
    return (f"is of version {found} of its format", f"reads up to version {known}: install a newer")


SEARCH = "run/best_cpu.search"
FILES: dict[str, list[tuple[str, str, tuple[str, ...], Spoil]]] = {
    "hat-run-1": [
        ("newer", REPORT, newer(99, 1), in_json("run/run.json", "format", "hat-run-99")),
        (
            "none",
            REPORT,
            ("format is None; expected 'hat-run-1'",),
            in_json("run/run.json", "format", None),
        ),
        ("written-over", ONLY, newer(2, 1), in_json("run/run.json", "format", "hat-run-2")),
    ],
    "hat-search-facts-1": [
        (
            "newer",
            REPORT,
            newer(99, 1),
            in_json(f"{SEARCH}/facts.json", "format", "hat-search-facts-99"),
        ),
        (
            "none",
            REPORT,
            ("format is None; expected 'hat-search-facts-1'",),
            in_json(f"{SEARCH}/facts.json", "format", None),
        ),
        (
            "other",
            REPORT,
            ("format is 'hat-run-1'; expected",),
            in_json(f"{SEARCH}/facts.json", "format", "hat-run-1"),
        ),
        (
            "number",
            REPORT,
            ("format is 99; expected",),
            in_json(f"{SEARCH}/facts.json", "format", 99),
        ),
    ],
    "search state": [
        ("newer", REPORT, newer(99, 4), in_json(f"{SEARCH}/search_state.json", "format", 99)),
        (
            "none",
            REPORT,
            ("version must be a positive number, but found None",),
            in_json(f"{SEARCH}/search_state.json", "format", None),
        ),
    ],
    "hat-latency-dataset-1": [
        (
            "newer",
            FIT,
            newer(7, 1),
            in_json("latency.csv.meta.jsonl", "format", "hat-latency-dataset-7", 0),
        ),
        (
            "none",
            FIT,
            ("meta.jsonl:1: format is None; expected 'hat-latency-dataset-1'",),
            in_json("latency.csv.meta.jsonl", "format", None, 0),
        ),
    ],
    "hat-latency-predictor-1": [
        ("newer", PREDICT, newer(2, 1), in_predictor("hat-latency-predictor-2")),
        ("other", PREDICT, ("is not a latency predictor",), in_predictor("hat-run-1")),
    ],
    "hat.export": [
        ("newer", TRANSLATE, newer(99, 1), in_json("model/export.json", "version", 99)),
        (
            "none",
            TRANSLATE,
            ("version must be a positive number, but found None",),
            in_json("model/export.json", "version", None),
        ),
        (
            "text",
            TRANSLATE,
            ("version must be a positive number, but found '1'",),
            in_json("model/export.json", "version", "1"),
        ),
        (
            "other",
            TRANSLATE,
            ("expected a JSON object of the format 'hat.export'",),
            in_json("model/export.json", "format", "hat.model"),
        ),
    ],
    "hat.model": [
        ("newer", TRANSLATE, newer(2, 1), in_json("model/config.json", "version", 2)),
        (
            "none",
            TRANSLATE,
            ("version must be a positive number, but found None",),
            in_json("model/config.json", "version", None),
        ),
    ],
}
"""By format: the name of the test, a command that reads it, what it says, what is done to it."""

ELSEWHERE = {"hat.network": "below", "hat-report-1": "written for others; nothing of hat reads it"}

FAULTS = [
    Fault(f"{name}:{kind}", words, says, spoil)
    for name, rows in FILES.items()
    for kind, words, says, spoil in rows
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, good: Path, tmp_path: Path) -> None:
    refused(fault, good, tmp_path)


def test_no_format_is_forgotten() -> None:
    named = re.compile(r'"(hat-[a-z-]+-[0-9]+)"|VERSION = (?:"[\w.]+", )?"(hat\.\w+)"')
    package = Path(hat.__file__).parent
    found = {
        first or second
        for path in package.rglob("*.py")
        for first, second in named.findall(path.read_text(encoding="utf-8"))
    }
    assert found - {*FILES, *ELSEWHERE} == set(), "not tried here"
    assert {*FILES, *ELSEWHERE} - found == {"search state"}, "not there any more"


@pytest.mark.parametrize("found", [2, None, "1", True, 0])
def test_a_network_of_an_engine(found: object, tmp_path: Path) -> None:
    """By hat, and by the script that runs without it."""
    from hat.engines.facts import NETWORK_FILE, read_facts

    content = {"format": "hat.network", "version": found, "hat": "9.9"}
    (tmp_path / NETWORK_FILE).write_text(json.dumps(content))
    says = "written by hat 9.9, but this is hat" if found == 2 else "must be a positive number"
    with pytest.raises(CheckpointError, match=says):
        read_facts(tmp_path)
    if found is not True:  # 1 to Python
        with pytest.raises(ValueError, match=f"expected version 1 of hat.network, but .* {found} "):
            onnx_files.OnnxNetwork(tmp_path)


def saved(folder: Path) -> Path:
    hat.save(hat.SuperTransformer(tiny_config(**KINDS["unshared"])), folder)
    return folder


def change(**values: Any) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return changed


def flip(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1  # of the last weight: still a number
    path.write_bytes(content)


def one_more_digest(folder: Path) -> None:
    content = json.loads((folder / "config.json").read_text())
    change(digests={**content["digests"], "../x": "1"})(folder)


SAVED: dict[str, tuple[Callable[[Path], None], str]] = {
    "newer": (change(version=2), "is of version 2 of its format"),
    "bit": (flip, r"model.safetensors: is damaged or another network's: expected the digest"),
    "digests": (change(digests=[]), r"config.json: digests must be an object, but found \[\]"),
    "elsewhere": (one_more_digest, "but found a path"),
    "gone": (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors"),
}


@pytest.mark.parametrize("name", SAVED)
def test_a_saved_model(name: str, tmp_path: Path) -> None:
    spoil, says = SAVED[name]
    folder = saved(tmp_path / "m")
    hat.load(folder)
    spoil(folder)
    with pytest.raises(hat.HatError, match=says):
        hat.load(folder)


def test_a_model_that_was_saved_without_digests(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = saved(tmp_path / "m")
    hat.load(folder)
    assert not caplog.records
    content = json.loads((folder / "config.json").read_text())
    del content["digests"]
    (folder / "config.json").write_text(json.dumps(content))
    hat.load(folder)
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{folder}: an older hat saved it and noted no digests")


def test_exports_are_opened_without_a_word(
    good: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    hat.Translator(good / "model")
    assert not caplog.records and not capfd.readouterr().err
