"""How fast a GPU multiplies matrices."""

from collections.abc import Sequence
from functools import partial

import torch

from hat.machine.instructions import float_type, in_hardware
from hat.measuring.clock import clock_for

_PRODUCTS = 10


def product_rates(
    precisions: Sequence[str] = ("fp32", "bf16", "fp16"), *, size: int = 4096, device: str = "cuda"
) -> dict[str, float]:
    """Measures products of random matrices by ``torch.mm``, the fastest of ten; nothing is kept.

    Args:
        precisions: of ``fp32``, ``bf16`` and ``fp16``; those without hardware are left out.
        size: rows and columns. Three matrices of 4,096 in fp32 take 200 MB.
        device: ``cuda``, or ``cpu``.

    Returns:
        TFLOP/s by precision.
    """
    found, clock = {}, clock_for(device)
    with torch.inference_mode():
        for name in precisions:
            if name != "fp32" and not in_hardware(name, device):
                continue
            left, right = (
                torch.randn(size, size, device=device).to(float_type(name)) for _ in range(2)
            )
            multiply = partial(torch.mm, left, right)
            multiply()  # the first one includes choosing how
            milliseconds = min(clock.elapsed_ms(multiply) for _ in range(_PRODUCTS))
            found[name] = 2 * size**3 / milliseconds / 1e9
    return found
