"""Blocks of a weight: views whose gradients are those of torch's own slices."""

import pytest
import torch

from hat.modules.slicing import leading, row_blocks

CASES = {
    "one block": ((3,), (2,)),
    "one width for all": ((2, 4), (3,)),
    "a width each": ((1, 2, 3), (5, 1, 4)),
    "all columns": ((2, 1), ()),
    "all rows": ((3, 4), (5, 2)),
}


@pytest.mark.parametrize(("rows", "columns"), CASES.values(), ids=CASES)
def test_values_and_gradients_are_those_of_slices(
    rows: tuple[int, ...], columns: tuple[int, ...]
) -> None:
    weight = torch.randn(7, 5, requires_grad=True)
    widths = columns * len(rows) if len(columns) == 1 else columns or (5,) * len(rows)
    starts = [sum(rows[:index]) for index in range(len(rows))]
    slices = [weight[s : s + r, :w] for s, r, w in zip(starts, rows, widths, strict=True)]
    blocks = row_blocks(weight, rows, *columns)
    factors = [torch.randn_like(block) for block in slices]
    for block, expected in zip(blocks, slices, strict=True):
        assert torch.equal(block, expected)
        assert block.data_ptr() == expected.data_ptr()
    found, expected = (
        torch.autograd.grad(sum((x * f).sum() for x, f in zip(xs, factors, strict=True)), weight)[0]
        for xs in (blocks, slices)
    )
    assert torch.equal(found, expected)


def test_a_block_that_is_not_used_has_no_gradient() -> None:
    weight = torch.randn(6, 4, requires_grad=True)
    first, second = row_blocks(weight, (2, 3), 2)
    second.sum().backward()
    expected = torch.zeros(6, 4)
    expected[2:5, :2] = 1
    assert torch.equal(weight.grad, expected)
    assert torch.equal(first, weight[:2, :2])


def test_vectors() -> None:
    bias = torch.randn(6, requires_grad=True)
    _, second = row_blocks(bias, (2, 3))
    (2 * second).sum().backward()
    assert bias.grad.tolist() == [0, 0, 2, 2, 2, 0]


def test_the_whole_is_the_weight_itself() -> None:
    weight = torch.randn(6, 4, requires_grad=True)
    assert leading(weight, 6, 4) is weight


def test_without_gradients_blocks_are_plain_views() -> None:
    weight = torch.randn(6, 4, requires_grad=True)
    with torch.no_grad():
        assert leading(weight, 2, 3).grad_fn is None
    assert leading(weight.detach(), 2, 3).grad_fn is None
