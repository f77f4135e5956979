"""The weights of one SubTransformer as arrays, cut to its size and named by what they do."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hat.models.decoder import SuperDecoder
from hat.models.encoder import SuperEncoder
from hat.models.super_transformer import SuperTransformer
from hat.modules.attention import MultiheadAttentionSuper
from hat.modules.layer import LayerSuper
from hat.modules.layer_norm import LayerNormSuper
from hat.modules.linear import LinearSuper
from hat.modules.slicing import leading

Array = NDArray[np.float32]


@dataclass(frozen=True)
class PlainLinear:
    """``x W' + b``."""

    weight: Array
    """(out, in)."""

    bias: Array
    """(out,)."""

    def scaled(self, factor: float) -> "PlainLinear":
        """The same times a number."""
        return PlainLinear(self.weight * np.float32(factor), self.bias * np.float32(factor))


@dataclass(frozen=True)
class PlainNorm:
    """A layer norm."""

    weight: Array
    bias: Array
    epsilon: float


@dataclass(frozen=True)
class PlainAttention:
    """An attention of H heads, Q wide together."""

    heads: int
    query: PlainLinear
    """(Q, E), not scaled."""

    key: PlainLinear
    """(Q, E_memory)."""

    value: PlainLinear
    """(Q, E_memory)."""

    out: PlainLinear
    """(E, Q)."""


@dataclass(frozen=True)
class PlainLayer:
    """A layer of the encoder, or of the decoder."""

    attention: PlainAttention
    attention_norm: PlainNorm
    cross: PlainAttention | None
    cross_norm: PlainNorm | None
    first: PlainLinear
    second: PlainLinear
    final_norm: PlainNorm


@dataclass(frozen=True)
class PlainSide:
    """The encoder or the decoder."""

    embedding: str
    """Name of its words' vectors in ``PlainNetwork.embeddings``."""

    width: int
    """E: so many columns of them are used."""

    scale: float
    """By which they are multiplied."""

    positions: Array | None
    """(longest sentence, E), added to them."""

    layers: tuple[PlainLayer, ...]
    pre_norm: bool
    norm: PlainNorm | None
    """Behind the last layer."""


@dataclass(frozen=True)
class PlainNetwork:
    """Everything."""

    embeddings: dict[str, Array]
    """Vectors of words by name, (V, E or wider); what is shared stands here once."""

    encoder: PlainSide
    decoder: PlainSide
    output: str
    """Name of the weight of the output layer; so many columns as the decoder is wide are used."""

    spans: tuple[int, ...]
    encoder_layers: int
    """Of the SuperTransformer; a span counts those that this network skips."""

    qkv: int
    activation: str
    padding: int


def plain_network(small: SuperTransformer) -> PlainNetwork:
    """Cuts the SubTransformer that a model is set to out of it."""
    config, encoder, decoder = small.config, small.encoder, small.decoder
    source, target = encoder.embed_tokens.weight, decoder.embed_tokens.weight
    embeddings = {"source_words": _array(source)}
    of_target = "source_words" if target is source else "target_words"
    embeddings.setdefault(of_target, _array(target))
    of_output = of_target
    if not config.share_decoder_input_output_embed:
        of_output = "output_words"
        embeddings[of_output] = _array(decoder.output_weight)
    return PlainNetwork(
        embeddings=embeddings,
        encoder=_side(encoder, "source_words", config.max_source_positions),
        decoder=_side(decoder, of_target, config.max_target_positions),
        output=of_output,
        spans=small.arch.decoder.ende_spans,
        encoder_layers=config.encoder_layers,
        qkv=config.qkv_dim,
        activation=config.activation_fn,
        padding=config.padding_idx,
    )


def _side(side: SuperEncoder | SuperDecoder, embedding: str, longest: int) -> PlainSide:
    width = side.arch.embed_dim
    positions = None
    if side.embed_positions is not None:
        places = torch.arange(longest)[None]
        positions = _array(side.embed_positions.at(places, width)[0])
    layers = tuple(_layer(side.layer(index)) for index in range(side.arch.num_layers))
    return PlainSide(
        embedding=embedding,
        width=width,
        scale=side.embed_scale,
        positions=positions,
        layers=layers,
        pre_norm=side.layer(0).normalize_before,
        norm=None if side.layer_norm is None else _norm(side.layer_norm),
    )


def _layer(layer: LayerSuper) -> PlainLayer:
    cross = getattr(layer, "encoder_attn", None)
    return PlainLayer(
        attention=_attention(layer.self_attn),
        attention_norm=_norm(layer.self_attn_layer_norm),
        cross=None if cross is None else _attention(cross),
        cross_norm=None if cross is None else _norm(layer.encoder_attn_layer_norm),
        first=_linear(layer.fc1),
        second=_linear(layer.fc2),
        final_norm=_norm(layer.final_layer_norm),
    )


def _attention(attention: MultiheadAttentionSuper) -> PlainAttention:
    width, dim, memory = attention.qkv_dim, attention.active_dim, attention.active_memory_dim
    if attention.has_joint_weight:
        weights = attention.in_proj_weight.detach().chunk(3)
    else:
        weights = tuple(getattr(attention, f"{name}_proj_weight").detach() for name in "qkv")
    biases = attention.in_proj_bias.detach().chunk(3)
    query, key, value = (
        PlainLinear(_array(leading(weight, width, columns)), _array(bias))
        for weight, bias, columns in zip(weights, biases, (dim, memory, memory), strict=True)
    )
    return PlainAttention(attention.num_heads, query, key, value, _linear(attention.out_proj))


def _linear(linear: LinearSuper) -> PlainLinear:
    weight = leading(linear.weight, linear.active_out, linear.active_in)
    return PlainLinear(_array(weight), _array(leading(linear.bias, linear.active_out)))


def _norm(norm: LayerNormSuper) -> PlainNorm:
    dim = norm.active_dim
    weight, bias = _array(leading(norm.weight, dim)), _array(leading(norm.bias, dim))
    return PlainNorm(weight, bias, norm.eps)


def _array(tensor: Tensor) -> Any:
    # A copy, since CTranslate2 quantises arrays where they are.
    return tensor.detach().to("cpu", torch.float32, copy=True).contiguous().numpy()
