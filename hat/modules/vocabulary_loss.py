"""Output layer and label-smoothed cross-entropy in one pass, a block of tokens at a time.

The logits of a batch are by far its largest tensor: 2,048 tokens of 8,000 words are 64 MB in
float32, and the plain way makes five of them (logits, log-probabilities, and the gradients of
both and of the picked entries). Here a block of logits is made, turned into its loss and its
gradient where it stands, multiplied into the gradients of features and weight, and overwritten by
the next block.

With z the logits of a token, t its target, p = softmax(z) and e = smoothing / (V - 1), fairseq's
``label_smoothed_cross_entropy`` is

    nll  = logsumexp(z) - z_t
    loss = (1 - smoothing - e) * nll + e * (V * logsumexp(z) - sum(z))

and its gradient p - e - (1 - smoothing - e) * onehot(t). The constant e is the same for every
token and word, so it is not written into V numbers of each token: it enters the gradient of the
features as the sum of the weight's rows, and that of the weight as the sum of the features.

A teacher is another network of the same weights (``hat.modules.soft_targets``). Its logits are made
anew of its features, block by block beside the student's, so that they are never there as a whole
either. That costs one more product of the features with the weight.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hat.machine.onednn import product
from hat.modules.products import by_onednn, outer_product
from hat.modules.soft_targets import DistillationSettings

_BLOCK_BYTES = 16 * 2**20
"""Of logits at once: large enough that the products run at their full rate."""

_BLOCK_ROWS = 256
"""Rows at once by oneDNN, whose code for a number of rows is made once: all blocks but the last of
a batch share it."""

_SOFTMAX_BYTES = 4 * 2**20
"""Of float32 logits at once where the products are of another type."""

_GPU_FACTOR = 32
"""How many times more of both a GPU takes at once: its caches hold no block anyway, and each of the
dozen kernels of a block costs microseconds to start, however little it does."""


@dataclass(frozen=True)
class VocabularyLoss:
    """Losses of a batch, summed over its tokens."""

    loss: Tensor
    """Label-smoothed cross-entropy in nats, float32 (), or what a teacher makes of it; has a
    gradient."""

    nll: Tensor
    """Cross-entropy in nats, float32 (); without a gradient."""

    correct: Tensor
    """How many tokens have the target as their likeliest word, int64 ()."""

    tokens: int
    """Tokens that counted."""

    smoothed: Tensor
    """Label-smoothed cross-entropy in nats, float32 (), whoever teaches; without a gradient."""

    divergence: Tensor
    """From the teacher in nats, float32 (), 0 without one; without a gradient."""

    features: Tensor
    """(N, E) of the tokens that counted: what makes the network a teacher; without a gradient."""


@dataclass(frozen=True)
class Teacher:
    """Whose words are to be learnt, and how."""

    features: Tensor
    """(N, E_teacher) of the tokens that count; they are taken as they are."""

    settings: DistillationSettings
    """The part of the loss that is the divergence, and which one."""


def vocabulary_loss(
    features: Tensor,
    weight: Tensor,
    target: Tensor,
    *,
    smoothing: float,
    ignore_index: int,
    count_correct: bool = False,
    teacher: Teacher | None = None,
) -> VocabularyLoss:
    """Computes the loss of an output layer without ever holding the logits of the whole batch.

    Tokens to be ignored cost nothing. Sums are in float32 whatever the type of the features.

    Args:
        features: (..., E).
        weight: (V, E_full) of the output layer, whose first E columns count. Its gradient is zero
            in the others.
        target: (...) int64.
        smoothing: probability that the smoothed target takes from the right word.
        ignore_index: target of the tokens that do not count.
        count_correct: whether ``correct`` is wanted; otherwise it is 0.
        teacher: another network with the same output layer, whose words count, too.
    """
    if torch.is_autocast_enabled(features.device.type):
        dtype = torch.get_autocast_dtype(features.device.type)
        features, weight = features.to(dtype), weight.to(dtype)
    counts = target.ne(ignore_index)
    rows, words = features[counts], target[counts]
    needs_gradient = torch.is_grad_enabled() and (rows.requires_grad or weight.requires_grad)
    loss, nll, correct, smoothed, divergence = _VocabularyLoss.apply(  # type: ignore[no-untyped-call]
        rows, weight, words, smoothing, needs_gradient, count_correct, teacher
    )
    return VocabularyLoss(
        loss=loss,
        nll=nll,
        correct=correct,
        tokens=len(words),
        smoothed=smoothed,
        divergence=divergence,
        features=rows.detach(),
    )


class _VocabularyLoss(torch.autograd.Function):
    """The loss of rows (N, E), whose gradients are formed along with it."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        target: Tensor,
        smoothing: float,
        needs_gradient: bool,
        count_correct: bool,
        teacher: Teacher | None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        work = _Work(features, weight, smoothing, needs_gradient, teacher)
        with torch.autocast(features.device.type, enabled=False):
            for start in range(0, len(target), work.block):
                rows = slice(start, start + work.block)
                work.add(rows, target[rows], count_correct)
        if needs_gradient:
            ctx.save_for_backward(work.features_grad, work.weight_grad(weight))
        loss = work.smoothed.clone()
        if teacher is not None:
            loss = work.hard * work.smoothed + work.soft * work.divergence
        ctx.mark_non_differentiable(work.nll, work.correct, work.smoothed, work.divergence)
        return loss, work.nll, work.correct, work.smoothed, work.divergence

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        by_features, by_weight = ctx.saved_tensors
        scale = gradients[0]
        rest = (None,) * 5
        if scale.device.type == "cpu" and scale.item() == 1.0:
            return by_features, by_weight, *rest
        return by_features * scale, by_weight * scale, *rest


class _Work:
    """The sums over the blocks of one batch."""

    def __init__(
        self,
        features: Tensor,
        weight: Tensor,
        smoothing: float,
        needs_gradient: bool,
        teacher: Teacher | None,
    ) -> None:
        vocabulary, width = weight.size(0), features.size(1)
        self.features = features
        self.weight = weight[:, :width]
        self.share = smoothing / (vocabulary - 1)
        self.of_target = 1.0 - smoothing - self.share
        self.teacher = teacher
        self.soft = 0.0 if teacher is None else teacher.settings.distill_weight
        self.hard = 1.0 - self.soft
        factor = 1 if features.device.type == "cpu" else _GPU_FACTOR
        self.block = max(1, factor * _BLOCK_BYTES // (vocabulary * features.element_size()))
        self.by_onednn = by_onednn(features, weight)
        if self.by_onednn:
            self.block = min(self.block, _BLOCK_ROWS)
        self.logits = self.teacher_logits = features.new_empty(0)
        if self.by_onednn:
            self.weight = self.weight.contiguous()
        else:
            self.logits = features.new_empty((min(self.block, len(features)), vocabulary))
        self.is_exact = features.dtype in (torch.float32, torch.float64)
        rows = max(1, factor * _SOFTMAX_BYTES // (4 * vocabulary))
        self.part = self.block if self.is_exact and teacher is None else rows
        if not self.is_exact:
            self.buffer = features.new_empty((rows, vocabulary), dtype=torch.float32)
        wide = features.dtype if self.is_exact else torch.float32
        if teacher is not None:
            self.teacher_features = teacher.features.to(features.dtype)
            self.teacher_weight = weight[:, : teacher.features.size(1)]
            if self.by_onednn:
                self.teacher_weight = self.teacher_weight.contiguous()
            else:
                self.teacher_logits = torch.empty_like(self.logits)
        self.smoothed, self.nll, self.divergence = (
            features.new_zeros((), dtype=wide) for _ in range(3)
        )
        self.correct = torch.zeros((), dtype=torch.int64, device=features.device)
        self.row_sum = self.weight.sum(0, dtype=wide)
        self.needs_gradient = needs_gradient
        if needs_gradient:
            share = self.hard * self.share
            self.features_grad = torch.empty_like(features)
            self.constant = self.row_sum.mul(-share).to(features.dtype)
            start = features.sum(0, dtype=wide).mul_(-share)
            if self.by_onednn:
                # oneDNN is fastest where the result has more columns than rows.
                self.active_grad = start[:, None].repeat(1, vocabulary).t()
            else:
                self.active_grad = start.repeat(vocabulary, 1)

    def add(self, rows: slice, target: Tensor, count_correct: bool) -> None:
        """Adds a block of tokens: ``rows`` of the features, and their targets (n,)."""
        features = self.features[rows]
        logits = self._logits(features, self.weight, self.logits)
        if self.teacher is not None:
            self.taught = self._logits(
                self.teacher_features[rows], self.teacher_weight, self.teacher_logits
            )
        log_sums = self._turn_into_probabilities(logits, target, count_correct)
        logit_sums = features.to(log_sums.dtype) @ self.row_sum
        self.smoothed += self.share * (logits.size(1) * log_sums - logit_sums).sum()
        if not self.needs_gradient:
            return
        if self.by_onednn:
            self.features_grad[rows] = product(logits, self.weight.t(), self.constant)
            self.active_grad += outer_product(logits, features)
            return
        torch.addmm(self.constant, logits, self.weight, out=self.features_grad[rows])
        if self.is_exact:
            torch.addmm(self.active_grad, logits.t(), features, out=self.active_grad)
        else:
            self.active_grad += logits.t() @ features

    def weight_grad(self, like: Tensor) -> Tensor:
        """The gradient of the whole weight ``like``, (V, E_full): zero in inactive columns."""
        if self.active_grad.shape == like.shape:
            return self.active_grad.to(like.dtype).contiguous()
        whole = torch.zeros_like(like)
        whole[:, : self.active_grad.size(1)] = self.active_grad
        return whole

    def _logits(self, features: Tensor, weight: Tensor, room: Tensor) -> Tensor:
        """Of features (n, E) by weight (V, E): (n, V), in ``room`` where that can be chosen."""
        if self.by_onednn:
            return product(features, weight)
        return torch.mm(features, weight.t(), out=room[: len(features)])

    def _turn_into_probabilities(
        self, logits: Tensor, target: Tensor, count_correct: bool
    ) -> Tensor:
        """Overwrites logits (n, V) by their gradient without the constant part.

        Returns:
            logsumexp of each row, (n,).
        """
        log_sums = []
        for start in range(0, len(target), self.part):
            part, words = logits[start : start + self.part], target[start : start + self.part, None]
            values = part if self.is_exact else self.buffer[: len(part)].copy_(part)
            of_target = values.gather(1, words)
            largest = values.amax(1, keepdim=True)
            if count_correct:
                self.correct += values.argmax(1, keepdim=True).eq(words).sum()
            soft_gradient = self._diverge(values, start)
            torch.softmax(values, 1, out=values)
            # The largest probability is 1 / sum(exp(z - largest)), never 0.
            log_sum = largest - values.amax(1, keepdim=True).log()
            nll = log_sum - of_target
            values.scatter_(1, words, (-nll).exp() - self.of_target)
            if soft_gradient is not None:
                values.mul_(self.hard).add_(soft_gradient, alpha=self.soft)
            if not self.is_exact:
                part.copy_(values)
            nll_sum = nll.sum()
            self.nll += nll_sum
            self.smoothed += self.of_target * nll_sum
            log_sums.append(log_sum.squeeze(1))
        return torch.cat(log_sums)

    def _diverge(self, values: Tensor, start: int) -> Tensor | None:
        """Adds the divergence of student's logits (n, V) from the teacher's, which it compares.

        Args:
            values: of the tokens from ``start`` on in this block.
            start: the first of them.

        Returns:
            The gradient by ``values``, (n, V); None if nobody teaches.
        """
        if self.teacher is None:
            return None
        taught = self.taught[start : start + len(values)].to(values.dtype)
        divergence, gradient = self.teacher.settings.divergence(values, taught)
        self.divergence += divergence.sum()
        return gradient
