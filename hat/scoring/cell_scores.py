"""epsinas for many cells of a benchmark at once, by their width-one twins."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hat.arch.cell import CellGraph
from hat.arch.nb201_cell import Expression, Nb201Cell
from hat.arch.recipe import Recipe, awd_layer_sizes
from hat.arrays import Floats
from hat.scoring.collapsed.nb101 import CollapsedNb101
from hat.scoring.collapsed.nb201 import CollapsedNb201
from hat.scoring.collapsed.recurrent import recurrent_outputs
from hat.scoring.epsinas import ScoringRule, epsinas, epsinas_beside_input

Progress = Callable[[int, int], None]
"""Called with how many architectures are done and how many there are."""

IMAGE_WEIGHTS = (1e-7, 1.0)
"""The authors' constants for NAS-Bench-201."""

NB101_WEIGHTS = (1e-4, 10.0)
"""The authors' constants for NAS-Bench-101."""

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


@dataclass(frozen=True)
class Nb101Scores:
    """Two answers for N cells of NAS-Bench-101."""

    published: Floats
    """(N,): the score by a ``ScoringRule``; NaN for the 58 % of cells without a path from input to
    output that has no convolution."""

    all_cells: Floats
    """(N,): ``epsinas_beside_input``, which every cell has. The two are not comparable with each
    other."""


def score_nb101(
    cells: Iterable[CellGraph],
    images: ArrayLike,
    weights: tuple[float, float] = NB101_WEIGHTS,
    *,
    rule: ScoringRule | None = None,
) -> Nb101Scores:
    """Scores N NAS-Bench-101 cells on images (B, 3, 32, 32); ``rule`` is of the published score."""
    network = CollapsedNb101(images, weights)
    unchanged = network.unchanged()
    published, all_cells = [], []
    for cell in cells:
        low, high = network.outputs(cell)
        published.append(float(epsinas(low, high, rule or ScoringRule())))
        all_cells.append(float(epsinas_beside_input(low, high, unchanged)))
    return Nb101Scores(published=np.array(published), all_cells=np.array(all_cells))


def mean_over_batches(scores: Sequence[Nb101Scores]) -> Nb101Scores:
    """The mean of each score over several batches; a cell has it if every batch gives it one.

    One batch says little: its extremes set the scale of all outputs.
    """
    return Nb101Scores(
        published=np.mean([batch.published for batch in scores], axis=0),
        all_cells=np.mean([batch.all_cells for batch in scores], axis=0),
    )


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
