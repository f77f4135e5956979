"""A whole pipeline that takes a minute of processor time, for tests that cut it off."""

from pathlib import Path

import numpy as np

from hat.tasks import numbers
from hat.tasks.corpus import write_corpus
from tests.fairseq_plugin.conftest import TRAINING
from tests.tiny_yaml import CHOICES, NETWORK

LANGUAGES = ("en", "fr")

_MODEL = TRAINING.replace("xx", "en").replace("yy", "fr") + NETWORK + "data: bin\ncpu: True\n"

_LATENCIES = """\
arch: transformersuper
share-all-embeddings: True
source-lang: en
target-lang: fr
data: bin
latcpu: True
cpu: True
latiter: 2
lat-warmup: 0
lat-src-len: 4
lat-threads: 1
beam: 1
lat-patience: 0
lat-dataset-size: 40
latsilent: True
"""

FILES = {
    "prepare.yml": """\
text-dir: text
source-lang: en
target-lang: fr
data: bin
tokeniser: moses
vocabulary: 40
""",
    "space.yml": _MODEL + CHOICES + "save-interval-updates: 3\nkeep-interval-updates: 2\n",
    "sub.yml": f"{_MODEL}train-subtransformer: True\n",
    "lat.yml": _LATENCIES + NETWORK + CHOICES,
    "predictor.yml": "predictor: additive\nfeature-dim: 10\n",
    "search.yml": """\
evo-iter: 3
population-size: 9
parent-size: 3
mutation-size: 3
crossover-size: 3
latency-constraint: 100000
measure-finalists: 0
rank-sample: 4
contest-seeds: 1
retrain-top: 0
""",
    "pipeline.yml": """\
task: tiny
base: .
run-dir: run
hardware: cpu
preprocess: prepare.yml
supertransformer: space.yml
latency-dataset: lat.yml
latency-predictor: predictor.yml
evo-search: search.yml
subtransformer: sub.yml
export: run/model
beam: 2
""",
}


def write_pipeline(folder: Path, **more: str) -> Path:
    """Writes a text and all files of a pipeline into ``folder``; returns ``pipeline.yml``.

    Args:
        folder: where paths hold from.
        more: lines for a file, by its name without its suffix.
    """
    sizes = {"train": 60, "valid": 12, "test": 9}
    rng = np.random.default_rng(0)
    raw = numbers.make_numbers(LANGUAGES, sizes, max_digits=3, rng=rng)
    write_corpus(folder / "text" / "raw", raw, LANGUAGES)
    for name, text in FILES.items():
        (folder / name).write_text(text + more.get(Path(name).stem, ""))
    return folder / "pipeline.yml"
