"""A SubTransformer as CTranslate2's specification of a Transformer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs import TransformerSpec
from ctranslate2.specs.common_spec import Activation, EmbeddingsSpec, LinearSpec
from ctranslate2.specs.model_spec import LayerSpec
from ctranslate2.specs.transformer_spec import TransformerDecoderSpec, TransformerEncoderSpec

from hat.engines.int8_weights import quantised_rows
from hat.engines.plain_weights import (
    PlainAttention,
    PlainLayer,
    PlainLinear,
    PlainNetwork,
    PlainNorm,
    PlainSide,
)

ACTIVATIONS = {
    "relu": Activation.RELU,
    "gelu": Activation.GELU,
    "gelu_fast": Activation.GELUTanh,
    "gelu_accurate": Activation.GELUTanh,
    "tanh": Activation.Tanh,
}
"""Those of ours that it has."""


def write_model(
    network: PlainNetwork,
    folder: Path,
    words: tuple[Sequence[str], Sequence[str]],
    *,
    longest: tuple[int, int],
    int8_levels: int | None,
) -> None:
    """Writes ``model.bin``, ``config.json`` and the vocabularies.

    Args:
        network: whose decoder attends to the last encoder layer only.
        folder: where to.
        words: of source and target, by number, no word twice.
        longest: tokens of the longest source and target.
        int8_levels: the largest 8-bit weight, 127 or less; None: weights are float32.
    """
    activation = ACTIVATIONS[network.activation]
    encoder_heads = max(layer.attention.heads for layer in network.encoder.layers)
    decoder_heads = max(
        attention.heads
        for layer in network.decoder.layers
        for attention in (layer.attention, layer.cross)
        if attention is not None
    )
    encoder = TransformerEncoderSpec(
        len(network.encoder.layers),
        encoder_heads,
        pre_norm=network.encoder.pre_norm,
        no_final_norm=network.encoder.norm is None,
        activation=activation,
        head_dim=1,  # makes place for each layer's own
    )
    decoder = TransformerDecoderSpec(
        len(network.decoder.layers),
        decoder_heads,
        pre_norm=network.decoder.pre_norm,
        no_final_norm=network.decoder.norm is None,
        activation=activation,
        head_dim=1,
        num_heads_kv=decoder_heads,
    )
    spec = TransformerSpec(encoder, decoder)
    _fill_side(encoder, encoder.embeddings[0], network, network.encoder, encoder_heads, longest[0])
    _fill_side(decoder, decoder.embeddings, network, network.decoder, decoder_heads, longest[1])
    output = network.embeddings[network.output][:, : network.decoder.width]
    decoder.projection.weight = np.ascontiguousarray(output)
    spec.register_source_vocabulary(list(words[0]))
    spec.register_target_vocabulary(list(words[1]))
    spec.config.decoder_start_token = spec.config.eos_token
    if int8_levels is not None:
        _quantise(spec, int8_levels)
    spec.validate()
    spec.optimize()  # what is shared is stored once
    spec.save(str(folder))


def _quantise(spec: Any, levels: int) -> None:
    """Rounds all weights of products and embeddings; CTranslate2's own way knows 127 only."""
    if isinstance(spec, list):
        for each in spec:
            _quantise(each, levels)
    elif isinstance(spec, LinearSpec | EmbeddingsSpec):
        spec.weight, scales = quantised_rows(spec.weight, levels)
        spec.weight_scale = 1 / scales  # by which CTranslate2 divides
    elif isinstance(spec, LayerSpec):
        for each in vars(spec).values():
            _quantise(each, levels)


def _fill_side(
    spec: Any, embeddings: Any, network: PlainNetwork, side: PlainSide, heads: int, longest: int
) -> None:
    vectors = network.embeddings[side.embedding][:, : side.width]
    embeddings.weight = np.ascontiguousarray(vectors)
    spec.scale_embeddings = np.float32(side.scale)
    table = side.positions
    if table is None:
        table = np.zeros((longest, side.width), dtype=np.float32)
    spec.position_encodings.encodings = table
    if side.norm is not None:
        _fill_norm(spec.layer_norm, side.norm)
    for each, layer in zip(spec.layer, side.layers, strict=True):
        _fill_layer(each, layer, heads)


def _fill_layer(spec: Any, layer: PlainLayer, heads: int) -> None:
    own = _with_heads(layer.attention, heads)
    attention = spec.self_attention
    attention.head_dim = np.int32(len(own.query.bias) // heads)
    _fill_linear(attention.linear[0], own.query, own.key, own.value)
    _fill_linear(attention.linear[1], own.out)
    _fill_norm(attention.layer_norm, layer.attention_norm)
    if layer.cross is not None and layer.cross_norm is not None:
        cross = _with_heads(layer.cross, heads)
        attention = spec.attention
        attention.head_dim = np.int32(len(cross.query.bias) // heads)
        _fill_linear(attention.linear[0], cross.query)
        _fill_linear(attention.linear[1], cross.key, cross.value)
        _fill_linear(attention.linear[2], cross.out)
        _fill_norm(attention.layer_norm, layer.cross_norm)
    _fill_linear(spec.ffn.linear_0, layer.first)
    _fill_linear(spec.ffn.linear_1, layer.second)
    _fill_norm(spec.ffn.layer_norm, layer.final_norm)


def _fill_linear(spec: Any, *parts: PlainLinear) -> None:
    spec.weight = np.concatenate([part.weight for part in parts])
    spec.bias = np.concatenate([part.bias for part in parts])


def _fill_norm(spec: Any, norm: PlainNorm) -> None:
    spec.gamma, spec.beta = norm.weight, norm.bias


def _with_heads(attention: PlainAttention, heads: int) -> PlainAttention:
    """Adds heads that are zero, since all layers of a side have as many; the rest stays as it is.

    The values of such a head are zero, and so is what the output makes of them.
    """
    missing = heads - attention.heads
    if not missing:
        return attention
    more = missing * (len(attention.query.bias) // attention.heads)

    def longer(linear: PlainLinear) -> PlainLinear:
        rows = np.zeros((more, linear.weight.shape[1]), dtype=np.float32)
        none = np.zeros(more, dtype=np.float32)
        return PlainLinear(
            np.concatenate([linear.weight, rows]), np.concatenate([linear.bias, none])
        )

    out = attention.out
    columns = np.zeros((len(out.weight), more), dtype=np.float32)
    return PlainAttention(
        heads,
        longer(attention.query),
        longer(attention.key),
        longer(attention.value),
        PlainLinear(np.concatenate([out.weight, columns], axis=1), out.bias),
    )
