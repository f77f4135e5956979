"""A SubTransformer that encodes and decodes fast in torch: what beam search runs.

Weights are cut out, joined and packed once; then every step is a list of products. Beside what
``packed``, ``caches`` and ``linear`` do, the first step has one row for each sentence, and the
output layer runs over a few sentences at a time, so that their log-probabilities are still in the
processor's cache when the best are looked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from hat.models.encoder import newest_states
from hat.models.super_transformer import SuperTransformer
from hat.modules.layer_norm import LayerNormSuper
from hat.modules.slicing import leading
from hat.translation.caches import MovingCache
from hat.translation.linear import MakeProduct, PackedLinear, Product
from hat.translation.packed import (
    FoldedMemory,
    Memory,
    PackedDecoderLayer,
    PackedEmbedding,
    PackedEncoderLayer,
    PackedNorm,
)

_LOGITS = 2**19
"""Logits that are computed at a time on a CPU: 2 MB, about what its cache holds."""


class TorchRunner:
    """Runs the SubTransformer that a model is set to.

    Args:
        model: holds the weights, which are copied. It may be a SuperTransformer or an extract of
            one; later changes to it have no effect.
        make: packs a weight; ``Int8Linear`` of a range makes products of 8-bit numbers.
    """

    def __init__(self, model: SuperTransformer, make: MakeProduct = PackedLinear) -> None:
        config, encoder, decoder = model.config, model.encoder, model.decoder
        self.vocab_size = config.tgt_vocab_size
        self.padding_idx = config.padding_idx
        self.max_target_positions = config.max_target_positions
        self._num_encoder_layers = config.encoder_layers
        self._qkv_dim = config.qkv_dim
        self._spans = model.arch.decoder.ende_spans
        with torch.no_grad():
            self._source = PackedEmbedding(encoder)
            self._encoder_layers = [
                PackedEncoderLayer(encoder.layer(index), make)
                for index in range(model.arch.encoder.num_layers)
            ]
            self._encoder_norm = _packed_norm(encoder.layer_norm)
            self.target = PackedEmbedding(decoder)
            self.layers = [
                PackedDecoderLayer(decoder.layer(index), index, make)
                for index in range(model.arch.decoder.num_layers)
            ]
            self._decoder_norm = _packed_norm(decoder.layer_norm)
            weight = leading(decoder.output_weight, self.vocab_size, model.arch.decoder.embed_dim)
            self.output = make(weight, None)
            # Of these a short-list takes its rows.
            shared = config.share_decoder_input_output_embed
            self._make = make
            self._output_weight = self.target.weight if shared else weight.detach().clone()

    def encode(self, src_tokens: Tensor) -> "Encoded":
        """See ``hat.translation.beam.Runner``."""
        return Encoded(len(src_tokens), self._memories(src_tokens))

    def decode(
        self, encoded: "Encoded", max_steps: int, words: Tensor | None = None
    ) -> "TorchDecoding":
        """See ``hat.translation.beam.Runner``."""
        if words is None:
            return TorchDecoding(self, encoded, max_steps, self.output, self.vocab_size)
        output = self._make(self._output_weight.index_select(0, words), None)
        return TorchDecoding(self, encoded, max_steps, output, len(words))

    def _memories(self, src_tokens: Tensor) -> list[Memory | FoldedMemory]:
        sentences, length = src_tokens.shape
        x = self._source(src_tokens).flatten(0, 1)
        mask = None
        padding = src_tokens.eq(self.padding_idx)
        if padding.any():
            mask = x.new_zeros(sentences, 1, 1, length)
            mask.masked_fill_(padding[:, None, None, :], -torch.inf)
        outputs = []
        for layer in self._encoder_layers:
            x = layer(x, length, mask)
            outputs.append(x.view(sentences, length, -1))
        states = newest_states(outputs, self._num_encoder_layers, self._encoder_norm)
        joined = {
            span: states[0] if span == 1 else torch.cat(states[:span], dim=1)
            for span in set(self._spans)
        }
        # Fewer than ``span`` states are there if the whole encoder has fewer layers.
        masks = {
            span: None if mask is None else mask.repeat(1, 1, 1, memory.size(1) // length)
            for span, memory in joined.items()
        }
        return [
            layer.cross.remember(joined[span], masks[span])
            for layer, span in zip(self.layers, self._spans, strict=True)
        ]

    def features(
        self, x: Tensor, beams: int, cache: MovingCache, memories: list[Memory | FoldedMemory]
    ) -> Tensor:
        """Runs all layers over the newest tokens: (B * n, E) -> (B * n, E)."""
        mask = cache.append(beams)
        for layer, memory in zip(self.layers, memories, strict=True):
            x = layer(x, beams, cache, mask, memory)
        return x if self._decoder_norm is None else self._decoder_norm(x)

    def new_cache(self, sentences: int) -> MovingCache:
        """An empty cache for a batch."""
        heads = [layer.self_heads for layer in self.layers]
        return MovingCache(sentences, heads, self._qkv_dim, self.target.weight)


def _packed_norm(norm: LayerNormSuper | None) -> PackedNorm | None:
    return None if norm is None else PackedNorm(norm)


@dataclass(frozen=True)
class Encoded:
    """B sentences, ready to be decoded."""

    sentences: int
    """B."""

    memories: list[Memory | FoldedMemory]
    """One for each decoder layer."""


class TorchDecoding:
    """A batch in the making; see ``hat.translation.beam.Decoding``."""

    def __init__(
        self,
        runner: TorchRunner,
        encoded: Encoded,
        max_steps: int,
        output: Product,
        columns: int,
    ) -> None:
        self._runner, self._output, self._columns = runner, output, columns
        self._memories = encoded.memories
        self._cache = runner.new_cache(encoded.sentences)
        self._positions = runner.target.positions(max_steps)
        self._steps = 0

    def step(self, tokens: Tensor) -> Iterator[Tensor]:
        """See ``Decoding.step``."""
        runner, beams = self._runner, tokens.size(1)
        position = None if self._positions is None else self._positions[self._steps]
        self._steps += 1
        x = runner.target.at(tokens.reshape(-1), position)
        x = runner.features(x, beams, self._cache, self._memories)
        at_once = len(x)
        if x.device.type == "cpu":
            at_once = max(1, _LOGITS // (self._columns * beams)) * beams
        for rows in torch.split(x, at_once):
            yield torch.log_softmax(self._output(rows).float(), dim=-1)

    def move(self, beams: Tensor) -> None:
        """See ``Decoding.move``."""
        self._cache.move(beams)

    def keep(self, order: Tensor) -> None:
        """See ``Decoding.keep``."""
        self._cache.keep(order)
        for memory in self._memories:
            memory.keep(order)
