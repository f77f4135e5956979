"""A SubTransformer as two ONNX graphs: the encoder, and one step of the decoder.

They are put together from the weights and the architecture, not traced, so that nothing in them
depends on the sizes or values of an example: batch, length and beam are free, padding is masked.

``encoder.onnx`` takes ``tokens`` (B, S) and gives for decoder layer i ``memory_key_i``
(B, H, K, S') and ``memory_value_i`` (B, H, S', K), where S' is S times its span, and for each span
in use ``mask_SPAN`` (B, 1, 1, S'), 0 at tokens and -inf at padding.

``decoder.onnx`` takes the newest ``tokens`` (R,) of all hypotheses, R = B * n, those of a sentence
side by side; ``rows`` (R,), which hypothesis of the step before each continues; the ``position``
(1,); what the encoder gave; and ``past_key_i`` and ``past_value_i`` (R', H, T, K). It gives
``log_probs`` (R, V) and ``key_i`` and ``value_i`` (R, H, T + 1, K).
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from onnx import TensorProto

from hat.engines.onnx_builder import GraphBuilder, WeightFile
from hat.engines.onnx_files import DECODER_FILE, ENCODER_FILE, WEIGHTS_FILE
from hat.engines.onnx_layers import Layers, joined
from hat.engines.plain_weights import PlainNetwork
from hat.models.encoder import newest_states

INT64, FLOAT = TensorProto.INT64, TensorProto.FLOAT


def write_graphs(network: PlainNetwork, folder: Path, int8_levels: int | None) -> None:
    """Writes both graphs and their weights.

    Args:
        network: what to write.
        folder: where to; it is there.
        int8_levels: the largest 8-bit weight, 127 or less; None: weights are float32.
    """
    with open(folder / WEIGHTS_FILE, "wb") as stream:
        weights = WeightFile(stream, WEIGHTS_FILE)
        graphs = (
            (_encoder(network, weights, int8_levels), ENCODER_FILE),
            (_decoder(network, weights, int8_levels), DECODER_FILE),
        )
    for graph, name in graphs:
        graph.save(folder / name)


def _encoder(network: PlainNetwork, weights: WeightFile, int8_levels: int | None) -> GraphBuilder:
    graph = GraphBuilder("encoder", weights)
    side = network.encoder
    layers = Layers(graph, network, side, int8_levels)
    tokens = graph.input("tokens", INT64, ("batch", "source"))
    sentences = graph.op("Slice", graph.op("Shape", tokens), graph.numbers(0), graph.numbers(1))
    is_padding = graph.op("Equal", tokens, graph.numbers(network.padding))
    mask = graph.op("Where", is_padding, graph.scalar(-np.inf), graph.scalar(0.0))
    mask = graph.op("Unsqueeze", mask, graph.numbers(1, 2))
    places = None
    if side.positions is not None:
        # Positions count what is not padding; what padding itself gets does not matter.
        present = graph.op("Cast", graph.op("Not", is_padding), to=INT64)
        counted = graph.op("CumSum", present, graph.numbers(1))
        places = graph.op("Max", graph.op("Sub", counted, graph.numbers(1)), graph.numbers(0))
        places = graph.op("Reshape", places, graph.numbers(-1))
    x = layers.embedded(graph.op("Reshape", tokens, graph.numbers(-1)), places)

    def attend(heads: int, joint: str) -> str:
        by_token = layers.heads(joint, sentences, heads, parts=3)
        query, key, value = layers.split(graph.op("Transpose", by_token, perm=(0, 2, 1, 3)))
        key = graph.op("Transpose", key, perm=(0, 1, 3, 2))
        return layers.side_by_side(layers.attended(query, key, value, mask))

    outputs = []
    for index, layer in enumerate(side.layers):
        name = f"encoder_{index}"
        x = layers.self_attention(name, layer, x, partial(attend, layer.attention.heads))
        x = layers.feed_forward(name, layer, x)
        outputs.append(x)
    _give_memories(graph, network, layers, outputs, sentences, mask)
    return graph


def _give_memories(
    graph: GraphBuilder,
    network: PlainNetwork,
    layers: Layers,
    outputs: Sequence[str],
    sentences: str,
    mask: str,
) -> None:
    """Keys, values and masks of the decoder's attention to the encoder."""
    states = newest_states(outputs, network.encoder_layers, layers.end)
    memories = {}
    for span in sorted(set(network.spans)):
        # Fewer than ``span`` states are there if the whole encoder has fewer layers.
        parts = states[:span]
        memory, masks = parts[0], mask
        if len(parts) > 1:
            shape = graph.op("Concat", sentences, graph.numbers(-1, network.encoder.width), axis=0)
            whole = [graph.op("Reshape", part, shape) for part in parts]
            flat = graph.numbers(-1, network.encoder.width)
            memory = graph.op("Reshape", graph.op("Concat", *whole, axis=1), flat)
            masks = graph.op("Concat", *([mask] * len(parts)), axis=3)
        memories[span] = memory
        graph.output(f"mask_{span}", masks, ("batch", 1, 1, f"source_{span}"))
    for index, (layer, span) in enumerate(zip(network.decoder.layers, network.spans, strict=True)):
        cross = layer.cross
        assert cross is not None
        both = layers.linear(
            f"decoder_{index}_cross_memory", joined(cross.key, cross.value), memories[span]
        )
        key, value = (
            layers.heads(part, sentences, cross.heads)
            for part in graph.op("Split", both, axis=1, num_outputs=2, outputs=2)
        )
        width, length = network.qkv // cross.heads, f"source_{span}"
        key = graph.op("Transpose", key, perm=(0, 2, 3, 1))
        value = graph.op("Transpose", value, perm=(0, 2, 1, 3))
        graph.output(f"memory_key_{index}", key, ("batch", cross.heads, width, length))
        graph.output(f"memory_value_{index}", value, ("batch", cross.heads, length, width))


def _decoder(network: PlainNetwork, weights: WeightFile, int8_levels: int | None) -> GraphBuilder:
    graph = GraphBuilder("decoder", weights)
    side = network.decoder
    layers = Layers(graph, network, side, int8_levels)
    tokens = graph.input("tokens", INT64, ("hypotheses",))
    rows = graph.input("rows", INT64, ("hypotheses",))
    position = graph.input("position", INT64, (1,))
    masks = {
        span: graph.input(f"mask_{span}", FLOAT, ("batch", 1, 1, f"source_{span}"))
        for span in sorted(set(network.spans))
    }
    shape = graph.op("Shape", masks[network.spans[0]])
    sentences = graph.op("Slice", shape, graph.numbers(0), graph.numbers(1))
    x = layers.embedded(tokens, position)
    caches: list[str] = []

    def attend_self(index: int, heads: int, joint: str) -> str:
        width = network.qkv // heads
        by_head = graph.op("Reshape", joint, graph.numbers(-1, 3 * heads, 1, width))
        query, *keys_and_values = layers.split(by_head)
        whole = []
        for name, new in zip(("key", "value"), keys_and_values, strict=True):
            past = graph.input(f"past_{name}_{index}", FLOAT, ("before", heads, "past", width))
            moved = graph.op("Gather", past, rows, axis=0)
            whole.append(graph.op("Concat", moved, new, axis=2))
        caches.extend(whole)
        key = graph.op("Transpose", whole[0], perm=(0, 1, 3, 2))
        return layers.one_query(layers.attended(query, key, whole[1], None))

    def attend_memory(index: int, heads: int, query: str) -> str:
        width, length = network.qkv // heads, f"source_{network.spans[index]}"
        key = graph.input(f"memory_key_{index}", FLOAT, ("batch", heads, width, length))
        value = graph.input(f"memory_value_{index}", FLOAT, ("batch", heads, length, width))
        query = graph.op("Transpose", layers.heads(query, sentences, heads), perm=(0, 2, 1, 3))
        attended = layers.attended(query, key, value, masks[network.spans[index]])
        return layers.side_by_side(attended)

    for index, layer in enumerate(side.layers):
        name, cross = f"decoder_{index}", layer.cross
        assert cross is not None
        own = partial(attend_self, index, layer.attention.heads)
        x = layers.self_attention(name, layer, x, own)
        x = layers.cross_attention(name, layer, x, partial(attend_memory, index, cross.heads))
        x = layers.feed_forward(name, layer, x)
    log_probs = graph.op("LogSoftmax", layers.logits(layers.end(x)), axis=-1)
    words = network.embeddings[network.output].shape[0]
    graph.output("log_probs", log_probs, ("hypotheses", words))
    for index, layer in enumerate(side.layers):
        heads = layer.attention.heads
        for name, value in zip(("key", "value"), caches[2 * index : 2 * index + 2], strict=True):
            kept = ("hypotheses", heads, "length", network.qkv // heads)
            graph.output(f"{name}_{index}", value, kept)
    return graph
