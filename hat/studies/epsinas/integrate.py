"""``hat epsinas integrate``: epsinas inside random search and ageing evolution on NAS-Bench-201."""

import argparse
import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hat.arrays import Floats
from hat.benchmarks.base import TableSettings
from hat.benchmarks.nb201 import NasBench201
from hat.benchmarks.zero_cost import TableSearch, ZeroCostSettings
from hat.cli.console import print_result
from hat.errors import DataError
from hat.report.epsinas_plots import plot_searches
from hat.report.tables import Column, text_table
from hat.scoring.cell_scores import IMAGE_WEIGHTS, score_nb201
from hat.scoring.epsinas import ScoringRule
from hat.signature import signature
from hat.studies.epsinas import common

NUM_CELLS = 5**6
_DATASETS = {"cifar10": "cifar10_test_accuracy", "cifar100": "cifar100_test_accuracy"}


def add_parser(commands: "common.Commands") -> None:
    """Adds the subcommand."""
    parser = commands.add_parser("integrate", help="with and without warm-up and moves")
    parser.add_argument("--data", type=Path, required=True, help="NAS-Bench-201 as CSV")
    parser.add_argument("--scores", type=Path, help="what nasbench201 --out wrote; saves minutes")
    parser.add_argument("--dataset", choices=_DATASETS, default="cifar10")
    parser.add_argument("--no-lent-skips", action="store_true", help="cells without a score: last")
    parser.add_argument("--rounds", type=common.positive, default=100, metavar="N")
    parser.add_argument("--models", type=common.positive, default=300, metavar="N")
    common.add_image_options(parser)
    common.add_weights(parser, IMAGE_WEIGHTS)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="median and quartiles")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Runs six searches ``rounds`` times each and prints what they end with."""
    table = NasBench201.build(TableSettings(path=args.data))
    ids = list(table.ids())
    if len(ids) != NUM_CELLS:
        raise DataError(
            f"{args.data}: integrate needs all {NUM_CELLS} cells of NAS-Bench-201, "
            f"but the table has {len(ids)}"
        )
    cells = [table.arch(id) for id in ids]
    accuracy = 100 * np.array([table.query(id, _DATASETS[args.dataset]) for id in ids])
    place = {id: index for index, id in enumerate(ids)}
    neighbours = np.array([[place[str(other)] for other in cell.neighbours()] for cell in cells])
    lend = not args.no_lent_skips
    if args.scores:
        scores = _read_scores(args.scores, ids, "epsinas_lent_skips" if lend else "epsinas")
    else:
        images = common.images_of(args)
        scores = score_nb201(
            cells, images, args.weights, lend_skip=lend, progress=common.Progress()
        )
    search = TableSearch(accuracy, scores, neighbours, ZeroCostSettings(num_models=args.models))
    searches: dict[str, Callable[[np.random.Generator], Floats]] = {
        "random search": lambda rng: search.random_search(rng),
        "random search, warm-up": lambda rng: search.random_search(rng, warmup=True),
        "ageing evolution": lambda rng: search.ageing_evolution(rng),
        "ageing evolution, warm-up": lambda rng: search.ageing_evolution(rng, warmup=True),
        "ageing evolution, moves": lambda rng: search.ageing_evolution(rng, moves=True),
        "ageing evolution, warm-up, moves": lambda rng: search.ageing_evolution(
            rng, warmup=True, moves=True
        ),
    }
    curves = {
        name: np.stack(
            [run_once(np.random.default_rng((args.seed, index))) for index in range(args.rounds)]
        )
        for name, run_once in searches.items()
    }
    columns: list[Column[tuple[str, Floats]]] = [
        Column("search", lambda row: row[0]),
        *(
            Column(
                f"after {count}",
                lambda row, count=count: _quartiles(row[1][:, count - 1]),  # type: ignore[misc]
            )
            for count in _checkpoints(args.models)
        ),
    ]
    print(f"best {args.dataset} test accuracy [%] after so many trained models: median (quartiles)")
    print(text_table(list(curves.items()), columns))
    print(f"the best of the table has {accuracy.max():.2f}")
    if args.plot:
        bottom = {"cifar10": 93.0, "cifar100": 69.0}[args.dataset]
        plot_searches(args.plot, curves, label=f"{args.dataset} test accuracy [%]", bottom=bottom)
    print_result(
        {
            "median": {
                name: {
                    str(count): round(float(np.median(values[:, count - 1])), 3)
                    for count in _checkpoints(args.models)
                }
                for name, values in curves.items()
            },
            "best_of_table": round(float(accuracy.max()), 3),
            "rounds": args.rounds,
            "signature": signature(
                **common.signature_parts(args, ScoringRule(), "pooled"),
                dataset=args.dataset,
                lend_skip=lend,
            ),
        }
    )


def _checkpoints(models: int) -> list[int]:
    return [count for count in (10, 30, 64, 100, 200, 300) if count < models] + [models]


def _quartiles(values: Floats) -> str:
    low, median, high = np.percentile(values, [25, 50, 75])
    return f"{median:.2f} ({low:.2f}-{high:.2f})"


def _read_scores(path: Path, ids: list[str], column: str) -> Floats:
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            found = {row["arch"]: row[column] for row in csv.DictReader(stream)}
        return np.array([float(found[id] or "nan") for id in ids])
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (KeyError, ValueError) as error:
        raise DataError(f"{path}: is not what nasbench201 --out writes: {error}") from None
