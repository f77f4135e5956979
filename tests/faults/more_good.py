"""What the folder of good inputs holds beside a corpus and a supernet: one of every other kind.

``latency.csv`` and its sidecar   a dataset of the space of ``space.yml``
``numbers.pt``, ``numbers.yml``, ``numbers_en_fr``, ``codes``
                                  a checkpoint with text, a SubTransformer, dictionaries, BPE codes
``model``                         the same as ``hat export`` writes it
``hello.en``, ``pairs.en``, ``pairs.fr``
                                  a text to translate; a corpus of one's own
``gen.out``, ``sys.txt``, ``ref.txt``
                                  a log of ``hat generate``; translations and references
``checkpoints``                   three checkpoints to be averaged
``pipeline.yml``                  a pipeline, with ``latency.yml``, ``predictor.yml``,
                                  ``search.yml``, ``retrain.yml`` and ``prepare.sh``
``run``                           the folder of a run that is done
``tables``                        a small NAS benchmark of every kind, and SubTransformers
"""

import shutil
from pathlib import Path

import numpy as np

from hat.arch.hat_yaml import write_arch
from hat.arch.space import SearchSpace
from hat.export.folder import ExportSettings, export
from hat.export.formats import FORMATS
from hat.export.trained import TaskSettings, read_trained
from hat.latency.samples import write_samples
from hat.latency.sidecar import Sidecar
from hat.latency.workload import Workload
from tests.conftest import MADE_DATA
from tests.export.conftest import Task, write_checkpoint
from tests.latency.conftest import simulated
from tests.page.made_run import make_run

WORKLOAD = Workload(src_len=3, decode_steps=2, beam=1, runs=3, warmup_runs=0)

PIPELINE = """\
task: small
run-dir: runs/small
hardware: cpu
preprocess: prepare.sh
data: bin
supertransformer: space.yml
latency-dataset: [space.yml, latency.yml]
latency-predictor: predictor.yml
evo-search: search.yml
subtransformer: [retrain.yml]
target-lang: yy
"""

SEARCH = """\
evo-iter: 2
population-size: 8
parent-size: 2
mutation-size: 3
crossover-size: 3
latency-constraint: 70%
"""

LATENCY = """\
lat-dataset-size: 12
lat-src-len: 3
lat-decode-steps: 2
beam: 1
latiter: 3
lat-warmup: 0
latcpu: True
"""


def add_more(folder: Path, space: SearchSpace, task: Task) -> None:
    """Writes them all."""
    add_latencies(folder, space)
    add_model(folder, task)
    add_texts(folder, task)
    add_pipeline(folder)
    add_tables(folder)
    (folder / "checkpoints").mkdir()
    for epoch in (1, 2, 3):
        shutil.copy(folder / "net.pt", folder / "checkpoints" / f"checkpoint{epoch}.pt")
    make_run(folder / "run", rounds=1)


def add_latencies(folder: Path, space: SearchSpace) -> None:
    """A latency dataset of this machine."""
    path = folder / "latency.csv"
    write_samples(path, simulated(space, 40))
    device = {"name": "Example CPU", "python": "3.11.7", "torch": "2.13.0", "num_threads": 1}
    Sidecar.create(path, {"workload": WORKLOAD.to_dict(), "device": device})


def add_model(folder: Path, task: Task) -> None:
    """A checkpoint of the numbers task with all that goes with it, and the exported folder."""
    write_checkpoint(folder / "numbers.pt", task)
    space = SearchSpace(
        encoder_embed_dims=(32, 24),
        decoder_embed_dims=(32, 16),
        encoder_layer_nums=(3, 2, 1),
        decoder_layer_nums=(3, 2, 1),
        encoder_ffn_dims=(48, 32, 16),
        decoder_ffn_dims=(48, 32, 16),
        encoder_self_heads=(4, 2),
        decoder_self_heads=(4, 2),
        decoder_ende_heads=(4, 2),
        decoder_ende_spans=(3, 2, 1),
    )
    write_arch(folder / "numbers.yml", space.sample(np.random.default_rng(3)))
    shutil.copytree(task.data, folder / "numbers_en_fr")
    shutil.copy(task.codes, folder / "codes")
    settings = TaskSettings(data=task.data, bpe_codes=task.codes)
    what = read_trained(folder / "numbers.pt", folder / "numbers.yml", settings)
    part = FORMATS.load("safetensors")
    export(what, folder / "model", ExportSettings(parity_sentences=1), part.build(part.Settings()))


def add_texts(folder: Path, task: Task) -> None:
    """A text, a corpus of one's own, translations and a log of them."""
    text = task.lines("raw", "en")[:2]
    (folder / "hello.en").write_text("".join(f"{line}\n" for line in text), encoding="utf-8")
    rng = np.random.default_rng(0)
    nouns = [("dog", "chien"), ("cat", "chat"), ("horse", "cheval"), ("boat", "bateau")]
    english, french = [], []
    for number in range(600):
        (noun, nom), (other, autre) = (nouns[i] for i in rng.integers(4, size=2))
        english.append(f"The {noun} that is with the {other} has the number {number}.\n")
        french.append(f"Le {nom} qui est avec le {autre} a le numéro {number}.\n")
    (folder / "pairs.en").write_text("".join(english), encoding="utf-8")
    (folder / "pairs.fr").write_text("".join(french), encoding="utf-8")
    log = "S-0\ta b\nT-0\tc d\nH-0\t-0.1\tc d\nS-1\ta\nT-1\td d\nH-1\t-0.2\td e\n"
    (folder / "gen.out").write_text(log, encoding="utf-8")
    (folder / "sys.txt").write_text("c d\nd e\n", encoding="utf-8")
    (folder / "ref.txt").write_text("c d\nd d\n", encoding="utf-8")


def add_pipeline(folder: Path) -> None:
    """A pipeline whose files are there and fit."""
    for name, text in (
        ("pipeline.yml", PIPELINE),
        ("search.yml", SEARCH),
        ("latency.yml", LATENCY),
        ("predictor.yml", "predictor: additive\n"),
        ("prepare.sh", "true\n"),
    ):
        (folder / name).write_text(text, encoding="utf-8")
    shutil.copy(folder / "space.yml", folder / "retrain.yml")
    (folder / "configs").mkdir()
    (folder / "configs" / "common.sh").write_text("true\n")  # which every script reads


def add_tables(folder: Path) -> None:
    """NAS benchmarks of our own making."""
    tables = folder / "tables"
    tables.mkdir()
    for name in (
        "nasbench101/format_sample.h5",
        "nasbench101/sample_1k.jsonl.gz",
        "nasbench101/format_sample.tfrecord",
        "nasbench201/nasbench201.csv.gz",
        "nasbench_nlp/recepie_loss_pairs.json",
        "nasbench_nlp/train_logs_multi_runs.zip",
        "llmas/seed_arch_bleu.wmt14ende.csv",
    ):
        shutil.copy(MADE_DATA / name, tables)
