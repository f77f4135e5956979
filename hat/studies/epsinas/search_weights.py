"""``hat epsinas search-weights``: the widest pair of constants under which networks can be scored.

The authors' procedure: start from 1e-7 and 1, and narrow the window by factors of ten until fewer
than a tenth of 100 sampled architectures cannot be scored. Windows of equal width are tried from
the smallest constants upwards.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from hat.arch.cell import random_cell
from hat.arch.nb201_cell import sample_nb201
from hat.arrays import Floats
from hat.benchmarks.nb_nlp import NasBenchNlp, NlpSettings
from hat.cli.console import print_result
from hat.errors import ConfigError, SearchError
from hat.scoring.cell_scores import score_nb101, score_nb201, score_recipes
from hat.scoring.epsinas import ScoringRule
from hat.signature import signature
from hat.studies.epsinas import common

SPACES = ("nasbench201", "nasbench101", "nasbench-nlp")
LOWEST, HIGHEST = -7, 0
MAX_MISSING = 0.1
_STEPS, _SENTENCES = 70, 64


def add_parser(commands: "common.Commands") -> None:
    """Adds the subcommand."""
    parser = commands.add_parser("search-weights", help="choose the two constants for a space")
    parser.add_argument("space", choices=SPACES)
    parser.add_argument("--data", type=Path, help="recipes, for nasbench-nlp")
    parser.add_argument("--samples", type=common.positive, default=100, metavar="N")
    parser.add_argument("--lend-skip", action="store_true", help="see docs/results/epsinas.md")
    common.add_image_options(parser)
    parser.set_defaults(run=run, batch=16)


def windows() -> Iterator[tuple[float, float]]:
    """Pairs of powers of ten, widest first."""
    for width in range(HIGHEST - LOWEST, 0, -1):
        for low in range(LOWEST, HIGHEST - width + 1):
            yield 10.0**low, 10.0 ** (low + width)


def run(args: argparse.Namespace) -> None:
    """Prints the missing share of each window until one is accepted."""
    score = _scores(args)
    rule = ScoringRule()
    for weights in windows():
        missing = float(np.isnan(score(weights)).mean())
        print(f"{weights[0]:g} and {weights[1]:g}: {missing:.0%} cannot be scored", flush=True)
        if missing < MAX_MISSING:
            break
    else:
        raise SearchError(
            f"no window between 1e{LOWEST} and 1e{HIGHEST} leaves fewer than "
            f"{MAX_MISSING:.0%} of {args.space} without a score"
        )
    print_result(
        {
            "weights": list(weights),
            "missing": round(missing, 4),
            "samples": args.samples,
            "signature": signature(
                space=args.space,
                batch=(
                    f"random-{_STEPS}x{_SENTENCES}"
                    if args.space == "nasbench-nlp"
                    else f"{args.images}-{args.batch}"
                ),
                seed=args.seed,
                rule=rule,
                lend_skip=args.lend_skip,
            ),
        }
    )


def _scores(args: argparse.Namespace) -> Callable[[tuple[float, float]], Floats]:
    """Draws the architectures and returns what scores them under a pair."""
    rng = np.random.default_rng(args.seed)
    if args.space == "nasbench-nlp":
        if args.data is None:
            raise ConfigError("search-weights nasbench-nlp needs --data with the recipes")
        table = NasBenchNlp.build(NlpSettings(path=args.data))
        picks = rng.choice(len(table), min(args.samples, len(table)), replace=False)
        recipes = [table.arch(table.ids()[index]) for index in picks]
        sums = rng.uniform(size=(10_000, 400)).sum(axis=1)[
            rng.integers(10_000, size=(_STEPS, _SENTENCES))
        ]
        return lambda weights: score_recipes(recipes, sums, weights)
    images = common.images_of(args)
    if args.space == "nasbench201":
        cells = [sample_nb201(rng) for _ in range(args.samples)]
        return lambda weights: score_nb201(cells, images, weights, lend_skip=args.lend_skip)
    graphs = [random_cell(rng) for _ in range(args.samples)]
    return lambda weights: score_nb101(graphs, images, weights, lend_skip=args.lend_skip)
