"""The layers of one SubTransformer, their weights cut out, joined and packed, run without modules.

What is computed is what the modules in ``hat.modules`` compute in eval mode; ``tests/translation``
compares them. Queries are scaled by their weights.
"""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hat.models.decoder import SuperDecoder
from hat.models.encoder import SuperEncoder
from hat.modules.attention import MultiheadAttentionSuper
from hat.modules.decoder_layer import DecoderLayerSuper
from hat.modules.encoder_layer import EncoderLayerSuper
from hat.modules.layer_norm import LayerNormSuper
from hat.modules.linear import LinearSuper
from hat.modules.slicing import leading
from hat.translation.caches import MovingCache
from hat.translation.linear import PackedLinear


class PackedNorm:
    """A layer norm of the active width."""

    def __init__(self, norm: LayerNormSuper) -> None:
        dim = norm.active_dim
        self._shape = (dim,)
        self._weight = leading(norm.weight, dim).detach().clone()
        self._bias = leading(norm.bias, dim).detach().clone()
        self._eps = norm.eps

    def __call__(self, x: Tensor) -> Tensor:
        """x: (rows, E) -> (rows, E)."""
        y: Tensor = torch.layer_norm(x, self._shape, self._weight, self._bias, self._eps)
        return y


class PackedEmbedding:
    """Tokens and their positions, of the encoder or the decoder, as wide as it is set to be."""

    def __init__(self, side: SuperEncoder | SuperDecoder) -> None:
        self._width = side.arch.embed_dim
        self._scale = side.embed_scale
        self.weight = side.embed_tokens.weight[:, : self._width].detach().clone()
        self._positions = copy.deepcopy(side.embed_positions)

    def __call__(self, tokens: Tensor) -> Tensor:
        """tokens: (B, S) int64, padded on either side -> (B, S, E)."""
        vectors = F.embedding(tokens, self.weight)
        if self._positions is None:
            return vectors.mul_(self._scale)
        return torch.add(self._positions(tokens, self._width), vectors, alpha=self._scale)

    def at(self, tokens: Tensor, position: Tensor | None) -> Tensor:
        """tokens: (rows,) int64, all at ``position`` (E,), if there are any -> (rows, E)."""
        vectors = self.weight.index_select(0, tokens)
        if position is None:
            return vectors.mul_(self._scale)
        return torch.add(position, vectors, alpha=self._scale)

    def positions(self, length: int) -> Tensor | None:
        """The vectors of the first ``length`` positions, (length, E), if there are any."""
        if self._positions is None:
            return None
        places = torch.arange(length, device=self.weight.device)[None]
        found: Tensor = self._positions.at(places, self._width)[0]
        return found


def _packed(linear: LinearSuper, *, relu: bool = False) -> PackedLinear:
    weight = leading(linear.weight, linear.active_out, linear.active_in)
    bias = None if linear.bias is None else leading(linear.bias, linear.active_out)
    return PackedLinear(weight, bias, relu=relu)


class _Attention:
    """What the attentions to oneself and to the encoder share."""

    def __init__(self, attention: MultiheadAttentionSuper) -> None:
        self.heads = attention.num_heads
        self._qkv_dim = attention.qkv_dim
        self._out = _packed(attention.out_proj)

    def _attend(
        self, residual: Tensor, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None
    ) -> Tensor:
        """Attends, projects and adds.

        Args:
            residual: (B * n, E).
            query: (B * H, n, K), scaled.
            key: (B * H, S, K).
            value: (B * H, S, K).
            mask: broadcastable to (B, H, n, S), added to the scores.

        Returns:
            (B * n, E).
        """
        scores = torch.bmm(query, key.transpose(1, 2))
        if mask is not None:
            scores.view(mask.size(0), self.heads, scores.size(1), -1).add_(mask)
        attended = torch.bmm(torch.softmax(scores, dim=-1), value)
        by_head = attended.view(-1, self.heads, query.size(1), query.size(2))
        joined = by_head.transpose(1, 2).reshape(residual.size(0), self._qkv_dim)
        return self._out.added_to(residual, joined)

    def _by_head(self, x: Tensor, beams: int) -> Tensor:
        """x: (B * n, H * K) -> (B * H, n, K)."""
        split = x.view(-1, beams, self.heads, self._qkv_dim // self.heads)
        return split.transpose(1, 2).reshape(-1, beams, split.size(3))


def _scaled(weight: Tensor, attention: MultiheadAttentionSuper) -> Tensor:
    return weight * (attention.qkv_dim // attention.num_heads) ** -0.5


class PackedSelfAttention(_Attention):
    """Attention of tokens to tokens, with one product for queries, keys and values."""

    def __init__(self, attention: MultiheadAttentionSuper) -> None:
        super().__init__(attention)
        qkv, dim = attention.qkv_dim, attention.active_dim
        weight = leading(attention.in_proj_weight, 3 * qkv, dim).detach().clone()
        bias = attention.in_proj_bias.detach().clone()
        weight[:qkv] = _scaled(weight[:qkv], attention)
        bias[:qkv] = _scaled(bias[:qkv], attention)
        self._in = PackedLinear(weight, bias)

    def among(self, residual: Tensor, x: Tensor, length: int, mask: Tensor | None) -> Tensor:
        """All tokens of a sentence see each other.

        Args:
            residual: (B * S, E).
            x: (B * S, E).
            length: S.
            mask: (B, 1, 1, S), added to the scores.
        """
        joint = self._in(x).view(-1, length, 3, self.heads, self._qkv_dim // self.heads)
        query, key, value = joint.permute(2, 0, 3, 1, 4).flatten(1, 2).unbind(0)
        return self._attend(residual, query, key, value, mask)

    def newest(
        self,
        residual: Tensor,
        x: Tensor,
        beams: int,
        cache: MovingCache,
        layer: int,
        mask: Tensor | None,
    ) -> Tensor:
        """The newest tokens see what they descend from.

        Args:
            residual: (B * n, E).
            x: (B * n, E).
            beams: n.
            cache: of all layers, which has made place.
            layer: whose attention this is.
            mask: what the cache said.
        """
        joint = self._in(x)
        query = self._by_head(joint[:, : self._qkv_dim], beams)
        others = joint[:, self._qkv_dim :].view(-1, beams, 2, self.heads, query.size(2))
        key, value = cache.store(layer, others.permute(2, 0, 3, 1, 4))
        return self._attend(residual, query, key, value, mask)


class PackedCrossAttention(_Attention):
    """Attention to the encoder, whose keys and values are made once for each sentence."""

    def __init__(self, attention: MultiheadAttentionSuper) -> None:
        super().__init__(attention)
        qkv, dim, memory_dim = attention.qkv_dim, attention.active_dim, attention.active_memory_dim
        bias = attention.in_proj_bias.detach()
        if attention.has_joint_weight:
            query, key, value = attention.in_proj_weight.detach().chunk(3)
        else:
            query, key, value = (
                getattr(attention, f"{name}_proj_weight").detach() for name in "qkv"
            )
        self._query = PackedLinear(
            _scaled(leading(query, qkv, dim), attention), _scaled(bias[:qkv], attention)
        )
        memory = torch.cat([leading(part, qkv, memory_dim) for part in (key, value)])
        self._memory = PackedLinear(memory, bias[qkv:])

    def project(self, memory: Tensor) -> Tensor:
        """memory: (B, S, E_encoder) -> keys and values (2, B, H, S, K)."""
        sentences, length, width = memory.shape
        joint = self._memory(memory.reshape(-1, width))
        split = joint.view(sentences, length, 2, self.heads, self._qkv_dim // self.heads)
        return split.permute(2, 0, 3, 1, 4).contiguous()

    def __call__(
        self, residual: Tensor, x: Tensor, beams: int, memory: Tensor, mask: Tensor | None
    ) -> Tensor:
        """Lets n hypotheses of each sentence look at their source.

        Args:
            residual: (B * n, E).
            x: (B * n, E).
            beams: n.
            memory: what ``project`` gave, of B sentences or more.
            mask: (B, 1, 1, S), added to the scores.
        """
        query = self._by_head(self._query(x), beams)
        key, value = memory.flatten(1, 2)[:, : query.size(0)].unbind(0)
        return self._attend(residual, query, key, value, mask)


class _FeedForward:
    """The inner network, its activation and its sum with the residual."""

    def __init__(self, layer: EncoderLayerSuper | DecoderLayerSuper) -> None:
        is_relu = layer.activation is F.relu
        self._fc1 = _packed(layer.fc1, relu=is_relu)
        self._fc2 = _packed(layer.fc2)
        self._activation = None if is_relu else layer.activation

    def __call__(self, residual: Tensor, x: Tensor) -> Tensor:
        inner = self._fc1(x)
        if self._activation is not None:
            inner = self._activation(inner)
        return self._fc2.added_to(residual, inner)


class PackedEncoderLayer:
    """One layer of the encoder."""

    def __init__(self, layer: EncoderLayerSuper) -> None:
        self._pre_norm = layer.normalize_before
        self._attention = PackedSelfAttention(layer.self_attn)
        self._attention_norm = PackedNorm(layer.self_attn_layer_norm)
        self._feed_forward = _FeedForward(layer)
        self._final_norm = PackedNorm(layer.final_layer_norm)

    def __call__(self, x: Tensor, length: int, mask: Tensor | None) -> Tensor:
        """x: (B * S, E) -> (B * S, E); ``length``: S; ``mask``: (B, 1, 1, S), added to scores."""
        if self._pre_norm:
            x = self._attention.among(x, self._attention_norm(x), length, mask)
            return self._feed_forward(x, self._final_norm(x))
        x = self._attention_norm(self._attention.among(x, x, length, mask))
        return self._final_norm(self._feed_forward(x, x))


@dataclass
class Memory:
    """What the decoder layers need of the source of B sentences."""

    layers: list[Tensor]
    """Per layer keys and values (2, B or more, H, S, K)."""

    masks: list[Tensor | None]
    """Per layer (B, 1, 1, S), added to scores; None if nothing is padding."""

    def keep(self, order: Tensor) -> None:
        """See ``Decoding.keep``."""
        gaps = (order != torch.arange(len(order), device=order.device)).nonzero()[:, 0]
        fillers = order[gaps]
        for layer in self.layers if len(gaps) else ():
            layer.index_copy_(1, gaps, layer.index_select(1, fillers))
        kept = {id(m): m.index_select(0, order) for m in self.masks if m is not None}
        self.masks = [None if mask is None else kept[id(mask)] for mask in self.masks]


class PackedDecoderLayer:
    """One layer of the decoder, for the newest token of every hypothesis."""

    def __init__(self, layer: DecoderLayerSuper, index: int) -> None:
        self._index = index
        self._pre_norm = layer.normalize_before
        self._attention = PackedSelfAttention(layer.self_attn)
        self._attention_norm = PackedNorm(layer.self_attn_layer_norm)
        self.cross = PackedCrossAttention(layer.encoder_attn)
        self._cross_norm = PackedNorm(layer.encoder_attn_layer_norm)
        self._feed_forward = _FeedForward(layer)
        self._final_norm = PackedNorm(layer.final_layer_norm)

    @property
    def self_heads(self) -> int:
        """Heads of the self-attention."""
        return self._attention.heads

    def __call__(
        self, x: Tensor, beams: int, cache: MovingCache, mask: Tensor | None, memory: Memory
    ) -> Tensor:
        """Runs the layer.

        Args:
            x: (B * n, E).
            beams: n.
            cache: which has made place.
            mask: what the cache said.
            memory: of the sources.

        Returns:
            (B * n, E).
        """
        index = self._index
        source, source_mask = memory.layers[index], memory.masks[index]
        if self._pre_norm:
            normed = self._attention_norm(x)
            x = self._attention.newest(x, normed, beams, cache, index, mask)
            x = self.cross(x, self._cross_norm(x), beams, source, source_mask)
            return self._feed_forward(x, self._final_norm(x))
        x = self._attention_norm(self._attention.newest(x, x, beams, cache, index, mask))
        x = self._cross_norm(self.cross(x, x, beams, source, source_mask))
        return self._final_norm(self._feed_forward(x, x))
