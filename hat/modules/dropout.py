"""Dropout whose masks cost a sixth of torch's on a CPU."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

_STEPS = 2**16
"""Rates are rounded to a multiple of 1 / _STEPS; the scale is that of the rounded rate."""


def dropout(x: Tensor, p: float, *, training: bool, residual: Tensor | None = None) -> Tensor:
    """Zeroes each number with probability ``p`` and scales the others by 1 / (1 - p).

    torch draws a float per number for its mask. Here four numbers share 64 random bits, of which
    each is compared with a threshold. Draws come from torch's generator, so its seed decides them.

    Args:
        x: of any shape.
        p: in [0, 1).
        training: if False, nothing is dropped.
        residual: added to the result, of the same shape.
    """
    threshold = round(p * _STEPS)
    if not training or threshold == 0:
        return x if residual is None else residual + x
    if x.device.type != "cpu" or threshold == _STEPS:
        dropped = F.dropout(x, p, True)
        return dropped if residual is None else residual + dropped
    return _Dropout.apply(x, residual, p)  # type: ignore[no-any-return, no-untyped-call]


def random_bits(shape: torch.Size) -> Tensor:
    """int16 of ``shape``, each value equally likely, from torch's generator for the CPU."""
    count = shape.numel()
    words = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    return words.view(torch.int16)[:count].view(shape)


def kept_numbers(bits: Tensor, p: float, dtype: torch.dtype) -> Tensor:
    """``random_bits`` -> what to multiply by: 0 with probability ``p``, else 1 / (1 - p)."""
    threshold = round(p * _STEPS)
    kept = torch.gt(bits, threshold - _STEPS // 2 - 1, out=torch.empty(bits.shape, dtype=dtype))
    return kept.mul_(_STEPS / (_STEPS - threshold))


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, residual: Tensor | None, p: float) -> Tensor:
        bits = random_bits(x.shape)
        ctx.save_for_backward(bits)
        ctx.p, ctx.has_residual = p, residual is not None
        kept = kept_numbers(bits, p, x.dtype)
        return kept.mul_(x) if residual is None else torch.addcmul(residual, x, kept)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (bits,) = ctx.saved_tensors
        of_x = kept_numbers(bits, ctx.p, gradients[0].dtype).mul_(gradients[0])
        return of_x, gradients[0] if ctx.has_residual else None, None
