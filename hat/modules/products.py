"""The products of linear layers, by the faster of torch's two libraries for them on a CPU.

``torch.mm`` calls MKL, which leaves AVX-512 out on AMD's processors. oneDNN uses what there is: on
one thread of a Zen 5 it makes 210 to 250 GFLOP/s of a layer's products and MKL 105, with AVX2 only
115 and 100. For every new number of rows it makes new code, though, which costs 0.3 to 0.7 ms, and
batches of sentences bring new numbers all the time. So products stay with MKL that it makes in
about that time.

The choice hangs on shapes and types alone, never on a measurement: a training that goes on must
make the same choices as the one that was cut off.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from hat.machine.onednn import is_for_onednn, product

_ROWS = 64
"""With fewer rows oneDNN wins nothing, or less than its calls cost."""

_OPERATIONS = 5e7
"""Multiplications and additions below which oneDNN's new code costs what its rate wins."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x W^T + b``, as ``torch.nn.functional.linear`` makes it but for rounding.

    Args:
        x: (..., in).
        weight: (out, in), of any strides.
        bias: (out,).

    Returns:
        (..., out).
    """
    if not by_onednn(x, weight):
        return F.linear(x, weight, bias)
    rows = x.reshape(-1, x.size(-1))
    if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad):
        y: Tensor = _Linear.apply(rows, weight, bias)  # type: ignore[no-untyped-call]
    else:
        y = product(rows, weight, bias)
    return y.view(*x.shape[:-1], -1)


def by_onednn(x: Tensor, weight: Tensor) -> bool:
    """Whether ``linear`` of x (..., in) and weight (out, in) goes to oneDNN."""
    return (
        x.numel() >= _ROWS * x.size(-1)
        and 2 * x.numel() * weight.size(0) >= _OPERATIONS
        and x.dtype == torch.float32
        and is_for_onednn(weight)
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


def outer_product(left: Tensor, right: Tensor) -> Tensor:
    """``left^T right`` by oneDNN, what the gradient of a weight is.

    oneDNN is faster by a quarter when the result has more columns than rows, so it may come back
    transposed in memory.

    Args:
        left: (rows, out).
        right: (rows, in).

    Returns:
        (out, in), of any strides.
    """
    if left.size(1) > right.size(1):
        return product(right.t(), left.t()).t()
    return product(left.t(), right.t())


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        weight = weight.contiguous()
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            product(gradient, weight.t()) if of_x else None,
            outer_product(gradient, x) if of_weight else None,
            gradient.sum(0) if of_bias else None,
        )
