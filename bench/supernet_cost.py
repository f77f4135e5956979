"""What an update costs with each recipe of training a SuperTransformer, as a ratio to HAT's.

    python bench/supernet_cost.py --configs configs/numbers.en-fr/supertransformer/space0.yml

All recipes train side by side in one process: in every round each makes one update on the same
batch, in an order that is drawn anew. What is compared is processor time of this process, so that
other programs on the machine disturb little. A ratio is taken in each round, and its median over
the rounds is reported with the quartiles; the first rounds, in which memory is taken, do not count.
The draws of uniform sampling differ in cost from round to round, so the ratio is one of sums over
blocks of eight rounds.

The second table is of the output layer and its loss alone, forward and backward, at the size of a
real task: --tokens words of a student of width --width in a vocabulary of --words.
"""

import argparse
import json
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from fairseq.trainer import Trainer

from hat.fairseq_plugin.arguments import parse, training_parser
from hat.fairseq_plugin.loading import build_task
from hat.fairseq_plugin.quiet import fairseq_config
from hat.modules.soft_targets import DistillationSettings
from hat.modules.vocabulary_loss import Teacher, vocabulary_loss

DISTILLED = ("--distill-weight", "1")
HALF_DISTILLED = ("--distill-weight", "0.5")
ALPHA = (*DISTILLED, "--distill-divergence", "alpha")
UNIFORM = ("--sampling-strategy", "uniform")  # said aloud: a task's file may say otherwise
SANDWICH = ("--sampling-strategy", "sandwich")
RECIPES: dict[str, tuple[str, ...]] = {
    "uniform": UNIFORM,
    "uniform again": UNIFORM,
    "balanced": ("--sampling-strategy", "balanced"),
    "largest only (first stage of progressive)": (
        *("--sampling-strategy", "progressive", "--widen-at", "0.99"),
    ),
    "sandwich, 2 random": SANDWICH,
    "uniform, half distilled": (*UNIFORM, *HALF_DISTILLED),
    "sandwich, distilled": (*SANDWICH, *DISTILLED),
    "sandwich, distilled by alpha": (*SANDWICH, *ALPHA),
    "uniform, average": (*UNIFORM, "--store-ema", "--ema-decay", "0.99"),
}
BLOCK = 8
"""Rounds whose times are added up."""


def trainer_of(configs: str, flags: tuple[str, ...]) -> tuple[Trainer, Any]:
    """A training in this process, and its batches."""
    args = parse(training_parser, [f"--configs={configs}", "--no-save", "--cpu", *flags])
    task = build_task(args)
    torch.manual_seed(1)
    config = fairseq_config(args)
    model = task.build_model(config.model)
    task.load_dataset("train")
    trainer = Trainer(config, task, model, task.build_criterion(config.criterion))
    return trainer, trainer.get_train_iterator(1, load_dataset=False)


def measure(
    configs: str, blocks: int, recipes: Mapping[str, tuple[str, ...]]
) -> dict[str, list[float]]:
    """Processor seconds of each block of updates, by recipe."""
    trainers = {name: trainer_of(configs, flags) for name, flags in recipes.items()}
    batches = list(next(iter(trainers.values()))[1].next_epoch_itr(shuffle=True))
    rng = np.random.default_rng(0)
    seconds: dict[str, list[float]] = {name: [] for name in recipes}
    for block in range(blocks + 1):
        spent = dict.fromkeys(recipes, 0.0)
        for number in range(BLOCK):
            batch = batches[(block * BLOCK + number) % len(batches)]
            for name in rng.permutation(list(recipes)):
                began = time.process_time()
                trainers[name][0].train_step([batch])
                spent[name] += time.process_time() - began
        for name in recipes if block else ():
            seconds[name].append(spent[name])
    return seconds


def measure_loss(tokens: int, width: int, words: int, rounds: int) -> dict[str, list[float]]:
    """Processor seconds of the loss by who teaches."""
    torch.manual_seed(0)
    features = torch.randn(tokens, width, requires_grad=True)
    weight = (torch.randn(words, width) * width**-0.5).requires_grad_()
    target = torch.randint(2, words, (tokens,))
    taught = torch.randn(tokens, width)
    teachers = {"nobody teaches": None} | {
        f"distilled by {kind}": Teacher(
            taught, DistillationSettings(distill_weight=1.0, distill_divergence=kind)
        )
        for kind in ("kl", "alpha")
    }
    seconds: dict[str, list[float]] = {name: [] for name in teachers}
    for number in range(rounds + 1):
        for name, teacher in teachers.items():
            began = time.process_time()
            found = vocabulary_loss(
                features, weight, target, smoothing=0.1, ignore_index=1, teacher=teacher
            )
            torch.autograd.grad(found.loss, (features, weight))
            if number:
                seconds[name].append(time.process_time() - began)
    return seconds


def print_ratios(title: str, seconds: Mapping[str, Sequence[float]]) -> None:
    """Prints each one's median ratio to the first, with the quartiles."""
    base = np.array(next(iter(seconds.values())))
    print(f"| {title} | times the first | quartiles |\n|---|---:|---|")
    for name, values in seconds.items():
        low, middle, high = np.quantile(np.array(values) / base, (0.25, 0.5, 0.75))
        print(f"| {name} | {middle:.2f} | {low:.2f} to {high:.2f} |")


def main() -> None:
    """Measures and prints two tables in Markdown, each with its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configs", required=True)
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--words", type=int, default=8000)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    of_loss = measure_loss(options.tokens, options.width, options.words, 3 * options.blocks)
    print_ratios("output layer and loss", of_loss)
    seconds = measure(options.configs, options.blocks, RECIPES)
    print_ratios("update", seconds)
    for each in (seconds, of_loss):
        print(json.dumps({name: [round(v, 3) for v in values] for name, values in each.items()}))


if __name__ == "__main__":
    main()
