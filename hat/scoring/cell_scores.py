"""epsinas for many cells of a benchmark at once, by their width-one twins."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from hat.arch.cell import CellGraph
from hat.arch.nb201_cell import Expression, Nb201Cell
from hat.arch.recipe import Recipe, awd_layer_sizes
from hat.arrays import Floats
from hat.scoring.collapsed.nb101 import CollapsedNb101
from hat.scoring.collapsed.nb201 import CollapsedNb201
from hat.scoring.collapsed.recurrent import recurrent_outputs
from hat.scoring.epsinas import ScoringRule, epsinas

Progress = Callable[[int, int], None]
"""Called with how many architectures are done and how many there are."""

IMAGE_WEIGHTS = (1e-7, 1.0)
"""The authors' constants for convolutional cells."""

RECURRENT_WEIGHTS = (1e-5, 1e-3)
"""The authors' constants for recurrent cells."""


def score_nb201(
    cells: Sequence[Nb201Cell],
    images: ArrayLike,
    weights: tuple[float, float] = IMAGE_WEIGHTS,
    *,
    rule: ScoringRule | None = None,
    lend_skip: bool = False,
    progress: Progress | None = None,
) -> Floats:
    """Scores NAS-Bench-201 cells on one batch of images.

    Cells that compute the same function are scored once: the 15,625 cells are 4,930 functions.

    Args:
        cells: N cells.
        images: (B, 3, 32, 32).
        weights: the two constants.
        rule: which outputs can be scored.
        lend_skip: whether cells without a path of skips and poolings get a skip; without it they
            break the default rule. Few are left that cannot be scored: none with the default pair.
        progress: told after every function.

    Returns:
        float64 (N,); NaN where a cell cannot be scored.
    """
    network = CollapsedNb201(images, weights)
    places: dict[Expression, list[int]] = {}
    for index, cell in enumerate(cells):
        places.setdefault(cell.expression, []).append(index)
    scores = np.full(len(cells), np.nan)
    done = 0
    for indices in places.values():
        cell = cells[indices[0]]
        low, high = network.outputs(cell, lend_skip=lend_skip)
        scores[indices] = epsinas(low, high, rule or ScoringRule())
        done += len(indices)
        if progress is not None:
            progress(done, len(cells))
    return scores


def score_nb101(
    cells: Iterable[CellGraph],
    images: ArrayLike,
    weights: tuple[float, float] = IMAGE_WEIGHTS,
    *,
    rule: ScoringRule | None = None,
    lend_skip: bool = False,
) -> Floats:
    """Scores N NAS-Bench-101 cells on images (B, 3, 32, 32); see ``score_nb201``."""
    network = CollapsedNb101(images, weights)
    scores = []
    for cell in cells:
        low, high = network.outputs(cell, lend_skip=lend_skip)
        scores.append(float(epsinas(low, high, rule or ScoringRule())))
    return np.array(scores, dtype=np.float64)


def score_recipes(
    recipes: Iterable[Recipe],
    embedded_sums: ArrayLike,
    weights: tuple[float, float] = RECURRENT_WEIGHTS,
    *,
    rule: ScoringRule | None = None,
) -> Floats:
    """Scores N recurrent cells of NAS-Bench-NLP.

    Args:
        recipes: the cells.
        embedded_sums: sum of the embedding of every token, (T, B), time first.
        weights: the two constants.
        rule: which outputs can be scored.

    Returns:
        float64 (N,); NaN where a cell cannot be scored.
    """
    scores = [score_recipe(recipe, embedded_sums, weights, rule=rule) for recipe in recipes]
    return np.array(scores, dtype=np.float64)


def score_recipe(
    recipe: Recipe,
    embedded_sums: ArrayLike,
    weights: tuple[float, float] = RECURRENT_WEIGHTS,
    *,
    rule: ScoringRule | None = None,
    layer_sizes: tuple[tuple[int, int], ...] = awd_layer_sizes(),
) -> float:
    """Scores one recurrent cell in layers of the given sizes; see ``score_recipes``."""
    low, high = recurrent_outputs(recipe, embedded_sums, weights, layer_sizes=layer_sizes)
    return float(epsinas(low.ravel(), high.ravel(), rule or ScoringRule()))
