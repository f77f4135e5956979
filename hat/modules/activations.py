"""The activation functions that ``--activation-fn`` names."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from hat.errors import ConfigError, suggestion


def _gelu_tanh(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


def _linear(x: Tensor) -> Tensor:
    return x


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_fast": _gelu_tanh,
    "gelu_accurate": _gelu_tanh,
    "tanh": torch.tanh,
    "linear": _linear,
}
"""fairseq's names. Its ``gelu_fast`` and ``gelu_accurate`` both are the tanh approximation."""


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """Returns the activation function called ``name``.

    Raises:
        ConfigError: if there is none.
    """
    if name not in ACTIVATIONS:
        hint = suggestion(name, ACTIVATIONS)
        raise ConfigError(
            f"unknown activation-fn {name!r}; known are {', '.join(ACTIVATIONS)}{hint}"
        )
    return ACTIVATIONS[name]
