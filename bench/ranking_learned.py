"""Scores of a ground truth's architectures that something was learned for.

What a SuperTransformer's weights say (``supernet_recipes.py`` writes it), mixtures of that with
counts, fitted on other architectures of the table, and a graph network that learned from a few of
them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arrays import Floats
from hat.errors import DataError
from hat.ground_truth import arch_table
from hat.ground_truth.agreement import Replicate, weighted_tau
from hat.numerals import real
from hat.scoring.graph_encoding import encoder_for
from hat.scoring.neural_predictor import NeuralPredictor
from hat.scoring.ridge import RidgeEnsemble

Archs = Sequence[SubTransformerConfig]

FOLDS = 6
"""Parts of the table of which one is predicted from the others."""


def read_inherited(path: Path, archs: Archs) -> dict[str, Floats]:
    """What ``supernet_recipes.py`` wrote: by recipe and budget, (V, N), higher is better.

    Args:
        path: its ``inherited.csv``, with a column ``NAME.seedK`` for each SuperTransformer.
        archs: the N architectures that are wanted.

    Returns:
        The negative losses of the V SuperTransformers that were trained alike.

    Raises:
        DataError: if the file is none, or one of ``archs`` is not there.
    """
    losses: dict[str, dict[SubTransformerConfig, list[float]]] = {}
    for _, arch, columns in arch_table.read(path):
        for column, text in columns.items():
            name = column.rpartition(".seed")[0]
            losses.setdefault(name, {}).setdefault(arch, []).append(-real(text))
    for found in losses.values():
        if missing := [arch for arch in archs if arch not in found]:
            raise DataError(f"{path}: {len(missing)} of the table's architectures are not there")
    return {name: np.array([found[arch] for arch in archs]).T for name, found in losses.items()}


def fitted_on_others(columns: Floats, truth: Floats, *, seed: int = 0) -> Floats:
    """Predicts each architecture from a ridge regression on architectures of other folds.

    Args:
        columns: (N, D) numbers of the architectures.
        truth: (N,) what they reached.
        seed: of the folds.

    Returns:
        (N,), higher is better.
    """
    rng = np.random.default_rng(seed)
    fold = rng.permutation(len(truth)) % FOLDS
    found = np.empty(len(truth))
    for part in range(FOLDS):
        learn, rest = np.flatnonzero(fold != part), np.flatnonzero(fold == part)
        model = RidgeEnsemble[int](lambda rows: columns[np.array(rows)])
        model.fit(learn.tolist(), truth[learn], rng=rng)
        found[rest] = model.predict(rest.tolist()).mean
    return found


def mixtures(
    counts: Mapping[str, Floats], inherited: Mapping[str, Floats], truth: Floats
) -> dict[str, Floats]:
    """The counts alone, and the loss of each SuperTransformer beside them, fitted on others.

    Args:
        counts: by name, (1, N).
        inherited: by name, (V, N).
        truth: (N,).

    Returns:
        By name, (V, N).
    """
    base = np.concatenate(list(counts.values())).T
    label = ", ".join(counts)
    found = {f"{label} (fitted on others)": fitted_on_others(base, truth)[None]}
    for name, scores in inherited.items():
        found[f"{name}, {label} (fitted on others)"] = np.array(
            [fitted_on_others(np.column_stack([row, base]), truth) for row in scores]
        )
    return found


def graph_network(
    archs: Archs, truth: Floats, baseline: Floats, sizes: Sequence[int], splits: int
) -> list[tuple[str, ...]]:
    """Kendall's tau of a graph network that learned from some rows, over all the others.

    Args:
        archs: N architectures.
        truth: (N,).
        baseline: (N,) of the free score that it is compared with, on the same others.
        sizes: rows to learn from.
        splits: how often each is drawn.

    Returns:
        A table's rows: size, tau, that of the baseline, difference; mean and standard deviation.
    """
    rows = []
    encoder = encoder_for(archs[0])
    for size in (size for size in sizes if size <= len(archs) - 8):
        taus = []
        for split in range(splits):
            rng = np.random.default_rng([size, split])
            mixed = rng.permutation(len(archs))
            learn, rest = mixed[:size], mixed[size:]
            network = NeuralPredictor(encoder, higher_is_better=True)
            network.fit([archs[i] for i in learn], truth[learn], rng=rng)
            here = Replicate(np.ones(len(rest)), truth[rest])
            predicted = network.predict([archs[i] for i in rest]).mean
            taus.append([weighted_tau(scores, here) for scores in (predicted, baseline[rest])])
        both = np.array(taus)
        figures = (both[:, 0], both[:, 1], both[:, 0] - both[:, 1])
        cells = [f"{values.mean():.2f} ± {values.std(ddof=1):.2f}" for values in figures]
        rows.append((str(size), *cells))
    return rows
