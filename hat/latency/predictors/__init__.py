"""Every kind of latency predictor by the name that YAML files, flags and saved files use."""

from typing import Any

from hat.parts import Parts

_HERE = "hat.latency.predictors"

PREDICTORS: Parts[Any] = Parts(
    "latency predictor",
    "hat.predictors",
    {
        "mlp": f"{_HERE}.mlp:MlpPredictor",
        "additive": f"{_HERE}.linear:AdditivePredictor",
        "depth-linear": f"{_HERE}.linear:DepthLinearPredictor",
        "per-layer": f"{_HERE}.linear:PerLayerPredictor",
        "from-prior": f"{_HERE}.from_prior:FromPriorPredictor",
    },
    needs=("kind", "predict_table", "state", "from_state", "signature", "competes"),
)
"""HAT's first. Each is a ``hat.latency.predictor.LatencyPredictor``."""
