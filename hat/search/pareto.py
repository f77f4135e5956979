"""Pareto fronts and their hypervolume. All objectives are minimised."""

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


def hypervolume(objectives: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Area between a front of two objectives and a reference point that is worse than it.

    Rows that are ``nan`` or not better than ``reference`` in both objectives add nothing.

    Args:
        objectives: (N, 2), dominated rows allowed.
        reference: (2,).
    """
    values = np.asarray(objectives, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != 2:
        raise ValueError(f"hypervolume takes rows of two objectives, but found {values.shape}")
    values = values[(values < reference).all(axis=1)]
    values = values[np.lexsort((values[:, 1], values[:, 0]))]
    area, height = 0.0, float(reference[1])
    for x, y in values:
        if y < height:
            area += (float(reference[0]) - float(x)) * (height - float(y))
            height = float(y)
    return area
