"""Exports for other engines: rounding and its price, what is refused, what is missing."""

import importlib.util
import json
import shutil
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hat
from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import load_arch, write_arch
from hat.commands.export import main
from hat.commands.translate import main as translate
from hat.conditions import file_digest
from hat.errors import CheckpointError, ConfigError, HatError
from hat.text.lines import read_text
from hat.translation.text import END_IDX, UNKNOWN_IDX
from tests.export.conftest import Task

FORMATS = ("onnx", "ctranslate2")


def write_sentences(prefix: Path, sentences: Sequence[Sequence[int]]) -> None:
    """fairseq's binary format: an index and 32-bit numbers."""
    lengths = [len(sentence) for sentence in sentences]
    starts = 4 * np.cumsum([0, *lengths[:-1]])
    head = b"MMIDIDX\0\0" + struct.pack("<QBQ", 1, 4, len(lengths))
    index = head + np.array(lengths, "<i4").tobytes() + starts.astype("<i8").tobytes()
    prefix.with_name(f"{prefix.name}.idx").write_bytes(index)
    words = [word for sentence in sentences for word in sentence]
    prefix.with_name(f"{prefix.name}.bin").write_bytes(np.array(words, "<i4").tobytes())


def write_split(folder: Path, task: Task, split: str) -> None:
    """Writes a split of the task into a folder that has its dictionaries."""
    for side, language in enumerate(("en", "fr")):
        numbers = {word: number for number, word in enumerate(task.words[side])}
        sentences = [
            [*(numbers.get(word, UNKNOWN_IDX) for word in line.split()), END_IDX]
            for line in read_text(task.text / "bpe" / f"{split}.{language}")
        ]
        write_sentences(folder / f"{split}.en-fr.{language}", sentences)


@pytest.fixture
def data(tmp_path: Path, task: Task) -> Path:
    """The task's dictionaries with its validation set, as fairseq-preprocess writes it."""
    folder = Path(shutil.copytree(task.data, tmp_path / "data" / "numbers_en_fr"))
    write_split(folder, task, "valid")
    return folder


@pytest.fixture
def last_layer_yml(tmp_path: Path, sub_yml: Path) -> Path:
    """An architecture that every engine can represent."""
    arch: SubTransformerConfig = load_arch(sub_yml)
    decoder = replace(arch.decoder, ende_spans=(1,) * arch.decoder.num_layers)
    write_arch(tmp_path / "last.yml", replace(arch, decoder=decoder))
    return tmp_path / "last.yml"


Export = Callable[..., dict[str, Any]]


@pytest.fixture
def export(
    task: Task,
    checkpoint: Path,
    last_layer_yml: Path,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Export:
    """Runs the command into ``out`` and returns its JSON, with all that it printed."""

    def run(*flags: str, sub: Path = last_layer_yml) -> dict[str, Any]:
        capsys.readouterr()
        words = [checkpoint, sub, tmp_path / "out", "--data", data, "--bpe-codes", task.codes]
        main([*map(str, words), *flags])
        printed = capsys.readouterr().out
        return {**json.loads(printed.splitlines()[-1]), "printed": printed}

    return run


@pytest.mark.parametrize("name", FORMATS)
def test_rounding_makes_it_smaller_and_its_price_is_told(
    export: Export, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exact = export("--format", name)
    assert exact["parity"] < 2e-5
    assert exact["bleu_difference"] is None
    assert json.loads((tmp_path / "out" / "export.json").read_text())["bleu"] is None
    rounded = export("--format", name, "--int8")
    files = {each.name: each.stat().st_size for each in (tmp_path / "out").iterdir()}
    assert rounded["total_bytes"] == sum(
        size for file, size in files.items() if file not in ("README.md", "export.json")
    )
    assert max(files, key=lambda file: files[file]) in ("weights.bin", "model.bin", "decoder.onnx")
    assert 1e-4 < rounded["parity"] < 2
    stored = json.loads((tmp_path / "out" / "export.json").read_text())
    assert stored["parity"] == rounded["parity"]
    assert stored["parity-on"] == "11 sentences of valid"
    bleu = stored["bleu"]
    assert bleu["sentences"] == 11 and bleu["split"] == "valid"
    assert rounded["bleu_difference"] == pytest.approx(bleu["exported"] - bleu["exact"])
    card = (tmp_path / "out" / "README.md").read_text()
    for text in (rounded["printed"], card):
        assert f"BLEU {bleu['exported']:.2f} with rounded weights, {bleu['exact']:.2f} in" in text
        assert f"{rounded['parity']:.2e}" in text
    assert "; weights of 8 bits, reduced range |" in card
    assert f"| bytes of the network on disk | {rounded['model_bytes']:,} (" in card
    assert "|version:" in rounded["signature"] and "precision:int8" in rounded["signature"]
    assert rounded["signature"] != exact["signature"]
    # and it translates
    assert all(hat.Translator(tmp_path / "out").translate(["three hundred", "four"]))
    without = export("--format", name, "--int8", "--bleu-sentences", "0")
    assert without["bleu_difference"] is None


REFUSED: dict[str, tuple[list[str], str]] = {
    "int8 of torch": (["--int8"], "--int8 is not for --format safetensors, but for onnx"),
    "a range without int8": (
        ["--format", "onnx", "--int8-range", "full"],
        "--int8-range has no effect without --int8",
    ),
    "a range of another format": (
        ["--format", "fairseq", "--int8-range", "full"],
        "--int8-range is not for --format fairseq, but for onnx",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(
    export: Export, tmp_path: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flags, sentence = REFUSED[case]
    refused(lambda: export(*flags), sentence, capsys)
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))


def refused(run: Callable[[], Any], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A command ends with code 2 and one sentence."""
    with pytest.raises(SystemExit) as error:
        run()
    assert error.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line


def test_what_ctranslate2_cannot_represent_is_not_half_written(
    export: Export, tmp_path: Path, last_layer_yml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arch = load_arch(last_layer_yml)
    spans = (2,) * arch.decoder.num_layers
    write_arch(tmp_path / "two.yml", replace(arch, decoder=replace(arch.decoder, ende_spans=spans)))
    sentence = "restrict the search space by decoder-arbitrary-ende-attn-choice: [-1]"
    run = partial(export, "--format", "ctranslate2", sub=tmp_path / "two.yml")
    refused(run, sentence, capsys)
    assert not (tmp_path / "out").exists()
    assert export("--format", "onnx", sub=tmp_path / "two.yml")["parity"] < 2e-5


@pytest.mark.parametrize(
    ("name", "package"),
    [("onnx", "onnx"), ("onnx", "onnxruntime"), ("ctranslate2", "ctranslate2")],
)
def test_an_engine_that_is_not_installed(
    export: Export,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    package: str,
) -> None:
    export("--format", name)
    before = {each.name: each.read_bytes() for each in (tmp_path / "out").iterdir()}
    plain = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda wanted, *rest: None if wanted == package else plain(wanted, *rest),
    )
    sentence = f"needs the package {package}, which is not installed: pip install {package}"
    refused(lambda: export("--format", name, "--int8"), sentence, capsys)
    assert before == {each.name: each.read_bytes() for each in (tmp_path / "out").iterdir()}
    if package == "onnx":  # which only writing needs
        assert hat.Translator(tmp_path / "out").translate(["four"])
    else:
        refused(lambda: translate([str(tmp_path / "out"), str(tmp_path)]), sentence, capsys)


def _facts(**changes: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "network.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
        _note_sizes(folder)

    return damage


def _note_sizes(folder: Path) -> None:
    path = folder / "export.json"
    described = json.loads(path.read_text())
    for name in described["files"]:
        described["files"][name] = (folder / name).stat().st_size
    path.write_text(json.dumps(described))


def _garbled(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / name
        path.write_bytes(b"\x07" * path.stat().st_size)

    return damage


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


DAMAGES: dict[str, tuple[str, Callable[[Path], None], str]] = {
    **{
        f"no {file}": (name, _without(file), f"out: lacks {file}")
        for name, file in (
            ("onnx", "encoder.onnx"),
            ("onnx", "weights.bin"),
            ("onnx", "network.json"),
            ("ctranslate2", "model.bin"),
            ("ctranslate2", "source_vocabulary.json"),
            ("ctranslate2", "dict.fr.txt"),
        )
    },
    "garbled graph": (
        "onnx",
        _garbled("decoder.onnx"),
        "decoder.onnx: is damaged or another network's: ",
    ),
    "garbled model": (
        "ctranslate2",
        _garbled("model.bin"),
        "model.bin: is damaged or another network's: ",
    ),
    "newer": ("onnx", _facts(version=9), r"network\.json: is of version 9 of its format"),
    "newer model": ("ctranslate2", _facts(version=9), r"network\.json: is of version 9 of its f"),
    "other precision": ("onnx", _facts(precision="fp3"), "precision must be fp32 or int8, but fou"),
    "no words": ("onnx", _facts(padding=None), "padding must be a positive number, but found None"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_damaged_folders(export: Export, tmp_path: Path, case: str) -> None:
    name, damage, sentence = DAMAGES[case]
    export("--format", name)
    damage(tmp_path / "out")
    noted = tmp_path / "out" / "export.json"  # as whoever changes a file on purpose would have it
    described = json.loads(noted.read_text())
    del described["digest"]
    noted.write_text(json.dumps({**described, "digests": {}}))
    with pytest.raises(CheckpointError, match=sentence):
        hat.Translator(tmp_path / "out")


@pytest.mark.parametrize("name", FORMATS)
def test_no_file_is_read_twice_for_its_digest(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    export("--format", name)
    read: list[str] = []

    def noted(path: Path) -> str:
        read.append(path.name)
        return file_digest(path)

    monkeypatch.setattr("hat.conditions.file_digest", noted)
    hat.Translator(tmp_path / "out")
    files = json.loads((tmp_path / "out" / "export.json").read_text())["files"]
    assert sorted(read) == sorted(files)


@pytest.mark.parametrize("name", FORMATS)
def test_weights_of_the_full_range_are_refused_where_they_overflow(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("hat.machine.instructions.int8_range", lambda: "reduced")
    flags = ["--format", name, "--int8", "--bleu-sentences", "0"]
    export(*flags)
    hat.Translator(tmp_path / "out")
    monkeypatch.setattr("hat.machine.instructions.int8_range", lambda: "full")
    export(*flags, "--int8-range", "full")
    monkeypatch.setattr("hat.machine.instructions.int8_range", lambda: "reduced")
    with pytest.raises(HatError, match="overflow on this processor, which lacks VNNI"):
        hat.Translator(tmp_path / "out")


def test_the_gpu_is_refused(export: Export, tmp_path: Path) -> None:
    export("--format", "onnx")
    with pytest.raises(ConfigError, match="onnxruntime runs on the CPU only, but the device is cu"):
        hat.Translator(tmp_path / "out", device="cuda")
