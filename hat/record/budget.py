"""Fronts, and what a little more of a budget brings."""

import math
from collections.abc import Sequence

import numpy as np

from hat.record.facts import CostAxis, Point, Step
from hat.search.pareto import non_dominated

_FEW_STEPS = 5
"""A budget is divided into about as many steps."""


def front_of(points: Sequence[Point], cost: str, *, higher_is_better: bool) -> list[str]:
    """Returns the ids of the points that no other beats in cost and score, cheapest first.

    Estimates do not count. The cost is what the search knew of all points: what was measured of a
    few of them would compare two clocks.
    """
    rows: list[tuple[float, float, str]] = []
    for point in points:
        value = predicted_cost(point, cost)
        if point.score is not None and point.share >= 1 and value is not None:
            rows.append((value, -point.score if higher_is_better else point.score, point.id))
    if not rows:
        return []
    rows.sort()
    front = np.flatnonzero(non_dominated(np.array([row[:2] for row in rows])))
    seen: dict[tuple[float, float], str] = {}
    for index in front:  # of equals one is enough
        seen.setdefault(rows[int(index)][:2], rows[int(index)][2])
    return list(seen.values())


def predicted_cost(point: Point, cost: str) -> float | None:
    """The cost as the search knew it, whatever was measured later."""
    for known in (point.predicted, point.bound):
        if cost in known:
            return known[cost]
    return None if cost in point.measured else point.cost(cost)


def nice_step(span: float) -> float:
    """Returns 1, 2 or 5 times a power of ten: about a fifth of ``span``.

    Ten where ``span`` is some tens, so that milliseconds read as people speak of them.
    """
    if span <= 0:
        return 0.0
    if 25 <= span <= 120:
        return 10.0
    raw = span / _FEW_STEPS
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * times for times in (1, 2, 5, 10) if power * times >= raw * 0.999)


def budget_steps(
    axis: CostAxis, points: dict[str, Point], *, higher_is_better: bool
) -> tuple[list[Step], float]:
    """Returns the best point for each of a row of budgets, and how far these lie apart.

    The budgets end at the limit or, without one, at the most expensive point of the front.
    """
    front = [(predicted_cost(points[i], axis.name) or 0.0, points[i]) for i in axis.front]
    if len(front) < 2:
        return [], 0.0
    lowest, highest = front[0][0], front[-1][0]
    step = nice_step((axis.limit or highest) - lowest)
    if step == 0:
        return [], 0.0
    end = axis.limit or highest
    budgets = [end - step * place for place in range(int((end - lowest) / step) + 1)][::-1]
    steps: list[Step] = []
    for budget in budgets:
        cost, best = [each for each in front if each[0] <= budget * (1 + 1e-9)][-1]
        assert best.score is not None
        sign = 1.0 if higher_is_better else -1.0
        gain = sign * (best.score - steps[-1].score) if steps else None
        steps.append(Step(limit=budget, id=best.id, cost=cost, score=best.score, gain=gain))
    return steps, step
