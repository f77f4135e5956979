"""Cutting the first rows and columns out of a weight."""

from typing import Any

import torch
from torch import Tensor

from hat.errors import ConfigError


def leading(weight: Tensor, *sizes: int) -> Tensor:
    """Returns the leading block of ``weight`` with the given ``sizes``, one per dimension.

    A block as large as the weight is the weight itself.
    """
    if tuple(sizes) == tuple(weight.shape):
        return weight
    return row_blocks(weight, (sizes[0],), *sizes[1:])[0]


def row_blocks(weight: Tensor, rows: tuple[int, ...], *columns: int) -> tuple[Tensor, ...]:
    """Returns consecutive blocks of rows of ``weight``, from the first row on.

    Their gradients meet in one tensor of the weight's size, each number of which is written once.
    torch's own slices allocate and fill such a tensor per block and per dimension, and add them.

    Args:
        weight: (R, C), or (R,).
        rows: rows of each block; together at most R.
        columns: leading columns of each block, one number for all or one for each; all if absent.
            None for (R,).
    """
    per_block = columns * len(rows) if len(columns) == 1 else columns
    if torch.is_grad_enabled() and weight.requires_grad:
        return _RowBlocks.apply(weight, rows, per_block)  # type: ignore[no-any-return, no-untyped-call]
    return _views(weight, rows, per_block)


def _views(weight: Tensor, rows: tuple[int, ...], columns: tuple[int, ...]) -> tuple[Tensor, ...]:
    views, start = [], 0
    for index, count in enumerate(rows):
        block = weight.narrow(0, start, count)
        views.append(block.narrow(1, 0, columns[index]) if columns else block)
        start += count
    return tuple(views)


class _RowBlocks(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, rows: tuple[int, ...], columns: tuple[int, ...]
    ) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.shape, ctx.rows, ctx.columns = weight.shape, rows, columns
        return _views(weight, rows, columns)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        some = next((g for g in gradients if g is not None), None)
        if some is None:
            return None, None, None
        whole = some.new_empty(ctx.shape)
        start = 0
        for index, (count, gradient) in enumerate(zip(ctx.rows, gradients, strict=True)):
            block = whole.narrow(0, start, count)
            start += count
            if gradient is None:
                block.zero_()
                continue
            if ctx.columns:
                width = ctx.columns[index]
                block[:, width:].zero_()
                block = block[:, :width]
            block.copy_(gradient)
        whole[start:].zero_()
        return whole, None, None


def check_active(owner: str, **active_and_size: tuple[int, int]) -> None:
    """Checks that each ``name=(active, size)`` has ``1 <= active <= size``.

    Raises:
        ConfigError: naming ``owner`` and the first width that does not fit.
    """
    for name, (active, size) in active_and_size.items():
        if not 1 <= active <= size:
            raise ConfigError(f"{owner}: {name} must lie in 1..{size}, but found {active}")
