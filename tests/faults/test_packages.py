"""Packages of an extra that are not installed: every command says which extra brings them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.environments import environment_without
from tests.faults.fault import contents
from tests.faults.lacking import run_lacking

TRAINING = ("fairseq-fixed", "fastBPE", "num2words", "tensorboardX")
ENGINES = ("onnx", "onnxruntime", "ctranslate2")

FAIRSEQ = (
    "the package fairseq, which is not installed; the extra 'train' brings it: "
    "hat build-fairseq wheels, then pip install",
    '"hat-nas[train]"',
)
SEARCH = (
    "search --configs=space.yml --restore-file net.pt --ckpt-path predictor.pt "
    "--latency-constraint 1000 --write-config-path best.yml"
)
EXPORT = "export numbers.pt numbers.yml out --data numbers_en_fr --bpe-codes codes"
SHORT = "--latiter 2 --lat-src-len 3 --lat-decode-steps 2 --lat-warmup 0"
MEASURE = f"latency measure --configs=space.yml --configs=sub.yml --latcpu {SHORT}"
DATASET = (
    "latency-dataset --configs=space.yml --configs=latency.yml --lat-dataset-path new.csv "
    "--lat-patience 0"
)


def engine(name: str, package: str | None = None) -> tuple[str, ...]:
    package = package or name
    return (
        f"the engine {name} needs the package {package}, which is not installed: "
        f'pip install {package}, or "hat-nas[engines]"',
    )


LACKING: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {
    TRAINING: {
        "train --configs=space.yml --save-dir x": FAIRSEQ,
        SEARCH: FAIRSEQ,
        "generate --configs=space.yml --data bin --path net.pt": FAIRSEQ,
        "pipeline pipeline.yml --dry-run": ("step train-supertransformer", *FAIRSEQ),
        "prepare numbers --source-lang en --target-lang fr --text-dir x": (
            "the package num2words, which is not installed; the extra 'train' brings it: "
            "hat build-fairseq wheels, then pip install",
        ),
    },
    ENGINES: {
        f"{EXPORT} --format=onnx": engine("onnxruntime", "onnx"),
        f"{EXPORT} --format=onnx --int8": engine("onnxruntime", "onnx"),
        f"{EXPORT} --format=ctranslate2": engine("ctranslate2"),
        f"{MEASURE} --lat-engine=onnxruntime": engine("onnxruntime"),
        f"{MEASURE} --lat-engine=ctranslate2": engine("ctranslate2"),
        f"{DATASET} --lat-engine=onnxruntime": engine("onnxruntime", "onnx"),
        "pipeline engine.yml --dry-run": ("step latency-dataset", *engine("onnxruntime", "onnx")),
    },
    ("sentencepiece",): {
        "new mine --train pairs.en pairs.fr --source en --target fr --device cpu": (
            "needs the package sentencepiece, which is not installed: pip install sentencepiece",
        ),
    },
}


@pytest.fixture(scope="module")
def world(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The good inputs, and a pipeline that measures in an engine of another package."""
    folder = tmp_path_factory.mktemp("lacking") / "world"
    shutil.copytree(good, folder, symlinks=True)
    (folder / "onnx.yml").write_text("lat-engine: onnxruntime\n")
    text = (folder / "pipeline.yml").read_text()
    (folder / "engine.yml").write_text(text.replace("latency.yml]", "latency.yml, onnx.yml]"))
    return folder


@pytest.fixture(scope="module")
def lacking(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tuple[str, ...]], Path]:
    def make(packages: tuple[str, ...]) -> Path:
        return environment_without(tmp_path_factory.mktemp("environment") / "venv", packages)

    return make


@pytest.mark.parametrize("packages", LACKING, ids=lambda names: names[0])
def test_what_is_missing_is_named_with_what_brings_it(
    packages: tuple[str, ...], world: Path, lacking: Callable[[tuple[str, ...]], Path]
) -> None:
    commands = LACKING[packages]
    before = contents(world)
    for ended, (words, says) in zip(
        run_lacking(lacking(packages), list(commands), world), commands.items(), strict=True
    ):
        told = f"{words}\nexit code {ended.code}\nstderr: {ended.err}"
        assert ended.code == 2, told
        (sentence,) = [line for line in ended.err.splitlines() if line.startswith("error: ")]
        assert all(each in sentence for each in says), told
    assert contents(world) == before, "something is left"
