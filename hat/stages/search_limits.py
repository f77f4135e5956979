"""The limits of a search, read from its options."""

import argparse
import math

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.latency.predictor import LatencyPredictor
from hat.search.constraints import Limit


def build_limits(
    args: argparse.Namespace, space: SearchSpace, predictor: LatencyPredictor
) -> list[Limit[SubTransformerConfig]]:
    """Returns the limits that the options name, the cheapest check first.

    Raises:
        ConfigError: if an option is wrong or the predictor was made for another space.
    """
    predictor.check_space(space)
    at_most = limit_ms(args.latency_constraint, predictor, space.largest())
    print(f"| limit: {at_most:.2f} ms per sentence")
    return [latency_limit(predictor, at_most, args.latency_confidence)]


def limit_ms(text: str, predictor: LatencyPredictor, largest: SubTransformerConfig) -> float:
    """Reads ``200`` (milliseconds) or ``60%`` (of the largest one's predicted latency).

    Raises:
        ConfigError: if it is neither.
    """
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ConfigError(
            f"--latency-constraint is a number of milliseconds or a percentage, not {text!r}"
        )
    if not text.endswith("%"):
        return number
    return float(predictor.predict_ms([largest])[0]) * number / 100


def latency_limit(
    predictor: LatencyPredictor, at_most: float, confidence: float
) -> Limit[SubTransformerConfig]:
    """Returns the constraint: the predictor's upper bound, or its prediction if it has none."""
    if len(predictor.residuals) == 0:
        print(f"| {predictor.source} has no calibrated bound: its prediction itself is the limit")
        return Limit("latency_ms", at_most, predictor.predict_ms)
    return Limit(
        "latency_ms", at_most, lambda archs: predictor.upper_ms(archs, confidence=confidence)
    )
