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
from hat.translation.caches import MovingCache, fill_gaps
from hat.translation.linear import MakeProduct, PackedLinear, Product

_FOLD = 2
"""Attention to the encoder is folded while that makes no more than so many times the weights."""


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


def _packed(linear: LinearSuper, make: MakeProduct, *, relu: bool = False) -> Product:
    weight = leading(linear.weight, linear.active_out, linear.active_in)
    bias = None if linear.bias is None else leading(linear.bias, linear.active_out)
    return make(weight, bias, relu=relu)


class _Attention:
    """What the attentions to oneself and to the encoder share."""

    def __init__(self, attention: MultiheadAttentionSuper, make: MakeProduct) -> None:
        self.heads = attention.num_heads
        self._qkv_dim = attention.qkv_dim
        self._width = attention.qkv_dim // attention.num_heads
        self._out = _packed(attention.out_proj, make)

    def _attend(
        self, residual: Tensor, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None
    ) -> Tensor:
        """Attends, projects and adds.

        Args:
            residual: (B * n, E).
            query: (B * H, n, K), scaled.
            key: (B * H, K, S).
            value: (B * H, S, K).
            mask: broadcastable to (B, H, n, S), added to the scores.

        Returns:
            (B * n, E).
        """
        if mask is not None and mask.size(0) == 1:
            scores = torch.baddbmm(mask[0], query, key)
        else:
            scores = torch.bmm(query, key)
            if mask is not None:
                scores.view(mask.size(0), self.heads, scores.size(1), -1).add_(mask)
        attended = torch.bmm(torch.softmax(scores, dim=-1), value)
        by_head = attended.view(-1, self.heads, query.size(1), self._width)
        joined = by_head.transpose(1, 2).reshape(-1, self._qkv_dim)
        return self._out.added_to(residual, joined)


def _scaled(weight: Tensor, attention: MultiheadAttentionSuper) -> Tensor:
    scale: float = (attention.qkv_dim // attention.num_heads) ** -0.5
    return weight * scale


class PackedSelfAttention(_Attention):
    """Attention of tokens to tokens, with one product for queries, keys and values."""

    def __init__(self, attention: MultiheadAttentionSuper, make: MakeProduct) -> None:
        super().__init__(attention, make)
        qkv, dim = attention.qkv_dim, attention.active_dim
        weight = leading(attention.in_proj_weight, 3 * qkv, dim).detach().clone()
        bias = attention.in_proj_bias.detach().clone()
        weight[:qkv] = _scaled(weight[:qkv], attention)
        bias[:qkv] = _scaled(bias[:qkv], attention)
        self._in = make(weight, bias)

    def among(self, residual: Tensor, x: Tensor, length: int, mask: Tensor | None) -> Tensor:
        """All tokens of a sentence see each other.

        Args:
            residual: (B * S, E).
            x: (B * S, E).
            length: S.
            mask: (B, 1, 1, S), added to the scores.
        """
        joint = self._in(x).view(-1, length, 3, self.heads, self._width)
        query, key, value = joint.permute(2, 0, 3, 1, 4).flatten(1, 2).unbind(0)
        return self._attend(residual, query, key.transpose(1, 2), value, mask)

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
        joint = self._in(x).view(-1, beams, 3, self.heads, self._width).permute(2, 0, 3, 1, 4)
        query = joint[0].reshape(-1, beams, self._width)
        key, value = cache.store(layer, joint[1:])
        return self._attend(residual, query, key.transpose(1, 2), value, mask)


class PackedCrossAttention(_Attention):
    """Attention to the encoder, whose keys and values are made once for each sentence."""

    def __init__(self, attention: MultiheadAttentionSuper, make: MakeProduct) -> None:
        super().__init__(attention, make)
        qkv, dim, memory_dim = attention.qkv_dim, attention.active_dim, attention.active_memory_dim
        bias = attention.in_proj_bias.detach()
        if attention.has_joint_weight:
            query, key, value = attention.in_proj_weight.detach().chunk(3)
        else:
            query, key, value = (
                getattr(attention, f"{name}_proj_weight").detach() for name in "qkv"
            )
        weight = _scaled(leading(query, qkv, dim), attention)
        offset = _scaled(bias[:qkv], attention)
        self._query = make(weight, offset)
        memory = torch.cat([leading(part, qkv, memory_dim) for part in (key, value)])
        self._memory = make(memory, bias[qkv:])
        # Folded weights are products of weights, which floats can represent.
        self._may_fold = make is PackedLinear
        if self._may_fold:
            out = attention.out_proj
            self._query_weight, self._query_bias = weight, offset
            self._out_weight = leading(out.weight, dim, qkv).detach().clone()
            self._out_bias = leading(out.bias, dim).detach().clone()

    def remember(self, memory: Tensor, mask: Tensor | None) -> "Memory | FoldedMemory":
        """Makes of what is attended to all that later steps need.

        Args:
            memory: (B, S, E_encoder).
            mask: (B, 1, 1, S), added to the scores; None if nothing is padding.
        """
        sentences, length, width = memory.shape
        joint = self._memory(memory.reshape(-1, width))
        split = joint.view(sentences, length, 2, self.heads, self._width)
        key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        if self._may_fold and sentences * self.heads * length <= _FOLD * self._qkv_dim:
            return self._folded(key, value, mask)
        return Memory(key.transpose(2, 3).contiguous(), value.contiguous(), mask)

    def _folded(self, key: Tensor, value: Tensor, mask: Tensor | None) -> "FoldedMemory":
        """key, value: (B, H, S, K); ``mask`` as in ``remember``."""
        width = key.size(3)
        query = self._query_weight.view(self.heads, width, -1)
        scores = torch.matmul(key, query)  # (B, H, S, E)
        offset = torch.matmul(key, self._query_bias.view(self.heads, width, 1))  # (B, H, S, 1)
        if mask is not None:
            offset = offset + mask.transpose(2, 3)
        out = torch.matmul(value, self._out_weight.t().reshape(self.heads, width, -1))
        # The weights of a head sum to one, so that the first one can bring the bias along.
        out[:, 0] += self._out_bias
        return FoldedMemory(
            scores.flatten(1, 2).transpose(1, 2).contiguous(),
            offset.flatten(1).unsqueeze(1),
            out.flatten(1, 2),
            self.heads,
        )

    def __call__(
        self, residual: Tensor, x: Tensor, beams: int, memory: "Memory | FoldedMemory"
    ) -> Tensor:
        """Lets n hypotheses of each sentence look at their source.

        Args:
            residual: (B * n, E).
            x: (B * n, E).
            beams: n.
            memory: what ``remember`` gave.
        """
        if isinstance(memory, FoldedMemory):
            return memory.attend(residual, x, beams)
        query = self._query(x).view(-1, beams, self.heads, self._width).transpose(1, 2)
        query = query.reshape(-1, beams, self._width)
        key = memory.keys.flatten(0, 1)[: len(query)]
        value = memory.values.flatten(0, 1)[: len(query)]
        return self._attend(residual, query, key, value, memory.mask)


@dataclass
class Memory:
    """What one decoder layer needs of the source of B sentences."""

    keys: Tensor
    """(B or more, H, K, S): in this order the product with queries takes half the time."""

    values: Tensor
    """(B or more, H, S, K)."""

    mask: Tensor | None
    """(B, 1, 1, S), added to the scores; None if nothing is padding."""

    def keep(self, order: Tensor) -> None:
        """See ``Decoding.keep``."""
        fill_gaps(self.keys, order, dim=0)
        fill_gaps(self.values, order, dim=0)
        if self.mask is not None:
            self.mask = self.mask.index_select(0, order)


@dataclass
class FoldedMemory:
    """The same for a few short sentences: queries and output joined with keys and values.

    The scores of a head are ``x Wq K'`` and its output is ``p V Wo``. Where a sentence is short,
    ``Wq K'`` and ``V Wo`` are smaller than the weights in them, and two products do all of it.
    """

    scores: Tensor
    """(B, E, H * S)."""

    offset: Tensor
    """(B, 1, H * S), added to the scores: the bias of the queries and the mask."""

    out: Tensor
    """(B, H * S, E), with the bias."""

    heads: int

    def attend(self, residual: Tensor, x: Tensor, beams: int) -> Tensor:
        """residual: (B * n, E), x: (B * n, E), ``beams``: n -> (B * n, E)."""
        if len(self.scores) == 1:
            scores = torch.addmm(self.offset[0], x, self.scores[0])
            weights = scores.view(beams, self.heads, -1).softmax(-1).view(beams, -1)
            return torch.addmm(residual, weights, self.out[0])
        width = x.size(1)
        scores = torch.baddbmm(self.offset, x.view(-1, beams, width), self.scores)
        weights = scores.view(len(x), self.heads, -1).softmax(-1).view_as(scores)
        return torch.baddbmm(residual.view(-1, beams, width), weights, self.out).view_as(x)

    def keep(self, order: Tensor) -> None:
        """See ``Decoding.keep``."""
        self.scores, self.offset, self.out = (
            each.index_select(0, order) for each in (self.scores, self.offset, self.out)
        )


class _FeedForward:
    """The inner network, its activation and its sum with the residual."""

    def __init__(self, layer: EncoderLayerSuper | DecoderLayerSuper, make: MakeProduct) -> None:
        is_relu = layer.activation is F.relu
        self._fc1 = _packed(layer.fc1, make, relu=is_relu)
        self._fc2 = _packed(layer.fc2, make)
        self._activation = None if is_relu else layer.activation

    def __call__(self, residual: Tensor, x: Tensor) -> Tensor:
        inner = self._fc1(x)
        if self._activation is not None:
            inner = self._activation(inner)
        return self._fc2.added_to(residual, inner)


class PackedEncoderLayer:
    """One layer of the encoder."""

    def __init__(self, layer: EncoderLayerSuper, make: MakeProduct) -> None:
        self._pre_norm = layer.normalize_before
        self._attention = PackedSelfAttention(layer.self_attn, make)
        self._attention_norm = PackedNorm(layer.self_attn_layer_norm)
        self._feed_forward = _FeedForward(layer, make)
        self._final_norm = PackedNorm(layer.final_layer_norm)

    def __call__(self, x: Tensor, length: int, mask: Tensor | None) -> Tensor:
        """x: (B * S, E) -> (B * S, E); ``length``: S; ``mask``: (B, 1, 1, S), added to scores."""
        if self._pre_norm:
            x = self._attention.among(x, self._attention_norm(x), length, mask)
            return self._feed_forward(x, self._final_norm(x))
        x = self._attention_norm(self._attention.among(x, x, length, mask))
        return self._final_norm(self._feed_forward(x, x))


class PackedDecoderLayer:
    """One layer of the decoder, for the newest token of every hypothesis."""

    def __init__(self, layer: DecoderLayerSuper, index: int, make: MakeProduct) -> None:
        self._index = index
        self._pre_norm = layer.normalize_before
        self._attention = PackedSelfAttention(layer.self_attn, make)
        self._attention_norm = PackedNorm(layer.self_attn_layer_norm)
        self.cross = PackedCrossAttention(layer.encoder_attn, make)
        self._cross_norm = PackedNorm(layer.encoder_attn_layer_norm)
        self._feed_forward = _FeedForward(layer, make)
        self._final_norm = PackedNorm(layer.final_layer_norm)

    @property
    def self_heads(self) -> int:
        """Heads of the self-attention."""
        return self._attention.heads

    def __call__(
        self,
        x: Tensor,
        beams: int,
        cache: MovingCache,
        mask: Tensor | None,
        memory: Memory | FoldedMemory,
    ) -> Tensor:
        """Runs the layer.

        Args:
            x: (B * n, E).
            beams: n.
            cache: which has made place.
            mask: what the cache said.
            memory: what ``cross.remember`` gave.

        Returns:
            (B * n, E).
        """
        index = self._index
        if self._pre_norm:
            normed = self._attention_norm(x)
            x = self._attention.newest(x, normed, beams, cache, index, mask)
            x = self.cross(x, self._cross_norm(x), beams, memory)
            return self._feed_forward(x, self._final_norm(x))
        x = self._attention_norm(self._attention.newest(x, x, beams, cache, index, mask))
        x = self._cross_norm(self.cross(x, x, beams, memory))
        return self._final_norm(self._feed_forward(x, x))
