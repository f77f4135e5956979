"""What the processor and the GPU of this machine can do: which number formats are worth using.

Answers hold for what really runs. ``ATEN_CPU_CAPABILITY``, ``ONEDNN_MAX_CPU_ISA``,
``FBGEMM_ENABLE_INSTRUCTIONS`` and ``torch.backends.quantized.engine`` each take instructions away
from a part of torch, so nothing is concluded from the processor's name or flags alone: a product
of two small matrices tells.
"""

import functools
import time
import warnings
from typing import TYPE_CHECKING

from hat.machine.onednn import is_for_onednn
from hat.machine.onednn import product as onednn_product
from hat.machine.threads import limited_to

if TYPE_CHECKING:
    import torch

FULL, REDUCED = "full", "reduced"
INT8_RANGES = (FULL, REDUCED)
"""How many values activations take in an int8 product: all 256, or 128."""

_SIZE = 256
"""Rows and columns of the matrices that are multiplied to see how fast that is."""

_REPEATS = 8


def float_type(precision: str) -> "torch.dtype":
    """Returns torch's type for ``fp32``, ``bf16`` or ``fp16``."""
    import torch

    types = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    return types[precision]


@functools.cache
def in_hardware(precision: str, device: str = "cpu") -> bool:
    """Returns whether products at ``precision`` are made by instructions of their own.

    Where they are not, torch imitates them, up to 40 times slower than fp32.

    Args:
        precision: ``bf16`` or ``fp16``.
        device: ``cpu`` or ``cuda``.
    """
    import torch

    if device == "cuda":
        return precision == "fp16" or torch.cuda.is_bf16_supported(including_emulation=False)
    has_kernels = getattr(torch.ops.mkldnn, f"_is_mkldnn_{precision}_supported", None)
    if has_kernels is None or not has_kernels():
        return False
    # oneDNN has kernels that only need AVX-512; without bf16 instructions they lose to fp32's.
    rates = product_rates(precision, "fp32")
    return rates[precision] > rates["fp32"]


def auto_precision(device: str = "cpu") -> str:
    """Returns what ``bf16: auto`` means here: ``bf16`` where that is in hardware, else ``fp32``.

    Args:
        device: ``cpu`` or ``cuda``.
    """
    return "bf16" if in_hardware("bf16", device) else "fp32"


def product_rates(*precisions: str) -> dict[str, float]:
    """Measures the matrix products of one thread at each precision, in GFLOP/s.

    Takes some milliseconds where there are instructions for them. The precisions take turns and
    the fastest of a few products counts, so another process that runs now and then does no harm.
    With several threads it would: a product waits for the slowest of them, and on a busy machine
    of two cores every fifth comparison came out wrong.

    Args:
        precisions: of ``fp32``, ``bf16`` and ``fp16``.
    """
    import torch

    with torch.inference_mode(), limited_to(1):
        factors = {name: torch.ones(_SIZE, _SIZE, dtype=float_type(name)) for name in precisions}
        seconds = dict.fromkeys(precisions, float("inf"))
        ways = {
            name: onednn_product if is_for_onednn(factor) else torch.mm
            for name, factor in factors.items()
        }
        for name, factor in factors.items():
            ways[name](factor, factor)  # the first one includes generating its code
        for _ in range(_REPEATS):
            for name, factor in factors.items():
                started = time.perf_counter()
                ways[name](factor, factor)
                seconds[name] = min(seconds[name], time.perf_counter() - started)
    return {name: 2 * _SIZE**3 / took / 1e9 for name, took in seconds.items()}


def int8_range() -> str:
    """Returns the range in which int8 products are right here: ``full`` or ``reduced``.

    VNNI instructions sum products of 8 by 8 bits in 32 bits. Before them pairs were summed in 16
    bits, which two products of full range overflow; half the range for one factor fits.
    """
    import torch

    return _int8_range(torch.backends.quantized.engine)


@functools.cache
def _int8_range(engine: str) -> str:
    """The answer for one of torch's engines, which is the active one."""
    import torch

    width = 64
    with warnings.catch_warnings():
        # torch announces that quantised tensors will move to another package
        warnings.simplefilter("ignore", UserWarning)
        weight = torch.quantize_per_tensor(torch.ones(width, width), 1 / 127, 0, torch.qint8)
        packed = torch.ops.quantized.linear_prepack(weight, None)
        # Every product is the largest there is, 255 * 127, and their sum as large as can be.
        sums = torch.ops.quantized.linear_dynamic(torch.ones(32, width), packed, False)
    is_right = bool(((sums - width).abs() < 0.02 * width).all())
    return FULL if is_right else REDUCED
