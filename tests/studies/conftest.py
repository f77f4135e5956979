"""What a comparison of latency predictors needs is what the predictors need."""

from tests.latency.conftest import simulate

__all__ = ["simulate"]
