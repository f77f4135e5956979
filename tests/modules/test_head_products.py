"""Attention by heads is torch's attention, gradients and dropout included."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from hat.modules.attention import MultiheadAttentionSuper
from hat.modules.head_products import attend_by_head

B, H, T, S, K = 3, 2, 5, 7, 4


def plain(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """torch's, for (B, T or S, H * K)."""
    heads = (x.view(B, -1, H, K).transpose(1, 2) for x in (query, key, value))
    return F.scaled_dot_product_attention(*heads, attn_mask=mask).transpose(1, 2).flatten(2)


def masks(width: int) -> dict[str, Tensor | None]:
    by_row = torch.zeros(B, 1, 1, width, dtype=torch.float64)
    by_row[1, ..., 2:] = -torch.inf
    each = torch.randn(B, H, T, width, dtype=torch.float64)
    return {"none": None, "by sentence": by_row, "for each head": each}


@pytest.mark.parametrize("kind", ["none", "by sentence", "for each head"])
@pytest.mark.parametrize("together", [(3,), (1, 2), (1, 1, 1)], ids=str)
def test_equals_torch_s_attention(together: tuple[int, ...], kind: str) -> None:
    torch.manual_seed(0)
    width = T if together == (3,) else S
    lengths = (T, width, width)[: len(together)]
    packed = tuple(
        torch.randn(B, length, count * H * K, dtype=torch.float64, requires_grad=True)
        for length, count in zip(lengths, together, strict=True)
    )
    parts = [
        part for tensor, n in zip(packed, together, strict=True) for part in tensor.chunk(n, -1)
    ]
    mask = masks(width)[kind]
    found, expected = attend_by_head(packed, H, mask=mask), plain(*parts, mask)
    torch.testing.assert_close(found, expected)
    direction = torch.randn_like(expected)
    for ours, theirs in zip(
        *(torch.autograd.grad((x * direction).sum(), packed) for x in (found, expected)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_dropout_is_unbiased_and_in_the_gradient() -> None:
    torch.manual_seed(0)
    joint = torch.randn(B, T, 3 * H * K, dtype=torch.float64, requires_grad=True)
    without = attend_by_head((joint,), H)
    mean = torch.zeros_like(without)
    for _ in range(400):
        mean += attend_by_head((joint,), H, dropout_p=0.3).detach() / 400
    assert not torch.allclose(attend_by_head((joint,), H, dropout_p=0.3), without)
    torch.testing.assert_close(mean, without, atol=0.2, rtol=0)

    def seeded(x: Tensor) -> Tensor:
        torch.manual_seed(7)
        return attend_by_head((x,), H, dropout_p=0.3)

    torch.autograd.gradcheck(seeded, (joint,))


@pytest.mark.parametrize(
    ("memory_dim", "is_causal"), [(None, False), (None, True), (8, False), (6, False)]
)
def test_training_and_evaluation_give_the_same(memory_dim: int | None, is_causal: bool) -> None:
    """With gradients the heads go one by one, without them through torch's attention."""
    torch.manual_seed(0)
    attention = MultiheadAttentionSuper(8, 2, memory_dim=memory_dim, qkv_dim=8)
    x = torch.randn(B, T, 8)
    memory = None if memory_dim is None else torch.randn(B, S, memory_dim)
    mask = None
    if memory is not None:
        mask = torch.rand(B, 1, 1, S) > 0.3
        mask[..., 0] = True
    trained = attention(x, memory, mask=mask, is_causal=is_causal)
    assert trained.requires_grad
    with torch.no_grad():
        torch.testing.assert_close(attention(x, memory, mask=mask, is_causal=is_causal), trained)
