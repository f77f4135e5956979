"""Exported folders of every format: files that are missing, cut, changed, or of another model."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import hat
from hat.arch.hat_yaml import load_arch, write_arch
from hat.errors import HatError
from hat.export.folder import ExportSettings, export
from hat.export.formats import FORMATS
from hat.export.trained import TaskSettings, read_trained
from tests.faults.fault import Fault, refused

PACKAGES = {"onnx": "onnxruntime", "ctranslate2": "ctranslate2", "fairseq": "fairseq"}
KINDS = {
    **{name: {} for name in ("safetensors", "torch", "fairseq", "onnx", "ctranslate2")},
    "onnx-int8": {"int8": True},
    "ctranslate2-int8": {"int8": True},
}
"""Formats, and those that round weights."""


@pytest.fixture(scope="module", params=KINDS)
def folders(
    request: pytest.FixtureRequest, good: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Two models of one task, in the same format."""
    name = request.param.partition("-")[0]
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name])
    into = tmp_path_factory.mktemp(request.param)
    part = FORMATS.load(name)
    settings = TaskSettings(data=good / "numbers_en_fr", bpe_codes=good / "codes")
    arch = load_arch(good / "numbers.yml")
    found = []
    for number, widths in enumerate((arch.encoder.ffn_dims, _others(arch.encoder.ffn_dims))):
        decoder = replace(arch.decoder, ende_spans=(1,) * arch.decoder.num_layers)
        encoder = replace(arch.encoder, ffn_dims=widths)
        yml = into / f"{number}.yml"
        write_arch(yml, replace(arch, encoder=encoder, decoder=decoder))
        trained = read_trained(good / "numbers.pt", yml, settings)
        format_ = part.build(part.Settings(**KINDS[request.param]))
        how = ExportSettings(format=name, parity_sentences=1, bleu_sentences=0)
        export(trained, into / str(number), how, format_)
        found.append(into / str(number))
    return found[0], found[1]


def _others(widths: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(16 if width > 16 else 32 for width in widths)


def spoilt(content: bytes, other: bytes) -> Iterator[tuple[str, bytes | None]]:
    """What becomes of a file; None: it goes."""
    yield "missing", None
    yield "empty", b""
    yield "cut", content[: len(content) // 2]
    yield "longer", content + b"\n"
    for place in (0.1, 0.5, 0.9):
        at = int(place * len(content))
        yield f"bit-{at}", content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    if other != content:
        yield "of-another-model", other


def test_every_damage_to_every_file_is_noticed(folders: tuple[Path, Path], tmp_path: Path) -> None:
    folder, other = folders
    hat.Translator(folder)
    names = sorted(each.name for each in folder.iterdir() if each.name != "README.md")
    for name in names:
        content = (folder / name).read_bytes()
        for what, damaged in spoilt(content, (other / name).read_bytes()):
            if name == "export.json" and what == "longer":
                continue  # by an empty line
            world = Path(shutil.copytree(folder, tmp_path / "model"))
            if damaged is None:
                (world / name).unlink()
            else:
                (world / name).write_bytes(damaged)
            told = f"{name}, {what}"
            with pytest.raises(HatError) as refusal:
                hat.Translator(world)
                pytest.fail(f"{told}: taken")
            sentence = str(refusal.value)
            assert "\n" not in sentence and len(sentence) < 500, told
            if name != "export.json":
                assert name in sentence, f"{told}: {sentence}"
            shutil.rmtree(world)


def test_the_command_says_the_same(folders: tuple[Path, Path], good: Path, tmp_path: Path) -> None:
    folder, other = folders
    (swapped,) = [
        each.name for each in sorted(folder.iterdir(), key=lambda path: path.stat().st_size)[-1:]
    ]

    def swap(world: Path) -> None:
        shutil.copytree(folder, world / "exported")
        shutil.copy(other / swapped, world / "exported" / swapped)

    fault = Fault("swapped", "translate exported hello.en", (f"exported/{swapped}",), swap)
    refused(fault, good, tmp_path)
