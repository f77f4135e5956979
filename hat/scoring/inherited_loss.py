"""Validation loss of a SubTransformer with the weights it inherits from the SuperTransformer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hat.arch.config import SubTransformerConfig
from hat.models.encoder import EncoderOutput
from hat.models.super_transformer import SuperTransformer

_BLOCK_TOKENS = 128
"""Target tokens whose logits are made at once: 4 MB of float32 at 8,000 words."""


@dataclass(frozen=True)
class Batch:
    """One batch of sentence pairs on the device that scores it."""

    src_tokens: Tensor
    """(B, S) int64, padded on the left."""

    src_lengths: Tensor
    """(B,) int64."""

    prev_output_tokens: Tensor
    """(B, T) int64: the target shifted right."""

    target: Tensor
    """(B, T) int64."""


def label_smoothed_loss_sum(
    logits: Tensor, target: Tensor, *, padding_idx: int, smoothing: float
) -> tuple[Tensor, Tensor]:
    """Sums the label-smoothed cross-entropy and the plain one over the real target tokens.

    The smoothed target gives ``smoothing / (V - 1)`` to each wrong word, as fairseq's
    ``label_smoothed_cross_entropy`` does. Three reductions over the vocabulary suffice, so the
    log-probabilities (B, T, V) are never stored.

    Args:
        logits: (..., V).
        target: (...) int64.
        padding_idx: target tokens to leave out.
        smoothing: probability that the smoothed target takes from the right word.

    Returns:
        Label-smoothed and plain loss, in nats, summed; float32 scalars.
    """
    logits = logits.float()
    words = logits.size(-1)
    normaliser = logits.logsumexp(-1)
    nll = normaliser - logits.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    all_words = words * normaliser - logits.sum(-1)
    share = smoothing / (words - 1)
    loss = (1.0 - smoothing - share) * nll + share * all_words
    real = target.ne(padding_idx)
    return loss[real].sum(), nll[real].sum()


class InheritedLoss:
    """Scores SubTransformers by their validation loss with inherited weights.

    HAT ranks by this loss (paper, section 3.3): the label-smoothed cross-entropy of the whole
    validation set in bits per token, as fairseq reports it.
    """

    name = "inherited-loss"
    higher_is_better = False

    def __init__(
        self, model: SuperTransformer, batches: Sequence[Batch], *, label_smoothing: float = 0.1
    ) -> None:
        """Prepares the scoring.

        Args:
            model: a trained SuperTransformer on the device of the batches.
            batches: the validation set.
            label_smoothing: as in the training.
        """
        self.model = model.eval()
        self.batches = batches
        self.label_smoothing = label_smoothing
        padding_idx = model.config.padding_idx
        self.num_tokens = sum(int(b.target.ne(padding_idx).sum()) for b in batches)

    @torch.inference_mode()
    def score(self, archs: Sequence[SubTransformerConfig]) -> np.ndarray:
        """Returns the loss of each architecture in bits per token, float64 (N,).

        Architectures that share an encoder share its output.
        """
        by_encoder: dict[object, list[int]] = {}
        for index, arch in enumerate(archs):
            by_encoder.setdefault(arch.encoder, []).append(index)
        losses = np.zeros(len(archs), dtype=np.float64)
        for members in by_encoder.values():
            for batch in self.batches:
                self.model.set_sample_config(archs[members[0]])
                encoder_out = self.model.encoder(batch.src_tokens, batch.src_lengths)
                for index in members:
                    self.model.set_sample_config(archs[index])
                    losses[index] += self._loss_sum(batch, encoder_out)
        return losses / self.num_tokens / math.log(2)

    def _loss_sum(self, batch: Batch, encoder_out: EncoderOutput) -> float:
        """The loss of one batch in nats, summed.

        Words that pad get no logits, and the logits of the others are made a block at a time,
        because a block's reductions find them in the cache: all at once, (B, T, V) numbers go
        to memory and back several times.
        """
        decoder, padding_idx = self.model.decoder, self.model.config.padding_idx
        features = decoder.extract_features(batch.prev_output_tokens, encoder_out)
        real = batch.target.ne(padding_idx)
        blocks = zip(
            torch.split(features[real], _BLOCK_TOKENS),
            torch.split(batch.target[real], _BLOCK_TOKENS),
            strict=True,
        )
        return sum(
            float(
                label_smoothed_loss_sum(
                    decoder.output_layer(block),
                    target,
                    padding_idx=padding_idx,
                    smoothing=self.label_smoothing,
                )[0]
            )
            for block, target in blocks
        )
