"""Divergences and their gradients: against a plain implementation, and in blocks."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from hat.errors import ConfigError
from hat.modules.soft_targets import DistillationSettings, alpha_divergence
from hat.modules.vocabulary_loss import Teacher, vocabulary_loss
from tests.modules.vocabulary_case import (
    PAD,
    SMOOTHING,
    VOCABULARY,
    Case,
    LargestLogits,
    case,
    small_blocks,
    whole,
)

__all__ = ["small_blocks"]

ALPHAS = [-1.0, -0.5, 0.0, 0.5, 1.0, 2.0]
NO_CLIP = 1e30


def logits(seed: int, *, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(9, VOCABULARY, dtype=torch.float64, generator=generator) * scale


def plainly(z: Tensor, taught: Tensor, alpha: float) -> Tensor:
    """The definition, term by term, for torch to differentiate."""
    q, p = z.softmax(-1), taught.softmax(-1)
    if alpha == 1:
        return (p * (p / q).log()).sum(-1)
    if alpha == 0:
        return (q * (q / p).log()).sum(-1)
    return ((p**alpha * q ** (1 - alpha)).sum(-1) - 1) / (alpha * (alpha - 1))


@pytest.mark.parametrize("alpha", ALPHAS)
def test_value_and_gradient_are_those_of_the_definition(alpha: float) -> None:
    z = logits(1).requires_grad_()
    expected = plainly(z, logits(2), alpha)
    (slope,) = torch.autograd.grad(expected.sum(), z)
    values, gradient = alpha_divergence(
        z.detach().log_softmax(-1), logits(2).log_softmax(-1), alpha=alpha, clip=NO_CLIP
    )
    torch.testing.assert_close(values, expected.detach())
    torch.testing.assert_close(gradient, slope)
    assert (values > 0).all()


@pytest.mark.parametrize("alpha", ALPHAS)
def test_a_student_like_its_teacher_has_nothing_to_learn(alpha: float) -> None:
    same = logits(1).log_softmax(-1)
    values, gradient = alpha_divergence(same, same.clone(), alpha=alpha, clip=NO_CLIP)
    torch.testing.assert_close(values, torch.zeros_like(values))
    torch.testing.assert_close(gradient, torch.zeros_like(gradient))


def surrogate(z: Tensor, taught: Tensor, alpha: float, clip: float) -> tuple[Tensor, Tensor]:
    """Values with r^alpha cut off, and a sum whose gradient AlphaNet takes (its equation 8)."""
    q, p = z.softmax(-1).detach(), taught.softmax(-1)
    if alpha == 1:
        return plainly(z, taught, 1).detach(), -(p * z.log_softmax(-1)).sum(-1)
    cut = (p / q).pow(alpha).clamp(max=clip)
    values = ((q * cut).sum(-1) - 1) / (alpha * (alpha - 1))
    return values, -(q * cut / alpha * z.log_softmax(-1)).sum(-1)


def test_the_adaptive_one_is_the_larger_of_two_for_each_token() -> None:
    settings = DistillationSettings(distill_weight=1.0, distill_divergence="alpha")
    z, taught = logits(1, scale=3).requires_grad_(), logits(2, scale=3)
    (low, low_sum), (high, high_sum) = (surrogate(z, taught, a, 5.0) for a in (-1.0, 1.0))
    is_high = high >= low
    (slope,) = torch.autograd.grad(torch.where(is_high, high_sum, low_sum).sum(), z)
    values, gradient = settings.divergence(z.detach(), taught)
    torch.testing.assert_close(values, torch.maximum(low, high))
    torch.testing.assert_close(gradient, slope)
    assert 0 < is_high.sum() < len(is_high), "both kinds must occur for this test to say anything"


def test_what_is_out_of_range_is_refused() -> None:
    for wrong in ({"distill_weight": 1.5}, {"distill_clip": 0.5}, {"distill_divergence": "js"}):
        with pytest.raises(ConfigError, match=next(iter(wrong)).replace("_", "-")):
            DistillationSettings(**wrong)  # type: ignore[arg-type]


TEACHER_WIDTH = 8
"""Wider than the student's 6, in a weight of 9 columns."""


def teacher_features(x: Case) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    rows = int(x.target.ne(PAD).sum())
    full = torch.randn(rows, TEACHER_WIDTH, dtype=torch.float64, generator=generator)
    return full.to(x.features.dtype)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("kind", ["kl", "alpha"])
@pytest.mark.parametrize("part", [0.3, 1.0])
def test_in_blocks_it_is_that_of_whole_logits(kind: str, part: float) -> None:
    settings = DistillationSettings(distill_weight=part, distill_divergence=kind)  # type: ignore[arg-type]
    x = case()
    taught_by = teacher_features(x)
    found = vocabulary_loss(
        x.features,
        x.weight,
        x.target,
        smoothing=SMOOTHING,
        ignore_index=PAD,
        teacher=Teacher(taught_by, settings),
    )
    hard, nll = whole(x, SMOOTHING)
    z = F.linear(x.features[x.target.ne(PAD)], x.weight[:, : x.features.size(-1)])
    taught = F.linear(taught_by, x.weight.detach()[:, :TEACHER_WIDTH])
    low, low_sum = surrogate(z, taught, -1.0, 5.0)
    high, high_sum = surrogate(z, taught, 1.0, 5.0)
    if kind == "kl":
        values, sums = high, high_sum
    else:
        values, sums = torch.maximum(low, high), torch.where(high >= low, high_sum, low_sum)
    torch.testing.assert_close(found.loss, ((1 - part) * hard + part * values.sum()).detach())
    torch.testing.assert_close(found.smoothed, hard.detach())
    torch.testing.assert_close(found.nll, nll.detach())
    torch.testing.assert_close(found.divergence, values.sum().detach())
    expected = torch.autograd.grad((1 - part) * hard + part * sums.sum(), (x.features, x.weight))
    ours = torch.autograd.grad(2 * found.loss, (x.features, x.weight))
    for one, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(one, 2 * other)


@pytest.mark.usefixtures("small_blocks")
def test_bf16_is_near_and_no_logits_of_a_whole_batch_are_made() -> None:
    settings = DistillationSettings(distill_weight=0.5)
    x = case(torch.bfloat16)
    wide = Case(x.features.detach().double().requires_grad_(), x.weight.detach().double(), x.target)
    wide.weight.requires_grad_()
    watch = LargestLogits()
    found = []
    for each in (x, wide):
        teacher = Teacher(teacher_features(x).to(each.features.dtype), settings)
        with watch:
            loss = vocabulary_loss(
                each.features,
                each.weight,
                each.target,
                smoothing=SMOOTHING,
                ignore_index=PAD,
                teacher=teacher,
            ).loss
            found.append((loss, *torch.autograd.grad(loss, (each.features, each.weight))))
    assert watch.tokens < int(x.target.ne(PAD).sum())
    torch.testing.assert_close(found[0][0].double(), found[1][0], rtol=0.01, atol=0)
    for one, other in zip(found[0][1:], found[1][1:], strict=True):
        torch.testing.assert_close(one.double(), other, rtol=0.05, atol=0.05)
