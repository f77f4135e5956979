"""The width-one twin of SubTransformers whose weights are all one constant.

The textbook recipe fails on Transformers: with constant weights all channels of a token are the
same number, and layer normalisation, which subtracts the mean over the channels, removes exactly
that. Three decisions make the score work. Each is made by argument:

Normalisation over tokens. In the convolutional networks on which epsinas was published, batch
normalisation compares a channel of one image with the same channel of the others. The same for a
Transformer is to centre and scale each channel over all tokens of the batch. Its gain stays 1
instead of being filled with the constant: a gain mixes nothing, and a tiny one hands the network
over to the epsilon under the root.

The large constant. A feed-forward block multiplies by ``w * E`` and then by ``w * F``. With
``w = 1 / sqrt(E * F)`` it is as strong as the residual stream it is added to, as in a network that
was initialised for training; much larger constants drown the residual stream, much smaller ones
the blocks. ``E`` and ``F`` are means over the choices of the search space, so the pair belongs to
the space and not to an architecture. With any much smaller constant the blocks do nothing and the
network passes its input through; the other constant of the pair is therefore zero, the limit, and
the score says how far the blocks take the output away from the input.

The read-out. A SubTransformer is two networks in one. The decoder sees little of the encoder, only
averages of its output, so the score of an architecture is the mean of the score of its encoder's
output and the score of its decoder's output.

The network is HAT's, without positions, which random tokens do not need. A token enters as one
random number that all channels hold, as an image enters the first convolution of a CNN. Attention
then has rank one before the softmax: ``q_i k_j = w^2 E E' x_i m_j``, times the root of the head
width; all heads agree, so their number matters only there. Either side normalises behind every
residual connection (post-norm) or in front of every block and once more at the end (pre-norm).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from hat.arch.config import MAX_SPAN, SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.arrays import Floats
from hat.errors import ConfigError

NORMS = ("tokens", "tokens-filled", "scale", "layer", "none")
"""Over all tokens; the same with its gain filled with the constant; over all tokens without
centring; over the channels, as trained Transformers do; no normalisation."""

NORM_EPSILON = 1e-5
"""Under the root of every normalisation, PyTorch's default."""


_SAFE_LOGIT = 500.0
"""Up to here sums of exponentials neither overflow nor vanish in float64 without a shift."""


@dataclass(frozen=True, kw_only=True)
class TokenBatch:
    """One number per token, which every channel of its embedding holds."""

    source: Floats
    """(B, S)"""

    target: Floats
    """(B, T)"""

    @classmethod
    def random(cls, rng: np.random.Generator, *, sentences: int, length: int) -> "TokenBatch":
        """Standard normal numbers for B sentences of equal length on both sides."""
        return cls(
            source=rng.standard_normal((sentences, length)),
            target=rng.standard_normal((sentences, length)),
        )

    @classmethod
    def quantiles(cls, rng: np.random.Generator, *, sentences: int, length: int) -> "TokenBatch":
        """The quantiles of the normal distribution in random order, instead of random numbers.

        The extremes of an output set the scale of its score. Here those of the input do not vary.
        """
        count = sentences * length
        values = ndtri((np.arange(count) + 0.5) / count)
        return cls(
            source=rng.permutation(values).reshape(sentences, length),
            target=rng.permutation(values).reshape(sentences, length),
        )


def balanced_weights(space: SearchSpace) -> tuple[float, float]:
    """The pair of constants for a search space; see the module's docstring."""
    embed_dim = np.mean([*space.encoder_embed_dims, *space.decoder_embed_dims])
    ffn_dim = np.mean([*space.encoder_ffn_dims, *space.decoder_ffn_dims])
    return 0.0, float(1.0 / np.sqrt(embed_dim * ffn_dim))


class CollapsedTransformer:
    """Computes outputs of SubTransformers on one fixed batch under W constants."""

    def __init__(
        self,
        batch: TokenBatch,
        weights: Sequence[float],
        *,
        qkv_dim: int,
        encoder_layers: int,
        norm: str = "tokens",
        encoder_normalize_before: bool = False,
        decoder_normalize_before: bool = False,
    ) -> None:
        """Keeps the batch.

        Args:
            batch: the tokens.
            weights: the W constants.
            qkv_dim: joint width of all heads.
            encoder_layers: depth of the deepest encoder of the space. HAT lets skipped layers
                repeat the last output, which matters for spans over shallow encoders.
            norm: one of ``NORMS``.
            encoder_normalize_before: whether encoders are pre-norm.
            decoder_normalize_before: whether decoders are pre-norm.

        Raises:
            ConfigError: if the normalisation is unknown.
        """
        if norm not in NORMS:
            raise ConfigError(f"unknown normalisation {norm!r}; known are {', '.join(NORMS)}")
        self._batch = batch
        self._weights = np.asarray(weights, np.float64)[:, None, None]
        self._squares = self._weights**2
        self._qkv_dim = qkv_dim
        self._encoder_layers = encoder_layers
        self._norm_kind = norm
        self._encoder_pre_norm = encoder_normalize_before
        self._decoder_pre_norm = decoder_normalize_before

    def outputs(self, archs: Sequence[SubTransformerConfig]) -> tuple[Floats, Floats]:
        """What encoders and decoders put out under each constant.

        Returns:
            One channel of each token: (N, W, B * S) and (N, W, B * T). Computed batched over the
            N architectures, whatever their depths. Not finite where a network overflows.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            memory = self._encode(archs)
            decoded = self._decode(archs, memory)
        shape = (len(archs), len(self._weights), -1)
        return memory[:, 0].reshape(shape), decoded.reshape(shape)

    def _encode(self, archs: Sequence[SubTransformerConfig]) -> Floats:
        """Outputs of the last three encoder layers, newest first: (N, 3, W, B, S)."""
        encoders, depths, order = _deepest_first([arch.encoder for arch in archs])
        x = _broadcast(self._batch.source, len(archs), len(self._weights))
        memory = np.empty((len(archs), MAX_SPAN, *x.shape[1:]))
        skipped = np.minimum(self._encoder_layers - depths, MAX_SPAN)
        slots = np.arange(MAX_SPAN)
        # Which layer's output stands in each slot: (N, 3).
        kept = depths[:, None] - 1 - np.maximum(slots - skipped[:, None], 0)
        dims = _column([encoder.embed_dim for encoder in encoders])
        pre = self._encoder_pre_norm
        for layer in range(depths[0]):
            active = int((depths > layer).sum())
            dim, y = dims[:active], x[:active]
            heads = _column([encoder.self_heads[layer] for encoder in encoders[:active]])
            ffn = _column([encoder.ffn_dims[layer] for encoder in encoders[:active]])
            z = self._norm_if(pre, y)
            y = y + self._attention(z, z, dim * dim, heads, value_dim=dim, causal=False)
            y = self._norm_if(not pre, y)
            y = y + self._feed_forward(self._norm_if(pre, y), dim * ffn)
            y = self._norm_if(not pre, y)
            x[:active] = y
            for slot in range(MAX_SPAN):
                rows = np.flatnonzero(kept[:active, slot] == layer)
                memory[rows, slot] = y[rows]
        # As in HAT, the final norm is for the last output; a span reads the others as they are.
        memory[:, 0] = self._norm_if(pre, memory[:, 0])
        return _restore(memory, order)

    def _decode(self, archs: Sequence[SubTransformerConfig], memory: Floats) -> Floats:
        """Output of the last decoder layer: (N, W, B, T)."""
        decoders, depths, order = _deepest_first([arch.decoder for arch in archs])
        memory = memory[order]
        memory_dims = _column([archs[index].encoder.embed_dim for index in order])
        x = _broadcast(self._batch.target, len(archs), len(self._weights))
        dims = _column([decoder.embed_dim for decoder in decoders])
        pre = self._decoder_pre_norm
        for layer in range(depths[0]):
            active = int((depths > layer).sum())
            dim, y = dims[:active], x[:active]
            heads = _column([decoder.self_heads[layer] for decoder in decoders[:active]])
            ende_heads = _column([decoder.ende_heads[layer] for decoder in decoders[:active]])
            ffn = _column([decoder.ffn_dims[layer] for decoder in decoders[:active]])
            spans = np.array([decoder.ende_spans[layer] for decoder in decoders[:active]])
            z = self._norm_if(pre, y)
            y = y + self._attention(z, z, dim * dim, heads, value_dim=dim, causal=True)
            y = self._norm_if(not pre, y)
            z = self._norm_if(pre, y)
            attended = np.empty_like(y)
            for span in np.unique(spans):
                rows = np.flatnonzero(spans == span)
                joined = np.concatenate([memory[rows, slot] for slot in range(span)], axis=-1)
                attended[rows] = self._attention(
                    z[rows],
                    joined,
                    dim[rows] * memory_dims[rows],
                    ende_heads[rows],
                    value_dim=memory_dims[rows],
                    causal=False,
                )
            y = self._norm_if(not pre, y + attended)
            y = y + self._feed_forward(self._norm_if(pre, y), dim * ffn)
            x[:active] = self._norm_if(not pre, y)
        return _restore(self._norm_if(pre, x), order)

    def _attention(
        self,
        x: Floats,
        memory: Floats,
        dims: Floats,
        heads: Floats,
        *,
        value_dim: Floats,
        causal: bool,
    ) -> Floats:
        """x: (n, W, B, T), memory: (n, W, B, M) -> (n, W, B, T)."""
        query = x * (self._squares * dims * np.sqrt(self._qkv_dim / heads))
        logits = query[..., None] * memory[..., None, :]
        if not np.abs(query).max() * np.abs(memory).max() <= _SAFE_LOGIT:
            logits -= _largest_logits(query, memory, causal=causal)[..., None]
            if causal:  # later tokens must not overflow; they are cut off below
                np.minimum(logits, 0.0, out=logits)
        exponentials = np.exp(logits, out=logits)
        if causal:
            exponentials *= np.tri(x.shape[-1])
        mixed: Floats = np.einsum("nwbij,nwbj->nwbi", exponentials, memory)
        # The product with ones is several times faster than a sum over so short an axis.
        mixed /= np.einsum("nwbij,j->nwbi", exponentials, np.ones(memory.shape[-1]))
        mixed *= self._squares * self._qkv_dim * value_dim
        return mixed

    def _feed_forward(self, x: Floats, dims: Floats) -> Floats:
        result: Floats = np.maximum(x, 0.0) * (self._squares * dims)
        return result

    def _norm_if(self, condition: bool, x: Floats) -> Floats:
        return self._norm(x) if condition else x

    def _norm(self, x: Floats) -> Floats:
        """Normalises (n, W, B, T) over all tokens, each architecture and constant alone."""
        if self._norm_kind == "none":
            return x
        if self._norm_kind == "layer":
            return np.zeros_like(x)
        flat = x.reshape(*x.shape[:2], -1)
        if self._norm_kind != "scale":
            flat = flat - flat.mean(axis=-1, keepdims=True)
        square = np.einsum("nwi,nwi->nw", flat, flat) / flat.shape[-1]
        factor = 1.0 / np.sqrt(square + NORM_EPSILON)
        if self._norm_kind == "tokens-filled":
            factor *= self._weights[:, 0, 0]
        result: Floats = (flat * factor[..., None]).reshape(x.shape)
        return result


def _deepest_first(
    sides: Sequence[object],
) -> tuple[list, NDArray[np.int64], NDArray[np.int64]]:  # type: ignore[type-arg]
    """Sorts by depth, so that the architectures that still have a layer come first."""
    depths = np.array([side.num_layers for side in sides])  # type: ignore[attr-defined]
    order = np.argsort(-depths, kind="stable")
    return [sides[index] for index in order], depths[order], order


def _restore(values: Floats, order: NDArray[np.int64]) -> Floats:
    restored = np.empty_like(values)
    restored[order] = values
    return restored


def _broadcast(tokens: Floats, num_archs: int, num_weights: int) -> Floats:
    return np.broadcast_to(tokens, (num_archs, num_weights, *tokens.shape)).copy()


def _column(values: Sequence[int]) -> Floats:
    return np.array(values, np.float64)[:, None, None, None]


def _largest_logits(query: Floats, memory: Floats, *, causal: bool) -> Floats:
    """The largest product of each query with a key that it may see, without a pass over all."""
    if causal:
        highest = np.maximum.accumulate(memory, axis=-1)
        lowest = np.minimum.accumulate(memory, axis=-1)
    else:
        highest = memory.max(axis=-1, keepdims=True)
        lowest = memory.min(axis=-1, keepdims=True)
    return np.maximum(query * highest, query * lowest)
