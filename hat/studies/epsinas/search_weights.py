"""The widest pair of constants under which networks can be scored.

The authors' procedure: start from 1e-7 and 1, and narrow the window by factors of ten until fewer
than a tenth of 100 sampled architectures cannot be scored. Windows of equal width are tried from
the smallest constants upwards.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hat.arch.cell import random_cell
from hat.arch.nb201_cell import sample_nb201
from hat.arrays import Floats
from hat.benchmarks.nb_nlp import NasBenchNlp, NlpSettings
from hat.errors import ConfigError, SearchError
from hat.scoring.cell_scores import score_nb101, score_nb201, score_recipes
from hat.scoring.epsinas import ScoringRule
from hat.settings import Settings
from hat.signature import signature
from hat.studies.epsinas.common import Count, ImageSettings

SPACES = ("nasbench201", "nasbench101", "nasbench-nlp")
LOWEST, HIGHEST = -7, 0
MAX_MISSING = 0.1
_STEPS, _SENTENCES = 70, 64


@dataclass(frozen=True, kw_only=True)
class SmallBatch(ImageSettings):
    """Images for many pairs of constants."""

    batch: Count = 16
    """images in the batch"""


@dataclass(frozen=True, kw_only=True)
class SearchWeightsSettings(Settings):
    """On what the constants are tried."""

    data: Path | None = None
    """recipes of cells, for nasbench-nlp only"""

    samples: Count = 100
    """random architectures"""

    lend_skip: bool = False
    """nasbench201: see docs/results/epsinas.md."""

    pictures: SmallBatch = field(default_factory=SmallBatch)


def windows() -> Iterator[tuple[float, float]]:
    """Pairs of powers of ten, widest first."""
    for width in range(HIGHEST - LOWEST, 0, -1):
        for low in range(LOWEST, HIGHEST - width + 1):
            yield 10.0**low, 10.0 ** (low + width)


def run(space: str, settings: SearchWeightsSettings) -> dict[str, Any]:
    """Prints the missing share of each window until one is accepted, and returns that one.

    Args:
        space: one of ``SPACES``.
        settings: on what the constants are tried.

    Raises:
        SearchError: if no window is accepted.
    """
    if settings.data is not None and space != "nasbench-nlp":
        raise ConfigError(f"--data is for nasbench-nlp alone, not for {space}")
    score, parts = _scores(space, settings)
    rule = ScoringRule()
    for weights in windows():
        missing = float(np.isnan(score(weights)).mean())
        print(f"{weights[0]:g} and {weights[1]:g}: {missing:.0%} cannot be scored", flush=True)
        if missing < MAX_MISSING:
            break
    else:
        raise SearchError(
            f"no window between 1e{LOWEST} and 1e{HIGHEST} leaves fewer than "
            f"{MAX_MISSING:.0%} of {space} without a score"
        )
    return {
        "weights": list(weights),
        "missing": round(missing, 4),
        "samples": settings.samples,
        "signature": signature(
            space=space,
            samples=settings.samples,
            **parts,
            rule=rule,
            lend_skip=settings.lend_skip,
        ),
    }


def _scores(
    space: str, settings: SearchWeightsSettings
) -> tuple[Callable[[tuple[float, float]], Floats], dict[str, object]]:
    """Draws the architectures.

    Returns:
        What scores them under a pair, and the parts of the signature that say on what.
    """
    pictures = settings.pictures
    rng = np.random.default_rng(pictures.seed)
    if space == "nasbench-nlp":
        if settings.data is None:
            raise ConfigError("search-weights nasbench-nlp needs --data with the recipes")
        table = NasBenchNlp.build(NlpSettings(path=settings.data))
        picks = rng.choice(len(table), min(settings.samples, len(table)), replace=False)
        recipes = [table.arch(table.ids()[index]) for index in picks]
        sums = rng.uniform(size=(10_000, 400)).sum(axis=1)[
            rng.integers(10_000, size=(_STEPS, _SENTENCES))
        ]
        batch = {"batch": f"random-{_STEPS}x{_SENTENCES}", "seed": pictures.seed}
        return lambda weights: score_recipes(recipes, sums, weights), batch | table.signature()
    images, lend_skip = pictures.draw(), settings.lend_skip
    if space == "nasbench201":
        cells = [sample_nb201(rng) for _ in range(settings.samples)]
        return (
            lambda weights: score_nb201(cells, images, weights, lend_skip=lend_skip),
            pictures.signature(),
        )
    if lend_skip:
        raise ConfigError("--lend-skip is for nasbench201; cells of nasbench101 need none")
    graphs = [random_cell(rng) for _ in range(settings.samples)]
    return (
        lambda weights: score_nb101(graphs, images, weights).published,
        pictures.signature(),
    )
