"""One elastic layer of the decoder, and what it remembers between incremental steps."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hat.modules.activations import ACTIVATIONS
from hat.modules.attention import MultiheadAttentionSuper
from hat.modules.layer_norm import LayerNormSuper
from hat.modules.linear import LinearSuper


@dataclass
class LayerCache:
    """Keys and values of one layer, each (B, H, length, K) or, before the first step, None."""

    self_key: Tensor | None = None
    self_value: Tensor | None = None
    cross_key: Tensor | None = None
    cross_value: Tensor | None = None

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Adds the keys and values of new tokens and returns those of all tokens so far."""
        if self.self_key is not None and self.self_value is not None:
            key = torch.cat((self.self_key, key), dim=2)
            value = torch.cat((self.self_value, value), dim=2)
        self.self_key, self.self_value = key, value
        return key, value

    def reorder(self, order: Tensor, *, same_sources: bool = False) -> None:
        """Row i of the batch continues what was row ``order[i]``; see ``DecoderCache``."""
        if self.self_key is not None and self.self_value is not None:
            self.self_key = self.self_key.index_select(0, order)
            self.self_value = self.self_value.index_select(0, order)
        if self.cross_key is not None and self.cross_value is not None and not same_sources:
            self.cross_key = self.cross_key.index_select(0, order)
            self.cross_value = self.cross_value.index_select(0, order)


class DecoderLayerSuper(nn.Module):
    """Self-attention, attention to the encoder and feed-forward network.

    All dropout rates but that of the attention weights shrink with the sampled width.

    Args:
        embed_dim: largest width.
        ffn_dim: largest inner width of the feed-forward network.
        encoder_embed_dim: largest width of the encoder's output.
        num_heads: heads until ``set_sample_config`` says otherwise.
        qkv_dim: joint width of all heads.
        normalize_before: pre-norm (True) or post-norm (False).
        dropout_p: dropout after each block at full width.
        attention_dropout_p: dropout of attention weights.
        activation_dropout_p: dropout after the activation at full width.
        activation_fn: a name of ``ACTIVATIONS``.
    """

    def __init__(
        self,
        embed_dim: int,
        ffn_dim: int,
        *,
        encoder_embed_dim: int,
        num_heads: int,
        qkv_dim: int,
        normalize_before: bool = False,
        dropout_p: float = 0.0,
        attention_dropout_p: float = 0.0,
        activation_dropout_p: float = 0.0,
        activation_fn: str = "relu",
    ) -> None:
        super().__init__()
        self.self_attn = MultiheadAttentionSuper(
            embed_dim, num_heads, qkv_dim=qkv_dim, dropout_p=attention_dropout_p
        )
        self.self_attn_layer_norm = LayerNormSuper(embed_dim)
        self.encoder_attn = MultiheadAttentionSuper(
            embed_dim,
            num_heads,
            memory_dim=encoder_embed_dim,
            qkv_dim=qkv_dim,
            dropout_p=attention_dropout_p,
        )
        self.encoder_attn_layer_norm = LayerNormSuper(embed_dim)
        self.fc1 = LinearSuper(embed_dim, ffn_dim)
        self.fc2 = LinearSuper(ffn_dim, embed_dim)
        self.final_layer_norm = LayerNormSuper(embed_dim)
        self.activation = ACTIVATIONS[activation_fn]
        self.normalize_before = normalize_before
        self.dropout_p = dropout_p
        self.activation_dropout_p = activation_dropout_p
        self.dropout_scale = 1.0

    def set_sample_config(
        self,
        *,
        embed_dim: int,
        ffn_dim: int,
        encoder_embed_dim: int,
        self_heads: int,
        ende_heads: int,
        dropout_scale: float,
    ) -> None:
        """Chooses the shape of the next passes.

        Args:
            embed_dim: width of the residual stream.
            ffn_dim: inner width of the feed-forward network.
            encoder_embed_dim: width of the encoder's output.
            self_heads: heads of the self-attention.
            ende_heads: heads of the attention to the encoder.
            dropout_scale: sampled over full width; multiplies the dropout rates.

        Raises:
            ConfigError: if the layer is smaller than that.
        """
        self.self_attn.set_sample_config(embed_dim, self_heads)
        self.self_attn_layer_norm.set_sample_config(embed_dim)
        self.encoder_attn.set_sample_config(embed_dim, ende_heads, memory_dim=encoder_embed_dim)
        self.encoder_attn_layer_norm.set_sample_config(embed_dim)
        self.fc1.set_sample_config(embed_dim, ffn_dim)
        self.fc2.set_sample_config(ffn_dim, embed_dim)
        self.final_layer_norm.set_sample_config(embed_dim)
        self.dropout_scale = dropout_scale

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None,
        memory_mask: Tensor | None = None,
        cache: LayerCache | None = None,
        self_mask: Tensor | None = None,
    ) -> Tensor:
        """Runs the layer over T tokens, or over T new ones when there is a cache.

        Args:
            x: (B, T, E).
            memory: (B, S, E_encoder), what to attend to; not read once the cache has its keys.
            memory_mask: (B, 1, 1, S), True at tokens, or None if nothing is padding.
            cache: keys and values of earlier tokens; those of the new ones are added.
            self_mask: (B, 1, T, T), added to the scores of the self-attention; None: a token sees
                what is not later.

        Returns:
            (B, T, E).
        """
        residual = x
        if self.normalize_before:
            x = self.self_attn_layer_norm(x)
        x = residual + self._dropout(self._attend_to_self(x, cache, self_mask))
        if not self.normalize_before:
            x = self.self_attn_layer_norm(x)

        residual = x
        if self.normalize_before:
            x = self.encoder_attn_layer_norm(x)
        x = residual + self._dropout(self._attend_to_encoder(x, memory, memory_mask, cache))
        if not self.normalize_before:
            x = self.encoder_attn_layer_norm(x)

        residual = x
        if self.normalize_before:
            x = self.final_layer_norm(x)
        x = self.activation(self.fc1(x))
        x = F.dropout(x, self.activation_dropout_p * self.dropout_scale, self.training)
        x = residual + self._dropout(self.fc2(x))
        if not self.normalize_before:
            x = self.final_layer_norm(x)
        return x

    def _attend_to_self(self, x: Tensor, cache: LayerCache | None, mask: Tensor | None) -> Tensor:
        query, key, value = self.self_attn.project_self(x)
        new = x.size(1)
        if mask is not None:
            return self.self_attn.attend(query, key, value, mask=mask)
        if cache is None:
            return self.self_attn.attend(query, key, value, is_causal=new > 1)
        key, value = cache.append(key, value)
        past = key.size(2) - new
        if past == 0 or new == 1:
            return self.self_attn.attend(query, key, value, is_causal=new > 1)
        mask = torch.ones(new, past + new, dtype=torch.bool, device=x.device).tril(past)
        return self.self_attn.attend(query, key, value, mask=mask)

    def _attend_to_encoder(
        self, x: Tensor, memory: Tensor | None, mask: Tensor | None, cache: LayerCache | None
    ) -> Tensor:
        query = self.encoder_attn.project_query(x)
        if cache is not None and cache.cross_key is not None and cache.cross_value is not None:
            key, value = cache.cross_key, cache.cross_value
        else:
            assert memory is not None, "the first step needs the encoder's output"
            key, value = self.encoder_attn.project_memory(memory)
            if cache is not None:
                cache.cross_key, cache.cross_value = key, value
        return self.encoder_attn.attend(query, key, value, mask=mask)

    def _dropout(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout_p * self.dropout_scale, self.training)
