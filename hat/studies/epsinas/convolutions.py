"""Cells of NAS-Bench-101 and NAS-Bench-201 against their accuracies."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hat.arch.cell_widths import nb101_macs, nb101_num_params
from hat.arrays import Floats
from hat.benchmarks.base import TableBenchmark, TableSettings
from hat.benchmarks.nb101 import NasBench101
from hat.benchmarks.nb201 import NasBench201
from hat.report.epsinas_plots import plot_scores
from hat.scoring.cell_scores import score_nb101, score_nb201
from hat.scoring.rank_stats import rank_stats
from hat.studies.epsinas import common
from hat.studies.epsinas.common import CellSettings, ImageSettings


@dataclass(frozen=True, kw_only=True)
class ConvolutionSettings(CellSettings):
    """Which cells are scored on what; ``limit`` draws them at random."""

    pictures: ImageSettings = field(default_factory=ImageSettings)


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
        self.images = settings.pictures.draw()

    def column(self, metric: str) -> Floats:
        return np.array([self.table.query(id, metric) for id in self.ids])

    def count(self, number: Callable[[Any], int]) -> Floats:
        return np.array([number(cell) for cell in self.cells], np.float64)


def nasbench101(settings: ConvolutionSettings) -> dict[str, Any]:
    """Scores cells of NAS-Bench-101 with and without a lent skip; prints a table.

    Returns:
        All figures.
    """
    study = _Cells(NasBench101.build(TableSettings(path=settings.data)), settings)
    cells, images, weights = study.cells, study.images, settings.weights
    start = time.perf_counter()
    lent = score_nb101(cells, images, weights, lend_skip=True)
    elapsed = time.perf_counter() - start
    accuracy = study.column("validation_accuracy")
    columns = {
        "epsinas": score_nb101(cells, images, weights),
        "epsinas, lent skips": lent,
        "parameters": study.count(nb101_num_params),
        "FLOPs": study.count(nb101_macs),
    }
    rankings = [common.rank(name, values, "cifar10", accuracy) for name, values in columns.items()]
    common.print_rankings(rankings)
    common.write_scores(settings.out, {"hash": study.ids, **columns})
    _plot(settings, columns, accuracy, "CIFAR-10 validation accuracy [%]")
    return _result(study, settings, rankings, elapsed, "logit")


def nasbench201(settings: ConvolutionSettings) -> dict[str, Any]:
    """Scores cells of NAS-Bench-201 with and without a lent skip; prints the paper's table.

    Returns:
        All figures.
    """
    study = _Cells(NasBench201.build(TableSettings(path=settings.data)), settings)
    cells, images, weights = study.cells, study.images, settings.weights
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
    _plot(settings, columns, study.column("cifar10_test_accuracy"), "CIFAR-10 test accuracy [%]")
    more = {
        "spearman_with_authors_scores": common.rounded(agreement.spearman),
        "same_coverage": same,
        "spearman_with_params": common.rounded(bias),
        "lent_spearman_with_params": common.rounded(lent_bias),
    }
    return _result(study, settings, rankings, elapsed, "pooled", **more)


def _plot(
    settings: ConvolutionSettings, columns: dict[str, Floats], accuracy: Floats, label: str
) -> None:
    if settings.plot:
        plot_scores(
            settings.plot,
            score=columns["epsinas, lent skips"],
            truth=100 * accuracy,
            params=columns["parameters"],
            labels=("epsinas, lent skips", label, "parameters"),
        )


def _result(
    study: _Cells,
    settings: ConvolutionSettings,
    rankings: Sequence[common.Ranking],
    seconds: float,
    read_out: str,
    **more: Any,
) -> dict[str, Any]:
    return {
        "rankings": [ranking.to_json() for ranking in rankings],
        **more,
        "architectures": len(study.ids),
        "seconds": round(seconds, 1),
        "signature": common.convolution_signature(
            study.table, settings.weights, settings.pictures, read_out, limit=settings.limit
        ),
    }
