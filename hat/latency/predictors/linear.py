"""Linear predictors: parts lists of a network, times a price list that a device teaches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np

from hat.arch.config import MAX_WIDTH, SubTransformerConfig
from hat.arch.gene_batch import GeneBatch
from hat.arch.gene_tables import gene_tables
from hat.arch.space import SearchSpace
from hat.arrays import Floats
from hat.errors import ConfigError, DataError
from hat.fields import whole_lists
from hat.latency.choices import CHOICE_FIELDS
from hat.latency.predictor import CHUNK, Fitted, LatencyPredictor, Lesson, Scales
from hat.latency.predictors import PREDICTORS
from hat.latency.predictors.basis import (
    Basis,
    additive,
    depth_linear,
    per_layer,
    per_layer_parts,
)
from hat.latency.predictors.regression import fit_prices
from hat.latency.samples import LAYER_COLUMNS
from hat.latency.table import ENCODER_LISTS, ArchTable
from hat.settings import Settings
from hat.torch_files import vector

MIN_ROWS = 10
"""Fewer rows are no dataset."""

MIN_ROWS_PER_CHOICE = 2
"""The per-layer predictor learns a price for a choice from no fewer rows."""

MANY_ROWS = 200
"""With fewer rows cross-validation has ten folds: a fifth of them would be missed in training."""


@dataclass(frozen=True, kw_only=True)
class LinearSettings(Settings):
    """How prices are fitted."""

    loss: Literal["robust", "squared"] = "robust"
    """robust: Huber's, of relative errors; squared: of errors in ms"""


@dataclass(kw_only=True)
class LinearPredictor(LatencyPredictor):
    """Price list times parts list."""

    Settings: ClassVar[type] = LinearSettings
    competes: ClassVar[bool] = True
    learns_average: ClassVar[bool] = True
    basis: ClassVar[Basis]
    """The columns."""

    prices: Floats
    """(P,) coefficients of the main and then the extra columns, over ``lat_norm``."""

    @classmethod
    def build(cls, settings: LinearSettings, lesson: Lesson) -> Fitted:
        """Fits prices to all rows of the lesson: cross-validation does a validation set's work."""
        return fit_linear(
            cls.kind,
            lesson.table,
            lesson.latency_ms,
            choices=lesson.choices,
            scales=lesson.scales,
            rng=np.random.default_rng(lesson.seed),
            loss=settings.loss,
        )

    def predict_table(self, table: ArchTable) -> Floats:
        """Returns (N,) milliseconds."""
        predicted = np.empty(len(table))
        for start in range(0, len(table), CHUNK):
            rows = slice(start, start + CHUNK)
            predicted[rows] = self.prices @ self.columns(table.take(rows))
        return predicted * self.scales.lat_norm

    def columns(self, table: ArchTable) -> Floats:
        """Returns the P columns as (P, N)."""
        main, extra = type(self).basis(table, np.array(self.scales.feature_norm), self.choices)
        return np.array(main + extra)

    def scaled(self, factor: float) -> "LinearPredictor":
        """Returns a predictor of a machine that takes ``factor`` times as long."""
        return replace(self, prices=factor * self.prices)

    def state(self) -> dict[str, Any]:
        """The prices and the choices that the columns depend on."""
        import torch

        return {"prices": torch.from_numpy(self.prices), "choices": self.choices}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], scales: Scales) -> "LinearPredictor":
        """Rebuilds the predictor."""
        choices = whole_lists(
            state["choices"], CHOICE_FIELDS, MAX_WIDTH, "state: choices", ConfigError
        )
        return cls(scales=scales, choices=choices, prices=vector(state, "prices"))


@dataclass(kw_only=True)
class AdditivePredictor(LinearPredictor):
    """Prices for sums over layers; works with HAT's averages."""

    kind: ClassVar[str] = "additive"
    basis: ClassVar[Basis] = staticmethod(additive)


@dataclass(kw_only=True)
class DepthLinearPredictor(LinearPredictor):
    """Linear in HAT's features with interactions by decoder depth."""

    kind: ClassVar[str] = "depth-linear"
    basis: ClassVar[Basis] = staticmethod(depth_linear)


@dataclass(kw_only=True)
class PerLayerPredictor(LinearPredictor):
    """Prices for every choice of every layer; needs the architectures themselves."""

    kind: ClassVar[str] = "per-layer"
    needs_layers: ClassVar[bool] = True
    basis: ClassVar[Basis] = staticmethod(per_layer)
    _tables: dict[SearchSpace, list[Floats]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def suits(cls, lesson: Lesson) -> bool:
        """Whether every choice stands in some rows: a price needs to be seen."""
        layers = lesson.table.layers
        return layers is not None and all(
            (layers[:, index] == value).any(axis=1).sum() >= MIN_ROWS_PER_CHOICE
            for index, name in enumerate(LAYER_COLUMNS)
            for value in lesson.choices[name]
        )

    def _predicted(self, archs: Sequence[SubTransformerConfig]) -> Floats:
        """Returns (N,) milliseconds; the layers of a ``GeneBatch`` are looked up."""
        if not isinstance(archs, GeneBatch):
            return super()._predicted(archs)
        space = archs.genes.space
        tables = gene_tables(space)
        if space not in self._tables:
            self._tables[space] = tables.tabulate(self._layer_price)
        norm = np.array(self.scales.feature_norm)
        rest = per_layer_parts(self.prices, self.choices)[2]
        predicted = np.empty(len(archs))
        for start in range(0, len(archs), CHUNK):
            matrix = archs.matrix[start : start + CHUNK]
            positions = tables.positions(matrix)
            features = tables.features(matrix, positions)
            main, extra = additive(ArchTable(features.T), norm, self.choices)
            widths = (features[0] / norm[0], features[4] / norm[4])
            sums = rest @ np.array([main[0], *widths, *main[1:], *extra])
            sums += tables.add_up(self._tables[space], positions)
            predicted[start : start + CHUNK] = sums
        return predicted * self.scales.lat_norm

    def _layer_price(self, field: str, width: float, value: int) -> float:
        """What one layer adds by one choice, over ``lat_norm``."""
        alone, times_width, _ = per_layer_parts(self.prices, self.choices)
        place = 0
        for index, name in enumerate(LAYER_COLUMNS):
            values = self.choices[name]
            if CHOICE_FIELDS[name] == field:
                if value not in values:
                    return 0.0
                place += values.index(value)
                norm = self.scales.feature_norm[0 if index < ENCODER_LISTS else 4]
                return float(alone[place] + times_width[place] * width / norm)
            place += len(values)
        raise AssertionError(f"{field} is no per-layer field")


def num_folds(count: int) -> int:
    """How many folds cross-validation of so many rows has."""
    return 10 if count < MANY_ROWS else 5


@dataclass(frozen=True)
class LinearFit(Fitted):
    """What ``fit_linear`` returns."""

    predictor: LinearPredictor
    cv_error_percent: float


def fit_linear(
    kind: str,
    table: ArchTable,
    latency_ms: Floats,
    *,
    choices: Mapping[str, list[int]],
    scales: Scales,
    rng: np.random.Generator,
    loss: str = "robust",
) -> LinearFit:
    """Fits a linear predictor; cross-validation tells its error and calibrates its interval.

    The ``robust`` loss is Huber's, of errors relative to the latency: single disturbed rows do not
    bend it. The ``squared`` loss is that of errors in ms, each over the root of the latency; on a
    dataset with shifted rows it predicts the average of the disturbed and the quiet machine.

    Args:
        kind: the name of a linear predictor in ``PREDICTORS``.
        table: N architectures.
        latency_ms: (N,) their measured latency.
        choices: the values each decision can take, see ``observed_choices``.
        scales: what features and latency are divided by.
        rng: deals the rows into folds.
        loss: ``robust`` or ``squared``.

    Raises:
        DataError: if there are fewer than 10 rows, or the kind needs what the table lacks.
    """
    count = len(table)
    if count < MIN_ROWS:
        raise DataError(f"{count} rows are too few to fit a predictor; at least {MIN_ROWS}")
    cls: type[LinearPredictor] = PREDICTORS.load(kind)
    predictor = cls(
        scales=scales,
        choices={name: list(values) for name, values in choices.items()},
        prices=np.empty(0),
    )
    main, extra = cls.basis(table, np.array(scales.feature_norm), predictor.choices)
    target = latency_ms / scales.lat_norm
    divisor = target if loss == "robust" else np.sqrt(target)
    columns, goal = np.stack(main + extra, axis=1) / divisor[:, None], target / divisor
    robust = loss == "robust"
    folds = num_folds(count)
    fold = rng.permutation(np.arange(count) % folds)
    left_out = np.empty(count)
    for number in range(folds):
        test = fold == number
        prices = fit_prices(columns[~test], goal[~test], robust=robust)
        left_out[test] = columns[test] @ prices
    predictor.prices = fit_prices(columns, goal, robust=robust)
    predicted = np.maximum(left_out, 1e-3 * goal)
    predictor.residuals = np.sort(goal / predicted - 1)
    return LinearFit(predictor, float(100 * (np.abs(left_out - goal) / goal).mean()))
