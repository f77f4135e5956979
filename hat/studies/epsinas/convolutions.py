"""Cells of NAS-Bench-101 and NAS-Bench-201 against their accuracies."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hat.arch.cell_widths import nb101_macs, nb101_num_params
from hat.arrays import Floats
from hat.benchmarks.base import TableBenchmark, TableSettings
from hat.benchmarks.images import ImageKind, varied_images
from hat.benchmarks.nb101 import NasBench101
from hat.benchmarks.nb201 import NasBench201
from hat.report.epsinas_plots import plot_scores
from hat.report.tables import Column, text_table
from hat.scoring.batch_spread import BatchSpread, batch_spread
from hat.scoring.cell_scores import NB101_WEIGHTS, mean_over_batches, score_nb101, score_nb201
from hat.scoring.epsinas import FLOAT64_RULE
from hat.scoring.proxy_stats import partial_spearman
from hat.scoring.rank_stats import rank_stats
from hat.studies.epsinas import common
from hat.studies.epsinas.common import CellSettings, Count, ImageSettings, WeightPair


@dataclass(frozen=True, kw_only=True)
class ConvolutionSettings(CellSettings):
    """Which cells are scored on what; ``limit`` draws them at random."""

    pictures: ImageSettings = field(default_factory=ImageSettings)


@dataclass(frozen=True, kw_only=True)
class VariedBatches(ImageSettings):
    """Several batches of images that differ."""

    images: ImageKind = field(default_factory=varied_images)
    """Crops of foolbox's pictures (default; without foolbox: pink noise), or another kind."""

    seeds: Count = 4
    """Batches, from --seed on; scores are means over them (4)."""

    def draw_all(self) -> list[Floats]:
        """Returns the batches, each (B, 3, 32, 32)."""
        return [replace(self, seed=self.seed + index).draw() for index in range(self.seeds)]

    def signature(self) -> dict[str, object]:
        """What decides the batches."""
        return {**super().signature(), "seeds": self.seeds}


@dataclass(frozen=True, kw_only=True)
class Nb101Settings(ConvolutionSettings):
    """Which cells of NAS-Bench-101 are scored on what."""

    weights: WeightPair = NB101_WEIGHTS
    """The two constants (0.0001,10)."""

    pictures: VariedBatches = field(default_factory=VariedBatches)


@dataclass(frozen=True)
class _Spread:
    """One score, one truth, batch by batch."""

    score: str
    truth: str
    stats: BatchSpread


_SPREAD_COLUMNS: list[Column[_Spread]] = [
    Column("score, one batch", lambda row: row.score),
    Column("truth", lambda row: row.truth),
    Column("coverage", lambda row: row.stats.coverage, ".1%"),
    Column("batches", lambda row: row.stats.num_batches),
    Column("spearman", lambda row: row.stats.spearman, ".3f"),
    Column("+-", lambda row: row.stats.spearman_deviation, ".3f"),
    Column("least", lambda row: row.stats.spearman_least, ".3f"),
    Column("greatest", lambda row: row.stats.spearman_greatest, ".3f"),
    Column("kendall", lambda row: row.stats.kendall, ".3f"),
    Column("+-", lambda row: row.stats.kendall_deviation, ".3f"),
    Column("partial", lambda row: row.stats.partial, ".3f"),
    Column("+-", lambda row: row.stats.partial_deviation, ".3f"),
]


class _Cells:
    """The cells of a study, their columns in the table, and its images."""

    def __init__(self, table: TableBenchmark[Any], settings: ConvolutionSettings) -> None:
        ids = list(table.ids())
        if settings.limit is not None and settings.limit < len(ids):
            rng = np.random.default_rng(settings.pictures.seed)
            picks = rng.choice(len(ids), settings.limit, replace=False)
            ids = [ids[index] for index in np.sort(picks)]
        self.table, self.ids = table, ids
        self.cells: list[Any] = [table.arch(id) for id in ids]

    def column(self, metric: str) -> Floats:
        return self.table.column(metric, self.ids)

    def count(self, number: Callable[[Any], int]) -> Floats:
        return np.array([number(cell) for cell in self.cells], np.float64)


def nasbench101(settings: Nb101Settings) -> dict[str, Any]:
    """Scores cells of NAS-Bench-101 on several batches; prints a table of the mean scores.

    Returns:
        All figures.
    """
    study = _Cells(NasBench101.build(TableSettings(path=settings.data)), settings)
    start = time.perf_counter()
    scores = []
    for images in settings.pictures.draw_all():
        scores.append(score_nb101(study.cells, images, settings.weights))
        print(f"{len(scores)}/{settings.pictures.seeds} batches", flush=True)
    elapsed = time.perf_counter() - start
    batches = {
        "epsinas": [score.published for score in scores],
        "epsinas, all cells": [score.all_cells for score in scores],
    }
    mean = mean_over_batches(scores)
    params = study.count(nb101_num_params)
    columns = {
        "epsinas": mean.published,
        "parameters, same cells": np.where(np.isfinite(mean.published), params, np.nan),
        "epsinas, all cells": mean.all_cells,
        "parameters": params,
        "FLOPs": study.count(nb101_macs),
    }
    rankings: list[common.Ranking] = []
    spreads: list[_Spread] = []
    for metric in ("validation_accuracy", "test_accuracy"):
        if metric not in study.table.metrics:
            continue
        accuracy = study.column(metric)
        for name, values in columns.items():
            extra = {"partial": partial_spearman(values, accuracy, params)}
            rankings.append(common.rank(name, values, metric, accuracy, extra=extra))
        for name, each in batches.items():
            spreads.append(_Spread(name, metric, batch_spread(each, accuracy, params)))
    common.print_rankings(rankings)
    print(text_table(spreads, _SPREAD_COLUMNS))
    common.write_scores(settings.out, {"hash": study.ids, **columns})
    label = "CIFAR-10 validation accuracy [%]"
    _plot(settings, columns, "epsinas, all cells", study.column("validation_accuracy"), label)
    each_batch = [{"score": row.score, "truth": row.truth, **row.stats.as_row()} for row in spreads]
    parts: dict[str, object] = {"all_cells": FLOAT64_RULE}
    return _result(study, settings, rankings, elapsed, "logit", parts, batches=each_batch)


def nasbench201(settings: ConvolutionSettings) -> dict[str, Any]:
    """Scores cells of NAS-Bench-201 with and without a lent skip; prints the paper's table.

    Returns:
        All figures.
    """
    study = _Cells(NasBench201.build(TableSettings(path=settings.data)), settings)
    cells, images, weights = study.cells, settings.pictures.draw(), settings.weights
    start = time.perf_counter()
    scores = score_nb201(cells, images, weights, progress=common.Progress())
    elapsed = time.perf_counter() - start
    # The cells that have a score keep it; only the others need the second run.
    lent = scores.copy()
    missing = np.flatnonzero(np.isnan(scores))
    some = [cells[index] for index in missing]
    lent[missing] = score_nb201(some, images, weights, lend_skip=True)

    reference = np.full(len(cells), np.nan)
    if "epsinas_cifar10_reference" in study.table.metrics:  # published tables have no scores
        reference = study.column("epsinas_cifar10_reference")
    params = study.count(lambda cell: cell.num_params())
    macs = study.count(lambda cell: cell.macs())
    covered = np.isfinite(scores)
    columns = {
        "epsinas": scores,
        "epsinas, authors' scores": reference,
        "parameters, same cells": np.where(covered, params, np.nan),
        "FLOPs, same cells": np.where(covered, macs, np.nan),
        "epsinas, lent skips": lent,
        "parameters": params,
        "FLOPs": macs,
    }
    rankings = [
        common.rank(name, values, dataset, study.column(f"{dataset}_test_accuracy"))
        for dataset in ("cifar10", "cifar100")
        for name, values in columns.items()
    ]
    common.print_rankings(rankings)
    agreement = rank_stats(scores, reference)
    same = int((covered == np.isfinite(reference)).sum())
    print(
        f"with the authors' scores: Spearman {agreement.spearman:.3f} over {agreement.n} cells; "
        f"{same} of {len(cells)} cells agree on whether there is a score"
    )
    bias, lent_bias = (rank_stats(values, params).spearman for values in (scores, lent))
    print(f"with parameters: Spearman {bias:.3f}, with lent skips {lent_bias:.3f}")
    common.write_scores(
        settings.out,
        {"arch": study.ids, "epsinas": scores, "epsinas_lent_skips": lent, "params": params},
    )
    label = "CIFAR-10 test accuracy [%]"
    _plot(settings, columns, "epsinas, lent skips", study.column("cifar10_test_accuracy"), label)
    more = {
        "spearman_with_authors_scores": common.rounded(agreement.spearman),
        "same_coverage": same,
        "spearman_with_params": common.rounded(bias),
        "lent_spearman_with_params": common.rounded(lent_bias),
    }
    return _result(study, settings, rankings, elapsed, "pooled", {}, **more)


def _plot(
    settings: ConvolutionSettings,
    columns: dict[str, Floats],
    score: str,
    accuracy: Floats,
    label: str,
) -> None:
    if settings.plot:
        plot_scores(
            settings.plot,
            score=columns[score],
            truth=100 * accuracy,
            params=columns["parameters"],
            labels=(score, label, "parameters"),
        )


def _result(
    study: _Cells,
    settings: ConvolutionSettings,
    rankings: Sequence[common.Ranking],
    seconds: float,
    read_out: str,
    parts: dict[str, object],
    **more: Any,
) -> dict[str, Any]:
    return {
        "rankings": [ranking.to_json() for ranking in rankings],
        **more,
        "architectures": len(study.ids),
        "seconds": round(seconds, 1),
        "signature": common.convolution_signature(
            study.table,
            settings.weights,
            settings.pictures,
            read_out,
            limit=settings.limit,
            **parts,
        ),
    }
