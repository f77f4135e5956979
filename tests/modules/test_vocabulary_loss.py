"""The output layer's loss in blocks is the loss of whole logits, gradients too."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from hat.modules.vocabulary_loss import vocabulary_loss
from tests.modules.vocabulary_case import (
    PAD,
    SMOOTHING,
    WIDTH,
    Case,
    LargestLogits,
    case,
    small_blocks,
    whole,
)

__all__ = ["small_blocks"]

pytestmark = pytest.mark.usefixtures("small_blocks")


def gradients(loss: Tensor, x: Case) -> tuple[Tensor, Tensor]:
    return torch.autograd.grad(loss, (x.features, x.weight))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_equals_the_loss_of_whole_logits(smoothing: float, scale: float) -> None:
    x = case(scale=scale)
    expected, expected_nll = whole(x, smoothing)
    found = vocabulary_loss(x.features, x.weight, x.target, smoothing=smoothing, ignore_index=PAD)
    assert found.tokens == x.target.ne(PAD).sum()
    torch.testing.assert_close(found.loss, expected)
    torch.testing.assert_close(found.nll, expected_nll)
    assert not found.nll.requires_grad
    for ours, theirs in zip(gradients(3 * found.loss, x), gradients(3 * expected, x), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_bf16_sums_in_float32() -> None:
    x = case(torch.bfloat16)
    expected, expected_nll = whole(x, SMOOTHING)
    found = vocabulary_loss(x.features, x.weight, x.target, smoothing=SMOOTHING, ignore_index=PAD)
    torch.testing.assert_close(found.loss, expected, rtol=1e-5, atol=0)
    torch.testing.assert_close(found.nll, expected_nll, rtol=1e-5, atol=0)
    for ours, theirs in zip(gradients(found.loss, x), gradients(expected, x), strict=True):
        assert ours.dtype == torch.bfloat16
        torch.testing.assert_close(ours, theirs, rtol=0.02, atol=0.02)


def test_padding_has_no_say() -> None:
    x = case()
    kept = x.target.ne(PAD)
    found = vocabulary_loss(x.features, x.weight, x.target, smoothing=SMOOTHING, ignore_index=PAD)
    alone = vocabulary_loss(
        x.features[kept], x.weight, x.target[kept], smoothing=SMOOTHING, ignore_index=PAD
    )
    torch.testing.assert_close(found.loss, alone.loss)
    assert gradients(found.loss, x)[0][~kept].abs().max() == 0


def test_only_active_columns_get_gradients() -> None:
    x = case()
    found = vocabulary_loss(x.features, x.weight, x.target, smoothing=SMOOTHING, ignore_index=PAD)
    _, by_weight = gradients(found.loss, x)
    assert by_weight[:, :WIDTH].abs().min() > 0
    assert by_weight[:, WIDTH:].abs().max() == 0


def test_without_gradients_and_without_tokens() -> None:
    x = case()
    with torch.no_grad():
        found = vocabulary_loss(
            x.features, x.weight, x.target, smoothing=SMOOTHING, ignore_index=PAD
        )
    assert not found.loss.requires_grad
    torch.testing.assert_close(found.loss, whole(x, SMOOTHING)[0].detach())
    none = torch.full_like(x.target, PAD)
    empty = vocabulary_loss(x.features, x.weight, none, smoothing=SMOOTHING, ignore_index=PAD)
    assert (empty.loss.item(), empty.tokens) == (0.0, 0)
    assert all(g.abs().max() == 0 for g in gradients(empty.loss, x))


def test_the_loss_may_be_changed_in_place() -> None:
    """fairseq multiplies it by 0 where a process has no batch left."""
    x = case()
    loss = vocabulary_loss(
        x.features, x.weight, x.target, smoothing=SMOOTHING, ignore_index=PAD
    ).loss
    loss *= 0
    assert all(gradient.abs().max() == 0 for gradient in gradients(loss, x))


def test_counts_correct_words() -> None:
    x = case()
    best = F.linear(x.features, x.weight[:, :WIDTH]).argmax(-1)
    target = torch.where(torch.arange(7) % 2 == 0, best, x.target)
    counts = target.ne(PAD)
    found = vocabulary_loss(
        x.features, x.weight, target, smoothing=0.0, ignore_index=PAD, count_correct=True
    )
    assert found.correct == (best.eq(target) & counts).sum() > 9


def test_never_makes_the_logits_of_a_whole_batch() -> None:
    x = case()
    with LargestLogits() as watch:
        loss = vocabulary_loss(
            x.features, x.weight, x.target, smoothing=SMOOTHING, ignore_index=PAD
        ).loss
        loss.backward()
    assert 0 < watch.tokens < int(x.target.ne(PAD).sum()) // 2
