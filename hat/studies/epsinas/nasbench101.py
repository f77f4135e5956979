"""Cells of NAS-Bench-101 against their accuracies."""

import time
from typing import Any

import numpy as np

from hat.arch.cell_widths import nb101_macs, nb101_num_params
from hat.benchmarks.nb101 import NasBench101
from hat.scoring.cell_scores import score_nb101
from hat.studies.epsinas.common import rank
from hat.studies.epsinas.convolutions import Convolutions, ConvolutionSettings


def run(settings: ConvolutionSettings) -> dict[str, Any]:
    """Scores the cells with and without a lent skip; prints the table and returns the figures."""
    study = Convolutions(NasBench101, settings)
    cells, images, weights = study.cells, study.images, settings.weights
    start = time.perf_counter()
    lent = score_nb101(cells, images, weights, lend_skip=True)
    elapsed = time.perf_counter() - start
    params = np.array([nb101_num_params(cell) for cell in cells], np.float64)
    accuracy = study.column("validation_accuracy")
    columns = {
        "epsinas": score_nb101(cells, images, weights),
        "epsinas, lent skips": lent,
        "parameters": params,
        "FLOPs": np.array([nb101_macs(cell) for cell in cells], np.float64),
    }
    rankings = [rank(name, values, "cifar10", accuracy) for name, values in columns.items()]
    study.finish(
        rankings,
        {"hash": study.ids, **columns},
        lent=lent,
        accuracy=("CIFAR-10 validation accuracy", accuracy),
        params=params,
    )
    return study.result(rankings, elapsed, "logit")
