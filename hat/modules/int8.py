"""Matrix products with 8-bit weights on the CPU."""

import warnings

import torch
from torch import Tensor

from hat.machine.instructions import REDUCED


class PackedWeight:
    """One matrix product with 8-bit weights in the layout that the CPU's kernel wants.

    Args:
        weight: (out, in).
        bias: (out,) or None.
        range_of_int8: ``reduced`` leaves a bit of the activations unused.
        relu: whether the rectifier follows.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, range_of_int8: str, *, relu: bool = False
    ) -> None:
        ops = torch.ops.quantized
        self._run = ops.linear_relu_dynamic if relu else ops.linear_dynamic
        self._is_reduced = range_of_int8 == REDUCED
        weight = weight.detach().float().contiguous()
        scales = weight.abs().amax(dim=1).clamp(min=1e-8).double() / 127
        zeros = torch.zeros(len(weight), dtype=torch.int64)
        with warnings.catch_warnings():
            # torch announces that quantised tensors will move to another package
            warnings.simplefilter("ignore", UserWarning)
            quantised = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
            self._packed = torch.ops.quantized.linear_prepack(
                quantised, None if bias is None else bias.detach().float()
            )

    def __call__(self, x: Tensor) -> Tensor:
        """x: (..., in) -> (..., out)."""
        output: Tensor = self._run(x.contiguous(), self._packed, self._is_reduced)
        return output
