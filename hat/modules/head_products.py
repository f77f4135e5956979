"""Attention by one batched product per head, with gradients, for short sentences on a CPU.

torch's attention wants queries, keys and values as (B, H, T, K). They come out of a projection as
(B, T, H, K), so each is copied before its products, and so are the result and all gradients; with
20 tokens in a sentence, that and the fused kernel's bookkeeping cost many times the products. For
a single head the same numbers are (B, T, K) with larger strides, which a batched product reads
and writes where they are.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from hat.modules.dropout import kept_numbers, random_bits

PARTS = {1: (3,), 2: (1, 2), 3: (1, 1, 1)}
"""Number of projected tensors -> which of queries, keys and values each holds side by side: how
many of the three, in this order."""


def attend_by_head(
    packed: tuple[Tensor, ...],
    num_heads: int,
    *,
    mask: Tensor | None = None,
    dropout_p: float = 0.0,
) -> Tensor:
    """Attends with every head.

    Args:
        packed: queries, keys and values, each (B, T or S, H * K), in one to three tensors: side by
            side in one (B, T, 3 * H * K), queries and (B, S, 2 * H * K), or all three.
        num_heads: H.
        mask: added to the scores, broadcastable to (B, H, T, S); without a gradient.
        dropout_p: dropout of the attention weights.

    Returns:
        (B, T, H * K).
    """
    return _ByHead.apply(num_heads, mask, dropout_p, *packed)  # type: ignore[no-any-return, no-untyped-call]


def _heads(packed: tuple[Tensor, ...], num_heads: int) -> list[list[Tensor]]:
    """Views (B, T or S, K) of queries, keys and values, of each head by itself."""
    found = []
    for tensor, count in zip(packed, PARTS[len(packed)], strict=True):
        batch, length = tensor.shape[:2]
        split = tensor.view(batch, length, count, num_heads, -1)
        found += [[split[:, :, part, head] for head in range(num_heads)] for part in range(count)]
    return found


class _ByHead(torch.autograd.Function):
    @staticmethod
    @torch.autocast("cpu", enabled=False)  # type: ignore[untyped-decorator]
    def forward(
        ctx: Any, num_heads: int, mask: Tensor | None, dropout_p: float, *packed: Tensor
    ) -> Tensor:
        packed = tuple(tensor.contiguous() for tensor in packed)
        queries, keys, values = _heads(packed, num_heads)
        batch, length, width = queries[0].shape
        ctx.num_heads, ctx.scale = num_heads, 1.0 / math.sqrt(width)
        weights = packed[0].new_empty((num_heads, batch, length, keys[0].size(1)))
        if mask is not None:
            weights.copy_(mask.expand(batch, num_heads, -1, -1).transpose(0, 1))
        for head, scores in enumerate(weights):
            beta = 0.0 if mask is None else 1.0
            key = keys[head].transpose(1, 2)
            torch.baddbmm(scores, queries[head], key, beta=beta, alpha=ctx.scale, out=scores)
        weights = torch.softmax(weights, -1)
        result = packed[0].new_empty((batch, length, num_heads, width))
        ctx.dropout_p, bits = dropout_p, None
        applied = weights
        if dropout_p > 0:
            bits = random_bits(weights.shape)
            applied = kept_numbers(bits, dropout_p, weights.dtype).mul_(weights)
        for head, given in enumerate(applied):
            result[:, :, head] = torch.bmm(given, values[head])
        ctx.save_for_backward(weights, bits, *packed)
        return result.flatten(2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        weights, bits, *packed = ctx.saved_tensors
        of_packed = tuple(torch.empty_like(tensor) for tensor in packed)
        queries, keys, values = _heads(packed, ctx.num_heads)
        of_queries, of_keys, of_values = _heads(of_packed, ctx.num_heads)
        (of_result,) = _heads_of_one(gradients[0].contiguous(), ctx.num_heads)
        kept = None if bits is None else kept_numbers(bits, ctx.dropout_p, weights.dtype)
        applied = weights if kept is None else weights * kept
        of_weights = torch.empty_like(weights)
        for head, given in enumerate(of_result):
            of_values[head].copy_(torch.bmm(applied[head].transpose(1, 2), given))
            torch.bmm(given, values[head].transpose(1, 2), out=of_weights[head])
        if kept is not None:
            of_weights.mul_(kept)
        of_scores = _softmax_gradient(of_weights, weights).mul_(ctx.scale)
        for head, given in enumerate(of_scores):
            # Products straight into these views would be copied twice.
            of_queries[head].copy_(torch.bmm(given, keys[head]))
            of_keys[head].copy_(torch.bmm(given.transpose(1, 2), queries[head]))
        return None, None, None, *of_packed


def _softmax_gradient(of_weights: Tensor, weights: Tensor) -> Tensor:
    """In float32: torch's kernel for narrower types takes ten times as long."""
    wide = torch.promote_types(weights.dtype, torch.float32)
    gradient = torch._softmax_backward_data(of_weights.to(wide), weights.to(wide), -1, wide)
    return gradient.to(weights.dtype)


def _heads_of_one(tensor: Tensor, num_heads: int) -> list[list[Tensor]]:
    split = tensor.view(tensor.size(0), tensor.size(1), num_heads, -1)
    return [[split[:, :, head] for head in range(num_heads)]]
