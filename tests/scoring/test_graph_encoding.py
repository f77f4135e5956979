import numpy as np
import pytest

from hat.arch.cell import CellGraph, random_cell
from hat.arch.nb201_cell import parse_nb201
from hat.arch.recipe import parse_recipe
from hat.errors import ConfigError
from hat.scoring.graph_encoding import (
    encode_cells,
    encode_cells_plainly,
    encode_nb201,
    encode_recipes,
    encode_subtransformers,
    encoder_for,
)


def check(graphs, count):
    assert graphs.nodes.shape[:2] == graphs.mask.shape == graphs.adjacency.shape[:2]
    assert len(graphs) == count == len(graphs.adjacency) == len(graphs.whole)
    for array in (graphs.nodes, graphs.adjacency, graphs.mask, graphs.whole):
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
    assert not np.tril(graphs.adjacency).any()
    absent = graphs.mask == 0
    assert not graphs.nodes[absent].any()
    assert not graphs.adjacency[absent].any()
    assert not graphs.adjacency.transpose(0, 2, 1)[absent].any()


def test_cells():
    names = ["input", "conv3x3-bn-relu", "maxpool3x3", "conv1x1-bn-relu", "output"]
    adjacency = [[0, 1, 1, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0], [0] * 5]
    graphs = encode_cells(
        [
            CellGraph.from_lists(adjacency, names),
            CellGraph.from_lists([[0, 1], [0, 0]], ["input", "output"]),
        ]
    )
    check(graphs, 2)
    assert graphs.mask.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]  # the dead vertex is gone
    assert graphs.nodes[0, :, :5].argmax(axis=1).tolist() == [0, 1, 3, 4]
    in_degree, out_degree, depth, height, to_last, from_first = graphs.nodes[0, :, 5:].T
    assert np.allclose(in_degree * 3, [0, 1, 1, 2])
    assert np.allclose(out_degree * 3, [2, 1, 1, 0])
    assert np.allclose(depth * 5, [0, 1, 1, 2])
    assert np.allclose(height * 5, [2, 1, 1, 0])
    assert to_last.tolist() == [0, 1, 1, 0]
    assert from_first.tolist() == [0, 1, 1, 0]
    plain = encode_cells_plainly([CellGraph.from_lists(adjacency, names)])
    assert plain.nodes.shape == (1, 4, 5)


def test_depth_is_the_longest_way(rng):
    cells = [random_cell(rng) for _ in range(50)]
    graphs = encode_cells(cells)
    check(graphs, 50)
    for row, cell in enumerate(cells):
        power, longest = np.array(cell.adjacency), np.zeros(cell.num_vertices)
        reached = power
        for length in range(1, cell.num_vertices):
            longest[reached[0] > 0] = length
            reached = reached @ power
        found = graphs.nodes[row, : cell.num_vertices, 7] * 5
        assert np.allclose(found, longest)


def test_nb201_leaves_out_what_does_nothing():
    cell = parse_nb201("|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|")
    dead = parse_nb201("|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|avg_pool_3x3~2|")
    empty = parse_nb201("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    graphs = encode_nb201([cell, dead, empty])
    check(graphs, 3)
    assert graphs.mask.sum(axis=1).tolist() == [5, 3, 2]
    assert graphs.adjacency[0, :5, :5].tolist() == np.eye(5, k=1).tolist()
    assert graphs.adjacency[2].sum() == 0


def test_recipes():
    recipe = parse_recipe(
        {
            "a": {"op": "linear", "input": ["x", "h_prev_0"]},
            "h_new_0": {"op": "activation_tanh", "input": ["a"]},
            "dead": {"op": "linear", "input": ["x"]},
        }
    )
    graphs = encode_recipes([recipe])
    check(graphs, 1)
    assert graphs.adjacency[0].tolist() == [
        [0, 0, 1, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 1, 0],
        [0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0],
    ]


def test_subtransformers(tiny_space, rng):
    archs = [tiny_space.sample(rng) for _ in range(40)] + [tiny_space.largest()]
    graphs = encode_subtransformers(archs)
    check(graphs, 41)
    depths = [arch.encoder.num_layers + arch.decoder.num_layers for arch in archs]
    assert graphs.mask.sum(axis=1).tolist() == depths
    largest = graphs.adjacency[-1]
    assert largest[:3, 3:].tolist() == [[1, 1, 1]] * 3  # spans of 3 reach all encoder layers
    distinct = {arch: graphs.nodes[row].tobytes() for row, arch in enumerate(archs)}
    edges = {arch: graphs.adjacency[row].tobytes() for row, arch in enumerate(archs)}
    assert len({(distinct[arch], edges[arch]) for arch in distinct}) == len(distinct)


def test_encoder_for(tiny_space):
    assert encoder_for(tiny_space.largest()) is encode_subtransformers
    assert encoder_for(CellGraph.from_lists([[0, 1], [0, 0]], ["input", "output"])) is encode_cells
    with pytest.raises(ConfigError, match="cannot encode a int as a graph; known are CellGraph"):
        encoder_for(3)
