"""Trains many architectures of one space from scratch, several seeds each: a ground truth.

    python bench/ground_truth.py conlang
    python bench/ground_truth.py multi30k --workers 2

Each training is added to ``docs/results/data/ground_truth_TASK.csv`` as soon as it is scored: a row
per architecture (HAT's YAML keys), then BLEU, chrF, cross-entropy, processor time and the
validation loss on the way, a column per seed. What is there is not trained again, so the command
may be stopped and started over days; a kill loses the trainings in flight. The JSON file beside
the table holds the conditions of its trainings: recipe, data by content, precision, scoring. Under
other conditions nothing is added. Architectures are trained in the order in which they are drawn,
all seeds of one before the next. Another machine may fill a table of its own (``--table``, with
``--skip N`` from another architecture on), and ``--take`` puts the two together. ``--list FILE``
writes the architectures alone, for ``supernet_recipes.py --archs``. ``--among FILE`` trains the
architectures of that file instead, into a ``--table`` of their own. At the end, or with
``--summary`` alone, it says how far the table is, what the rest will cost, and whether its
trainings can tell architectures apart.
"""

import argparse
import contextlib
import multiprocessing
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path

import numpy as np
import torch
from truth_recipes import RECIPES
from truth_training import Recipe, train_and_score

from hat.arch.config import SubTransformerConfig
from hat.cli.console import one_sentence, set_up_logging
from hat.errors import ConfigError, HatError
from hat.files import write_text
from hat.ground_truth import arch_table
from hat.ground_truth.draw import draw_stratified
from hat.ground_truth.spread import spread
from hat.ground_truth.table import Training, TruthFile, TruthTable, read_truth
from hat.locks import locked
from hat.version import __version__

TABLES = Path("docs/results/data")
Job = tuple[SubTransformerConfig, int]

_TASKS_PER_CHILD = 8
"""Trainings after which a worker is replaced: importing takes seconds, and nothing may pile up."""


def die_with_parent() -> None:
    """Ends this worker when the process that started it is gone, in the middle of a training."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()


def work(recipe: Recipe, arch: SubTransformerConfig, seed: int, folder: Path) -> Training:
    """One training in a worker. What it says goes to ``FOLDER.log``, kept if it fails."""
    log = folder.with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as stream:
        for descriptor in (1, 2):
            os.dup2(stream.fileno(), descriptor)
    set_up_logging()
    try:
        training = train_and_score(recipe, arch, seed, folder)
    except Exception:
        traceback.print_exc()
        raise
    log.unlink()
    return training


def fill(options: argparse.Namespace, jobs: list[Job], file: TruthFile) -> int:
    """Trains what is missing; returns how many trainings failed.

    Workers are replaced by replacing the pool: with ``max_tasks_per_child`` that of Python 3.11
    waits for ever (CPython gh-115634).
    """
    torch.set_num_threads(1)
    begun, failed = time.monotonic(), 0
    size = _TASKS_PER_CHILD * options.workers
    numbered = list(enumerate(jobs))
    for start in range(0, len(jobs), size):
        if time.monotonic() - begun > options.hours * 3600:
            break
        failed += _fill(options, numbered[start : start + size], file, begun)
    return failed


@contextlib.contextmanager
def worker_pool(count: int) -> Iterator[ProcessPoolExecutor]:
    """Workers that end when this block is left by an exception; a pool's own end waits for them."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=die_with_parent) as pool:
        try:
            yield pool
        except BaseException:
            for worker in multiprocessing.active_children():
                worker.kill()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fill(
    options: argparse.Namespace, jobs: list[tuple[int, Job]], file: TruthFile, begun: float
) -> int:
    """Trains as many as one pool of workers may."""
    recipe: Recipe = options.recipe
    machine = f"{recipe.machine}, hat {__version__}"
    failed = 0
    with worker_pool(options.workers) as pool:
        futures = {}
        for index, (arch, seed) in jobs:
            folder = options.scratch / f"{recipe.name}_{index}_seed{seed}"
            futures[pool.submit(work, recipe, arch, seed, folder)] = (arch, seed, folder)
        for future in as_completed(futures):
            arch, seed, folder = futures[future]
            if future.cancelled():
                continue
            try:
                training = future.result()
            except BrokenProcessPool:
                raise HatError("a worker was killed; start again to go on") from None
            except Exception as error:
                failed += 1
                print(f"failed: {error!r}; its log is {folder.with_suffix('.log')}", flush=True)
                continue
            file.add(arch, seed, training, machine=machine)
            print(
                f"{len(file.table)} of {options.total}: decoder "
                f"{arch.decoder.num_layers} x {arch.decoder.embed_dim}, encoder "
                f"{arch.encoder.num_layers} x {arch.encoder.embed_dim}, seed {seed}: BLEU "
                f"{training.bleu:.2f}, loss {training.loss:.3f}, {training.cpu_seconds:.0f} s of "
                f"processor time, {(time.monotonic() - begun) / 60:.0f} min so far",
                flush=True,
            )
            if time.monotonic() - begun > options.hours * 3600:
                for other in futures:
                    other.cancel()
    return failed


def summary(recipe: Recipe, archs: Sequence[SubTransformerConfig], table: TruthTable) -> str:
    """How far the table is, what the rest costs, and how well it can tell architectures apart."""
    total = len(archs) * recipe.num_seeds
    lines = [f"{len(table)} of {total} trainings are done"]
    seconds = table.values("cpu_seconds", table.archs())
    if seconds:
        # Depths come round evenly, so the rest costs what was paid so far.
        mean = float(np.concatenate(seconds).mean())
        lines[0] += (
            f"; one takes {mean:.0f} s of processor time, the rest about "
            f"{mean * (total - len(table)) / 3600:.1f} h of a core"
        )
    for seeds in sorted({recipe.num_seeds, 2}, reverse=True):
        if len(table.archs(seeds)) >= 2:
            for measure in ("bleu", "chrf", "loss"):
                lines.append(f"{measure}, {spread(table, measure, num_seeds=seeds)}")
            half = spread(table, "bleu", num_seeds=seeds, best=0.5)
            if half.num_archs > 1:
                lines.append(f"bleu among the best half, {half}")
            break
    known = set(archs)
    if others := sum(arch not in known for arch in table.archs()):
        lines.append(f"{others} architectures of the table are not drawn by the recipe")
    return "\n".join(lines)


def main() -> None:
    """Trains what is missing of a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=RECIPES)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to train")
    parser.add_argument("--workers", type=int, default=1, help="trainings side by side")
    parser.add_argument("--archs", type=int, help="only the first so many architectures")
    parser.add_argument("--seeds", type=int, help="only the first so many seeds")
    parser.add_argument("--skip", type=int, default=0, help="leave the first so many architectures")
    parser.add_argument("--take", type=Path, nargs="*", default=[], help="other tables to add")
    parser.add_argument("--hours", type=float, default=float("inf"), help="begin none after that")
    parser.add_argument("--among", type=Path, help="CSV file: train its architectures instead")
    parser.add_argument("--table", type=Path, help="default: in docs/results/data")
    parser.add_argument("--scratch", type=Path, default=Path("runs/ground_truth"))
    parser.add_argument("--summary", action="store_true", help="train nothing")
    parser.add_argument("--list", type=Path, help="train nothing, write the architectures there")
    options = parser.parse_args()
    options.recipe = recipe = replace(RECIPES[options.task], device=options.device)
    if options.among is None:
        archs = draw_stratified(recipe.read_space(), recipe.num_archs, seed=recipe.draw_seed)
    elif options.table is None:
        raise ConfigError("--among needs --table: the ground truth holds what was drawn for it")
    else:
        archs = list(dict.fromkeys(arch for _, arch, _ in arch_table.read(options.among)))
    options.total = len(archs) * recipe.num_seeds
    if options.list is not None:
        write_text(options.list, TruthTable({arch: {} for arch in archs}).to_csv())
        return
    path = options.table or TABLES / f"ground_truth_{recipe.name}.csv"
    if options.summary:
        print(summary(recipe, archs, read_truth(path)))
        return
    if not recipe.data.is_dir():
        raise ConfigError(f"{recipe.data}: the data is not there; make it: {recipe.prepare}")
    with locked(options.scratch / recipe.name):
        conditions = recipe.conditions()
        if options.among is not None:
            conditions["drawn"] = f"listed in {options.among.name}"
        file = TruthFile(path, conditions)
        for other in options.take:
            read_truth(other)  # a name that is not there is no empty table
            print(f"{other}: {file.take(TruthFile(other, conditions))} trainings are new here")
        jobs = [
            (arch, seed)
            for arch in archs[options.skip : options.archs]
            for seed in range(1, (options.seeds or recipe.num_seeds) + 1)
            if seed not in file.table.trainings.get(arch, {})
        ]
        failed = fill(options, jobs, file)
        print(summary(recipe, archs, file.table))
    if failed:
        raise HatError(f"{failed} trainings failed; start again to repeat them")


if __name__ == "__main__":
    with one_sentence(sys.argv):
        main()
