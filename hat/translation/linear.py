"""Products with weights that stay the same, packed once in the order in which they are read.

On a CPU oneDNN does them. It uses all instructions of every maker's processors, where MKL, which
``torch.mm`` calls, leaves AVX-512 out on AMD's: with 640 rows of 256 inputs and one thread of a
Zen 5 it does 250 GFLOP/s and MKL 112, with AVX2 only 130 and 111, with 5 rows and 8,000 outputs
184 and 50. Adding to another tensor and the rectifier come along for free.
"""

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from hat.machine.onednn import is_for_onednn
from hat.modules.int8 import PackedWeight


class Product(Protocol):
    """``x W + b``, with an optional rectifier."""

    def __call__(self, x: Tensor) -> Tensor:
        """x: (rows, in) -> (rows, out)."""

    def added_to(self, residual: Tensor, x: Tensor) -> Tensor:
        """residual: (rows, out), x: (rows, in) -> residual + x W + b; no rectifier."""


class MakeProduct(Protocol):
    """Packs a weight."""

    def __call__(self, weight: Tensor, bias: Tensor | None, *, relu: bool = False) -> Product:
        """weight: (out, in); bias: (out,) or None; ``relu``: whether the rectifier follows."""


_ROWS = 64
"""Weights are packed for about so many rows; the packing fits any number above four."""


class PackedLinear:
    """``x W + b`` for x of shape (rows, in), with an optional rectifier.

    Args:
        weight: (out, in); copied.
        bias: (out,) or None.
        relu: whether the rectifier follows.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, *, relu: bool = False) -> None:
        self._bias = None if bias is None else bias.detach().clone()
        self._relu = relu
        weight = weight.detach().contiguous()
        self._is_packed = is_for_onednn(weight)
        self._weight: Any = weight.clone()
        if self._is_packed:
            self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS)
        self._attribute = "relu" if relu else "none"

    def __call__(self, x: Tensor) -> Tensor:
        """x: (rows, in) -> (rows, out)."""
        if self._is_packed:
            y: Tensor = torch.ops.mkldnn._linear_pointwise(
                x, self._weight, self._bias, self._attribute, [], ""
            )
            return y
        y = F.linear(x, self._weight, self._bias)
        return y.relu_() if self._relu else y

    def added_to(self, residual: Tensor, x: Tensor) -> Tensor:
        """residual: (rows, out), x: (rows, in) -> residual + x W + b; no rectifier."""
        if self._is_packed:
            y: Tensor = torch.ops.mkldnn._linear_pointwise.binary(
                x, residual, self._weight, self._bias, "add"
            )
            return y
        return F.linear(x, self._weight, self._bias).add_(residual)


class Int8Linear:
    """The same with weights and inputs of 8 bits; what comes out is as wide as what goes in.

    Args:
        weight: (out, in); copied.
        bias: (out,) or None.
        relu: whether the rectifier follows.
        range_of_int8: ``full`` or ``reduced``; see ``hat.machine.instructions``.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, *, relu: bool = False, range_of_int8: str
    ) -> None:
        self._product = PackedWeight(weight, bias, range_of_int8, relu=relu)

    def __call__(self, x: Tensor) -> Tensor:
        """x: (rows, in) -> (rows, out)."""
        return self._product(x)

    def added_to(self, residual: Tensor, x: Tensor) -> Tensor:
        """residual: (rows, out), x: (rows, in) -> residual + x W + b; no rectifier."""
        return self._product(x).add_(residual)
