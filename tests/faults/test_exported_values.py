"""Exported folders whose files are whole, but tell of a network that cannot be.

Whoever changes a file can take its digest away, too, as older versions wrote none.
"""

import json
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hat.arch.hat_yaml import load_arch, write_arch
from hat.export.folder import ExportSettings, export
from hat.export.formats import FORMATS
from hat.export.trained import TaskSettings, read_trained
from tests.faults.fault import Fault, Spoil, as_tests, refused

pytest.importorskip("onnxruntime")
pytest.importorskip("ctranslate2")

KINDS = {"onnx": False, "ctranslate2": False, "ctranslate2-int8": True}
"""Folders, and whether their weights are rounded."""


@pytest.fixture(scope="module")
def exported(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the same network in every format and a text to translate."""
    folder = tmp_path_factory.mktemp("exported")
    shutil.copy(good / "hello.en", folder)
    arch = load_arch(good / "numbers.yml")
    decoder = replace(arch.decoder, ende_spans=(1,) * arch.decoder.num_layers)
    write_arch(folder / "last.yml", replace(arch, decoder=decoder))
    task = TaskSettings(data=good / "numbers_en_fr", bpe_codes=good / "codes")
    trained = read_trained(good / "numbers.pt", folder / "last.yml", task)
    for kind, int8 in KINDS.items():
        name = kind.partition("-")[0]
        part = FORMATS.load(name)
        how = ExportSettings(format=name, parity_sentences=1, bleu_sentences=0)
        export(trained, folder / kind, how, part.build(part.Settings(int8=int8)))
    return folder


def unsigned(kind: str, change: Callable[[Path], object]) -> Spoil:
    """Changes a folder and takes all digests of files away, as who means harm would."""

    def spoil(world: Path) -> None:
        folder = world / kind
        change(folder)
        for name in ("network.json", "export.json"):
            values = json.loads((folder / name).read_text())
            kept = {key: value for key, value in values.items() if "digest" not in key}
            if "files" in kept:
                kept["files"] = {file: (folder / file).stat().st_size for file in kept["files"]}
            (folder / name).write_text(json.dumps(kept))

    return spoil


def network(**values: Any) -> Callable[[Path], object]:
    """Other values in what tells of the network."""

    def change(folder: Path) -> None:
        path = folder / "network.json"
        named = {name.replace("_", "-"): value for name, value in values.items()}
        path.write_text(json.dumps({**json.loads(path.read_text()), **named}))

    return change


def variable(name: str, change: Callable[[tuple[int, ...], bytes], tuple[Any, bytes]]) -> Any:
    """Another shape or other bytes of a variable of CTranslate2's; as many of both."""

    def rewrite(folder: Path) -> None:
        path = folder / "model.bin"
        content = bytearray(path.read_bytes())
        place = content.index(name.encode() + b"\0") + len(name) + 1
        count = content[place]
        shape = struct.unpack_from(f"<{count}I", content, place + 1)
        start = place + 1 + 4 * count + 5
        (size,) = struct.unpack_from("<I", content, start - 4)
        new_shape, values = change(shape, bytes(content[start : start + size]))
        struct.pack_into(f"<{count}I", content, place + 1, *new_shape)
        content[start : start + size] = values[:size]
        path.write_bytes(content)

    return rewrite


def turned(name: str) -> Any:
    return variable(name, lambda shape, values: (shape[::-1], values))


def filled(name: str, form: str, value: float) -> Any:
    one = struct.pack(form, value)
    return variable(name, lambda shape, values: (shape, one * (len(values) // len(one) or 1)))


def words_less(folder: Path) -> None:
    path = folder / "target_vocabulary.json"
    path.write_text(json.dumps(json.loads(path.read_text())[:-5]))


def graph_of(name: str, other: str) -> Callable[[Path], object]:
    return lambda folder: shutil.copy(folder / other, folder / name)


def ctranslate2(name: str, change: Any, *says: str, kind: str = "ctranslate2") -> Fault:
    says = (f"{kind}/model.bin: ", *says)
    return Fault(f"{kind}-{name}", f"translate {kind} hello.en", says, unsigned(kind, change))


def onnx(name: str, change: Any, *says: str) -> Fault:
    return Fault(f"onnx-{name}", "translate onnx hello.en", says, unsigned("onnx", change))


FFN, OUT = "decoder/layer_0/ffn/linear_0/weight", "decoder/layer_0/attention/linear_2/weight"
BIAS, SCALE = "encoder/layer_0/ffn/linear_0/bias", "encoder/layer_0/ffn/linear_0/weight_scale"
WORDS = "decoder/embeddings/weight"
NO_NUMBER = "holds what is no finite number"
CANNOT_RUN = "onnx: onnxruntime cannot run it: "

FAULTS = [
    ctranslate2("no-heads", filled("decoder/num_heads", "<b", 0), "decoder/num_heads is 0"),
    ctranslate2("heads", filled("encoder/num_heads", "<b", 3), "expected [", "linear_0"),
    ctranslate2("head-dim", filled("encoder/layer_0/self_attention/head_dim", "<i", 99), "[1188"),
    ctranslate2("layer", filled("decoder/alignment_layer", "<h", 127), "is 127, but there are"),
    ctranslate2("layer-before", filled("decoder/alignment_layer", "<h", -99), "at least -"),
    ctranslate2("words-turned", turned(WORDS), f"{WORDS} has shape [16, 49]", "expected [49, any]"),
    ctranslate2("out-turned", turned(OUT), f"{OUT} has shape", "expected [16, "),
    ctranslate2("nan", filled(BIAS, "<f", float("nan")), f"{BIAS} {NO_NUMBER}"),
    ctranslate2("inf", filled(FFN, "<f", float("inf")), f"{FFN} {NO_NUMBER}"),
    *(
        ctranslate2(f"scale-{value}", filled(SCALE, "<f", value), says, kind="ctranslate2-int8")
        for value, says in (
            (0.0, "a scale that is not positive"),
            (-1.0, "a scale that is not positive"),
            (float("nan"), NO_NUMBER),
            (float("inf"), NO_NUMBER),
        )
    ),
    ctranslate2("fewer-words", words_less, f"{WORDS} has shape", "expected [44,"),
    onnx("words", network(target_words=10**6), "onnx: its network has 1000000 target words", "49"),
    onnx("padding", network(padding=10**6), "onnx/network.json: padding must be one of 49"),
    onnx("heads", network(decoder_heads=[4]), CANNOT_RUN),
    onnx("heads-in-words", network(decoder_heads="x"), CANNOT_RUN),
    onnx("width-0", network(qkv=0), CANNOT_RUN),
    onnx("other-graph", graph_of("encoder.onnx", "decoder.onnx"), CANNOT_RUN),
    onnx("graph-for-step", graph_of("decoder.onnx", "encoder.onnx"), CANNOT_RUN),
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, exported: Path, tmp_path: Path) -> None:
    refused(fault, exported, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_without_digests_a_right_folder_is_taken(
    kind: str, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from hat.commands.translate import main

    world = shutil.copytree(exported, tmp_path / "world")
    unsigned(kind, lambda folder: None)(world)
    main([str(world / kind), str(world / "hello.en")])
    assert capsys.readouterr().out.count("\n") == 2
