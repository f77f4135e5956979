"""The scorers without training that ``hat rank`` knows, for each kind of architecture."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import numpy as np

from hat.arch.cell import CellGraph
from hat.arch.cell_widths import nb101_macs, nb101_num_params
from hat.arch.config import SubTransformerConfig
from hat.arch.nb201_cell import Nb201Cell
from hat.arch.recipe import Recipe, awd_num_params
from hat.arrays import Floats
from hat.benchmarks.images import image_batch, varied_images
from hat.errors import ConfigError
from hat.scoring.base import Scorer
from hat.scoring.cell_scores import (
    Nb101Scores,
    mean_over_batches,
    score_nb101,
    score_nb201,
    score_recipes,
)
from hat.scoring.epsinas_scorer import EpsinasScorer
from hat.scoring.rank_stats import mixed_ranks
from hat.scoring.static import config_that_holds, static_scorers
from hat.studies.epsinas.common import ModelSettings
from hat.studies.epsinas.nlp_batch import VOCABULARY, random_sums
from hat.studies.epsinas.subtransformers import space_of
from hat.tasks.facts import default_src_len

NB201_MIXTURE = (0.5, 0.5)
"""Weights of the ranks of epsinas and of parameters: the mixture that was fixed beforehand."""

NB101_MIXTURE = (0.771, 0.229)
"""The same, learnt on NAS-Bench-201 and NAS-Bench-NLP (docs/results/epsinas_mixtures.md)."""

Archs = Sequence[Any]
Scorers = dict[str, Scorer[Any]]


class CellScorer:
    """A score of recurrent or convolutional cells. More is taken to be better.

    Args:
        name: for reports.
        score: from N cells to (N,).
    """

    higher_is_better = True

    def __init__(self, name: str, score: Callable[[Archs], Floats]) -> None:
        self.name = name
        self._score = score

    def score(self, archs: Archs) -> Floats:
        """Returns float64 (N,); NaN where a cell cannot be scored."""
        return self._score(archs)


def scorers_for(
    archs: Archs, task: str, model: ModelSettings, src_len: int | None = None
) -> Scorers:
    """Returns the scorers that know architectures like these, by name.

    Args:
        archs: architectures of one kind.
        task: sets the length of the sentence behind the FLOPs of SubTransformers.
        model: the SuperTransformer of SubTransformers.
        src_len: tokens of that sentence; None: as usual for the task.

    Raises:
        ConfigError: if the architectures are of several kinds, or do not fit the model.
    """
    if all(isinstance(arch, SubTransformerConfig) for arch in archs):
        config = config_that_holds(archs, **asdict(model))
        static = static_scorers(config, src_len=src_len or default_src_len(task))
        return {**static, "epsinas": EpsinasScorer(space_of(archs), **asdict(model))}
    for kind, scores in _CELL_SCORES.items():
        if all(isinstance(arch, kind) for arch in archs):
            return {name: CellScorer(name, score) for name, score in scores.items()}
    raise ConfigError(f"the architectures of {task} are of several kinds; rank one kind at a time")


def _counts(count: Callable[[Any], int]) -> Callable[[Archs], Floats]:
    return lambda cells: np.array([count(cell) for cell in cells], np.float64)


def _images() -> Floats:
    """The default batch of ``hat epsinas nasbench201``."""
    return image_batch("photographs", 64, np.random.default_rng(0))


@lru_cache(maxsize=1)  # three scorers ask for the same
def _nb101_scores(cells: tuple[CellGraph, ...]) -> Nb101Scores:
    """Scores by the default batches of ``hat epsinas nasbench101``."""
    kind = varied_images()
    batches = [image_batch(kind, 64, np.random.default_rng(seed)) for seed in range(4)]
    return mean_over_batches([score_nb101(cells, images) for images in batches])


def _nb101_mixture(cells: Archs) -> Floats:
    params = _counts(nb101_num_params)(cells)
    return mixed_ranks(NB101_MIXTURE, _nb101_scores(tuple(cells)).all_cells, params)


def _nb201_mixture(cells: Archs) -> Floats:
    scores = score_nb201(cells, _images(), lend_skip=True)
    return mixed_ranks(NB201_MIXTURE, scores, _counts(Nb201Cell.num_params)(cells))


_CELL_SCORES: Mapping[type, Mapping[str, Callable[[Archs], Floats]]] = {
    Nb201Cell: {
        "params": _counts(Nb201Cell.num_params),
        "flops": _counts(Nb201Cell.macs),
        "epsinas": lambda cells: score_nb201(cells, _images()),
        "epsinas_lent_skips": lambda cells: score_nb201(cells, _images(), lend_skip=True),
        "epsinas_and_params": _nb201_mixture,
    },
    CellGraph: {
        "params": _counts(nb101_num_params),
        "flops": _counts(nb101_macs),
        "epsinas": lambda cells: _nb101_scores(tuple(cells)).published,
        "epsinas_all_cells": lambda cells: _nb101_scores(tuple(cells)).all_cells,
        "epsinas_and_params": _nb101_mixture,
    },
    Recipe: {
        "params": _counts(lambda recipe: awd_num_params(recipe, VOCABULARY)),
        "epsinas": lambda recipes: score_recipes(recipes, random_sums()),
    },
}
"""The settings are those of ``hat epsinas``, which has options for them."""
