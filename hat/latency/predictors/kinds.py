"""The table of predictor kinds. Classes are imported when asked for."""

from collections.abc import Callable

from hat.latency.predictor import LatencyPredictor


def mlp_class() -> type[LatencyPredictor]:
    """HAT's multilayer perceptron."""
    from hat.latency.predictors.mlp import MlpPredictor

    return MlpPredictor


def _linear_class(kind: str) -> Callable[[], type[LatencyPredictor]]:
    def get() -> type[LatencyPredictor]:
        from hat.latency.predictors.linear import LINEAR_PREDICTORS

        return LINEAR_PREDICTORS[kind]

    return get


LINEAR_KINDS = ("additive", "depth-linear", "per-layer")

PREDICTORS: dict[str, Callable[[], type[LatencyPredictor]]] = {
    "mlp": mlp_class,
    **{kind: _linear_class(kind) for kind in LINEAR_KINDS},
}
"""Kind, as in ``--predictor`` and in the files, to its class."""
