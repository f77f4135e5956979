"""All cells of NAS-Bench-201 against their accuracies."""

import time
from typing import Any

import numpy as np

from hat.arrays import Floats
from hat.benchmarks.nb201 import NasBench201
from hat.scoring.cell_scores import score_nb201
from hat.scoring.rank_stats import rank_stats
from hat.studies.epsinas.common import Progress, rank, rounded
from hat.studies.epsinas.convolutions import Convolutions, ConvolutionSettings

_TRUTHS = {"cifar10": "cifar10_test_accuracy", "cifar100": "cifar100_test_accuracy"}


def run(settings: ConvolutionSettings) -> dict[str, Any]:
    """Scores the cells with and without a lent skip; prints the paper's table.

    Returns:
        All figures.
    """
    study = Convolutions(NasBench201, settings)
    ids, cells, images, weights = study.ids, study.cells, study.images, settings.weights
    start = time.perf_counter()
    scores = score_nb201(cells, images, weights, progress=Progress())
    elapsed = time.perf_counter() - start
    # The cells that have a score keep it; only the others need the second run.
    lent = scores.copy()
    missing = np.flatnonzero(np.isnan(scores))
    lent[missing] = score_nb201(
        [cells[index] for index in missing], images, weights, lend_skip=True
    )
    reference = study.column("epsinas_cifar10_reference")
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
        rank(name, values, dataset, study.column(metric))
        for dataset, metric in _TRUTHS.items()
        for name, values in columns.items()
    ]
    study.finish(
        rankings,
        {"arch": ids, "epsinas": scores, "epsinas_lent_skips": lent, "params": params},
        lent=lent,
        accuracy=("CIFAR-10 test accuracy", study.column(_TRUTHS["cifar10"])),
        params=params,
    )
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
    return study.result(
        rankings,
        elapsed,
        "pooled",
        spearman_with_authors_scores=rounded(agreement.spearman),
        same_coverage=same,
        **{name: rounded(value) for name, value in size_bias.items()},
    )
