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
import torch

from hat.arch.hat_yaml import load_arch, write_arch
from hat.export.folder import ExportSettings, export
from hat.export.formats import FORMATS
from hat.export.trained import TaskSettings, read_trained
from hat.models.checkpoint import read_plain
from hat.text.dictionaries import read_dictionary, words_digest
from tests.faults.fault import Fault, Spoil, as_tests, refused

pytest.importorskip("onnxruntime")
pytest.importorskip("ctranslate2")
pytest.importorskip("safetensors")

from safetensors.torch import load_file, save_file

KINDS = {
    **dict.fromkeys(("torch", "safetensors", "fairseq", "onnx", "ctranslate2"), False),
    "ctranslate2-int8": True,
}
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
        settings = part.Settings(int8=True) if int8 else part.Settings()
        export(trained, folder / kind, how, part.build(settings))
    return folder


def unsigned(kind: str, change: Callable[[Path], object]) -> Spoil:
    """Changes a folder and takes all digests of files away, as who means harm would."""

    def spoil(world: Path) -> None:
        folder = world / kind
        change(folder)
        for name in ("network.json", "config.json", "export.json"):  # which tells of the others
            if not (folder / name).exists():
                continue
            values = json.loads((folder / name).read_text())
            kept = {key: value for key, value in values.items() if "digest" not in key}
            if "files" in kept:
                known = (file for file in kept["files"] if (folder / file).is_file())
                kept["files"].update({file: (folder / file).stat().st_size for file in known})
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


Weights = dict[str, torch.Tensor]
Change = Callable[[Weights], object]


def weights(kind: str, change: Change) -> Callable[[Path], object]:
    """Other weights, in the file of a format that torch runs."""

    def rewrite(folder: Path) -> None:
        if kind == "safetensors":
            path = folder / "model.safetensors"
            found = load_file(path)
            change(found)
            save_file(found, path)
            return
        content = torch.load(folder / "model.pt", weights_only=kind == "torch")
        change(content if kind == "torch" else content["model"])
        torch.save(content, folder / "model.pt")

    return rewrite


def as_type(dtype: torch.dtype) -> Change:
    return lambda found: found.update({name: each.to(dtype) for name, each in found.items()})


def of_torch(kind: str, name: str, change: Change, *says: str) -> Fault:
    spoil = unsigned(kind, weights(kind, change))
    return Fault(f"{kind}-{name}", f"translate {kind} hello.en", (f"{kind}", *says), spoil)


def told(name: str, value: Any, *says: str, kind: str = "torch") -> Fault:
    """Another value in ``export.json``."""
    spoil = unsigned(kind, exported_as(**{name.replace("-", "_"): value}))
    words = f"translate {kind} hello.en"
    return Fault(f"{kind}-{name}-{value!r:.20}", words, (kind, *says), spoil)


def exported_as(**values: Any) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / "export.json"
        named = {name.replace("_", "-"): value for name, value in values.items()}
        path.write_text(json.dumps({**json.loads(path.read_text()), **named}))

    return change


def source_words_more(world: Path, kind: str) -> None:
    """A dictionary whose digest is right, but which has more words than the network."""

    def change(folder: Path) -> None:
        path = folder / "dict.en.txt"
        path.write_text(path.read_text() + "zwei 1\nzwo 1\n")
        values = json.loads((folder / "export.json").read_text())
        digests = {**values["dictionaries"], "source": words_digest(read_dictionary(path))}
        exported_as(dictionaries=digests)(folder)

    unsigned(kind, change)(world)


def null_digest(world: Path) -> None:
    path = world / "torch" / "export.json"
    values = json.loads(path.read_text())
    values["digests"]["config.json"] = None
    del values["digest"]
    path.write_text(json.dumps(values))


def positions(folder: Path) -> None:
    """More positions than a table of them fits memory."""
    content = read_plain(folder / "model.pt")
    content["args"].max_source_positions = content["args"].max_target_positions = 99_999_999
    torch.save(content, folder / "model.pt")


def many_weights(folder: Path) -> None:
    """A header of names alone."""
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    header = json.dumps({f"w{number}": empty for number in range(100_001)}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)


def operator(old: bytes, new: bytes) -> Callable[[Path], object]:
    """Another operator in place of all of one kind."""

    def change(folder: Path) -> None:
        path = folder / "decoder.onnx"
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new))

    return change


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

PARTS, FLOAT8 = "encoder.layers.0.fc1.weight", torch.float8_e4m3fn
EMBEDDING = "encoder.embed_tokens.weight"

FAULTS = [
    *(
        fault
        for kind, file in (
            ("torch", "/model.pt: "),
            ("safetensors", "/model.safetensors: "),
            ("fairseq", "/model.pt: "),
        )
        for fault in (
            of_torch(kind, "8-bits", as_type(FLOAT8), file, "torch.float8_e4m3fn"),
            of_torch(kind, "integers", as_type(torch.int64), file, "floating-point", "torch.int64"),
            of_torch(
                kind,
                "long-name",
                lambda found: found.update({"q" * 9999: torch.zeros(1)}),
                f"{file}the weight '{'q' * 79} does not belong to",
            ),
            of_torch(
                kind,
                "huge",
                lambda found: found[PARTS].fill_(3e38),
                ": a sentence has no translation: the model's output is not numbers",
            ),
        )
    ),
    Fault(
        "safetensors-many",
        "translate safetensors hello.en",
        ("safetensors/model.safetensors: holds 100,001 weights: expected at most 100,000",),
        unsigned("safetensors", many_weights),
    ),
    *(
        Fault(
            f"{kind}-more-source-words",
            f"translate {kind} hello.en",
            (f"{kind}: its network has 43 source words, but dict.en.txt has 45",),
            lambda world, kind=kind: source_words_more(world, kind),  # type: ignore[misc]
        )
        for kind in KINDS
    ),
    *(
        told("longest-source", 10**6, "longest-source is 1000000, but its network", kind=kind)
        for kind in KINDS
    ),
    told("source-lang", "en\nx", "source-lang must be a language such as en", r"'en\nx'"),
    told("target-lang", "../fr", "target-lang must be a language such as en", "'../fr'"),
    told("text", {}, "export.json: text must name a tokeniser, but found none"),
    told("files", {"a\nb": 1}, "files must hold names of files, but found 'a\\nb'"),
    Fault(
        "torch-null-digest",
        "translate torch hello.en",
        ("torch/config.json: ", "expected the digest None"),
        null_digest,
    ),
    Fault(
        "fairseq-positions",
        "translate fairseq hello.en",
        ("fairseq/export.json: longest-source is 60, but its network takes 99999999 tokens",),
        unsigned("fairseq", positions),
    ),
    onnx("source-words", network(source_words="x"), "network.json: source-words must be a pos"),
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
    onnx("loop", operator(b"Relu", b"Loop"), "onnx/decoder.onnx: holds the operator 'Loop'"),
    onnx("operator", operator(b"LogSoftmax", b"LogSoftmaX"), "holds the operator 'LogSoftmaX'"),
    onnx("no-graph", lambda f: (f / "decoder.onnx").write_bytes(b"\xff" * 99), "no ONNX graph"),
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
