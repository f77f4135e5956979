"""``hat neural-predictor``: learn to rank the architectures of a benchmark, or choose the best.

hat neural-predictor rank nasbench101:nasbench101.h5 --train-split 172 --eval-split all
hat neural-predictor cross-validate nasbench101:nasbench101.h5 --train-split 172
hat neural-predictor select nasbench101:nasbench101.h5 --num-train 100 --num-verified 50
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hat.arrays import Floats
from hat.benchmarks.base import TableBenchmark
from hat.benchmarks.load import BENCHMARKS, load_benchmark
from hat.benchmarks.simulated import SimulatedTraining
from hat.cli.console import command, print_result
from hat.errors import ConfigError
from hat.models.gcn_training import PAPER, PredictorSettings
from hat.report.plots import Axes, scatter_plot
from hat.scoring.cross_validation import best_by_kendall, cross_validate
from hat.scoring.graph_encoding import encode_cells, encode_cells_plainly, encoder_for
from hat.scoring.neural_predictor import NeuralPredictor
from hat.scoring.prediction import Predictor
from hat.scoring.rank_stats import rank_stats
from hat.scoring.selection import select
from hat.scoring.splits import EXAMPLES, split_indices
from hat.scoring.two_stage import TwoStagePredictor
from hat.signature import signature


def default_metric(table: TableBenchmark[Any]) -> str:
    """The validation accuracy where there is one, else the first metric of the table."""
    return (
        "validation_accuracy"
        if "validation_accuracy" in table.metrics
        else next(iter(table.metrics))
    )


def make_predictor(
    table: TableBenchmark[Any],
    metric: str,
    *,
    bad_share: float | None = None,
    paper: bool = False,
    settings: PredictorSettings | None = None,
) -> Predictor[Any]:
    """Returns an untrained predictor for the architectures of a table.

    Args:
        table: its first architecture decides the encoder.
        metric: its direction is learned.
        bad_share: puts a classifier in front that throws out this part.
        paper: settings and encoding of the published predictor instead of ours.
        settings: instead of the defaults.
    """
    encoder = encoder_for(table.arch(table.ids()[0]))
    if paper:
        encoder = encode_cells_plainly if encoder is encode_cells else encoder
        settings = settings or PAPER
    higher = table.metrics[metric].higher_is_better
    if bad_share is None:
        return NeuralPredictor(encoder, higher_is_better=higher, settings=settings)
    return TwoStagePredictor(
        encoder, higher_is_better=higher, bad_share=bad_share, settings=settings
    )


def candidates(table: TableBenchmark[Any], metric: str) -> dict[str, Callable[[], Predictor[Any]]]:
    """What cross-validation chooses from: the classifier's threshold and the hyper-parameters."""
    base = PredictorSettings(members=1)

    def maker(
        settings: PredictorSettings = base, bad_share: float | None = None
    ) -> Callable[[], Predictor[Any]]:
        return lambda: make_predictor(table, metric, bad_share=bad_share, settings=settings)

    return {
        "default": maker(),
        "target standard": maker(replace(base, target="standard")),
        "learning rate 5e-4": maker(replace(base, learning_rate=5e-4)),
        "dropout 0.1": maker(replace(base, dropout_p=0.1)),
        "4 layers": maker(replace(base, gcn_layers=4)),
        "classifier 0.1": maker(bad_share=0.1),
        "classifier 0.2": maker(bad_share=0.2),
        "classifier 0.35": maker(bad_share=0.35),
    }


class _Task:
    """A loaded table with the metric to learn."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.table = load_benchmark(args.benchmark)
        self.metric = args.metric or default_metric(self.table)
        self.scores = self.table.column(self.metric)
        self.archs = [self.table.arch(id) for id in self.table.ids()]

    def take(self, indices: NDArray[np.int64]) -> tuple[list[Any], Floats]:
        return [self.archs[int(i)] for i in indices], self.scores[indices]


def _rank(args: argparse.Namespace) -> None:
    task = _Task(args)
    rng = np.random.default_rng(args.seed)
    train = split_indices(args.train_split, task.scores, rng)
    judged = np.setdiff1d(split_indices(args.eval_split, task.scores, rng), train)
    if not len(judged):
        raise ConfigError(
            f"nothing is left to judge: split {args.eval_split} holds no architecture "
            f"outside of split {args.train_split}"
        )
    predictor = make_predictor(task.table, task.metric, bad_share=args.classifier, paper=args.paper)
    start = time.perf_counter()
    predictor.fit(*task.take(train), rng=rng)
    fit_s = time.perf_counter() - start
    archs, truth = task.take(judged)
    found = predictor.predict(archs).mean
    stats = rank_stats(found, truth)
    scale = 100.0 if task.table.metrics[task.metric].unit == "fraction" else 1.0
    if args.plot:
        axes = Axes(x=task.metric, y="prediction", title=f"trained on {len(train)}")
        scatter_plot(args.plot, truth * scale, found * scale, axes)
    print(f"trained on {len(train)} in {fit_s:.1f} s, judged on {len(judged)} others")
    print_result(
        {
            "kendall": round(stats.kendall, 4),
            "spearman": round(stats.spearman, 4),
            "mse": round(float(np.mean((found - truth) ** 2)) * scale**2, 4),
            "mse_unit": "percent squared" if scale == 100.0 else "squared",
            "fit_s": round(fit_s, 2),
            "plot": args.plot,
            "signature": signature(
                benchmark=task.table.name,
                metric=task.metric,
                train=args.train_split,
                eval=args.eval_split,
                classifier=args.classifier,
                settings="paper" if args.paper else "default",
                seed=args.seed,
            ),
        }
    )


def _cross_validate(args: argparse.Namespace) -> None:
    task = _Task(args)
    rng = np.random.default_rng(args.seed)
    archs, scores = task.take(split_indices(args.train_split, task.scores, rng))
    results = cross_validate(
        candidates(task.table, task.metric), archs, scores, num_folds=args.folds, rng=rng
    )
    for name, stats in results.items():
        taus = stats.kendall
        print(f"{name:<20} tau {taus.mean():.3f} +- {taus.std():.3f}  mse {stats.mse:.3g}")
    print_result(
        {
            "best": best_by_kendall(results),
            "kendall": {name: round(float(r.kendall.mean()), 4) for name, r in results.items()},
            "signature": signature(
                benchmark=task.table.name,
                metric=task.metric,
                train=args.train_split,
                folds=args.folds,
                seed=args.seed,
            ),
        }
    )


def _select(args: argparse.Namespace) -> None:
    task = _Task(args)
    rng = np.random.default_rng(args.seed)
    has_times = "training_time" in task.table.metrics
    training = SimulatedTraining(
        task.table, task.metric, budget_s=float("inf"), cost_s=None if has_times else 1.0
    )
    predictor = make_predictor(task.table, task.metric, bad_share=args.classifier)
    found = select(
        predictor,
        training,
        task.archs,
        num_train=args.num_train,
        num_verified=args.num_verified,
        rng=rng,
    )
    id = task.table.id_of(found.winner)
    result: dict[str, Any] = {"winner": id, task.metric: task.table.query(id, task.metric)}
    if "test_accuracy" in task.table.metrics:
        result["test_accuracy"] = task.table.query(id, "test_accuracy")
    print(
        f"best of {args.num_train} random ones {np.nanmax(found.train_scores):.5g}, "
        f"of {args.num_verified} chosen ones {np.nanmax(found.verified_scores):.5g}"
    )
    print_result(
        {
            **result,
            "spent": training.spent_s,
            "spent_unit": "s of simulated training" if has_times else "trainings",
            "signature": signature(
                benchmark=task.table.name,
                metric=task.metric,
                train=args.num_train,
                verified=args.num_verified,
                classifier=args.classifier,
                seed=args.seed,
            ),
        }
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hat neural-predictor",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("benchmark", help=f"KIND:PATH, KIND one of {', '.join(BENCHMARKS)}")
    shared.add_argument("--metric", help="what to learn; default: validation_accuracy")
    shared.add_argument("--seed", type=int, default=0)
    split = argparse.ArgumentParser(add_help=False)
    split.add_argument("--train-split", default="172", help=f"{', '.join(EXAMPLES)} (default 172)")
    share = argparse.ArgumentParser(add_help=False)
    share.add_argument(
        "--classifier", type=float, metavar="SHARE", help="first throw out the worst SHARE"
    )

    sub = commands.add_parser("rank", parents=[shared, split, share], help="train and judge")
    sub.add_argument("--eval-split", default="all", help="judged without what was trained on")
    sub.add_argument("--paper", action="store_true", help="settings of the publication")
    sub.add_argument("--plot", help="write a scatter plot to this PNG")
    sub.set_defaults(run=_rank)

    sub = commands.add_parser(
        "cross-validate", parents=[shared, split], help="compare settings within a training set"
    )
    sub.add_argument("--folds", type=int, default=5)
    sub.set_defaults(run=_cross_validate)

    sub = commands.add_parser(
        "select", parents=[shared, share], help="train on some, predict all, measure the best"
    )
    sub.add_argument("--num-train", type=int, default=100)
    sub.add_argument("--num-verified", type=int, default=50)
    sub.set_defaults(run=_select)
    return parser


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs one of the subcommands."""
    args = _parser().parse_args(argv)
    args.run(args)


if __name__ == "__main__":
    main(None)
