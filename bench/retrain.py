"""Trains SubTransformers from scratch and scores them: what cheap scores are held against.

    python bench/retrain.py --folder runs/multi30k_study --configs FILE --archs A.yml B.yml \
        --seeds 1 2 -- --max-tokens 1024 --max-update 700 --warmup-updates 100
    python bench/retrain.py --folder runs/multi30k_study --configs FILE --random 12

``--searches DIR ...`` takes the winners of searches and of the random searches of their contests.
``--random N`` draws N architectures (seed 7), the same number of every decoder depth, into
``FOLDER/archs``. What follows ``--`` goes to train.py. Each training is a line of ``runs.jsonl``;
``results.csv`` has one row per architecture, means over its seeds, as ``hat rank`` reads them. What
is done is not done again.
"""

import argparse
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import (
    arch_from_mapping,
    arch_to_mapping,
    load_arch,
    space_from_options,
    write_arch,
)
from hat.files import write_text
from hat.options import read_yaml

SPACE = "configs/multi30k.en-de/supertransformer/space_cpu.yml"
DATA = "data/binary/multi30k_en_de"
REFERENCE = "data/text/multi30k_en_de/raw/test.de"


def draw(folder: Path, count: int, space_file: str) -> None:
    """Writes ``count`` random architectures, decoder depths in turn."""
    options = {key: entry.value for key, entry in read_yaml(space_file).items()}
    space = space_from_options(options, space_file)
    rng = np.random.default_rng(7)
    depths = sorted(space.decoder_layer_nums)
    for index in range(count):
        depth = depths[index % len(depths)]
        while (arch := space.sample(rng)).decoder.num_layers != depth:
            pass
        write_arch(folder / "archs" / f"random{index:02d}.yml", arch, "drawn at random, seed 7")


def take_from(folder: Path, search: Path) -> None:
    """Copies the winner of a search and writes the best of the random searches of its contest."""
    shutil.copy(search.with_suffix(".yml"), folder / "archs" / f"{search.stem}-winner.yml")
    for rival in sorted((search / "contest").glob("random_*")):
        lines = (rival / "trials.jsonl").read_text(encoding="utf-8").splitlines()
        best = min(map(json.loads, lines), key=lambda trial: next(iter(trial["scores"].values())))
        path = folder / "archs" / f"{search.stem}-{rival.name.replace('_', '')}.yml"
        write_arch(path, arch_from_mapping(best["arch"], str(rival)), "best of a random search")


def run(command: list[str], log: Path) -> str:
    """Runs a command with its output in a log and returns that."""
    with log.open("w", encoding="utf-8") as file:
        subprocess.run(command, check=True, stdout=file, stderr=subprocess.STDOUT)
    return log.read_text(encoding="utf-8")


def last_json(text: str) -> dict[str, Any]:
    """The result that a stage prints as its last line."""
    lines = [line for line in text.splitlines() if line.startswith("{")]
    return dict(json.loads(lines[-1]))


def train_and_score(options: argparse.Namespace, arch: Path, seed: int) -> dict[str, Any]:
    """One training and its BLEU on the test set."""
    folder = options.folder / f"{arch.stem}.seed{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    python, started = sys.executable, time.perf_counter()
    train = [python, "train.py", f"--configs={arch}", f"--sub-configs={options.configs}"]
    train += ["--save-dir", str(folder), "--seed", str(seed), "--disable-validation"]
    run([*train, *options.flags], folder / "train.log")
    train_s = time.perf_counter() - started
    generate = [python, "generate.py", DATA, "--path", str(folder / "checkpoint_last.pt")]
    generate += ["--configs", str(arch), "--gen-subset", "test", "--beam", "5", "--lenpen", "0.6"]
    run(generate, folder / "generate.log")
    score = [python, "-m", "hat.cli", "score", str(folder / "generate.log"), "--remove-bpe"]
    score += ["--metric", "sacre", "--ref", REFERENCE, "--target-lang", "de"]
    scored = last_json(run(score, folder / "score.log"))
    (folder / "checkpoint_last.pt").unlink()
    return {
        "arch": arch.stem,
        "seed": seed,
        "bleu": scored["bleu"],
        "chrf": scored["chrf"],
        "train_s": round(train_s),
        "signature": scored["signature"],
        "flags": options.flags,
    }


def inherited_losses(archs: list[SubTransformerConfig], checkpoint: str) -> list[float]:
    """Validation loss with the SuperTransformer's weights, in bf16 as a search takes it."""
    import torch

    from hat.fairseq_plugin.arguments import parse, training_parser
    from hat.fairseq_plugin.loading import build_task, load_super_transformer, validation_batches
    from hat.scoring.inherited_loss import InheritedLoss

    task = build_task(parse(training_parser, [f"--configs={SPACE}"]))
    model = load_super_transformer(checkpoint, task).to(torch.bfloat16)
    batches = validation_batches(task, "valid", model.config, max_tokens=2048)
    losses: list[float] = InheritedLoss(model, batches).score(archs).tolist()
    return losses


def write_table(folder: Path, runs: list[dict[str, Any]], checkpoint: str | None) -> None:
    """One row per architecture in the form of the published tables of this kind."""
    names = sorted({run["arch"] for run in runs})
    archs = [load_arch(folder / "archs" / f"{name}.yml") for name in names]
    rows = []
    for name, arch in zip(names, archs, strict=True):
        mine = [run for run in runs if run["arch"] == name]
        keys = {key.replace("-subtransformer", ""): v for key, v in arch_to_mapping(arch).items()}
        means = [f"{np.mean([run[key] for run in mine]):.3f}" for key in ("bleu", "chrf")]
        rows.append(["multi30k.en-de", name, json.dumps(keys), len(mine), *means])
    header = ["task", "name", "arch", "num_seeds", "scratch_test_BLEU", "scratch_test_chrF"]
    if checkpoint is not None:
        header.append("inherited_valid_loss")
        for row, loss in zip(rows, inherited_losses(archs, checkpoint), strict=True):
            row.append(f"{loss:.5f}")
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    write_text(folder / "results.csv", out.getvalue())


def main() -> None:
    """Draws, trains, scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--space", default=SPACE)
    parser.add_argument("--configs", default="configs/multi30k.en-de/subtransformer/common_cpu.yml")
    parser.add_argument("--random", type=int, default=0, metavar="N")
    parser.add_argument("--searches", type=Path, nargs="*", default=[], metavar="DIR")
    parser.add_argument("--archs", type=Path, nargs="*", help="default: FOLDER/archs/*.yml")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--restore-file", help="checkpoint whose inherited losses join the table")
    parser.add_argument("flags", nargs="*", help="for train.py, after --")
    options = parser.parse_args()
    (options.folder / "archs").mkdir(parents=True, exist_ok=True)
    if options.random:
        draw(options.folder, options.random, options.space)
    for search in options.searches:
        take_from(options.folder, search)
    log = options.folder / "runs.jsonl"
    for seed in options.seeds:
        for arch in options.archs or sorted((options.folder / "archs").glob("*.yml")):
            lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
            runs = [json.loads(line) for line in lines]
            if any(run["arch"] == arch.stem and run["seed"] == seed for run in runs):
                continue
            result = train_and_score(options, arch, seed)
            # Another process may have added lines meanwhile; one line is one write.
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
                os.fsync(file.fileno())
            print(json.dumps(result), flush=True)
    lines = log.read_text(encoding="utf-8").splitlines()
    write_table(options.folder, [json.loads(line) for line in lines], options.restore_file)


if __name__ == "__main__":
    main()
