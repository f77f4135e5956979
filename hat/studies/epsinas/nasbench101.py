"""``hat epsinas nasbench101``: cells of NAS-Bench-101 against their accuracies."""

import argparse
import time
from pathlib import Path

import numpy as np

from hat.arch.cell_widths import nb101_macs, nb101_num_params
from hat.benchmarks.base import TableSettings
from hat.benchmarks.nb101 import NasBench101
from hat.cli.console import print_result
from hat.report.epsinas_plots import plot_scores
from hat.scoring.cell_scores import IMAGE_WEIGHTS, score_nb101
from hat.scoring.epsinas import ScoringRule
from hat.signature import signature
from hat.studies.epsinas import common


def add_parser(commands: "common.Commands") -> None:
    """Adds the subcommand."""
    parser = commands.add_parser("nasbench101", help="convolutional cells of NAS-Bench-101")
    parser.add_argument("--data", type=Path, required=True, help="JSON lines, HDF5 or TFRecord")
    common.add_image_options(parser)
    common.add_weights(parser, IMAGE_WEIGHTS)
    parser.add_argument("--limit", type=common.positive, metavar="N", help="only N random cells")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write all scores as CSV")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write a scatter plot")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Scores the cells with and without a lent skip."""
    table = NasBench101.build(TableSettings(path=args.data))
    ids = list(table.ids())
    if args.limit is not None and args.limit < len(ids):
        picks = np.random.default_rng(args.seed).choice(len(ids), args.limit, replace=False)
        ids = [ids[index] for index in np.sort(picks)]
    cells = [table.arch(id) for id in ids]
    images = common.images_of(args)
    rule = ScoringRule()
    start = time.perf_counter()
    lent = score_nb101(cells, images, args.weights, rule=rule, lend_skip=True)
    elapsed = time.perf_counter() - start
    params = np.array([nb101_num_params(cell) for cell in cells], np.float64)
    accuracy = np.array([table.query(id, "validation_accuracy") for id in ids])
    columns = {
        "epsinas": score_nb101(cells, images, args.weights, rule=rule),
        "epsinas, lent skips": lent,
        "parameters": params,
        "FLOPs": np.array([nb101_macs(cell) for cell in cells], np.float64),
    }
    rankings = [common.rank(name, values, "cifar10", accuracy) for name, values in columns.items()]
    common.print_rankings(rankings)
    common.write_scores(args.out, {"hash": ids, **columns})
    if args.plot:
        plot_scores(
            args.plot,
            score=lent,
            truth=100 * accuracy,
            params=params,
            labels=("epsinas, lent skips", "CIFAR-10 validation accuracy [%]", "parameters"),
        )
    print_result(
        {
            "rankings": [ranking.to_json() for ranking in rankings],
            "architectures": len(ids),
            "seconds": round(elapsed, 1),
            "signature": signature(**common.signature_parts(args, rule, "logit")),
        }
    )
