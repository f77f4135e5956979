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
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hat.machine.onednn import product
from hat.modules.products import by_onednn, outer_product

_BLOCK_BYTES = 16 * 2**20
"""Of logits at once: large enough that the products run at their full rate."""

_SOFTMAX_BYTES = 4 * 2**20
"""Of float32 logits at once where the products are of another type."""


@dataclass(frozen=True)
class VocabularyLoss:
    """Losses of a batch, summed over its tokens."""

    loss: Tensor
    """Label-smoothed cross-entropy in nats, float32 (); has a gradient."""

    nll: Tensor
    """Cross-entropy in nats, float32 (); without a gradient."""

    correct: Tensor
    """How many tokens have the target as their likeliest word, int64 ()."""

    tokens: int
    """Tokens that counted."""


def vocabulary_loss(
    features: Tensor,
    weight: Tensor,
    target: Tensor,
    *,
    smoothing: float,
    ignore_index: int,
    count_correct: bool = False,
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
    """
    if torch.is_autocast_enabled(features.device.type):
        dtype = torch.get_autocast_dtype(features.device.type)
        features, weight = features.to(dtype), weight.to(dtype)
    counts = target.ne(ignore_index)
    rows, words = features[counts], target[counts]
    needs_gradient = torch.is_grad_enabled() and (rows.requires_grad or weight.requires_grad)
    loss, nll, correct = _VocabularyLoss.apply(  # type: ignore[no-untyped-call]
        rows, weight, words, smoothing, needs_gradient, count_correct
    )
    return VocabularyLoss(loss=loss, nll=nll, correct=correct, tokens=len(words))


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
    ) -> tuple[Tensor, Tensor, Tensor]:
        work = _Work(features, weight, smoothing, needs_gradient)
        with torch.autocast(features.device.type, enabled=False):
            for start in range(0, len(target), work.block):
                rows = slice(start, start + work.block)
                work.add(rows, target[rows], count_correct)
        if needs_gradient:
            ctx.save_for_backward(work.features_grad, work.weight_grad(weight))
        ctx.mark_non_differentiable(work.nll, work.correct)
        return work.loss, work.nll, work.correct

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        by_features, by_weight = ctx.saved_tensors
        scale = gradients[0]
        if scale.device.type == "cpu" and scale.item() == 1.0:
            return by_features, by_weight, None, None, None, None
        return by_features * scale, by_weight * scale, None, None, None, None


class _Work:
    """The sums over the blocks of one batch."""

    def __init__(
        self, features: Tensor, weight: Tensor, smoothing: float, needs_gradient: bool
    ) -> None:
        vocabulary, width = weight.size(0), features.size(1)
        self.features = features
        self.weight = weight[:, :width]
        self.share = smoothing / (vocabulary - 1)
        self.of_target = 1.0 - smoothing - self.share
        self.block = max(1, _BLOCK_BYTES // (vocabulary * features.element_size()))
        self.by_onednn = by_onednn(features, weight)
        if self.by_onednn:
            self.weight = self.weight.contiguous()
        else:
            self.logits = features.new_empty((min(self.block, len(features)), vocabulary))
        self.is_exact = features.dtype in (torch.float32, torch.float64)
        rows = max(1, _SOFTMAX_BYTES // (4 * vocabulary))
        self.part = self.block if self.is_exact else rows
        if not self.is_exact:
            self.buffer = features.new_empty((rows, vocabulary), dtype=torch.float32)
        wide = features.dtype if self.is_exact else torch.float32
        self.loss, self.nll = (features.new_zeros((), dtype=wide) for _ in range(2))
        self.correct = torch.zeros((), dtype=torch.int64, device=features.device)
        self.row_sum = self.weight.sum(0, dtype=wide)
        self.needs_gradient = needs_gradient
        if needs_gradient:
            self.features_grad = torch.empty_like(features)
            self.constant = self.row_sum.mul(-self.share).to(features.dtype)
            start = features.sum(0, dtype=wide).mul_(-self.share)
            if self.by_onednn:
                # oneDNN is fastest where the result has more columns than rows.
                self.active_grad = start[:, None].repeat(1, vocabulary).t()
            else:
                self.active_grad = start.repeat(vocabulary, 1)

    def add(self, rows: slice, target: Tensor, count_correct: bool) -> None:
        """Adds a block of tokens: ``rows`` of the features, and their targets (n,)."""
        features = self.features[rows]
        logits = self._logits(features)
        log_sums = self._turn_into_probabilities(logits, target, count_correct)
        logit_sums = features.to(log_sums.dtype) @ self.row_sum
        self.loss += self.share * (logits.size(1) * log_sums - logit_sums).sum()
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

    def _logits(self, features: Tensor) -> Tensor:
        if self.by_onednn:
            return product(features, self.weight)
        return torch.mm(features, self.weight.t(), out=self.logits[: len(features)])

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
            torch.softmax(values, 1, out=values)
            # The largest probability is 1 / sum(exp(z - largest)), never 0.
            log_sum = largest - values.amax(1, keepdim=True).log()
            nll = log_sum - of_target
            values.scatter_(1, words, (-nll).exp() - self.of_target)
            if not self.is_exact:
                part.copy_(values)
            nll_sum = nll.sum()
            self.nll += nll_sum
            self.loss += self.of_target * nll_sum
            log_sums.append(log_sum.squeeze(1))
        return torch.cat(log_sums)
