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
import platform
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from multi30k import SPACE, inherited_loss, read_space

from hat.arch.hat_yaml import arch_from_mapping, arch_to_mapping, load_arch, write_arch
from hat.files import write_text
from hat.pipeline.steps import Runner
from hat.retraining.finalists import Training, train_and_score

DATA = Path("data/binary/multi30k_en_de")
REFERENCE = Path("data/text/multi30k_en_de/raw/test.de")


def draw(folder: Path, count: int, space_file: str) -> None:
    """Writes ``count`` random architectures, decoder depths in turn."""
    space = read_space(space_file)
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


def train_once(options: argparse.Namespace, arch: Path, seed: int) -> dict[str, Any]:
    """One training and its BLEU on the test set."""
    training = Training(
        configs=(Path(options.configs),),
        data=(DATA,),
        seeds=(seed,),
        subset="test",
        metric="sacre",
        target_lang="de",
        beam=5,
        lenpen=0.6,
        reference=REFERENCE,
        checkpoint_name="checkpoint_last.pt",
        train_flags=("--disable-validation", *options.flags),
    )
    started = time.perf_counter()
    runner = Runner(options.folder, platform.machine())
    scored = train_and_score(runner, options.folder / arch.stem, arch, seed, training)
    return {
        "arch": arch.stem,
        "seed": seed,
        "bleu": scored["bleu"],
        "chrf": scored["chrf"],
        "seconds": round(time.perf_counter() - started),
        "signature": scored["signature"],
        "flags": options.flags,
    }


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
        for row, loss in zip(rows, inherited_loss(checkpoint).score(archs), strict=True):
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
            result = train_once(options, arch, seed)
            # Another process may have added lines meanwhile; one line is one write.
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
                os.fsync(file.fileno())
            print(json.dumps(result), flush=True)
    lines = log.read_text(encoding="utf-8").splitlines()
    write_table(options.folder, [json.loads(line) for line in lines], options.restore_file)


if __name__ == "__main__":
    main()
