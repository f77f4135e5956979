"""What the elastic encoder and decoder have in common: an embedding and a stack of layers."""

import math
from typing import Any, Generic, TypeVar

from torch import Tensor, nn

from hat.arch.config import DecoderConfig, EncoderConfig
from hat.models.config import SuperTransformerConfig
from hat.modules.dropout import dropout
from hat.modules.embedding import EmbeddingSuper
from hat.modules.layer import LayerSuper
from hat.modules.layer_norm import LayerNormSuper
from hat.modules.positions import LearnedPositions, SinusoidalPositions

Arch = TypeVar("Arch", EncoderConfig, DecoderConfig)
Layer = TypeVar("Layer", bound=LayerSuper)


class SuperStack(nn.Module, Generic[Arch, Layer]):
    """Token embedding, positions and layers that can run at any width and depth up to their own.

    Args:
        config: the SuperTransformer.
        embed_tokens: the embedding of the tokens.
        size: what to hold weights for.
        layer_type: class of the layers.
        full_dim: largest width that the SuperTransformer knows.
        max_positions: longest sentence in tokens.
        learned_positions: whether positions are learned, if there are any.
        normalize_before: pre-norm (True) or post-norm (False).
        has_final_norm: whether a layer norm follows the last layer.
        layer_options: more of ``layer_type``.
    """

    arch: Arch

    def __init__(
        self,
        config: SuperTransformerConfig,
        embed_tokens: EmbeddingSuper,
        size: Arch,
        *,
        layer_type: type[Layer],
        full_dim: int,
        max_positions: int,
        learned_positions: bool,
        normalize_before: bool,
        has_final_norm: bool,
        **layer_options: Any,
    ) -> None:
        super().__init__()
        self.config = config
        self.full_dim = full_dim
        self.embed_tokens = embed_tokens
        self.embed_positions: SinusoidalPositions | LearnedPositions | None = None
        if not config.no_token_positional_embeddings and learned_positions:
            self.embed_positions = LearnedPositions(
                max_positions, size.embed_dim, config.padding_idx
            )
        elif not config.no_token_positional_embeddings:
            # At the full width whatever is held, because the frequencies depend on it.
            self.embed_positions = SinusoidalPositions(max_positions, full_dim, config.padding_idx)
        self.layers = nn.ModuleList(
            layer_type(
                size.embed_dim,
                ffn_dim,
                num_heads=heads,
                qkv_dim=config.qkv_dim,
                normalize_before=normalize_before,
                dropout_p=config.dropout,
                attention_dropout_p=config.attention_dropout,
                activation_dropout_p=config.activation_dropout,
                activation_fn=config.activation_fn,
                **layer_options,
            )
            for ffn_dim, heads in zip(size.ffn_dims, size.self_heads, strict=True)
        )
        self.layer_norm = LayerNormSuper(size.embed_dim) if has_final_norm else None

    def layer(self, index: int) -> Layer:
        """The layer at ``index``, with its type."""
        return self.layers[index]  # type: ignore[return-value]

    def enter(self, tokens: Tensor, positions: Tensor | None) -> Tensor:
        """What goes into the first layer.

        Args:
            tokens: (B, S) int64.
            positions: their vectors, broadcastable to (B, S, E), if there are any.

        Returns:
            (B, S, E).
        """
        x = self.embed_scale * self.embed_tokens(tokens, self.arch.embed_dim)
        if positions is not None:
            x = x + positions
        return dropout(x, self.dropout_p, training=self.training)

    def _choose(self, arch: Arch, **layer_options: Any) -> None:
        """Sets the shape of the next passes; ``layer_options``: per name one value per layer.

        Raises:
            ConfigError: if it is larger than this one.
        """
        self.arch = arch
        self.embed_scale = math.sqrt(
            self.full_dim if self.config.vocab_original_scaling else arch.embed_dim
        )
        self.dropout_p = self.config.dropout * arch.embed_dim / self.full_dim
        for index in range(arch.num_layers):
            self.layer(index).set_sample_config(
                embed_dim=arch.embed_dim,
                ffn_dim=arch.ffn_dims[index],
                self_heads=arch.self_heads[index],
                dropout_scale=arch.embed_dim / self.full_dim,
                **{name: values[index] for name, values in layer_options.items()},
            )
        if self.layer_norm is not None:
            self.layer_norm.set_sample_config(arch.embed_dim)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        state_dict.pop(prefix + "version", None)  # fairseq's format number, no parameter
        super()._load_from_state_dict(state_dict, prefix, *args)
