"""Can a table tell its architectures apart? The noise of its means against their spread."""

import math
from dataclasses import dataclass

import numpy as np

from hat.ground_truth.table import TruthTable


@dataclass(frozen=True)
class Spread:
    """Of one measure, over the architectures that were trained with enough seeds."""

    num_archs: int
    num_seeds: int
    seed_std: float
    """Standard deviation of one architecture's trainings, pooled over architectures."""

    mean_error: float
    """Standard error of one architecture's mean: ``seed_std / sqrt(num_seeds)``."""

    between_std: float
    """Standard deviation of the architectures' means, the part that the seeds make taken off."""

    @property
    def ratio(self) -> float:
        """The standard error as a part of the spread; below 1/4 the table has power."""
        return self.mean_error / self.between_std if self.between_std else math.inf

    def __str__(self) -> str:
        return (
            f"{self.num_archs} architectures, {self.num_seeds} seeds: a training's standard "
            f"deviation is {self.seed_std:.3g}, a mean's standard error {self.mean_error:.3g}, the "
            f"spread between architectures {self.between_std:.3g}; ratio {self.ratio:.3f}"
        )


def spread(table: TruthTable, measure: str, *, num_seeds: int, best: float = 1.0) -> Spread:
    """Returns the noise and the spread of ``measure``.

    One-way random-effects analysis of variance: the variance within architectures is the mean of
    their sample variances, that between them the variance of their means less what noise adds.

    Args:
        table: the trainings.
        measure: such as ``bleu``.
        num_seeds: how many trainings of an architecture count; those with fewer are left out.
        best: only this part of the architectures, those with the highest mean BLEU. Who is best is
            chosen by the same trainings, so this spread is a little too large.

    Returns:
        ``nan`` where there are fewer than two architectures or seeds.
    """
    archs = table.archs(num_seeds)
    bleu = np.array([values[:num_seeds].mean() for values in table.values("bleu", archs)])
    order = np.argsort(-bleu, kind="stable")[: round(best * len(archs))]
    chosen = [archs[index] for index in order]
    values = np.array([each[:num_seeds] for each in table.values(measure, chosen)])
    if len(chosen) < 2 or num_seeds < 2:
        return Spread(len(chosen), num_seeds, math.nan, math.nan, math.nan)
    within = float(values.var(axis=1, ddof=1).mean())
    between = float(values.mean(axis=1).var(ddof=1)) - within / num_seeds
    return Spread(
        num_archs=len(chosen),
        num_seeds=num_seeds,
        seed_std=math.sqrt(within),
        mean_error=math.sqrt(within / num_seeds),
        between_std=math.sqrt(max(between, 0.0)),
    )
