"""One elastic layer of the decoder, and what it remembers between incremental steps."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hat.modules.layer import LayerSuper


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


class DecoderLayerSuper(LayerSuper):
    """Self-attention, attention to the encoder and feed-forward network.

    Build it with ``encoder_embed_dim``.
    """

    def set_sample_config(  # type: ignore[override]
        self, *, embed_dim: int, encoder_embed_dim: int, ende_heads: int, **shape: Any
    ) -> None:
        """Chooses the shape of the next passes.

        Args:
            embed_dim: width of the residual stream.
            encoder_embed_dim: width of the encoder's output.
            ende_heads: heads of the attention to the encoder.
            shape: the rest, as in ``LayerSuper``.

        Raises:
            ConfigError: if the layer is smaller than that.
        """
        super().set_sample_config(embed_dim=embed_dim, **shape)
        self.encoder_attn.set_sample_config(embed_dim, ende_heads, memory_dim=encoder_embed_dim)
        self.encoder_attn_layer_norm.set_sample_config(embed_dim)

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
        x = self.residual(
            x, self.self_attn_layer_norm, lambda y: self._attend_to_self(y, cache, self_mask)
        )
        x = self.residual(
            x,
            self.encoder_attn_layer_norm,
            lambda y: self._attend_to_encoder(y, memory, memory_mask, cache),
        )
        return self.residual(x, self.final_layer_norm, self.feed_forward)

    def _attend_to_self(self, x: Tensor, cache: LayerCache | None, mask: Tensor | None) -> Tensor:
        new = x.size(1)
        if cache is None or mask is not None:
            return self.self_attn(x, mask=mask, is_causal=mask is None and new > 1)  # type: ignore[no-any-return]
        query, key, value = self.self_attn.project_self(x)
        key, value = cache.append(key, value)
        past = key.size(2) - new
        if past == 0 or new == 1:
            return self.self_attn.attend(query, key, value, is_causal=new > 1)
        mask = torch.ones(new, past + new, dtype=torch.bool, device=x.device).tril(past)
        return self.self_attn.attend(query, key, value, mask=mask)

    def _attend_to_encoder(
        self, x: Tensor, memory: Tensor | None, mask: Tensor | None, cache: LayerCache | None
    ) -> Tensor:
        if cache is None:
            return self.encoder_attn(x, memory, mask=mask)  # type: ignore[no-any-return]
        if cache.cross_key is None or cache.cross_value is None:
            assert memory is not None, "the first step needs the encoder's output"
            cache.cross_key, cache.cross_value = self.encoder_attn.project_memory(memory)
        query = self.encoder_attn.project_query(x)
        return self.encoder_attn.attend(query, cache.cross_key, cache.cross_value, mask=mask)
