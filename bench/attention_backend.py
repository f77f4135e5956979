"""Time attention on the CPU: torch's fused kernel against plain products, in one run.

    OMP_NUM_THREADS=1 python bench/attention_backend.py

Prints the CPU time of one call in milliseconds (the best of ten) without and with gradients.
"""

import time
from collections.abc import Callable

import torch
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

SHAPES = ((110, 4, 17, 64), (110, 2, 17, 128), (16, 8, 128, 64))
BACKENDS = (SDPBackend.FLASH_ATTENTION, SDPBackend.MATH)


def best_ms(call: Callable[[], object], repeats: int = 10) -> float:
    """Returns the smallest CPU time of ``call`` in milliseconds."""
    call()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def measure(shape: tuple[int, ...], dtype: torch.dtype, backend: SDPBackend) -> tuple[float, float]:
    """Returns forward, and forward with backward, in milliseconds."""
    query, key, value = (torch.randn(shape, dtype=dtype, requires_grad=True) for _ in range(3))
    gradient = torch.randn(shape, dtype=dtype)

    def forward() -> None:
        with torch.no_grad():
            F.scaled_dot_product_attention(query, key, value)

    def both() -> None:
        F.scaled_dot_product_attention(query, key, value).backward(gradient)

    with sdpa_kernel(backend):
        return best_ms(forward), best_ms(both)


def main() -> None:
    """Prints the table."""
    torch.manual_seed(0)
    print(f"{'B, H, T, K':<20}{'type':<16}{'fused':>16}{'products':>16}{'ratio':>8}")
    for dtype in (torch.float32, torch.bfloat16):
        for shape in SHAPES:
            (fused, fused_both), (plain, plain_both) = (
                measure(shape, dtype, backend) for backend in BACKENDS
            )
            row = f"{', '.join(map(str, shape)):<20}{dtype!s:<16}"
            row += f"{fused:8.1f}{fused_both:8.1f}{plain:8.1f}{plain_both:8.1f}"
            print(row + f"{fused_both / plain_both:8.2f}")


if __name__ == "__main__":
    main()
