"""Arrays in the JSON state of a search, exact to the last bit."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from hat.arrays import Floats


def array_to_json(array: Floats) -> dict[str, Any]:
    """Returns shape and numbers as JSON values."""
    data = base64.b64encode(array.astype("<f8").tobytes()).decode("ascii")
    return {"shape": list(array.shape), "data": data}


def array_from_json(values: Mapping[str, Any]) -> Floats:
    """Returns the array that ``array_to_json`` was given.

    Raises:
        ValueError: if there are not as many numbers as the shape says.
    """
    flat = np.frombuffer(base64.b64decode(values["data"]), dtype="<f8")
    return flat.reshape(values["shape"]).astype(np.float64)
