"""Trains a tiny SuperTransformer on ever new shapes and prints the growth of its memory in MiB.

A program of its own, because the caches under test belong to a process and never shrink.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from hat.machine.instructions import in_hardware
from hat.models.config import SuperTransformerConfig
from hat.models.super_transformer import SuperTransformer

UPDATES = 200
PAGE_MIB = 4096 / 2**20


class OneDnnProduct(torch.autograd.Function):
    """fp32 products by oneDNN, which torch leaves to another library otherwise."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        (gradient,) = gradients
        return product(gradient, weight.t().contiguous()), product(
            gradient.t().contiguous(), x.t().contiguous()
        )


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x: (rows, in), weight: (out, in) -> (rows, out)."""
    result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
    return result


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """What ``F.linear`` computes, through oneDNN."""
    rows = x.reshape(-1, x.size(-1))
    y = OneDnnProduct.apply(rows, weight.contiguous()).view(*x.shape[:-1], -1)  # type: ignore[no-untyped-call]
    return y if bias is None else y + bias


def resident_mib() -> float:
    """Returns the memory of this process that is in RAM."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_MIB


def main() -> None:
    """Trains, and prints what the second half of the updates added."""
    width = 32
    config = SuperTransformerConfig(
        src_vocab_size=50,
        tgt_vocab_size=50,
        encoder_embed_dim=width,
        encoder_ffn_dim=width,
        encoder_layers=1,
        encoder_heads=2,
        decoder_embed_dim=width,
        decoder_ffn_dim=width,
        decoder_layers=1,
        decoder_heads=2,
        qkv_dim=width,
    )
    model = SuperTransformer(config)
    if in_hardware("bf16"):
        model.to(torch.bfloat16)
    else:
        F.linear = linear
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    after_half = 0.0
    for update in range(UPDATES):
        if update == UPDATES // 2:
            after_half = resident_mib()
        # A dozen products a length: all of them are few enough for the libraries' own capacity,
        # so without ours memory still grows in the second half.
        length = 5 + update // 4
        source, target = torch.randint(4, 50, (2, 3, length))
        optimizer.zero_grad()
        logits = model(source, None, target)
        F.cross_entropy(logits.flatten(0, 1).float(), target.flatten()).backward()
        optimizer.step()
    print(resident_mib() - after_half)


if __name__ == "__main__":
    main()
