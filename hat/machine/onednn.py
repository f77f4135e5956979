"""oneDNN's product of rows and a weight, called by itself.

torch calls MKL for products of float32 on a CPU, oneDNN for narrower types only.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def is_for_onednn(weight: "Tensor") -> bool:
    """Whether oneDNN is there and multiplies weights of this type, where this one lies."""
    import torch

    return (
        weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and torch._C._has_mkldnn
        and bool(torch.backends.mkldnn.enabled)
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def product(x: "Tensor", weight: "Tensor", bias: "Tensor | None" = None) -> "Tensor":
    """``x W^T + b``, without a gradient.

    Args:
        x: (rows, in), rows or columns side by side in memory.
        weight: (out, in). One whose numbers lie apart is copied: oneDNN has no fast code for it.
        bias: (out,).

    Returns:
        (rows, out).
    """
    import torch

    if not (weight.is_contiguous() or weight.t().is_contiguous()):
        weight = weight.contiguous()
    if bias is not None:
        bias = bias.contiguous()
    y: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return y
