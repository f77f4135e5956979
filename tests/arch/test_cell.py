import itertools

import numpy as np
import pytest

from hat.arch.cell import CellGraph, isomorphism_hash, mutate_cell, random_cell
from hat.errors import ConfigError, SearchError

C3, C1, MP = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"


def chain(*inner: str) -> CellGraph:
    size = len(inner) + 2
    adjacency = np.eye(size, k=1, dtype=int)
    return CellGraph.from_lists(adjacency, ["input", *inner, "output"])


def test_hash_of_a_published_cell():
    cell = CellGraph.from_lists(
        [
            [0, 1, 0, 0, 1, 1, 0],
            [0, 0, 1, 0, 0, 0, 0],
            [0, 0, 0, 1, 0, 0, 1],
            [0, 0, 0, 0, 0, 1, 0],
            [0, 0, 0, 0, 0, 1, 0],
            [0, 0, 0, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 0, 0],
        ],
        ["input", C3, MP, C3, C3, C1, "output"],
    )
    assert cell.canonical_hash == "00005c142e6f48ac74fdcf73e3439874"
    assert cell.is_valid()
    assert cell.pruned() is cell


def test_hash_ignores_the_order_of_vertices():
    rng = np.random.default_rng(0)
    for _ in range(50):
        cell = random_cell(rng)
        adjacency, size = np.array(cell.adjacency), cell.num_vertices
        hashes = set()
        for inner in itertools.permutations(range(1, size - 1)):
            order = [0, *inner, size - 1]
            renamed = adjacency[np.ix_(order, order)]
            if not np.tril(renamed).any():
                names = [cell.operations[v] for v in order]
                hashes.add(CellGraph.from_lists(renamed, names).canonical_hash)
        assert hashes == {cell.canonical_hash}


def test_hash_sees_direction_and_labels():
    assert isomorphism_hash([[0, 1], [0, 0]], [-1, -2]) != isomorphism_hash(
        [[0, 0], [1, 0]], [-1, -2]
    )
    assert chain(C3, C1).canonical_hash != chain(C1, C3).canonical_hash


def test_pruning_drops_dead_ends_and_unreachable_vertices():
    adjacency = np.zeros((6, 6), dtype=int)
    for source, target in ((0, 1), (1, 5), (0, 2), (3, 5), (2, 4)):
        adjacency[source, target] = 1
    cell = CellGraph.from_lists(adjacency, ["input", C3, C1, MP, C1, "output"])
    assert cell.pruned().operations == ("input", C3, "output")
    assert cell.pruned().adjacency == ((0, 1, 0), (0, 0, 1), (0, 0, 0))
    assert cell == chain(C3)
    assert hash(cell) == hash(chain(C3))
    assert cell != chain(C1)


def test_disconnected_cell():
    cell = CellGraph.from_lists([[0, 1, 0], [0, 0, 0], [0, 0, 0]], ["input", C3, "output"])
    assert not cell.is_connected
    assert not cell.is_valid()
    with pytest.raises(ConfigError, match="the cell has no path from its input to its output"):
        cell.check()
    assert cell == CellGraph(cell.adjacency, cell.operations)
    assert cell != chain(C3)


def test_limits_hold_for_the_pruned_cell():
    with pytest.raises(ConfigError, match="the cell has 8 vertices after pruning; at most 7"):
        chain(C3, C3, C3, C3, C3, C3).check()
    full = CellGraph.from_lists(np.triu(np.ones((5, 5), int), k=1), ["input", C3, C3, C3, "output"])
    with pytest.raises(ConfigError, match="the cell has 10 edges after pruning; at most 9"):
        full.check()
    adjacency = np.zeros((9, 9), dtype=int)
    adjacency[0, 1] = adjacency[1, 8] = 1
    assert CellGraph.from_lists(adjacency, ["input", *[C3] * 7, "output"]).is_valid()


@pytest.mark.parametrize(
    ("adjacency", "operations", "message"),
    [
        ([[0, 1], [0, 0]], ["input", C3], "must start with 'input' and end with 'output'"),
        ([[0, 1], [0, 0]], [], "must start with 'input' and end with 'output'"),
        (
            [[0, 1, 0], [0, 0, 1], [0, 0, 0]],
            ["input", "conv3x3", "output"],
            "vertex 1 has the unknown operation 'conv3x3'; did you mean 'conv3x3-bn-relu'",
        ),
        ([[0, 1, 0], [0, 0, 1]], ["input", C3, "output"], r"3 x 3 .* rows of lengths \[3, 3\]"),
        ([[0, 2], [0, 0]], ["input", "output"], r"adjacency\[0\]\[1\] must be 0 or 1, but found 2"),
        ([[0, 1], [1, 0]], ["input", "output"], r"adjacency\[1\]\[0\] is 1, but edges must go"),
        ([[1, 1], [0, 0]], ["input", "output"], r"adjacency\[0\]\[0\] is 1, but edges must go"),
    ],
)
def test_what_is_no_cell(adjacency, operations, message):
    with pytest.raises(ConfigError, match=message):
        CellGraph.from_lists(adjacency, operations)


def test_random_cells_are_valid_pruned_and_seeded():
    cells = [random_cell(np.random.default_rng(seed)) for seed in range(100)]
    assert all(cell.is_valid() and cell.pruned() is cell for cell in cells)
    assert len(set(cells)) > 50
    assert cells[3] == random_cell(np.random.default_rng(3))
    assert {cell.num_vertices for cell in cells} == {2, 3, 4, 5, 6, 7}


def test_random_cell_gives_up():
    with pytest.raises(SearchError, match="no valid cell of 30 vertices in 5 random draws"):
        random_cell(np.random.default_rng(0), num_vertices=30, max_tries=5)


def test_mutations_are_valid_different_and_reach_every_size(rng):
    cell = chain(C3)
    seen = set()
    for _ in range(300):
        child = mutate_cell(cell, rng)
        assert child.is_valid()
        assert child != cell
        seen.add(child.num_vertices)
        cell = child
    assert seen >= {3, 4, 5, 6, 7}


def test_mutation_that_cannot_change_anything_gives_up(rng):
    with pytest.raises(SearchError, match=r"no valid mutation of cell .* in 7 tries"):
        mutate_cell(chain(C3), rng, edge_rate=0, operation_rate=0, max_tries=7)
