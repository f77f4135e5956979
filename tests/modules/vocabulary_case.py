"""A small case for the output layer's loss, what it should be, and a watch on large tensors."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from hat.modules import vocabulary_loss as module

VOCABULARY, WIDTH, FULL_WIDTH, PAD, SMOOTHING = 37, 6, 9, 1, 0.1


class Case(NamedTuple):
    features: Tensor
    weight: Tensor
    target: Tensor


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few tokens, which neither divide the batch nor one another."""
    monkeypatch.setattr(module, "_BLOCK_BYTES", 5 * 4 * VOCABULARY)
    monkeypatch.setattr(module, "_SOFTMAX_BYTES", 2 * 4 * VOCABULARY)


def case(dtype: torch.dtype = torch.float64, *, scale: float = 1.0) -> Case:
    torch.manual_seed(0)
    target = torch.randint(2, VOCABULARY, (3, 7))
    target[0, 4:] = target[2, 0] = PAD
    return Case(
        (torch.randn(3, 7, WIDTH) * scale).to(dtype).requires_grad_(),
        torch.randn(VOCABULARY, FULL_WIDTH).to(dtype).requires_grad_(),
        target,
    )


def whole(x: Case, smoothing: float) -> tuple[Tensor, Tensor]:
    """Loss and nll by fairseq's formula from the logits of the whole batch."""
    logits = F.linear(x.features, x.weight[:, :WIDTH])
    if logits.dtype == torch.bfloat16:
        logits = logits.float()
    log_probs = logits.log_softmax(-1)
    counts = x.target.ne(PAD)
    nll = -log_probs.gather(-1, x.target[..., None])[..., 0][counts].sum()
    share = smoothing / (VOCABULARY - 1)
    return (1 - smoothing - share) * nll - share * log_probs[counts].sum(), nll


class LargestLogits(torch.utils._python_dispatch.TorchDispatchMode):
    """Notes how many tokens the largest tensor of logits holds."""

    tokens = 0

    def __torch_dispatch__(  # type: ignore[no-untyped-def]
        self, function, types, arguments=(), options=None
    ):
        result = function(*arguments, **(options or {}))
        if isinstance(result, Tensor) and result.dim() and result.size(-1) == VOCABULARY:
            self.tokens = max(self.tokens, result.numel() // VOCABULARY)
        return result
