"""Every limit that a search can have, by name; those whose flag is given hold together."""

from typing import Any

from hat.parts import Parts

_HERE = "hat.nas.limits"

LIMITS: Parts[Any] = Parts(
    "limit",
    "hat.limits",
    {
        "latency": f"{_HERE}.latency:Latency",
        "params": f"{_HERE}.counts:Params",
        "bytes": f"{_HERE}.counts:Bytes",
        "flops": f"{_HERE}.counts:Flops",
        "memory": f"{_HERE}.memory:Memory",
    },
    needs=("asked_by",),
)
"""Each is a ``hat.nas.limits.base.LimitPart``."""
