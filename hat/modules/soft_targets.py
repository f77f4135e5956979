"""How far a student's words are from its teacher's: divergences with their gradients.

With p the teacher's probabilities of the words, q = softmax(z) the student's and r = p / q, the
alpha-divergence is

    D_alpha(p || q) = (sum(q * r^alpha) - 1) / (alpha * (alpha - 1))

whose limits are KL(p || q) for alpha = 1 and KL(q || p) for alpha = 0. Its gradient is

    dD_alpha / dz = q * (sum(q * w) - w)     with w = r^alpha / alpha

(w = r for alpha = 1, which gives the well-known q - p, and w = log(r) for alpha = 0). A positive
alpha punishes a student that misses what the teacher holds possible, a negative one a student that
holds possible what the teacher does not. The adaptive divergence is, for each token, the larger of
one of each. Where alpha is neither 0 nor 1, r^alpha has no bound, so it is cut off, in the value
and in w; with alpha 0 log(r) is cut off likewise. The gradient is then the formula above with the
cut w in it, not the derivative of the cut value. All of this is Wang et al., "AlphaNet: Improved
Training of Supernets with Alpha-Divergence" (ICML 2021, arXiv 2102.07954).
"""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor

from hat.settings import AtLeast, Between, Needs, Settings

_ALPHA = Needs("distill-divergence alpha", attribute="is_by_alpha")


@dataclass(frozen=True, kw_only=True)
class DistillationSettings(Settings):
    """What SubTransformers learn from the largest one while all are trained."""

    distill_weight: Annotated[float, Between(0, 1)] = 0.0
    """part of the loss of every SubTransformer but the largest that is its divergence from the
    largest one's words; 0: it learns from the text alone, 1: from the largest alone"""

    distill_divergence: Annotated[Literal["kl", "alpha"], Needs("distill-weight")] = "kl"
    """kl: KL(largest || other); alpha: per word the larger of two alpha-divergences"""

    distill_alpha_min: Annotated[float, _ALPHA] = -1.0
    """the lower alpha"""

    distill_alpha_max: Annotated[float, _ALPHA] = 1.0
    """the upper alpha"""

    distill_clip: Annotated[float, AtLeast(1), _ALPHA] = 5.0
    """most that a ratio of probabilities to the power of alpha counts, but for alpha 1"""

    @property
    def is_by_alpha(self) -> bool:
        """Whether alphas and their bound are used."""
        return self.distill_divergence == "alpha"

    def divergence(self, student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
        """Compares the words of n tokens.

        Args:
            student: logits (n, V).
            teacher: logits (n, V).

        Returns:
            The divergence of each token in nats (n,), and its gradient by ``student`` (n, V).
        """
        log_q = student.log_softmax(-1)
        log_p = teacher.log_softmax(-1)
        if self.distill_divergence == "kl":
            return alpha_divergence(log_q, log_p, alpha=1.0, clip=self.distill_clip)
        values, gradient = alpha_divergence(
            log_q, log_p, alpha=self.distill_alpha_min, clip=self.distill_clip
        )
        upper, upper_gradient = alpha_divergence(
            log_q, log_p, alpha=self.distill_alpha_max, clip=self.distill_clip
        )
        is_upper = upper >= values
        return (
            torch.where(is_upper, upper, values),
            torch.where(is_upper[:, None], upper_gradient, gradient),
        )


def alpha_divergence(
    log_q: Tensor, log_p: Tensor, *, alpha: float, clip: float
) -> tuple[Tensor, Tensor]:
    """Returns D_alpha(p || q) of each row (n,), and its gradient by the logits of q (n, V).

    Args:
        log_q: log-probabilities (n, V).
        log_p: log-probabilities (n, V).
        alpha: which divergence.
        clip: the bound of r^alpha; of r if alpha is 0; without effect if it is 1.
    """
    q = log_q.exp()
    if alpha == 1:
        p = log_p.exp()
        # p log p is 0 where p is.
        return (p * (log_p - log_q)).sum(-1), q - p
    log_ratio = log_p - log_q
    bound = math.log(clip)
    if alpha == 0:
        weight = log_ratio.clamp_(max=bound)
        values = -(q * weight).sum(-1)
    else:
        ratio = log_ratio.mul_(alpha).clamp_(max=bound).exp_()
        values = ((q * ratio).sum(-1) - 1) / (alpha * (alpha - 1))
        weight = ratio.div_(alpha)
    mean = (q * weight).sum(-1, keepdim=True)
    return values, q.mul_(mean - weight)
