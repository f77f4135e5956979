"""Dropout drops as often as it says, and its gradient drops the same numbers."""

import pytest
import torch

from hat.modules.dropout import dropout


@pytest.mark.parametrize("p", [0.075, 0.1, 0.375, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_rate_scale_and_gradient(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x = torch.ones(401, 503, dtype=dtype, requires_grad=True)
    y = dropout(x, p, training=True)
    dropped = y.eq(0)
    count = x.numel()
    assert abs(int(dropped.sum()) - p * count) < 4 * (p * (1 - p) * count) ** 0.5
    torch.testing.assert_close(
        y[~dropped], torch.full_like(y[~dropped], 1 / (1 - p)), rtol=1e-2, atol=0
    )
    y.backward(torch.full_like(y, 2.0))
    torch.testing.assert_close(x.grad, 2 * y.detach())


def test_neighbours_are_independent() -> None:
    torch.manual_seed(0)
    kept = dropout(torch.ones(400_000), 0.5, training=True).ne(0)
    for distance in (1, 2, 3, 4, 8):
        alike = kept[distance:].eq(kept[:-distance]).float().mean()
        assert abs(float(alike) - 0.5) < 4 * 0.5 / 400_000**0.5


def test_the_seed_decides() -> None:
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(dropout(torch.ones(1001), 0.3, training=True))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


@pytest.mark.parametrize("p", [0.0, 0.25])
@pytest.mark.parametrize("training", [True, False])
def test_a_residual_is_added(p: float, training: bool) -> None:
    x = torch.randn(7, 5, requires_grad=True)
    residual = torch.randn(7, 5, requires_grad=True)
    found = []
    for given in (None, residual):
        torch.manual_seed(0)
        y = dropout(x, p, training=training, residual=given)
        found.append((y, torch.autograd.grad(y.sum(), x)[0]))
    torch.testing.assert_close(found[1][0], residual + found[0][0])
    torch.testing.assert_close(found[1][1], found[0][1])
    y = dropout(x, p, training=training, residual=residual)
    assert torch.equal(torch.autograd.grad(y.sum(), residual)[0], torch.ones(7, 5))


def test_nothing_is_dropped_outside_training() -> None:
    x = torch.randn(5)
    assert dropout(x, 0.5, training=False) is x
    assert dropout(x, 0.0, training=True) is x
