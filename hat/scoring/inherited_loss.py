"""Validation loss of a SubTransformer with the weights it inherits from the SuperTransformer."""

import copy
import math
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hat.arch.config import SubTransformerConfig
from hat.models.encoder import EncoderOutput
from hat.models.super_transformer import SuperTransformer
from hat.scoring.batches import Batch, deal_into_blocks
from hat.scoring.shared_encoder import SharedEncoder, layer_genes

_BLOCK_TOKENS = 256
"""Target tokens whose logits are made at once: 8 MB of float32 at 8,000 words. 64 took 1.2 times as
long in fp32 with AVX2, 1.1 times in bf16: a product of few rows hardly pays for packing weights."""


def label_smoothed_losses(logits: Tensor, target: Tensor, *, smoothing: float) -> Tensor:
    """The label-smoothed cross-entropy of every token.

    The smoothed target gives ``smoothing / (V - 1)`` to each wrong word, as fairseq's
    ``label_smoothed_cross_entropy`` does.

    Args:
        logits: (..., V).
        target: (...) int64.
        smoothing: probability that the smoothed target takes from the right word.

    Returns:
        (...) float32, in nats.
    """
    log_probs = logits.log_softmax(-1, dtype=torch.float32)
    nll = -log_probs.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    share = smoothing / (logits.size(-1) - 1)
    return (1.0 - smoothing - share) * nll - share * log_probs.sum(-1)


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
        self.num_sentences = sum(batch.num_sentences for batch in batches)
        self.num_units = self.num_tokens * math.log(2)
        """What a sum of nats is divided by for bits per token."""

    def score(self, archs: Sequence[SubTransformerConfig]) -> NDArray[np.float64]:
        """Returns the loss of each architecture in bits per token, float64 (N,)."""
        nats: NDArray[np.float64] = self.sentence_losses(archs, self._packed).sum(axis=1)
        return nats / self.num_units

    def of(self, model: SuperTransformer) -> "InheritedLoss":
        """The same of another network of the same type: the sentences are not packed again."""
        assert self._packed
        other = copy.copy(self)
        other.model = model.eval()
        return other

    @cached_property
    def _packed(self) -> list[Batch]:
        """The validation set in rows that share sentences, so that hardly any token pads."""
        sizes = (max(b.target.numel(), b.src_tokens.numel()) for b in self.batches)
        [batches] = self._dealt([self.num_sentences], max(sizes), np.random.default_rng(0))
        return batches

    def in_blocks(
        self, sizes: Sequence[int], *, max_tokens: int, rng: np.random.Generator
    ) -> Callable[[Sequence[SubTransformerConfig], int], NDArray[np.float64]]:
        """Deals the sentences at random into blocks.

        Args:
            sizes: sentences of each block; they add up to ``num_sentences``.
            max_tokens: padded tokens that a batch may have on either side.
            rng: deals.

        Returns:
            The losses of N architectures on the block of a number: nats, (N, sentences).
        """
        blocks = self._dealt(sizes, max_tokens, rng)
        return lambda archs, block: self.sentence_losses(archs, blocks[block])

    def _dealt(
        self, sizes: Sequence[int], max_tokens: int, rng: np.random.Generator
    ) -> list[list[Batch]]:
        return deal_into_blocks(
            self.batches,
            sizes,
            padding_idx=self.model.config.padding_idx,
            max_tokens=max_tokens,
            rng=rng,
            packed=next(self.model.parameters()).dtype,
        )

    @torch.inference_mode()
    def sentence_losses(
        self, archs: Sequence[SubTransformerConfig], batches: Sequence[Batch] | None = None
    ) -> NDArray[np.float64]:
        """The summed loss of each sentence of ``batches``, by default of the validation set.

        Architectures that begin with the same encoder layers share their outputs. What an
        architecture gets does not depend on which others are scored with it, to the last bit.

        Returns:
            Nats, float64 (N, sentences), the sentences in the order of the batches.
        """
        batches = self.batches if batches is None else batches
        order = sorted(range(len(archs)), key=lambda index: layer_genes(archs[index].encoder))
        ends = np.cumsum([0, *(batch.num_sentences for batch in batches)])
        losses = np.zeros((len(archs), ends[-1]), dtype=np.float64)
        for start, end, batch in zip(ends, ends[1:], batches, strict=False):
            encoder = SharedEncoder(self.model.encoder, batch)
            for index in order:
                self.model.set_sample_config(archs[index])
                losses[index, start:end] = self._losses(batch, encoder.output()).cpu().numpy()
        return losses

    def _losses(self, batch: Batch, encoder_out: EncoderOutput) -> Tensor:
        """The loss of each sentence in nats, (sentences,) float64.

        Words that pad get no logits, and the logits of the others are made a block at a time,
        because a block's reductions find them in the cache: all at once, (B, T, V) numbers go
        to memory and back several times.
        """
        decoder, padding_idx = self.model.decoder, self.model.config.padding_idx
        features = decoder.extract_features(
            batch.prev_output_tokens, encoder_out, packing=batch.packing
        )
        real = batch.target.ne(padding_idx)
        blocks = zip(
            torch.split(features[real], _BLOCK_TOKENS),
            torch.split(batch.target[real], _BLOCK_TOKENS),
            strict=True,
        )
        losses = [
            label_smoothed_losses(
                decoder.output_layer(block), target, smoothing=self.label_smoothing
            )
            for block, target in blocks
        ]
        members = real.nonzero()[:, 0] if batch.sentences is None else batch.sentences[real]
        sums = real.new_zeros(batch.num_sentences, dtype=torch.float64)
        return sums.index_add_(0, members, torch.cat(losses).double())
