"""How good is a latency predictor? Error in ms and percent, order, and honesty of the interval."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hat.arrays import Floats
from hat.latency.predictor import LatencyPredictor
from hat.latency.table import ArchTable


@dataclass(frozen=True)
class Metrics:
    """Figures on one set of rows."""

    rows: int
    rmse_ms: float
    """Root mean squared error."""

    mape_percent: float
    """Mean absolute percentage error, relative to the measured latency."""

    kendall_tau: float
    """Kendall's tau-b between measured and predicted; NaN if all of one are equal."""

    coverage_percent: float
    """Share of rows inside the 90 % interval; NaN if the predictor has none."""

    def to_dict(self) -> dict[str, float | None]:
        """Returns the fields, NaN as ``None``, ready for JSON."""
        return {
            name: None if isinstance(value, float) and np.isnan(value) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Metrics":
        """Reads what ``to_dict`` wrote."""
        full: dict[str, Any] = {
            name: float("nan") if value is None else value for name, value in values.items()
        }
        return cls(**full)


def evaluate(predictor: LatencyPredictor, table: ArchTable, latency_ms: Floats) -> Metrics:
    """Compares predictions for N architectures with their measured latency (N,)."""
    predicted = predictor.predict_table(table)
    error = predicted - latency_ms
    coverage = float("nan")
    if len(predictor.residuals):
        low, high = predictor.relative_interval(0.9)
        inside = (predicted * (1 + low) <= latency_ms) & (latency_ms <= predicted * (1 + high))
        coverage = 100 * float(inside.mean())
    return Metrics(
        rows=len(table),
        rmse_ms=float(np.sqrt((error**2).mean())),
        mape_percent=100 * float((np.abs(error) / latency_ms).mean()),
        kendall_tau=kendall_tau(latency_ms, predicted),
        coverage_percent=coverage,
    )


def kendall_tau(left: Floats, right: Floats) -> float:
    """Returns Kendall's tau-b, which counts ties as neither right nor wrong."""
    from scipy.stats import kendalltau

    return float(kendalltau(left, right).statistic)
