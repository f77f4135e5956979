"""Successive halving, played on a table's validation losses on the way.

Jamieson and Talwalkar, AISTATS 2016. Nothing is trained again: every training of a table notes
its validation loss at marks that lie evenly apart. The rate of learning decays along the whole
training, so this is halving of trainings that go on, not of short ones that end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hat.arrays import Floats


@dataclass(frozen=True)
class Halving:
    """What halving chose, and what it cost."""

    chosen: int
    """Index of the architecture."""

    cost: float
    """In units of ``prices``: each candidate pays for the part of its training that it had."""


def halve(
    candidates: Sequence[int], curves: Floats, prices: Floats, *, rungs: Sequence[int]
) -> Halving:
    """Trains all candidates to the first rung, keeps the better half, and so on.

    Args:
        candidates: indices of architectures, at least one.
        curves: (N, marks), the validation loss at each mark, smaller is better.
        prices: (N,), what a whole training of each costs.
        rungs: the marks, counted from 1, at which half is dropped, rounded up; ascending. The last
            one decides for one candidate.

    Raises:
        ValueError: if there is no candidate, or the rungs are not ascending marks.
    """
    marks = curves.shape[1]
    if (
        not candidates
        or sorted(set(rungs)) != list(rungs)
        or not 1 <= rungs[0] <= rungs[-1] <= marks
    ):
        raise ValueError(f"{len(candidates)} candidates, rungs {rungs} of {marks} marks")
    left, cost, before = list(candidates), 0.0, 0
    for rung in rungs:
        cost += float(prices[left].sum()) * (rung - before) / marks
        before = rung
        order = np.argsort(curves[left, rung - 1], kind="stable")
        keep = 1 if rung == rungs[-1] else -(-len(left) // 2)
        left = [left[index] for index in order[:keep]]
    return Halving(left[0], cost)
