"""The elastic encoder."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from torch import Tensor, nn
from torch.nn import functional as F

from hat.arch.config import MAX_SPAN, EncoderConfig
from hat.models.config import SuperTransformerConfig
from hat.modules.embedding import EmbeddingSuper
from hat.modules.encoder_layer import EncoderLayerSuper
from hat.modules.layer_norm import LayerNormSuper
from hat.modules.positions import LearnedPositions, SinusoidalPositions


@dataclass(frozen=True)
class EncoderOutput:
    """What the decoder may attend to."""

    states: tuple[Tensor, ...]
    """Outputs of the last up to three layers, newest first, each (B, S, E).

    Layers beyond the sampled depth count, so the last output of a shallow encoder repeats. In
    pre-norm the newest is normalised and the earlier ones are not. Both as in HAT.
    """

    padding_mask: Tensor | None
    """(B, S), True at padding; None if nothing is padding."""

    def index_select(self, order: Tensor) -> "EncoderOutput":
        """Returns the rows ``order`` of the batch; rows may repeat or be left out."""
        # A repeated state is one tensor and is copied once.
        chosen = {id(state): state.index_select(0, order) for state in _distinct(self.states)}
        mask = self.padding_mask
        return EncoderOutput(
            states=tuple(chosen[id(state)] for state in self.states),
            padding_mask=None if mask is None else mask.index_select(0, order),
        )


class SuperEncoder(nn.Module):
    """Transformer encoder that can run at any width and depth up to its own.

    Args:
        config: the SuperTransformer.
        embed_tokens: the source embedding.
        size: what to hold weights for; everything if None. See ``SuperTransformer``.
    """

    def __init__(
        self,
        config: SuperTransformerConfig,
        embed_tokens: EmbeddingSuper,
        *,
        size: EncoderConfig | None = None,
    ) -> None:
        super().__init__()
        size = config.largest_arch().encoder if size is None else size
        self.config = config
        self.embed_tokens = embed_tokens
        self.embed_positions = build_positions(
            config,
            max_positions=config.max_source_positions,
            full_dim=config.encoder_embed_dim,
            held_dim=size.embed_dim,
            learned=config.encoder_learned_pos,
        )
        self.layers = nn.ModuleList(
            EncoderLayerSuper(
                size.embed_dim,
                ffn_dim,
                num_heads=heads,
                qkv_dim=config.qkv_dim,
                normalize_before=config.encoder_normalize_before,
                dropout_p=config.dropout,
                attention_dropout_p=config.attention_dropout,
                activation_dropout_p=config.activation_dropout,
                activation_fn=config.activation_fn,
            )
            for ffn_dim, heads in zip(size.ffn_dims, size.self_heads, strict=True)
        )
        self.layer_norm = (
            LayerNormSuper(size.embed_dim) if config.encoder_normalize_before else None
        )
        self.set_sample_config(size)

    def set_sample_config(self, arch: EncoderConfig) -> None:
        """Chooses the encoder that the next passes run.

        Raises:
            ConfigError: if it is larger than this one.
        """
        width = self.config.encoder_embed_dim
        self.arch = arch
        self.embed_scale = math.sqrt(
            width if self.config.vocab_original_scaling else arch.embed_dim
        )
        self.dropout_p = self.config.dropout * arch.embed_dim / width
        for index in range(arch.num_layers):
            self.layer(index).set_sample_config(
                embed_dim=arch.embed_dim,
                ffn_dim=arch.ffn_dims[index],
                self_heads=arch.self_heads[index],
                dropout_scale=arch.embed_dim / width,
            )
        if self.layer_norm is not None:
            self.layer_norm.set_sample_config(arch.embed_dim)

    def layer(self, index: int) -> EncoderLayerSuper:
        """The layer at ``index``, with its type."""
        return cast(EncoderLayerSuper, self.layers[index])

    def forward(self, src_tokens: Tensor, src_lengths: Tensor | None = None) -> EncoderOutput:
        """Encodes a batch of sentences.

        Args:
            src_tokens: (B, S) int64, padded on either side.
            src_lengths: (B,) int64, part of fairseq's interface; the tokens say it all.
        """
        padding_mask = self.padding(src_tokens)
        mask = None if padding_mask is None else padding_mask.logical_not()[:, None, None, :]
        x = self.embed(src_tokens, is_padded=mask is not None)
        outputs = []
        for index in range(self.arch.num_layers):
            x = self.layer(index)(x, mask)
            outputs.append(x)
        return self.output(outputs, padding_mask)

    def padding(self, src_tokens: Tensor) -> Tensor | None:
        """src_tokens: (B, S) -> (B, S), True at padding; None if nothing is padding."""
        mask = src_tokens.eq(self.config.padding_idx)
        return mask if mask.any() else None

    def embed(
        self, src_tokens: Tensor, *, is_padded: bool = True, places: Tensor | None = None
    ) -> Tensor:
        """What goes into the first layer.

        Args:
            src_tokens: (B, S) int64.
            is_padded: whether there may be padding among them.
            places: (B, S) int64, of each token in its sentence from 0; counted if None.

        Returns:
            (B, S, E).
        """
        x = self.embed_scale * self.embed_tokens(src_tokens, self.arch.embed_dim)
        if self.embed_positions is not None:
            positions = None
            if places is not None:
                positions = self.embed_positions.at(places, self.arch.embed_dim)
            elif not is_padded:
                positions = self.embed_positions.unpadded(src_tokens.size(1), self.arch.embed_dim)
            if positions is None:
                positions = self.embed_positions(src_tokens, self.arch.embed_dim)
            x = x + positions
        return F.dropout(x, self.dropout_p, self.training)

    def output(self, outputs: Sequence[Tensor], padding_mask: Tensor | None) -> EncoderOutput:
        """Makes what the decoder attends to from the outputs of all layers, each (B, S, E)."""
        states = newest_states(outputs, self.config.encoder_layers, self.layer_norm)
        return EncoderOutput(states=states, padding_mask=padding_mask)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        state_dict.pop(prefix + "version", None)  # fairseq's format number, no parameter
        super()._load_from_state_dict(state_dict, prefix, *args)


def newest_states(
    outputs: Sequence[Tensor], num_layers: int, norm: Callable[[Tensor], Tensor] | None
) -> tuple[Tensor, ...]:
    """Returns what ``EncoderOutput.states`` holds.

    Args:
        outputs: of all layers that ran, in their order.
        num_layers: layers of the SuperTransformer. Those that the sampled depth skips pass the
            last output on.
        norm: what ends a pre-norm encoder.
    """
    skipped = num_layers - len(outputs)
    outputs = [*outputs, *([outputs[-1]] * min(skipped, MAX_SPAN))]
    states = outputs[: -MAX_SPAN - 1 : -1]
    if norm is not None:
        states[0] = norm(states[0])
    return tuple(states)


def build_positions(
    config: SuperTransformerConfig,
    *,
    max_positions: int,
    full_dim: int,
    held_dim: int,
    learned: bool,
) -> SinusoidalPositions | LearnedPositions | None:
    """Builds the positional embedding that ``config`` asks for.

    Sinusoids are made at the full width whatever is held, because their frequencies depend on it.
    """
    if config.no_token_positional_embeddings:
        return None
    if learned:
        return LearnedPositions(max_positions, held_dim, config.padding_idx)
    return SinusoidalPositions(max_positions, full_dim, config.padding_idx)


def _distinct(tensors: tuple[Tensor, ...]) -> list[Tensor]:
    return list({id(tensor): tensor for tensor in tensors}.values())
