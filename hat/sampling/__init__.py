"""Which SubTransformers an update of a SuperTransformer's training trains, by name."""

from typing import Any

from hat.parts import Parts

_HERE = "hat.sampling"

SAMPLINGS: Parts[Any] = Parts(
    "sampling strategy",
    "hat.sampling",
    {
        "uniform": f"{_HERE}.uniform:Uniform",
        "sandwich": f"{_HERE}.sandwich:Sandwich",
        "balanced": f"{_HERE}.balanced:Balanced",
        "progressive": f"{_HERE}.progressive:Progressive",
    },
    needs=("draw", "signature", "follows_max_update"),
)
"""Each is a ``hat.sampling.base.Sampling``. HAT's first."""
