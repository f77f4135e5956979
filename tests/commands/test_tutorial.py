"""HAT's tutorial, its commands word for word, on a small corpus with the real dictionary size.

The tutorial measures on a GPU; without one ``--latcpu`` is appended to that command.
"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import hat

ROOT = Path(__file__).resolve().parents[2]
NUM_WORDS = 32_764  # with fairseq's four symbols HAT's 32,768

COMMANDS = {
    "supernet": """python -B train.py
            --configs=configs/wmt14.en-de/supertransformer/space0.yml
            --save-dir baseline/supernet
            --no-epoch-checkpoints
            --max-update 5
            --save-interval-updates 5""",
    "latency dataset": """python latency_dataset.py
        --configs=configs/wmt14.en-de/latency_dataset/gpu_titanxp.yml
        --lat-dataset-path baseline/genlatdata/wmt14.en-de_gpu_titanxp.csv
        --lat-dataset-size 25""",
    "latency predictor": """python latency_predictor.py
        --configs=configs/wmt14.en-de/latency_predictor/gpu_titanxp.yml
        --feature-norm 640 6 2048 6 640 6 2048 6 6 2
        --feature-dim 10
        --lat-dataset-path baseline/genlatdata/wmt14.en-de_gpu_titanxp.csv
        --ckpt-path baseline/latpred/wmt14.en-de_gpu_titanxp.pt
        --bsz 2""",
    "search": """python evo_search.py
        --configs=configs/wmt14.en-de/supertransformer/space0.yml
        --evo-configs=configs/wmt14.en-de/evo_search/wmt14ende_titanxp.yml
        --restore-file baseline/supernet/checkpoint_best.pt
        --ckpt-path baseline/latpred/wmt14.en-de_gpu_titanxp.pt
        --feature-norm 640 6 2048 6 640 6 2048 6 6 2
        --write-config-path baseline/evosearch/wmt14.en-de_gpu_titanxp.yml
        --evo-iter 1
        --parent-size 2
        --mutation-size 2
        --crossover-size 2
        --population-size 6""",
    "retraining": """python -B train.py
            --configs=baseline/evosearch/wmt14.en-de_gpu_titanxp.yml
            --sub-configs=configs/wmt14.en-de/subtransformer/common.yml
            --save-dir baseline/effnet
            --no-epoch-checkpoints
            --max-update 5
            --save-interval-updates 5""",
    "valid BLEU": """bash configs/wmt14.en-de/test.sh baseline/effnet/checkpoint_best.pt
        baseline/evosearch/wmt14.en-de_gpu_titanxp.yml normal 0 valid""",
    "test BLEU": """bash configs/wmt14.en-de/test.sh baseline/effnet/checkpoint_best.pt
        baseline/evosearch/wmt14.en-de_gpu_titanxp.yml normal""",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The project's scripts and configurations beside a data folder of random sentences."""
    for name in ("configs", "train.py", "latency_dataset.py", "latency_predictor.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("evo_search.py", "generate.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    rng = np.random.default_rng(0)
    dictionary = tmp_path / "dict.txt"
    dictionary.write_text("".join(f"w{i} {NUM_WORDS - i}\n" for i in range(NUM_WORDS)))
    for split, count in (("train", 24), ("valid", 5), ("test", 3)):
        for language in ("en", "de"):
            lines = (rng.integers(NUM_WORDS, size=rng.integers(3, 9)) for _ in range(count))
            text = "\n".join(" ".join(f"w{word}" for word in line) for line in lines)
            (tmp_path / f"{split}.{language}").write_text(text + "\n")
    subprocess.run(
        [
            *(sys.executable, "-m", "fairseq_cli.preprocess", "-s", "en", "-t", "de"),
            *("--trainpref", "train", "--validpref", "valid", "--testpref", "test"),
            *("--srcdict", "dict.txt", "--joined-dictionary"),
            *("--destdir", "data/binary/wmt16_en_de"),
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    return tmp_path


@pytest.mark.slow
@pytest.mark.stage
def test_the_tutorial_runs_as_printed(workspace: Path) -> None:
    environment = {**os.environ, "PYTHON": sys.executable}
    last = {}
    for name, command in COMMANDS.items():
        words = shlex.split(command)
        if words[0] == "python":
            words[0] = sys.executable
        if name == "latency dataset" and not torch.cuda.is_available():
            words += ["--latcpu", "--latiter", "2", "--lat-warmup", "1"]  # quick, not exact
            words += ["--lat-src-len", "4", "--lat-patience", "0"]
        if name == "search" and not torch.cuda.is_available():
            words += ["--latency-constraint", "90%"]  # the file's 200 ms are a GPU's
        done = subprocess.run(
            words, cwd=workspace, env=environment, capture_output=True, text=True, timeout=900
        )
        assert done.returncode == 0, f"{name}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        last[name] = json.loads(done.stdout.splitlines()[-1])
    assert last["valid BLEU"]["sentences"] == 5
    assert last["test BLEU"]["sentences"] == 3
    written = workspace / "baseline/evosearch/wmt14.en-de_gpu_titanxp.yml"
    arch = hat.load_arch(written)
    assert hat.load_checkpoint(str(workspace / "baseline/effnet/checkpoint_best.pt")).arch == arch
