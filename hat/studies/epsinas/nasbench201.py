"""``hat epsinas nasbench201``: all cells of NAS-Bench-201 against their accuracies."""

import argparse
import time
from pathlib import Path

import numpy as np

from hat.arch.nb201_cell import Nb201Cell
from hat.arrays import Floats
from hat.benchmarks.base import TableSettings
from hat.benchmarks.nb201 import NasBench201
from hat.cli.console import print_result
from hat.report.epsinas_plots import plot_scores
from hat.scoring.cell_scores import IMAGE_WEIGHTS, score_nb201
from hat.scoring.epsinas import ScoringRule
from hat.scoring.rank_stats import rank_stats
from hat.signature import signature
from hat.studies.epsinas import common

_TRUTHS = {"cifar10": "cifar10_test_accuracy", "cifar100": "cifar100_test_accuracy"}


def add_parser(commands: "common.Commands") -> None:
    """Adds the subcommand."""
    parser = commands.add_parser("nasbench201", help="convolutional cells of NAS-Bench-201")
    parser.add_argument("--data", type=Path, required=True, help="table of accuracies, CSV")
    common.add_image_options(parser)
    common.add_weights(parser, IMAGE_WEIGHTS)
    parser.add_argument("--limit", type=common.positive, metavar="N", help="only N random cells")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write all scores as CSV")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write a scatter plot")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Scores the cells with and without a lent skip and prints the paper's table."""
    table = NasBench201.build(TableSettings(path=args.data))
    ids = list(table.ids())
    if args.limit is not None and args.limit < len(ids):
        picks = np.random.default_rng(args.seed).choice(len(ids), args.limit, replace=False)
        ids = [ids[index] for index in np.sort(picks)]
    cells: list[Nb201Cell] = [table.arch(id) for id in ids]
    images = common.images_of(args)
    rule = ScoringRule()

    start = time.perf_counter()
    scores = score_nb201(cells, images, args.weights, rule=rule, progress=common.Progress())
    elapsed = time.perf_counter() - start
    # The cells that have a score keep it; only the others need the second run.
    lent = scores.copy()
    missing = np.flatnonzero(np.isnan(scores))
    lent[missing] = score_nb201(
        [cells[index] for index in missing], images, args.weights, rule=rule, lend_skip=True
    )

    def column(metric: str) -> Floats:
        return np.array([table.query(id, metric) for id in ids])

    reference = column("epsinas_cifar10_reference")
    params = np.array([cell.num_params() for cell in cells], np.float64)
    macs = np.array([cell.macs() for cell in cells], np.float64)
    covered = np.isfinite(scores)

    def where_covered(values: Floats) -> Floats:
        return np.where(covered, values, np.nan)

    columns = {
        "epsinas": scores,
        "epsinas, authors' scores": reference,
        "parameters, same cells": where_covered(params),
        "FLOPs, same cells": where_covered(macs),
        "epsinas, lent skips": lent,
        "parameters": params,
        "FLOPs": macs,
    }
    rankings = [
        common.rank(name, values, dataset, column(metric))
        for dataset, metric in _TRUTHS.items()
        for name, values in columns.items()
    ]
    common.print_rankings(rankings)
    agreement = rank_stats(scores, reference)
    same = int((covered == np.isfinite(reference)).sum())
    print(
        f"with the authors' scores: Spearman {agreement.spearman:.3f} over {agreement.n} cells; "
        f"{same} of {len(ids)} cells agree on whether there is a score"
    )
    size_bias = {
        "spearman_with_params": rank_stats(scores, params).spearman,
        "lent_spearman_with_params": rank_stats(lent, params).spearman,
    }
    print(
        f"with parameters: Spearman {size_bias['spearman_with_params']:.3f}, "
        f"with lent skips {size_bias['lent_spearman_with_params']:.3f}"
    )
    common.write_scores(
        args.out, {"arch": ids, "epsinas": scores, "epsinas_lent_skips": lent, "params": params}
    )
    if args.plot:
        plot_scores(
            args.plot,
            score=lent,
            truth=100 * column(_TRUTHS["cifar10"]),
            params=params,
            labels=("epsinas, lent skips", "CIFAR-10 test accuracy [%]", "parameters"),
        )
    print_result(
        {
            "rankings": [ranking.to_json() for ranking in rankings],
            "spearman_with_authors_scores": common.rounded(agreement.spearman),
            "same_coverage": same,
            **{name: common.rounded(value) for name, value in size_bias.items()},
            "architectures": len(ids),
            "seconds": round(elapsed, 1),
            "signature": signature(**common.signature_parts(args, rule, "pooled")),
        }
    )
