"""A predictor of a new device that starts from one of another device, engine or workload.

Devices differ, but they run the same networks: what is dear on one is seldom free on the next. So
the prediction of the other predictor, the prior, is one more column beside the sums over layers
of ``additive``. Three regressions use it, from stiff to free:

``calibrated``
    a constant, the prior's prediction and the decoder's depth: three numbers;
``shrunk``
    the prior's prediction times a free factor, and a correction by all columns that are pulled to
    zero; how strongly is the strength at which the rows are most probable (restricted maximum
    likelihood: Patterson & Thompson, Biometrika 1971);
``relevant``
    automatic relevance determination over all columns, as without a prior.

They are averaged with weights of one over the squared cross-validated error. All are linear in the
same columns, so the average is one list of prices. Whether it is better than no prior is for
``--predictor auto`` to say, which compares cross-validated errors over the same folds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arrays import Floats
from hat.errors import ConfigError, DataError
from hat.latency.predictor import (
    CHUNK,
    Fitted,
    LatencyPredictor,
    Lesson,
    Scales,
)
from hat.latency.predictors.basis import additive
from hat.latency.predictors.linear import MIN_ROWS, num_folds
from hat.latency.predictors.load import predictor_of_content
from hat.latency.predictors.regression import fit_prices, robust_ridge, robust_shrunk
from hat.latency.table import ArchTable, table_of_archs
from hat.torch_files import vector

_CONSTANT, _DEPTH = 1, 6
"""Columns of a constant and of the decoder's depth; column 0 is the prior's."""


@dataclass(kw_only=True)
class FromPriorPredictor(LatencyPredictor):
    """Prices for the prediction of another predictor and for sums over layers."""

    kind: ClassVar[str] = "from-prior"
    competes: ClassVar[bool] = True
    learns_average: ClassVar[bool] = True
    takes_prior: ClassVar[bool] = True

    prior: LatencyPredictor
    prices: Floats
    """(12,) coefficients of the prior's milliseconds and of the main columns of ``additive``, both
    over ``lat_norm``."""

    def __post_init__(self) -> None:
        self.needs_layers: bool = self.prior.needs_layers  # type: ignore[misc]

    @classmethod
    def suits(cls, lesson: Lesson) -> bool:
        """Whether there is a prior that can be asked about these rows."""
        prior = lesson.prior
        return prior is not None and not (prior.needs_layers and lesson.table.layers is None)

    @classmethod
    def build(cls, settings: Any, lesson: Lesson) -> Fitted:
        """Fits prices to all rows of the lesson.

        Raises:
            ConfigError: if there is no prior.
            DataError: if there are fewer than 10 rows, or the prior needs what the table lacks.
        """
        if lesson.prior is None:
            raise ConfigError(
                f"--predictor {cls.kind} starts from a predictor of another device: name it with "
                "--prior"
            )
        if not cls.suits(lesson):
            raise DataError(
                f"{lesson.prior.source} needs the architecture of every row, but this dataset has "
                "averages only: choose another --prior"
            )
        count = len(lesson.table)
        if count < MIN_ROWS:
            raise DataError(f"{count} rows are too few to fit a predictor; at least {MIN_ROWS}")
        predictor = cls(
            scales=lesson.scales,
            choices={name: list(values) for name, values in lesson.choices.items()},
            prior=lesson.prior,
            prices=np.empty(0),
        )
        target = lesson.latency_ms / lesson.scales.lat_norm
        columns = predictor.columns(lesson.table) / target[:, None]
        goal = np.ones(count)
        folds = num_folds(count)
        fold = np.random.default_rng(lesson.seed).permutation(np.arange(count) % folds)
        left_out = np.empty((len(_FITS), count))
        for number in range(folds):
            test = fold == number
            for index, fit in enumerate(_FITS):
                left_out[index, test] = columns[test] @ fit(columns[~test], goal[~test])
        errors = np.abs(left_out - goal)
        weights = _weights(errors)
        predictor.prices = weights @ np.array([fit(columns, goal) for fit in _FITS])
        # The weights for a row are those that the rows outside its fold give.
        averaged = np.empty(count)
        for number in range(folds):
            test = fold == number
            averaged[test] = _weights(errors[:, ~test]) @ left_out[:, test]
        predictor.residuals = np.sort(goal / np.maximum(averaged, 1e-3) - 1)
        return Fitted(predictor, float(100 * np.abs(averaged - goal).mean()))

    def columns(self, table: ArchTable) -> Floats:
        """Returns the 12 columns as (N, 12)."""
        return self._columns(table, self.prior.predict_table(table))

    def _columns(self, table: ArchTable, prior_ms: Floats) -> Floats:
        main, _ = additive(table, np.array(self.scales.feature_norm), self.choices)
        return np.stack([prior_ms / self.scales.lat_norm, *main], axis=1)

    def predict_table(self, table: ArchTable) -> Floats:
        """Returns (N,) milliseconds."""
        predicted = np.empty(len(table))
        for start in range(0, len(table), CHUNK):
            rows = slice(start, start + CHUNK)
            predicted[rows] = self.columns(table.take(rows)) @ self.prices
        return predicted * self.scales.lat_norm

    def _predicted(self, archs: Sequence[SubTransformerConfig]) -> Floats:
        """Returns (N,) milliseconds; the prior takes its own fast way."""
        predicted = np.empty(len(archs))
        for start in range(0, len(archs), CHUNK):
            some = archs[start : start + CHUNK]
            table = table_of_archs(some, layers=False)
            columns = self._columns(table, self.prior.predict_ms(some))
            predicted[start : start + CHUNK] = columns @ self.prices
        return predicted * self.scales.lat_norm

    def scaled(self, factor: float) -> "FromPriorPredictor":
        """Returns a predictor of a machine that takes ``factor`` times as long."""
        return replace(self, prices=factor * self.prices)

    def signature(self) -> dict[str, Any]:
        """Returns what decides its predictions, the prior's content among it."""
        own = super().signature()
        return {**own, "prior-content": self.prior.signature()["predictor-content"]}

    def signed_state(self) -> dict[str, Any]:
        """The prices; the prior signs itself."""
        return {"prices": self.prices, "prior": self.prior.signature()}

    def state(self) -> dict[str, Any]:
        """The prices and all of the prior, so that the file stands alone."""
        import torch

        return {"prices": torch.from_numpy(self.prices), "prior": self.prior.content()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], scales: Scales) -> "FromPriorPredictor":
        """Rebuilds the predictor and its prior."""
        if not isinstance(state["prior"], Mapping):
            raise ConfigError(f"its prior is no predictor, but {state['prior']!r:.60}")
        prior = predictor_of_content(state["prior"], "its prior")
        return cls(scales=scales, prior=prior, prices=vector(state, "prices"))


def _calibrated(columns: Floats, goal: Floats) -> Floats:
    """Prices of the prior, a constant and the decoder's depth; the others are free of charge."""
    few = [0, _CONSTANT, _DEPTH]
    prices = np.zeros(columns.shape[1])
    prices[few], _ = robust_ridge(columns[:, few], goal, np.full(len(few), 1e-6))
    return prices


def _shrunk(columns: Floats, goal: Floats) -> Floats:
    return robust_shrunk(columns, goal, free=1)


_FITS: tuple[Callable[[Floats, Floats], Floats], ...] = (_calibrated, _shrunk, fit_prices)


def _weights(errors: Floats) -> Floats:
    """Weights of the fits, (F,), from their absolute errors on rows left out, (F, N)."""
    weights: Floats = 1 / (errors.mean(axis=1) ** 2 + 1e-12)
    shares: Floats = weights / weights.sum()
    return shares
