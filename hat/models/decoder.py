"""The elastic decoder and its cache for incremental decoding."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from hat.arch.config import DecoderConfig
from hat.models.config import SuperTransformerConfig
from hat.models.encoder import EncoderOutput
from hat.models.packing import Packing
from hat.models.stack import SuperStack
from hat.modules.decoder_layer import DecoderLayerSuper, LayerCache
from hat.modules.embedding import EmbeddingSuper, draw_vectors
from hat.modules.products import linear
from hat.modules.slicing import leading


@dataclass
class DecoderCache:
    """What the decoder remembers of the tokens it has seen: start with an empty one.

    After the first step it also holds all that is needed of the encoder's output. It belongs to
    the architecture that filled it.
    """

    layers: list[LayerCache] = field(default_factory=list)
    """Keys and values, one per decoder layer."""

    length: int = 0
    """Target tokens seen so far."""

    memory_masks: dict[int, Tensor | None] = field(default_factory=dict)
    """Per span: (B, 1, 1, span * S), True at tokens, or None if nothing is padding."""

    def reorder(self, order: Tensor, *, same_sources: bool = False) -> None:
        """Row i of the batch continues what was row ``order[i]``. Rows may repeat or vanish.

        Args:
            order: (B_new,) int64.
            same_sources: promises that each row keeps its source sentence, as when the beams of
                a sentence change places; then what concerns the encoder is left as it is.
        """
        for layer in self.layers:
            layer.reorder(order, same_sources=same_sources)
        if not same_sources:
            self.memory_masks = {
                span: None if mask is None else mask.index_select(0, order)
                for span, mask in self.memory_masks.items()
            }


class SuperDecoder(SuperStack[DecoderConfig, DecoderLayerSuper]):
    """Transformer decoder that can run at any width and depth up to its own.

    Args:
        config: the SuperTransformer.
        embed_tokens: the target embedding.
        size: what to hold weights for; everything if None. See ``SuperTransformer``.
        encoder_embed_dim: width of the encoder to hold weights for; the full one if None.
    """

    def __init__(
        self,
        config: SuperTransformerConfig,
        embed_tokens: EmbeddingSuper,
        *,
        size: DecoderConfig | None = None,
        encoder_embed_dim: int | None = None,
    ) -> None:
        size = config.largest_arch().decoder if size is None else size
        if encoder_embed_dim is None:
            encoder_embed_dim = config.encoder_embed_dim
        super().__init__(
            config,
            embed_tokens,
            size,
            layer_type=DecoderLayerSuper,
            full_dim=config.decoder_embed_dim,
            max_positions=config.max_target_positions,
            learned_positions=config.decoder_learned_pos,
            normalize_before=config.decoder_normalize_before,
            has_final_norm=config.decoder_normalize_before and not config.no_decoder_final_norm,
            encoder_embed_dim=encoder_embed_dim,
        )
        if not config.share_decoder_input_output_embed:
            self.embed_out = nn.Parameter(torch.empty(config.tgt_vocab_size, size.embed_dim))
            draw_vectors(self.embed_out)
        self.set_sample_config(size, encoder_embed_dim)

    def set_sample_config(self, arch: DecoderConfig, encoder_embed_dim: int) -> None:
        """Chooses the decoder that the next passes run.

        Args:
            arch: its shape.
            encoder_embed_dim: width of the encoder it attends to.

        Raises:
            ConfigError: if it is larger than this one.
        """
        self._choose(
            arch,
            ende_heads=arch.ende_heads,
            encoder_embed_dim=(encoder_embed_dim,) * arch.num_layers,
        )

    def forward(
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOutput | None,
        cache: DecoderCache | None = None,
    ) -> Tensor:
        """Predicts the next token after each token.

        Args:
            prev_output_tokens: (B, T) int64, all tokens so far.
            encoder_out: what to attend to; not read, and may be None, once a cache has seen it.
            cache: if given, only the tokens it has not seen are computed, and then it has.

        Returns:
            Logits (B, T, V), or (B, T - cache.length, V) with the length before the call.
        """
        return self.output_layer(self.extract_features(prev_output_tokens, encoder_out, cache))

    def extract_features(
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOutput | None,
        cache: DecoderCache | None = None,
        packing: Packing | None = None,
    ) -> Tensor:
        """The same as ``forward``, up to the output layer: (B, T or new, E).

        ``packing``: says which sentences share a row, if they do; excludes a cache.
        """
        start = 0 if cache is None else cache.length
        width = self.arch.embed_dim
        positions = None
        if self.embed_positions is not None and packing is not None:
            positions = self.embed_positions.at(packing.target_positions, width)
        elif self.embed_positions is not None:
            # All tokens, because positions count those that are not padding.
            positions = self.embed_positions(prev_output_tokens, width, start=start)
        x = self.enter(prev_output_tokens[:, start:], positions)

        if cache is not None and not cache.layers:
            cache.layers = [LayerCache() for _ in range(self.arch.num_layers)]
        memories: dict[int, Tensor] = {}
        masks: dict[int, Tensor | None] = {}
        if start:
            assert cache is not None
            masks = cache.memory_masks
        else:
            assert encoder_out is not None, "the first step needs the encoder's output"
            spans = set(self.arch.ende_spans)
            cross_mask = None if packing is None else packing.cross_mask
            memories, masks = _join_states(encoder_out, spans, cross_mask)
        self_mask = None if packing is None else packing.target_mask
        for index, span in enumerate(self.arch.ende_spans):
            layer_cache = None if cache is None else cache.layers[index]
            x = self.layer(index)(x, memories.get(span), masks[span], layer_cache, self_mask)
        features: Tensor = x
        if self.layer_norm is not None:
            features = self.layer_norm(x)
        if cache is not None:
            cache.memory_masks = masks
            cache.length = prev_output_tokens.size(1)
        return features

    def output_layer(self, features: Tensor) -> Tensor:
        """features: (B, T, E) -> logits (B, T, V)."""
        weight = self.output_weight
        return linear(features, leading(weight, weight.size(0), self.arch.embed_dim))

    @property
    def output_weight(self) -> Tensor:
        """The whole weight (V, E_full) of the output layer."""
        shared = self.config.share_decoder_input_output_embed
        return self.embed_tokens.weight if shared else self.embed_out


def _join_states(
    encoder_out: EncoderOutput, spans: set[int], cross_mask: Tensor | None
) -> tuple[dict[int, Tensor], dict[int, Tensor | None]]:
    """Joins the last ``span`` encoder outputs along time, for each span that a layer uses.

    Returns:
        Per span the memory (B, span * S, E) and its mask: (B, 1, 1, span * S), True at tokens, or
        ``cross_mask`` (B, 1, T, S) repeated.
    """
    memories: dict[int, Tensor] = {}
    masks: dict[int, Tensor | None] = {}
    padding_mask = encoder_out.padding_mask
    present = cross_mask
    if present is None and padding_mask is not None:
        present = padding_mask.logical_not()[:, None, None, :]
    for span in spans:
        states = encoder_out.states[:span]
        memories[span] = states[0] if span == 1 else torch.cat(states, dim=1)
        masks[span] = present if present is None or span == 1 else present.repeat(1, 1, 1, span)
    return memories, masks
