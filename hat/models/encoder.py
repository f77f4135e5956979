"""The elastic encoder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

from hat.arch.config import MAX_SPAN, EncoderConfig
from hat.models.config import SuperTransformerConfig
from hat.models.stack import SuperStack
from hat.modules.embedding import EmbeddingSuper
from hat.modules.encoder_layer import EncoderLayerSuper

State = TypeVar("State")
"""An output of a layer: a tensor, or its name in a graph."""


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


class SuperEncoder(SuperStack[EncoderConfig, EncoderLayerSuper]):
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
        size = config.largest_arch().encoder if size is None else size
        super().__init__(
            config,
            embed_tokens,
            size,
            layer_type=EncoderLayerSuper,
            full_dim=config.encoder_embed_dim,
            max_positions=config.max_source_positions,
            learned_positions=config.encoder_learned_pos,
            normalize_before=config.encoder_normalize_before,
            has_final_norm=config.encoder_normalize_before,
        )
        self.set_sample_config(size)

    def set_sample_config(self, arch: EncoderConfig) -> None:
        """Chooses the encoder that the next passes run.

        Raises:
            ConfigError: if it is larger than this one.
        """
        self._choose(arch)

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
        positions = None
        if self.embed_positions is not None:
            if places is not None:
                positions = self.embed_positions.at(places, self.arch.embed_dim)
            elif not is_padded:
                positions = self.embed_positions.unpadded(src_tokens.size(1), self.arch.embed_dim)
            if positions is None:
                positions = self.embed_positions(src_tokens, self.arch.embed_dim)
        return self.enter(src_tokens, positions)

    def output(self, outputs: Sequence[Tensor], padding_mask: Tensor | None) -> EncoderOutput:
        """Makes what the decoder attends to from the outputs of all layers, each (B, S, E)."""
        states = newest_states(outputs, self.config.encoder_layers, self.layer_norm)
        return EncoderOutput(states=states, padding_mask=padding_mask)


def newest_states(
    outputs: Sequence[State], num_layers: int, norm: Callable[[State], State] | None
) -> tuple[State, ...]:
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


def _distinct(tensors: tuple[Tensor, ...]) -> list[Tensor]:
    return list({id(tensor): tensor for tensor in tensors}.values())
