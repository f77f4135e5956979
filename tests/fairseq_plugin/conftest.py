"""A tiny binarised corpus, a supernet's options, and one trained checkpoint for all tests here."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.tiny_yaml import CHOICES, NETWORK, SUB

ROOT = Path(__file__).resolve().parents[2]

TRAINING = """\
arch: transformersuper
share-all-embeddings: True
source-lang: xx
target-lang: yy
max-tokens: 200
optimizer: adam
adam-betas: (0.9, 0.98)
dropout: 0.1
criterion: label_smoothed_cross_entropy
label-smoothing: 0.1
lr-scheduler: cosine
max-update: 12
warmup-updates: 4
warmup-init-lr: 1e-7
max-lr: 0.005
lr: 1e-7
seed: 3
no-progress-bar: True
no-epoch-checkpoints: True
"""


def run_script(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs ``python WORDS`` in the project's root and returns what it printed."""
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{words} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder: 60 training, 13 validation and 11 test sentences of 20 words."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    for split, count in (("train", 60), ("valid", 13), ("test", 11)):
        sources, targets = [], []
        for _ in range(count):
            words = rng.integers(20, size=rng.integers(2, 9))
            sources.append(" ".join(f"w{word}" for word in words))
            targets.append(" ".join(f"w{word}" for word in words[::-1]))
        (folder / f"{split}.xx").write_text("\n".join(sources) + "\n")
        (folder / f"{split}.yy").write_text("\n".join(targets) + "\n")
    run_script(
        *("-m", "fairseq_cli.preprocess", "--source-lang", "xx", "--target-lang", "yy"),
        *("--trainpref", f"{folder}/train", "--validpref", f"{folder}/valid"),
        *("--testpref", f"{folder}/test", "--destdir", f"{folder}/bin", "--joined-dictionary"),
    )
    return folder / "bin"


@pytest.fixture(scope="session")
def space_yml(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Path:
    path = tmp_path_factory.mktemp("configs") / "space.yml"
    path.write_text(TRAINING + NETWORK + CHOICES + f"data: {corpus}\n")
    return path


@pytest.fixture(scope="session")
def sub_yml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("configs") / "sub.yml"
    path.write_text(SUB)
    return path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, space_yml: Path) -> Path:
    """A folder with checkpoints and ``log`` of an uninterrupted training of 12 updates."""
    folder = tmp_path_factory.mktemp("trained")
    done = run_script("train.py", f"--configs={space_yml}", "--save-dir", str(folder))
    (folder / "log").write_text(done.stdout)
    return folder
