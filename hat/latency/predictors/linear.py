"""Linear predictors: relative errors, Huber's loss, and a ridge whose strength data decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from hat.errors import DataError
from hat.latency.predictor import CHUNK, LatencyPredictor, Scales
from hat.latency.predictors.basis import Basis, additive, depth_linear, per_layer
from hat.latency.table import ArchTable, Floats

BASES: dict[str, Basis] = {
    "additive": additive,
    "depth-linear": depth_linear,
    "per-layer": per_layer,
}
"""The columns of each kind."""

MAIN_PENALTY = 1e-6
EXTRA_PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1.0)
"""Ridge strengths per row for columns of unit size. At 1.0 the extra columns hardly exist."""

HUBER_CORNER = 1.345
"""Residuals beyond so many robust deviations count linearly (95 % efficient for normal noise)."""

ROBUST_ROUNDS = 3
LOSSES = ("robust", "squared")
MIN_ROWS = 10


@dataclass(kw_only=True)
class LinearPredictor(LatencyPredictor):
    """Price list times parts list."""

    prices: Floats
    """(P,) coefficients of the main and then the extra columns, over ``lat_norm``."""

    def predict_table(self, table: ArchTable) -> Floats:
        """Returns (N,) milliseconds."""
        predicted = np.empty(len(table))
        for start in range(0, len(table), CHUNK):
            rows = slice(start, start + CHUNK)
            chunk = ArchTable(
                table.features[rows], None if table.layers is None else table.layers[rows]
            )
            predicted[rows] = self.prices @ self.columns(chunk)
        return predicted * self.scales.lat_norm

    def columns(self, table: ArchTable) -> Floats:
        """Returns the P columns as (P, N)."""
        basis = BASES[self.kind]
        main, extra = basis(table, np.array(self.scales.feature_norm), self.choices)
        return np.array(main + extra)

    def state(self) -> dict[str, Any]:
        """The prices and the choices that the columns depend on."""
        return {"prices": torch.from_numpy(self.prices), "choices": self.choices}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], scales: Scales) -> "LinearPredictor":
        """Rebuilds the predictor."""
        choices = {str(name): [int(v) for v in vs] for name, vs in state["choices"].items()}
        return cls(scales=scales, choices=choices, prices=state["prices"].numpy())


@dataclass(kw_only=True)
class AdditivePredictor(LinearPredictor):
    """Prices for sums over layers; works with HAT's averages."""

    kind: ClassVar[str] = "additive"


@dataclass(kw_only=True)
class DepthLinearPredictor(LinearPredictor):
    """Linear in HAT's features with interactions by decoder depth."""

    kind: ClassVar[str] = "depth-linear"


@dataclass(kw_only=True)
class PerLayerPredictor(LinearPredictor):
    """Prices for every choice of every layer; needs the architectures themselves."""

    kind: ClassVar[str] = "per-layer"
    needs_layers: ClassVar[bool] = True


LINEAR_PREDICTORS: dict[str, type[LinearPredictor]] = {
    cls.kind: cls for cls in (AdditivePredictor, DepthLinearPredictor, PerLayerPredictor)
}


@dataclass(frozen=True)
class LinearFit:
    """A fitted predictor and what cross-validation says of it."""

    predictor: LinearPredictor
    cv_error_percent: float
    """Mean absolute percentage error on rows left out."""


def fit_linear(
    kind: str,
    table: ArchTable,
    latency_ms: Floats,
    *,
    choices: Mapping[str, list[int]],
    scales: Scales,
    rng: np.random.Generator,
    loss: str = "robust",
    folds: int = 5,
) -> LinearFit:
    """Fits a linear predictor; cross-validation sets its penalty and calibrates its interval.

    The ``robust`` loss is Huber's, of errors relative to the latency: single disturbed rows do not
    bend it. The ``squared`` loss is that of errors in ms, each over the root of the latency; on a
    dataset with shifted rows it predicts the average of the disturbed and the quiet machine.

    Args:
        kind: a key of ``LINEAR_PREDICTORS``.
        table: N architectures.
        latency_ms: (N,) their measured latency.
        choices: the values each decision can take, see ``observed_choices``.
        scales: what features and latency are divided by.
        rng: deals the rows into folds.
        loss: ``robust`` or ``squared``.
        folds: how many.

    Raises:
        DataError: if there are fewer than 10 rows, or the kind needs what the table lacks.
    """
    count = len(table)
    if count < MIN_ROWS:
        raise DataError(f"{count} rows are too few to fit a predictor; at least {MIN_ROWS}")
    cls = LINEAR_PREDICTORS[kind]
    predictor = cls(
        scales=scales,
        choices={name: list(values) for name, values in choices.items()},
        prices=np.empty(0),
    )
    main, extra = BASES[kind](table, np.array(scales.feature_norm), predictor.choices)
    target = latency_ms / scales.lat_norm
    divisor = target if loss == "robust" else np.sqrt(target)
    columns, goal = np.stack(main + extra, axis=1) / divisor[:, None], target / divisor
    rounds = ROBUST_ROUNDS if loss == "robust" else 1
    is_extra = np.repeat([False, True], [len(main), len(extra)])
    fold = rng.permutation(np.arange(count) % folds)
    left_out = np.empty((len(EXTRA_PENALTIES), count))
    for number in range(folds):
        test = fold == number
        weights = None
        for index, penalty in enumerate(EXTRA_PENALTIES):
            penalties = np.where(is_extra, penalty, MAIN_PENALTY)
            prices, weights = robust_ridge(
                columns[~test], goal[~test], penalties, weights=weights, rounds=rounds
            )
            left_out[index, test] = columns[test] @ prices
    misses = np.abs(left_out - goal)
    score = misses.mean(axis=1) if loss == "robust" else (misses**2).mean(axis=1)
    best = int(np.argmin(score))
    penalties = np.where(is_extra, EXTRA_PENALTIES[best], MAIN_PENALTY)
    predictor.prices, _ = robust_ridge(columns, goal, penalties, rounds=3 * rounds)
    predicted = np.maximum(left_out[best], 1e-3 * goal)
    predictor.residuals = np.sort(goal / predicted - 1)
    return LinearFit(predictor, float(100 * (misses[best] / goal).mean()))


def robust_ridge(
    columns: Floats,
    goal: Floats,
    penalties: Floats,
    *,
    weights: Floats | None = None,
    rounds: int = 3,
) -> tuple[Floats, Floats]:
    """Finds (P,) prices with ``columns @ prices`` near ``goal``.

    Iteratively reweighted least squares for Huber's loss; one round is plain least squares.

    Args:
        columns: (N, P).
        goal: (N,).
        penalties: (P,) ridge strengths per row for columns of unit size.
        weights: (N,) row weights to start from.
        rounds: how often to solve.

    Returns:
        The prices and the (N,) weights after the last round.
    """
    from sklearn.linear_model import Ridge

    size = np.sqrt((columns**2).mean(axis=0))
    size[size == 0] = 1.0
    # Ridge knows one penalty for all columns: a column divided by the root of its own penalty
    # is penalised as if it had that one.
    stretch = size * np.sqrt(penalties * len(columns))
    stretched = columns / stretch
    ridge = Ridge(alpha=1.0, fit_intercept=False, solver="cholesky")
    current = np.ones(len(goal)) if weights is None else weights
    for _ in range(rounds):
        ridge.fit(stretched, goal, sample_weight=current if rounds > 1 else None)
        residuals = np.abs(goal - stretched @ ridge.coef_)
        corner = HUBER_CORNER * 1.4826 * float(np.median(residuals)) + 1e-12
        current = 1 / np.maximum(1.0, residuals / corner)
    return ridge.coef_ / stretch, current
