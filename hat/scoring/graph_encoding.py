"""Architectures of every kind as graphs with numbers at their vertices, for learned predictors.

An encoder is a function from N architectures to ``Graphs``. Vertices are numbered so that edges
go forward. Beside what a vertex computes, each one is told where in its graph it stands: the
average over vertices that ends the network would otherwise hardly know depth from width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from hat.arch.cell import INPUT, OPERATIONS, OUTPUT, CellGraph
from hat.arch.config import MAX_SPAN, SubTransformerConfig
from hat.arch.features import latency_features
from hat.arch.nb201_cell import NB201_EDGES, NB201_OPERATIONS, Nb201Cell
from hat.arch.recipe import OPERATIONS as RECIPE_OPERATIONS
from hat.arch.recipe import Recipe
from hat.arrays import Floats32
from hat.errors import ConfigError

A = TypeVar("A")


@dataclass(frozen=True)
class Graphs:
    """N graphs of up to V vertices, float32."""

    nodes: Floats32
    """Features of the vertices, (N, V, D); zero beyond a graph's last vertex."""

    adjacency: Floats32
    """1 where an edge leads from row to column, (N, V, V); strictly upper triangular."""

    mask: Floats32
    """1 for the vertices that exist, (N, V)."""

    whole: Floats32
    """Features of the graph as a whole, (N, W); W may be 0."""

    def __len__(self) -> int:
        return len(self.nodes)


Encoder = Callable[[Sequence[A]], Graphs]

_CELL_PLACES = {name: place for place, name in enumerate((INPUT, *OPERATIONS, OUTPUT))}
_NB201_PLACES = {name: place for place, name in enumerate((INPUT, *NB201_OPERATIONS[1:], OUTPUT))}
_RECIPE_PLACES = {
    name: place for place, name in enumerate(("x", "h_prev", *RECIPE_OPERATIONS, "h_new"))
}


def encode_cells(cells: Sequence[CellGraph]) -> Graphs:
    """Encodes cells of NAS-Bench-101, pruned: 5 kinds of vertex and their places in the graph."""
    rows = []
    for cell in cells:
        cell = cell.pruned()
        kinds = [_CELL_PLACES[name] for name in cell.operations]
        rows.append((kinds, np.array(cell.adjacency, dtype=np.float32)))
    return _with_places(rows, len(_CELL_PLACES))


def encode_cells_plainly(cells: Sequence[CellGraph]) -> Graphs:
    """Encodes cells as arXiv 1912.00848 does: the kind of each vertex and nothing else."""
    graphs = encode_cells(cells)
    kinds = np.ascontiguousarray(graphs.nodes[:, :, : len(_CELL_PLACES)])
    return Graphs(kinds, graphs.adjacency, graphs.mask, graphs.whole)


def encode_nb201(cells: Sequence[Nb201Cell]) -> Graphs:
    """Encodes cells of NAS-Bench-201, whose edges compute: each edge becomes a vertex.

    Edges that compute ``none`` or lie on no path from input to output are left out, so that cells
    with equal networks have equal graphs.
    """
    return _with_places([_nb201_row(cell) for cell in cells], len(_NB201_PLACES))


def _nb201_row(cell: Nb201Cell) -> tuple[list[int], Floats32]:
    live = [
        (source, target, name)
        for (source, target), name in zip(NB201_EDGES, cell.operations, strict=True)
        if name != "none"
    ]
    from_input, to_output = {0}, {3}
    for source, target, _ in sorted(live):
        if source in from_input:
            from_input.add(target)
    for source, target, _ in sorted(live, reverse=True):
        if target in to_output:
            to_output.add(source)
    live = [edge for edge in live if edge[0] in from_input and edge[1] in to_output]
    size = len(live) + 2
    adjacency = np.zeros((size, size), dtype=np.float32)
    for v, (source, target, _) in enumerate(live, start=1):
        adjacency[0, v] = source == 0
        adjacency[v, size - 1] = target == 3
        for w, (next_source, _, _) in enumerate(live, start=1):
            adjacency[v, w] = next_source == target
    kinds = [_NB201_PLACES[name] for name in (INPUT, *(edge[2] for edge in live), OUTPUT)]
    return kinds, adjacency


def encode_recipes(recipes: Sequence[Recipe]) -> Graphs:
    """Encodes recurrent cells without their dead nodes; ``h_new_*`` lead to one last vertex."""
    return _with_places([_recipe_row(recipe) for recipe in recipes], len(_RECIPE_PLACES))


def _recipe_row(recipe: Recipe) -> tuple[list[int], Floats32]:
    states = [f"h_prev_{i}" for i in range(recipe.num_states)]
    names = ["x", *states, *(node.name for node in recipe.live_nodes)]
    kinds = [_RECIPE_PLACES["x"]] + [_RECIPE_PLACES["h_prev"]] * len(states)
    kinds += [_RECIPE_PLACES[node.operation] for node in recipe.live_nodes]
    place = {name: index for index, name in enumerate(names)}
    size = len(names) + 1
    adjacency = np.zeros((size, size), dtype=np.float32)
    for node in recipe.live_nodes:
        for source in node.inputs:
            adjacency[place[source], place[node.name]] = 1
    for index in range(recipe.num_states):
        adjacency[place[f"h_new_{index}"], size - 1] = 1
    return [*kinds, _RECIPE_PLACES["h_new"]], adjacency


def encode_subtransformers(archs: Sequence[SubTransformerConfig]) -> Graphs:
    """Encodes SubTransformers of any space: a vertex per layer.

    The layers of each side form a chain; an edge leads from every encoder layer that a decoder
    layer attends to into that layer. A vertex holds its side, its position from both ends, the
    binary logarithms of its widths and its span. The whole graph adds HAT's latency features and
    the sums over layers of what makes up most of the weights.
    """
    vertices = max(arch.encoder.num_layers + arch.decoder.num_layers for arch in archs)
    columns = 9
    nodes: Floats32 = np.zeros((len(archs), vertices, columns), dtype=np.float32)
    adjacency: Floats32 = np.zeros((len(archs), vertices, vertices), dtype=np.float32)
    mask: Floats32 = np.zeros((len(archs), vertices), dtype=np.float32)
    whole = []
    for row, arch in enumerate(archs):
        encoder, decoder = arch.encoder, arch.decoder
        depth, total = encoder.num_layers, encoder.num_layers + decoder.num_layers
        mask[row, :total] = 1
        for layer in range(depth):
            sizes = (encoder.embed_dim, encoder.ffn_dims[layer], encoder.self_heads[layer])
            nodes[row, layer] = (1, 0, layer, depth - layer, *np.log2(sizes), 0, 0)
            if layer:
                adjacency[row, layer - 1, layer] = 1
        for layer in range(decoder.num_layers):
            v = depth + layer
            sizes = (decoder.embed_dim, decoder.ffn_dims[layer], decoder.self_heads[layer])
            ende = (np.log2(decoder.ende_heads[layer]), decoder.ende_spans[layer] / MAX_SPAN)
            nodes[row, v] = (0, 1, layer, decoder.num_layers - layer, *np.log2(sizes), *ende)
            if layer:
                adjacency[row, v - 1, v] = 1
            adjacency[row, max(0, depth - decoder.ende_spans[layer]) : depth, v] = 1
        sums = (sum(encoder.ffn_dims), sum(decoder.ffn_dims))
        products = (sums[0] * encoder.embed_dim, sums[1] * decoder.embed_dim)
        whole.append([*latency_features(arch).values(), *np.log2(sums), *np.log2(products)])
    return Graphs(nodes, adjacency, mask, np.array(whole, dtype=np.float32))


_ENCODERS: tuple[tuple[type, Encoder[Any]], ...] = (
    (CellGraph, encode_cells),
    (Nb201Cell, encode_nb201),
    (Recipe, encode_recipes),
    (SubTransformerConfig, encode_subtransformers),
)


def encoder_for(arch: object) -> Encoder[Any]:
    """Returns the encoder for architectures of the type of ``arch``.

    Raises:
        ConfigError: if there is none.
    """
    for kind, encoder in _ENCODERS:
        if isinstance(arch, kind):
            return encoder
    known = ", ".join(kind.__name__ for kind, _ in _ENCODERS)
    raise ConfigError(f"cannot encode a {type(arch).__name__} as a graph; known are {known}")


def _with_places(rows: Sequence[tuple[list[int], Floats32]], num_kinds: int) -> Graphs:
    """Pads graphs to equal size and adds six columns on each vertex's place in its graph."""
    vertices = max((len(kinds) for kinds, _ in rows), default=0)
    kinds: Floats32 = np.zeros((len(rows), vertices, num_kinds), dtype=np.float32)
    adjacency: Floats32 = np.zeros((len(rows), vertices, vertices), dtype=np.float32)
    sizes = np.array([len(row[0]) for row in rows], dtype=np.int64)
    for index, (row_kinds, row_adjacency) in enumerate(rows):
        size = len(row_kinds)
        kinds[index, np.arange(size), row_kinds] = 1
        adjacency[index, :size, :size] = row_adjacency
    mask = (np.arange(vertices) < sizes[:, None]).astype(np.float32)
    depth = np.zeros_like(mask)  # longest way from a source
    height = np.zeros_like(mask)  # longest way to a sink
    for v in range(1, vertices):
        depth[:, v] = (adjacency[:, :v, v] * (depth[:, :v] + 1)).max(axis=1)
    for v in range(vertices - 2, -1, -1):
        out = adjacency[:, v, v + 1 :]
        height[:, v] = (out * (height[:, v + 1 :] + 1)).max(axis=1)
    last = adjacency[np.arange(len(rows)), :, sizes - 1]
    first = adjacency[:, 0, :]
    degrees = (adjacency.sum(axis=1) / 3, adjacency.sum(axis=2) / 3)
    places = np.stack([*degrees, depth / 5, height / 5, last, first], axis=-1)
    nodes = np.concatenate([kinds, places * mask[..., None]], axis=-1).astype(np.float32)
    return Graphs(nodes, adjacency, mask, np.zeros((len(rows), 0), dtype=np.float32))
