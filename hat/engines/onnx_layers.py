"""The layers of a SubTransformer as nodes of an ONNX graph. Tokens of a batch stand in rows."""

from typing import Any

import numpy as np
from onnx import TensorProto

from hat.engines.int8_weights import quantised_rows
from hat.engines.onnx_builder import GraphBuilder
from hat.engines.plain_weights import (
    Array,
    PlainAttention,
    PlainLayer,
    PlainLinear,
    PlainNetwork,
    PlainNorm,
    PlainSide,
)

FLOAT = TensorProto.FLOAT


class Layers:
    """Writes the layers of one side into a graph.

    Args:
        graph: the graph.
        network: whose layers.
        side: its encoder or decoder.
        int8_levels: the largest 8-bit weight; None: weights are float32.
    """

    def __init__(
        self, graph: GraphBuilder, network: PlainNetwork, side: PlainSide, int8_levels: int | None
    ) -> None:
        self._graph = graph
        self._network = network
        self._side = side
        self._levels = int8_levels
        self._quantised: dict[str, Any] = {}

    def embedded(self, tokens: str, places: str | None) -> str:
        """What goes into the first layer.

        Args:
            tokens: (N,).
            places: of the tokens in their sentences, or one for all of them; not read if there are
                no positions.

        Returns:
            (N, E).
        """
        graph, side = self._graph, self._side
        name = side.embedding
        if self._levels is None:
            x = graph.op("Gather", graph.weight(name, self._vectors(name)), tokens)
            x = graph.op("Mul", self._cut(x, name), graph.scalar(side.scale))
        else:
            words, scales = self._quantised_words(name)
            x = graph.op("Cast", graph.op("Gather", words, tokens), to=FLOAT)
            factors = graph.op("Mul", graph.op("Gather", scales, tokens), graph.scalar(side.scale))
            x = graph.op("Mul", self._cut(x, name), factors)
        if side.positions is None or places is None:
            return str(x)
        table = graph.weight(f"{graph.name}_positions", side.positions)
        return str(graph.op("Add", x, graph.op("Gather", table, places)))

    def logits(self, x: str) -> str:
        """x: (N, E) -> (N, V), by the weight that may be an embedding."""
        graph, name = self._graph, self._network.output
        if self._levels is None:
            weight = self._cut(graph.weight(name, self._vectors(name)), name)
            return str(graph.op("Gemm", x, weight, transB=1))
        words, scales = self._quantised_words(name)
        # Transposed once, when the graph is loaded.
        weight = graph.op("Transpose", self._cut(words, name), perm=(1, 0))
        return self._int8_product(x, weight, graph.op("Reshape", scales, graph.numbers(-1)))

    def linear(self, name: str, linear: PlainLinear, x: str) -> str:
        """x: (N, in) -> (N, out)."""
        graph = self._graph
        bias = graph.weight(f"{name}_bias", linear.bias)
        if self._levels is None:
            weight = graph.weight(f"{name}_weight", linear.weight)
            return str(graph.op("Gemm", x, weight, bias, transB=1))
        values, scales = quantised_rows(linear.weight, self._levels)
        weight = graph.weight(f"{name}_weight", values.T)
        product = self._int8_product(x, weight, graph.weight(f"{name}_scales", scales))
        return str(graph.op("Add", product, bias))

    def norm(self, name: str, norm: PlainNorm, x: str) -> str:
        """x: (N, E) -> (N, E)."""
        weight = self._graph.weight(f"{name}_weight", norm.weight)
        bias = self._graph.weight(f"{name}_bias", norm.bias)
        return str(
            self._graph.op("LayerNormalization", x, weight, bias, axis=-1, epsilon=norm.epsilon)
        )

    def end(self, x: str) -> str:
        """The norm behind the last layer, if there is one: (N, E) -> (N, E)."""
        norm = self._side.norm
        return x if norm is None else self.norm(f"{self._graph.name}_norm", norm, x)

    def feed_forward(self, name: str, layer: PlainLayer, x: str) -> str:
        """x: (N, E) -> (N, E), with its norm and the sum."""
        normed = self._before(f"{name}_final_norm", layer.final_norm, x)
        inner = self._activated(self.linear(f"{name}_first", layer.first, normed))
        y = self._graph.op("Add", x, self.linear(f"{name}_second", layer.second, inner))
        return self._after(f"{name}_final_norm", layer.final_norm, y)

    def self_attention(self, name: str, layer: PlainLayer, x: str, attend: Any) -> str:
        """Attention of tokens to tokens, with its norm and the sum.

        Args:
            name: of the layer.
            layer: the layer.
            x: (N, E).
            attend: takes queries, keys and values side by side, (N, 3 * Q), and gives (N, Q).

        Returns:
            (N, E).
        """
        attention = layer.attention
        normed = self._before(f"{name}_self_norm", layer.attention_norm, x)
        query = attention.query.scaled(self._scale(attention))
        joint = joined(query, attention.key, attention.value)
        attended = attend(self.linear(f"{name}_self_in", joint, normed))
        y = self.linear(f"{name}_self_out", attention.out, attended)
        y = self._graph.op("Add", x, y)
        return self._after(f"{name}_self_norm", layer.attention_norm, y)

    def cross_attention(self, name: str, layer: PlainLayer, x: str, attend: Any) -> str:
        """Attention to the encoder: ``attend`` takes queries (N, Q) and gives (N, Q)."""
        attention, norm = layer.cross, layer.cross_norm
        assert attention is not None and norm is not None, "an encoder has none"
        normed = self._before(f"{name}_cross_norm", norm, x)
        query = attention.query.scaled(self._scale(attention))
        attended = attend(self.linear(f"{name}_cross_query", query, normed))
        y = self.linear(f"{name}_cross_out", attention.out, attended)
        y = self._graph.op("Add", x, y)
        return self._after(f"{name}_cross_norm", norm, y)

    def heads(self, x: str, sentences: str, heads: int, parts: int = 1) -> str:
        """x: (N, parts * Q) -> (B, N / B, parts * H, K); ``sentences``: B as (1,) int64."""
        of_token = self._graph.numbers(-1, parts * heads, self._network.qkv // heads)
        shape = self._graph.op("Concat", sentences, of_token, axis=0)
        return str(self._graph.op("Reshape", x, shape))

    def attended(self, query: str, key: str, value: str, mask: str | None) -> str:
        """Attends: query (B, H, n, K), key (B, H, K, S), value (B, H, S, K) -> (B, H, n, K).

        ``mask`` is added to the scores.
        """
        graph = self._graph
        scores = graph.op("MatMul", query, key)
        if mask is not None:
            scores = graph.op("Add", scores, mask)
        return str(graph.op("MatMul", graph.op("Softmax", scores, axis=-1), value))

    def side_by_side(self, heads: str) -> str:
        """heads: (B, H, n, K) -> (B * n, Q)."""
        y = self._graph.op("Transpose", heads, perm=(0, 2, 1, 3))
        return self.one_query(y)

    def one_query(self, heads: str) -> str:
        """heads: (R, H, 1, K), or (B, n, H, K) -> (R or B * n, Q)."""
        return str(self._graph.op("Reshape", heads, self._graph.numbers(-1, self._network.qkv)))

    def split(self, heads: str) -> list[str]:
        """Queries, keys and values in one, (B, 3 * H, n, K) -> each (B, H, n, K)."""
        found: list[str] = self._graph.op("Split", heads, axis=1, num_outputs=3, outputs=3)
        return found

    def _before(self, name: str, norm: PlainNorm, x: str) -> str:
        return self.norm(name, norm, x) if self._side.pre_norm else x

    def _after(self, name: str, norm: PlainNorm, x: str) -> str:
        return x if self._side.pre_norm else self.norm(name, norm, x)

    def _scale(self, attention: PlainAttention) -> float:
        return float((self._network.qkv // attention.heads) ** -0.5)

    def _activated(self, x: str) -> str:
        graph, name = self._graph, self._network.activation
        if name == "linear":
            return x
        if name == "gelu":
            return str(graph.op("Gelu", x))
        if name.startswith("gelu"):
            return str(graph.op("Gelu", x, approximate="tanh"))
        return str(graph.op({"relu": "Relu", "tanh": "Tanh"}[name], x))

    def _vectors(self, name: str) -> Array:
        return self._network.embeddings[name]

    def _cut(self, x: str, name: str) -> str:
        """x: (N, as wide as the embedding ``name``) -> (N, E)."""
        graph, width = self._graph, self._side.width
        if self._vectors(name).shape[1] == width:
            return x
        return str(graph.op("Slice", x, graph.numbers(0), graph.numbers(width), graph.numbers(1)))

    def _quantised_words(self, name: str) -> tuple[str, str]:
        assert self._levels is not None
        values, scales = quantised_rows(self._vectors(name), self._levels)
        graph = self._graph
        return graph.weight(name, values), graph.weight(f"{name}_scales", scales[:, None])

    def _int8_product(self, x: str, weight: str, scales: str) -> str:
        """x: (N, in) times an 8-bit weight (in, out) with a scale for each output -> (N, out)."""
        graph = self._graph
        if x not in self._quantised:
            self._quantised[x] = graph.op("DynamicQuantizeLinear", x, outputs=3)
        values, scale, zero = self._quantised[x]
        sums = graph.op("Cast", graph.op("MatMulInteger", values, weight, zero), to=FLOAT)
        return str(graph.op("Mul", sums, graph.op("Mul", scale, scales)))


def joined(*parts: PlainLinear) -> PlainLinear:
    """Several products of the same input as one, their outputs side by side."""
    return PlainLinear(
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.bias for part in parts]),
    )
