"""How good is a latency predictor? Error in ms and percent, order, and honesty of the interval."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hat.amounts import LARGE_ERROR_PERCENT
from hat.arrays import Floats
from hat.fields import Fields
from hat.latency.choices import smallest
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
    def from_dict(cls, values: Mapping[str, Any], where: str) -> "Metrics":
        """Reads what ``to_dict`` wrote; ``where`` it stands is said in messages.

        Raises:
            DataError: if a figure is missing or cannot be.
        """
        fields = Fields(values, where)

        def figure(name: str, least: float, most: float) -> float:
            found = fields.number_or_none(name, least=least, most=most)
            return float("nan") if found is None else found

        return cls(
            rows=fields.whole("rows"),
            rmse_ms=figure("rmse_ms", 0, np.inf),
            mape_percent=figure("mape_percent", 0, np.inf),
            kendall_tau=figure("kendall_tau", -1, 1),
            coverage_percent=figure("coverage_percent", 0, 100),
        )


def doubt(predictor: LatencyPredictor) -> str | None:
    """Says what is wrong with a predictor that should not be relied on."""
    error = predictor.facts.get("cv_error_percent")
    if predictor.choices and not predictor.predict_ms([smallest(predictor.choices)])[0]:
        what = f"comes to 0 {predictor.unit} for the smallest SubTransformer"
    elif isinstance(error, int | float) and error > LARGE_ERROR_PERCENT:
        what = f"is {error:.1f} % off on average, in cross-validation"
    else:
        return None
    return f"the predictor {what}; more latencies, or ones of a quieter machine, make a better one"


def evaluate(predictor: LatencyPredictor, table: ArchTable, latency_ms: Floats) -> Metrics:
    """Compares predictions for N architectures with their measured latency (N,).

    Of none there is no figure: all are NaN.
    """
    if not len(table):
        return Metrics(0, *[float("nan")] * 4)
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
    """Returns Kendall's tau-b, which counts ties as neither right nor wrong; NaN of one pair."""
    if len(left) < 2:
        return float("nan")
    from scipy.stats import kendalltau

    return float(kendalltau(left, right).statistic)
