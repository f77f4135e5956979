"""Pareto fronts and their hypervolume. All objectives are minimised."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def non_dominated(objectives: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Marks the rows that no other row dominates.

    A row dominates another if it is nowhere larger and somewhere smaller; equal rows do not
    dominate each other. A row with ``nan`` is never on the front and dominates nothing.

    Args:
        objectives: (N, M).

    Returns:
        bool (N,).
    """
    values = np.asarray(objectives, dtype=np.float64)
    front: NDArray[np.bool_] = np.logical_not(np.isnan(values).any(axis=1))
    for index in np.flatnonzero(front):
        if not front[index]:
            continue
        row = values[index]
        beaten = (row <= values).all(axis=1) & (row < values).any(axis=1)
        front[beaten] = False
    return front


def hypervolumes(fronts: Sequence[NDArray[np.float64]]) -> list[float]:
    """How much of the box around all fronts each of them dominates.

    The indicator of Zitzler and Thiele, "Multiobjective Evolutionary Algorithms: A Comparative Case
    Study" (IEEE TEVC 3, 1999), with every objective scaled to the range that the points of all
    fronts have, and the worst of each as the reference point.

    Args:
        fronts: objectives (N, M), smaller is better; rows with ``nan`` do not count.

    Returns:
        A number in [0, 1] for each, more is better.
    """
    from pymoo.indicators.hv import HV

    kept = [values[non_dominated(values)] for values in fronts]
    points = np.concatenate(kept)
    low, span = points.min(axis=0), np.ptp(points, axis=0)
    volume = HV(ref_point=np.ones(points.shape[1]))
    scaled = [(values - low) / np.where(span > 0, span, 1.0) for values in kept]
    return [float(volume(values)) if len(values) else 0.0 for values in scaled]
