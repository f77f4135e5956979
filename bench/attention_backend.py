"""Time attention on the CPU: torch's fused kernel, its plain products, and ours by head.

    OMP_NUM_THREADS=1 python bench/attention_backend.py

Prints the CPU time of one call in milliseconds (the best of ten), from the projections of queries,
keys and values side by side to the gathered heads, without and with gradients.
"""

import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from hat.modules.head_products import attend_by_head

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


def torch_s(joint: Tensor, heads: int) -> Tensor:
    """Attention by torch; joint: (B, T, 3 * H * K) -> (B, T, H * K)."""
    batch, length = joint.shape[:2]
    parts = joint.view(batch, length, 3, heads, -1).unbind(2)
    query, key, value = (part.transpose(1, 2) for part in parts)
    return F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)


def ours(joint: Tensor, heads: int) -> Tensor:
    """The same by one product per head."""
    return attend_by_head((joint,), heads)


def measure(
    shape: tuple[int, ...], dtype: torch.dtype, attend: Callable[[Tensor, int], Tensor]
) -> tuple[float, float]:
    """Returns forward, and forward with backward, in milliseconds."""
    batch, heads, length, width = shape
    joint = torch.randn(batch, length, 3 * heads * width, dtype=dtype, requires_grad=True)
    gradient = torch.randn(batch, length, heads * width, dtype=dtype)

    def forward() -> None:
        with torch.no_grad():
            attend(joint, heads)

    def both() -> None:
        attend(joint, heads).backward(gradient)  # type: ignore[no-untyped-call]

    return best_ms(forward), best_ms(both)


def main() -> None:
    """Prints the table."""
    torch.manual_seed(0)
    print(f"{'B, H, T, K':<20}{'type':<16}{'fused':>18}{'products':>18}{'by head':>18}")
    for dtype in (torch.float32, torch.bfloat16):
        for shape in SHAPES:
            times = []
            for backend in BACKENDS:
                with sdpa_kernel(backend):
                    times.append(measure(shape, dtype, torch_s))
            times.append(measure(shape, dtype, ours))
            row = f"{', '.join(map(str, shape)):<20}{dtype!s:<16}"
            print(row + "".join(f"{forward:9.1f}{both:9.1f}" for forward, both in times))


if __name__ == "__main__":
    main()
