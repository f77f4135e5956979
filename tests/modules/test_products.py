"""Products by oneDNN are those of torch's own linear layer, gradients too."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from hat.modules import products
from hat.modules.products import by_onednn, linear, outer_product
from hat.modules.vocabulary_loss import vocabulary_loss

pytestmark = pytest.mark.numbers


@pytest.fixture(autouse=True)
def even_for_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """oneDNN is for small products, too, so that tests of it are fast."""
    monkeypatch.setattr(products, "_OPERATIONS", 0)


def a_case(rows: tuple[int, ...], *, cut: bool) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    weight = torch.randn(70, 40)[:48, :24] if cut else torch.randn(48, 24)
    return (
        torch.randn(*rows, 24).requires_grad_(),
        weight.detach().requires_grad_(),
        torch.randn(48).requires_grad_(),
    )


@pytest.mark.parametrize("rows", [(3,), (64,), (5, 70), (2, 3, 40)])
@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("has_bias", [False, True])
def test_values_and_gradients(rows: tuple[int, ...], cut: bool, has_bias: bool) -> None:
    x, weight, bias = a_case(rows, cut=cut)
    inputs = (x, weight, bias) if has_bias else (x, weight)
    found, expected = linear(*inputs), F.linear(*(each.double() for each in inputs))
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5)
    factor = torch.randn(*rows, 48)
    of_found = torch.autograd.grad((found * factor).sum(), inputs)
    of_expected = torch.autograd.grad((expected * factor.double()).sum(), inputs)
    for one, other in zip(of_found, of_expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        assert torch.equal(linear(*inputs), found)


def test_what_needs_no_gradient_gets_none() -> None:
    x, weight, bias = a_case((80,), cut=True)
    (of_weight,) = torch.autograd.grad(linear(x.detach(), weight, bias).sum(), (weight,))
    torch.testing.assert_close(of_weight, x.detach().sum(0).expand(48, 24), rtol=1e-4, atol=1e-4)
    (of_x,) = torch.autograd.grad(linear(x, weight.detach(), None).sum(), (x,))
    torch.testing.assert_close(of_x, weight.detach().sum(0).expand(80, 24), rtol=1e-4, atol=1e-4)


def test_the_choice_hangs_on_shapes_and_types_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = torch.randn(8, 4)
    assert by_onednn(torch.randn(64, 4), weight) is products.is_for_onednn(weight)
    assert not by_onednn(torch.randn(63, 4), weight)
    assert not by_onednn(torch.randn(64, 4).double(), weight.double())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not by_onednn(torch.randn(64, 4), weight)
        assert linear(torch.randn(64, 4), weight).dtype == torch.bfloat16
    monkeypatch.setattr(products, "_OPERATIONS", 2 * 100 * 4 * 8)
    assert by_onednn(torch.randn(100, 4), weight) is products.is_for_onednn(weight)
    assert not by_onednn(torch.randn(99, 4), weight)


@pytest.mark.parametrize("shape", [(30, 8), (8, 30)])
def test_outer_products(shape: tuple[int, int]) -> None:
    left, right = torch.randn(90, shape[0]), torch.randn(90, shape[1])
    torch.testing.assert_close(outer_product(left, right), left.t() @ right, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("width", [24, 40])
def test_the_vocabulary_loss_is_the_same_by_either(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    features = torch.randn(600, width).requires_grad_()  # blocks of 256 and a rest
    weight = torch.randn(150, 40).requires_grad_()
    target = torch.randint(0, 150, (600,))

    def found() -> tuple[Tensor, ...]:
        loss = vocabulary_loss(features, weight, target, smoothing=0.1, ignore_index=1).loss
        return (loss, *torch.autograd.grad(loss, (features, weight)))

    by_either = found()
    monkeypatch.setattr(products, "is_for_onednn", lambda weight: False)
    for one, other in zip(by_either, found(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
