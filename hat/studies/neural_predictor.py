"""Learning to rank the architectures of a benchmark, or to choose the best, by a graph network."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from hat.arrays import Floats, Ints
from hat.benchmarks.base import TableBenchmark
from hat.benchmarks.simulated import SimulatedTraining
from hat.conditions import file_digest
from hat.errors import ConfigError
from hat.report.plots import Axes, scatter_plot
from hat.scoring.cross_validation import best_by_kendall, cross_validate
from hat.scoring.graph_encoding import encode_cells, encode_cells_plainly, encoder_for
from hat.scoring.prediction import Predictor
from hat.scoring.published_splits import published_split
from hat.scoring.rank_stats import rank_stats
from hat.scoring.selection import select
from hat.scoring.splits import split_indices
from hat.settings import NO_OUTCOME, PNG, Above, AtLeast, Below, Settings, Shown
from hat.signature import signature

if TYPE_CHECKING:
    from hat.models.gcn_training import PredictorSettings


@dataclass(frozen=True, kw_only=True)
class TaskSettings(Settings):
    """What is learned."""

    metric: str | None = None
    """metric to learn (default: validation_accuracy)"""

    seed: Annotated[int, AtLeast(0)] = 0
    """draws the training set and the networks' first weights"""


@dataclass(frozen=True, kw_only=True)
class SplitSettings(TaskSettings):
    """What is learned, and from which architectures."""

    train_split: str = "172"
    """172, 334, 860, 91-172, 91-334, 91-860, denoise-91, denoise-80 or all"""

    split_file: Path | None = None
    """Take the splits from the published file train.npz, whose numbers are rows of the table."""

    def split(self, name: str, task: "Task", rng: np.random.Generator) -> Ints:
        """Returns the indices of a split: the published ones where their file is given.

        Raises:
            ConfigError: if there is no such split.
            DataError: if the file is not one of this table.
        """
        if self.split_file is None:
            return split_indices(name, task.scores, rng)
        return published_split(self.split_file, name, task.table)

    @property
    def split_signature(self) -> dict[str, str]:
        """What is added to a signature."""
        return {} if self.split_file is None else {"splits": file_digest(self.split_file)}


@dataclass(frozen=True, kw_only=True)
class RankSettings(SplitSettings):
    """How a predictor is trained and judged."""

    classifier: Annotated[float | None, Above(0), Below(1), Shown("SHARE")] = None
    """first throw out the worst SHARE, in 0..1, by a classifier"""

    eval_split: str = "all"
    """architectures to judge by; those of the training set are left out"""

    paper: bool = False
    """the settings of the publication"""

    plot: Annotated[Path | None, PNG, NO_OUTCOME] = None
    """write a scatter plot to this PNG file"""


@dataclass(frozen=True, kw_only=True)
class CrossValidateSettings(SplitSettings):
    """How settings are compared."""

    folds: Annotated[int, AtLeast(2)] = 5
    """parts of the training set that are left out in turn"""


@dataclass(frozen=True, kw_only=True)
class SelectSettings(TaskSettings):
    """How many architectures are measured."""

    classifier: Annotated[float | None, Above(0), Below(1), Shown("SHARE")] = None
    """first throw out the worst SHARE, in 0..1, by a classifier"""

    num_train: Annotated[int, AtLeast(1)] = 100
    """random architectures to learn from"""

    num_verified: Annotated[int, AtLeast(1)] = 50
    """how many of the others, the most promising ones, are looked up"""


class Task:
    """A loaded table with the metric to learn."""

    def __init__(self, table: TableBenchmark[Any], metric: str | None = None) -> None:
        """Args: table: any; metric: by default validation accuracy, else the table's first."""
        default = "validation_accuracy"
        self.table = table
        self.metric = metric or (default if default in table.metrics else next(iter(table.metrics)))
        self.scores = table.column(self.metric)
        self.archs = [table.arch(id) for id in table.ids()]

    def take(self, indices: Ints) -> tuple[list[Any], Floats]:
        """Returns some architectures and their scores."""
        return [self.archs[int(i)] for i in indices], self.scores[indices]

    def signature(self, **parts: object) -> str:
        """Returns the signature of a result on this table."""
        return signature(**self.table.signature(), metric=self.metric, **parts)


def make_predictor(
    table: TableBenchmark[Any],
    metric: str,
    *,
    bad_share: float | None = None,
    paper: bool = False,
    settings: "PredictorSettings | None" = None,
) -> Predictor[Any]:
    """Returns an untrained predictor for the architectures of a table.

    Args:
        table: its first architecture decides the encoder.
        metric: its direction is learned.
        bad_share: puts a classifier in front that throws out this part.
        paper: settings and encoding of the published predictor instead of ours.
        settings: instead of the defaults.
    """
    from hat.models.gcn_training import PAPER
    from hat.scoring.neural_predictor import NeuralPredictor
    from hat.scoring.two_stage import TwoStagePredictor

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
    from hat.models.gcn_training import PredictorSettings

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


def rank(table: TableBenchmark[Any], settings: RankSettings) -> dict[str, Any]:
    """Trains on one split and judges the ranking of another.

    Raises:
        ConfigError: if there is no such metric or split, or nothing is left to judge.
    """
    task = Task(table, settings.metric)
    rng = np.random.default_rng(settings.seed)
    train = settings.split(settings.train_split, task, rng)
    judged = np.setdiff1d(settings.split(settings.eval_split, task, rng), train)
    if not len(judged):
        raise ConfigError(
            f"nothing is left to judge: split {settings.eval_split} holds no architecture "
            f"outside of split {settings.train_split}"
        )
    predictor = make_predictor(
        table, task.metric, bad_share=settings.classifier, paper=settings.paper
    )
    start = time.perf_counter()
    predictor.fit(*task.take(train), rng=rng)
    fit_s = time.perf_counter() - start
    archs, truth = task.take(judged)
    found = predictor.predict(archs).mean
    stats = rank_stats(found, truth)
    scale = 100.0 if table.metrics[task.metric].unit == "fraction" else 1.0
    if settings.plot:
        axes = Axes(x=task.metric, y="prediction", title=f"trained on {len(train)}")
        scatter_plot(settings.plot, truth * scale, found * scale, axes)
    print(f"trained on {len(train)} in {fit_s:.1f} s, judged on {len(judged)} others")
    return {
        "kendall": round(stats.kendall, 4),
        "spearman": round(stats.spearman, 4),
        "mse": round(float(np.mean((found - truth) ** 2)) * scale**2, 4),
        "mse_unit": "percent squared" if scale == 100.0 else "squared",
        "fit_s": round(fit_s, 2),
        "plot": settings.plot and str(settings.plot),
        "signature": task.signature(
            train=settings.train_split,
            eval=settings.eval_split,
            **settings.split_signature,
            classifier=settings.classifier,
            settings="paper" if settings.paper else "default",
            seed=settings.seed,
        ),
    }


def compare_settings(table: TableBenchmark[Any], settings: CrossValidateSettings) -> dict[str, Any]:
    """Compares hyper-parameters within a training set by cross-validation.

    Raises:
        ConfigError: if there is no such metric or split, or it is too small.
    """
    task = Task(table, settings.metric)
    rng = np.random.default_rng(settings.seed)
    archs, scores = task.take(settings.split(settings.train_split, task, rng))
    results = cross_validate(
        candidates(table, task.metric), archs, scores, num_folds=settings.folds, rng=rng
    )
    for name, stats in results.items():
        taus = stats.kendall
        print(f"{name:<20} tau {taus.mean():.3f} +- {taus.std():.3f}  mse {stats.mse:.3g}")
    return {
        "best": best_by_kendall(results),
        "kendall": {name: round(float(r.kendall.mean()), 4) for name, r in results.items()},
        "signature": task.signature(
            train=settings.train_split,
            **settings.split_signature,
            folds=settings.folds,
            seed=settings.seed,
        ),
    }


def select_best(table: TableBenchmark[Any], settings: SelectSettings) -> dict[str, Any]:
    """Trains on some architectures, predicts all others and measures the most promising.

    Raises:
        ConfigError: if there is no such metric, or there are not that many architectures.
    """
    task = Task(table, settings.metric)
    has_times = "training_time" in table.metrics
    training = SimulatedTraining(
        table, task.metric, budget_s=float("inf"), cost_s=None if has_times else 1.0
    )
    found = select(
        make_predictor(table, task.metric, bad_share=settings.classifier),
        training,
        task.archs,
        num_train=settings.num_train,
        num_verified=settings.num_verified,
        rng=np.random.default_rng(settings.seed),
    )
    id = table.id_of(found.winner)
    shown = [task.metric, *({"test_accuracy"} & set(table.metrics))]
    print(
        f"best of {settings.num_train} random ones {np.nanmax(found.train_scores):.5g}, "
        f"of {settings.num_verified} chosen ones {np.nanmax(found.verified_scores):.5g}"
    )
    return {
        "winner": id,
        **{name: table.query(id, name) for name in shown},
        "spent": training.spent_s,
        "spent_unit": "s of simulated training" if has_times else "trainings",
        "signature": task.signature(
            train=settings.num_train,
            verified=settings.num_verified,
            classifier=settings.classifier,
            seed=settings.seed,
        ),
    }
