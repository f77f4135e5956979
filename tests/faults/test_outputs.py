"""Places where nothing can be written: every command says so, and leaves nothing."""

import os
import re
import shutil
from pathlib import Path

import pytest
import torch

from hat.arch.hat_yaml import space_from_options
from hat.cli.options import read_yaml
from hat.latency.samples import write_samples
from hat.models.checkpoint import read_plain
from tests.conftest import MADE_DATA
from tests.export.conftest import Task, write_checkpoint
from tests.faults.fault import Fault, as_tests, refused
from tests.faults.tiny_pipeline import write_pipeline
from tests.latency.conftest import simulated
from tests.tiny_yaml import CHOICES, NETWORK

MEASURING = """\
arch: transformersuper
share-all-embeddings: True
latcpu: True
latiter: 2
lat-warmup: 0
lat-src-len: 4
beam: 1
vocab-size: 40
lat-patience: 0
latsilent: True
"""
ARCH = """\
encoder-embed-dim-subtransformer: 32
decoder-embed-dim-subtransformer: 32
encoder-ffn-embed-dim-all-subtransformer: [48, 48]
decoder-ffn-embed-dim-all-subtransformer: [48]
encoder-layer-num-subtransformer: 2
decoder-layer-num-subtransformer: 1
encoder-self-attention-heads-all-subtransformer: [4, 4]
decoder-self-attention-heads-all-subtransformer: [4]
decoder-ende-attention-heads-all-subtransformer: [4]
decoder-arbitrary-ende-attn-all-subtransformer: [-1]
"""
CELLS = "nasbench201:cells.csv.gz"

FILES = {
    "latency-dataset": "latency-dataset --configs lat.yml --lat-dataset-path {}",
    "latency-predictor": "latency-predictor --lat-dataset-path lat.csv --ckpt-path {}",
    "search": (
        "search --configs space.yml --restore-file net.pt --ckpt-path predictor.pt "
        "--latency-constraint 1000 --write-config-path {}"
    ),
    "average": "average-checkpoints --inputs c.pt --output {}",
    "check-plot": "latency check lat.csv --plot {}.png",
    "check-rows": "latency check lat.csv --json --write-clean {}",
    "bench": "latency bench lat.csv --seeds 1 --without-mlp --resume {}",
    "enumerate": "nasbench enumerate --out {}",
    "convert": "nasbench convert records.tfrecord {}",
    "epsinas-rows": "epsinas nasbench201 --data cells.csv.gz --limit 8 --out {}",
    "epsinas-plot": "epsinas nasbench201 --data cells.csv.gz --limit 8 --plot {}.png",
    "epsinas-text": "epsinas nasbench-nlp --data recipes.json --steps 5 --sentences 3 --out {}",
    "neural-predictor": f"neural-predictor rank {CELLS} --train-split 20 --plot {{}}.png",
}
"""Commands that write one file."""

OTHERS = (
    (
        ("average", "latency-predictor", "enumerate", "convert"),
        "sub.yml",
        "is no file of weights or arrays",
    ),
    (("search", "check-rows", "bench", "epsinas-rows", "epsinas-text"), "c.pt", "is no text file"),
    (("check-plot", "epsinas-plot", "neural-predictor"), "notes", "is no picture file"),
)
"""Which of them would write over which file of another kind, and what is said."""

ENDS = {
    "latency-dataset": ("x.json", ".json is the end of JSON, but CSV is written there"),
    "latency-predictor": ("x.csv", ".csv is the end of CSV, but a checkpoint is written there"),
    "search": ("x.json", ".json is the end of JSON, but YAML is written there"),
    "average": ("x.safetensors", "but a checkpoint is written there: name it with .pt or .pth"),
    "check-rows": ("x.h5", ".h5 is the end of HDF5, but CSV is written there"),
    "enumerate": ("x.CSV", ".csv is the end of CSV, but HDF5 is written there: name it with .h5"),
    "convert": ("x.csv", ".csv is the end of CSV, but HDF5 is written there"),
    "epsinas-rows": ("x.json", ".json is the end of JSON, but CSV is written there"),
    "epsinas-text": ("x.csv.gz", ".gz is the end of an archive, but CSV is written there"),
}
"""Which of them are refused which name, whose end is that of another format."""

FOLDERS = {
    "train": "train --configs=space.yml --save-dir {}",
    "search-dir": (
        "search --configs space.yml --restore-file net.pt --ckpt-path predictor.pt "
        "--latency-constraint 1000 --write-config-path best.yml --search-dir {}"
    ),
    "export": "export c.pt arch.yml {} --data numbers_en_fr --bpe-codes codes --tokeniser none",
    "numbers": (
        "prepare numbers --source-lang en --target-lang fr --train 30 --valid 3 --test 3 "
        "--merges 9 --text-dir {}"
    ),
    "binarise": (
        "prepare binarise --source-lang xx --target-lang yy --text-dir text --binary-dir {}"
    ),
    "new": (
        "new {} --train text/train.xx text/train.yy --valid text/valid.xx text/valid.yy "
        "--test text/test.xx text/test.yy --source xx --target yy --device cpu"
    ),
    "configs": "configs copy {} --task numbers.en-fr",
    "nasbench-search": f"nasbench-search {CELLS} --budget 10 --seeds 1 --out-dir {{}}",
    "pipeline": "pipeline tiny.yml --run-dir {}",
}
"""Commands that write a folder."""

LONG = "x" * 300

NAMED_WHOLE = ("pipeline", "long-name")
"""The system names the folder of a run with all that leads to it."""

PLACES = {
    "below-a-file": ("sub.yml/deep/x", "sub.yml is "),
    "long-name": (LONG, "File name too long"),
    "nowhere": ("/proc/hat/x", "cannot be written"),
}

SLOW = ("train", "search", "search-dir", "new")
"""Commands that read much before they see where they are to write."""


def circle(world: Path) -> None:
    """A link that leads to itself."""
    (world / "circle").symlink_to("circle")


def pipe(world: Path) -> None:
    """A pipe that nobody reads."""
    os.mkfifo(world / "pipe")


NO_FILES = {
    "in-a-circle": ("circle", "Too many levels of symbolic links", circle),
    "is-open": ("/dev/stdout", "it is what a program has open", None),
    "is-a-pipe": ("pipe", "it is a pipe or a device", pipe),
}
"""What stands where a file is to be written: its path, what is said of it, and what makes it."""

FAULTS = [
    *(
        Fault(f"{name}-{place}", words.format(path), (says,) if name == "train" else (path, says))
        for name, words in {**FILES, **FOLDERS}.items()
        for place, (path, says) in PLACES.items()
        if place == "below-a-file" or (name not in SLOW and (name, place) != NAMED_WHOLE)
    ),
    *(
        Fault(f"{name}-is-a-folder", words.format("bin"), ("bin", "a folder"))
        for name, words in FILES.items()
        if not words.endswith(".png")
    ),
    *(
        Fault(f"{name}-{thing}", words.format(path), (path, says), spoil)
        for name, words in FILES.items()
        if name not in SLOW and not words.endswith(".png")
        for thing, (path, says, spoil) in NO_FILES.items()
    ),
    *(
        Fault(f"{name}-over-another-kind", FILES[name].format(path), (f"{path}{end}", says))
        for names, path, says in OTHERS
        for name in names
        for end in [".png" if FILES[name].endswith(".png") else ""]
    ),
    *(
        Fault(f"{name}-under-another-end", FILES[name].format(path), (path, says))
        for name, (path, says) in ENDS.items()
    ),
    Fault(
        "average-without-options-over-a-good-one",
        "average-checkpoints --inputs bad.pt --output c.pt",
        ("bad.pt",),
        lambda world: torch.save({**read_plain(world / "c.pt"), "cfg": None}, world / "bad.pt"),
    ),
    Fault(
        "dataset-over-a-good-one",
        "latency-dataset --configs lat.yml --lat-dataset-path lat.csv",
        ("lat.csv: holds 60 rows already", "--resume", "--set-aside"),
    ),
    Fault(
        "dataset-of-hat-to-go-on-with",
        "latency-dataset --configs lat.yml --lat-dataset-path lat.csv --resume",
        ("lat.csv: cannot be resumed, because lat.csv.meta.jsonl is missing",),
    ),
    *(
        Fault(f"{name}-is-a-file", words.format("sub.yml"), ("sub.yml",))
        for name, words in FOLDERS.items()
    ),
]


@pytest.fixture(scope="session")
def writers(tmp_path_factory: pytest.TempPathFactory, good: Path, corpus: Path, task: Task) -> Path:
    """The folder of good inputs and what more the commands read that write something.

    ``c.pt`` is a trained network of a task, ``text`` is the text of ``bin``.
    """
    folder = tmp_path_factory.mktemp("writers") / "good"
    shutil.copytree(good, folder)
    space = {key: entry.value for key, entry in read_yaml(folder / "space.yml").items()}
    write_samples(folder / "lat.csv", simulated(space_from_options(space, "the test"), 60))
    (folder / "lat.yml").write_text(MEASURING + NETWORK + CHOICES)
    write_checkpoint(folder / "c.pt", task)
    (folder / "arch.yml").write_text(ARCH)
    pipeline = write_pipeline(folder / "tiny").read_text().replace("base: .\n", "")
    (folder / "tiny.yml").write_text(re.sub(r": (\w+\.yml)", r": tiny/\1", pipeline))
    (folder / "text").mkdir()
    for path in corpus.parent.glob("*.[xy][xy]"):
        shutil.copy(path, folder / "text")
    (folder / "notes.png").write_text("not a picture at all\n")
    shutil.copy(MADE_DATA / "nasbench201" / "nasbench201.csv.gz", folder / "cells.csv.gz")
    shutil.copy(MADE_DATA / "nasbench101" / "format_sample.tfrecord", folder / "records.tfrecord")
    shutil.copy(MADE_DATA / "nasbench_nlp" / "recepie_loss_pairs.json", folder / "recipes.json")
    return folder


@as_tests(FAULTS)
def test_a_place_where_nothing_can_be_written(fault: Fault, writers: Path, tmp_path: Path) -> None:
    refused(fault, writers, tmp_path)
