"""Finding runs of rows that were measured while the machine was busy or throttled.

A dataset is drawn at random, so what the architectures explain is the same everywhere in the file.
What is left over, the relative error of a robust fit, is flat noise on a steady machine and a
staircase on one that was disturbed. Two steps alternate: fit the latency of rows corrected by their
current level, and fit the best staircase to what is left.

The staircase minimises ``sum_i min((e_i - level_i)^2 / (2 sigma^2), CAP^2 / 2) + penalty * steps``.
The capped loss makes single outliers harmless (Fearnhead & Rigaill, "Changepoint Detection in the
Presence of Outliers", JASA 2019); over a grid of levels the minimum is found exactly by dynamic
programming. The penalty is raised until the same residuals in random order show no run at all, so a
noisy or skewed device is not accused of being one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hat.arrays import Floats
from hat.errors import DataError
from hat.latency.choices import observed_choices
from hat.latency.predictor import Scales
from hat.latency.predictors.basis import additive
from hat.latency.predictors.regression import robust_ridge
from hat.latency.samples import LatencySample
from hat.latency.table import ArchTable, table_of_samples

MIN_ROWS = 40
"""With fewer rows there is no telling noise from shift."""

MIN_SHIFT_PERCENT = 10.0
"""Smaller steps, such as between two sessions on the same machine, are no fault of a dataset."""

MIN_RUN_ROWS = 5
"""A shorter run is a few outliers, which robust predictors take in their stride."""

_CAP = 3.0
_GRID_STEP = 0.01
_PENALTY = 16.0
_SHUFFLES = 24
_MAX_PENALTY = 500.0
_ROUNDS = 8
_MAIN_PENALTY, _EXTRA_PENALTY = 1e-6, 1e-4
_DETAIL_ROWS = 150
"""From so many rows on the fit has products of features too."""


@dataclass(frozen=True)
class ShiftedRun:
    """Consecutive rows whose latency is off by about the same percentage."""

    first_row: int
    """Counted from 0 after the header."""

    last_row: int
    """Inclusive."""

    shift_percent: float
    """Positive: slower than the rest of the dataset."""

    @property
    def num_rows(self) -> int:
        """Rows in the run."""
        return self.last_row - self.first_row + 1


@dataclass(frozen=True)
class DriftReport:
    """What ``find_shifted_runs`` saw."""

    runs: tuple[ShiftedRun, ...]
    residual_percent: Floats
    """(N,) how far each row lies above the robust fit, relative to the typical row."""

    noise_percent: float
    """Robust standard deviation of neighbouring rows' residuals."""

    def shifted(self) -> NDArray[np.bool_]:
        """Returns (N,) True for rows inside a run."""
        mask = np.zeros(len(self.residual_percent), dtype=bool)
        for run in self.runs:
            mask[run.first_row : run.last_row + 1] = True
        return mask


def find_shifted_runs(
    samples: Sequence[LatencySample], *, min_shift_percent: float = MIN_SHIFT_PERCENT
) -> DriftReport:
    """Finds runs of at least five rows that sit at least ``min_shift_percent`` off the rest.

    Args:
        samples: the rows in the order in which they were measured.
        min_shift_percent: smaller steps are not reported.

    Raises:
        DataError: if there are fewer than 40 rows.
    """
    if len(samples) < MIN_ROWS:
        raise DataError(
            f"{len(samples)} rows are too few to tell a shifted run from noise; "
            f"at least {MIN_ROWS} are needed"
        )
    latency_ms = np.array([sample.total_ms for sample in samples])
    residuals, levels, sigma = _staircase_fit(table_of_samples(samples), latency_ms)
    threshold = float(np.log1p(min_shift_percent / 100))
    penalty = _calibrated_penalty(residuals - levels, sigma, threshold)
    if penalty > _PENALTY:
        levels = staircase(residuals, sigma, penalty)
    baseline, runs = _runs(residuals, levels, threshold)
    return DriftReport(
        runs=tuple(runs),
        residual_percent=100 * np.expm1(residuals - baseline),
        noise_percent=100 * sigma,
    )


def _staircase_fit(table: ArchTable, latency_ms: Floats) -> tuple[Floats, Floats, float]:
    """Returns (N,) log residuals, (N,) their levels, and the noise between neighbours."""
    scales = Scales.of(table.features, latency_ms)
    main, extra = additive(table, np.array(scales.feature_norm), observed_choices(table))
    if len(table) < _DETAIL_ROWS:
        extra = []
    columns = np.stack(main + extra, axis=1)
    penalties = np.repeat([_MAIN_PENALTY, _EXTRA_PENALTY], [len(main), len(extra)])
    levels = np.zeros(len(table))
    for _ in range(_ROUNDS):
        corrected = latency_ms / np.exp(levels)
        prices, _ = robust_ridge(
            columns / corrected[:, None], np.ones(len(table)), penalties, rounds=6
        )
        predicted = np.maximum(columns @ prices, 0.01 * latency_ms)
        residuals = np.log(latency_ms / predicted)
        residuals -= np.median(residuals - levels)
        sigma = _neighbour_noise(residuals)
        previous, levels = levels, staircase(residuals, sigma, _PENALTY)
        if np.array_equal(previous, levels):
            break
    return residuals, levels, sigma


def _neighbour_noise(residuals: Floats) -> float:
    """Standard deviation of the noise from differences of neighbours, which steps hardly touch."""
    differences = np.abs(np.diff(residuals))
    return max(1.4826 * float(np.median(differences)) / 2**0.5, 1e-3)


def staircase(residuals: Floats, sigma: float, penalty: float) -> Floats:
    """Returns the (N,) levels of the best staircase through (N,) residuals."""
    levels: Floats = _staircases(residuals[None, :], sigma, penalty)[0]
    return levels


def _staircases(residuals: Floats, sigma: float, penalty: float) -> Floats:
    """The best staircases through (R, N) residuals at once, by Viterbi's algorithm."""
    low, high = np.quantile(residuals, [0.002, 0.998])
    grid = np.arange(low - _GRID_STEP, high + 2 * _GRID_STEP, _GRID_STEP)
    repeats, count = residuals.shape
    cost = np.zeros((repeats, len(grid)))
    came_from = np.empty((count, repeats, len(grid)), dtype=np.int32)
    own = np.arange(len(grid), dtype=np.int32)
    every = np.arange(repeats)
    for row in range(count):
        cheapest = cost.argmin(axis=1)
        jump = cost[every, cheapest] + penalty
        jumps = cost > jump[:, None]
        came_from[row] = np.where(jumps, cheapest[:, None], own)
        distance = (residuals[:, row, None] - grid) / sigma
        cost = np.where(jumps, jump[:, None], cost)
        cost += np.minimum(distance * distance, _CAP * _CAP) / 2
    path = np.empty((repeats, count), dtype=np.int64)
    path[:, -1] = cost.argmin(axis=1)
    for row in range(count - 1, 0, -1):
        path[:, row - 1] = came_from[row, every, path[:, row]]
    levels: Floats = grid[path]
    return levels


def _calibrated_penalty(noise: Floats, sigma: float, threshold: float) -> float:
    """Returns the smallest tried penalty under which shuffled noise shows no run."""
    rng = np.random.default_rng(0)  # part of the method: the same file gives the same answer
    shuffled = rng.permuted(np.tile(noise, (_SHUFFLES, 1)), axis=1)
    penalty = _PENALTY
    while penalty < _MAX_PENALTY:
        levels = _staircases(shuffled, sigma, penalty)
        if not any(
            _runs(row, level, threshold)[1] for row, level in zip(shuffled, levels, strict=True)
        ):
            break
        penalty *= 1.5
    return penalty


def _runs(residuals: Floats, levels: Floats, threshold: float) -> tuple[float, list[ShiftedRun]]:
    """Turns a staircase into the typical level and the runs that are off by the threshold."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(levels)) + 1])
    ends = np.concatenate([starts[1:], [len(levels)]])
    heights = np.array(
        [float(np.median(residuals[a:b])) for a, b in zip(starts, ends, strict=True)]
    )
    baseline = _baseline(heights, ends - starts, threshold)
    found: list[tuple[int, int]] = []
    sign_before = 0
    for start, end, height in zip(starts, ends, heights, strict=True):
        sign = int(np.sign(height - baseline)) if abs(height - baseline) >= threshold else 0
        if sign and sign == sign_before:
            found[-1] = (found[-1][0], int(end))
        elif sign:
            found.append((int(start), int(end)))
        sign_before = sign
    inside = np.zeros(len(levels), dtype=bool)
    for start, end in found:
        inside[start:end] = True
    if not inside.all():
        baseline = float(np.median(residuals[~inside]))
    return baseline, [
        ShiftedRun(
            first_row=start,
            last_row=end - 1,
            shift_percent=float(100 * np.expm1(np.median(residuals[start:end]) - baseline)),
        )
        for start, end in found
        if end - start >= MIN_RUN_ROWS
    ]


def _baseline(heights: Floats, rows: NDArray[np.intp], threshold: float) -> float:
    """The level of the undisturbed machine: the lowest that a third of all rows share.

    A busy machine adds time and never takes any away, so of two common levels the lower one is
    right. Where no level has a third, the commonest is taken.
    """
    shares = np.array([rows[np.abs(heights - h) < threshold / 2].sum() for h in heights])
    common = shares >= rows.sum() / 3
    if common.any():
        return float(heights[common].min())
    return float(heights[int(np.argmax(shares))])
