import numpy as np
import pytest

from hat.arch.cell import random_cell
from hat.arch.nb201_cell import sample_nb201
from hat.benchmarks.base import Metric, TableBenchmark
from hat.search.cell_operators import cell_neighbours
from hat.search.table_operators import in_table, part_features, table_operators


def table_of(archs, spell=str):
    return TableBenchmark(
        name="toy",
        ids=[spell(arch) for arch in archs],
        arch_at=archs.__getitem__,
        metrics={"loss": Metric("", higher_is_better=False)},
        values={"loss": np.arange(len(archs), dtype=float)},
        id_of=spell,
    )


def cells(rng, count):
    return list(dict.fromkeys(random_cell(rng) for _ in range(count)))


def test_cell_neighbours_are_valid_new_and_lead_back(rng):
    for cell in cells(rng, 20):
        near = cell_neighbours(cell)
        assert cell not in near
        assert len({other.canonical_hash for other in near}) == len(near) >= 3
        assert all(other.is_valid() for other in near)
        same_size = [other for other in near if other.num_vertices == cell.num_vertices]
        assert all(cell in cell_neighbours(other) for other in same_size[:5])


def test_a_small_cell_can_grow_and_a_large_one_shrink(rng):
    sizes = {cell.num_vertices: cell for cell in cells(rng, 200)}
    smallest, largest = sizes[min(sizes)], sizes[max(sizes)]
    assert any(o.num_vertices > smallest.num_vertices for o in cell_neighbours(smallest))
    assert any(o.num_vertices < largest.num_vertices for o in cell_neighbours(largest))


def test_cells_are_edited_and_the_table_is_the_limit(rng):
    known = cells(rng, 30)
    table = table_of(known, lambda cell: cell.canonical_hash)
    operators = table_operators(table)
    assert set(operators.sample(rng, 50)) <= set(known)
    children = operators.mutate(known[:3], rng, 20)
    inside = in_table(table)([*known[:2], *children])
    assert inside[:2].all() and not inside.all()
    assert operators.from_json(operators.to_json(known[4])) == known[4]


def test_nb201_cells_change_one_edge(rng):
    known = [sample_nb201(rng) for _ in range(5)]
    operators = table_operators(table_of(list(dict.fromkeys(known))))
    (child,) = operators.mutate(known[:1], rng, 1)
    assert sum(a != b for a, b in zip(child.operations, known[0].operations, strict=True)) == 1
    assert len(operators.neighbours(known[0])) == 24


def test_other_architectures_move_to_similar_rows(tiny_space, rng):
    archs = list(dict.fromkeys(tiny_space.sample(rng) for _ in range(60)))
    operators = table_operators(table_of(archs))
    near = operators.neighbours(archs[0])
    assert len(near) == 10 and archs[0] not in near and set(near) <= set(archs)
    depth = archs[0].decoder.num_layers
    rate = np.mean([arch.decoder.num_layers == depth for arch in archs])
    assert np.mean([arch.decoder.num_layers == depth for arch in near]) > rate
    assert operators.mutate(archs[:1], rng, 1)[0] in near


@pytest.mark.parametrize("known", [1, 20])
def test_part_features_tell_architectures_apart(tiny_space, rng, known):
    archs = list(dict.fromkeys(tiny_space.sample(rng) for _ in range(20)))
    features = part_features(table_of(archs[:known]))
    matrix = features(archs)
    assert set(np.unique(matrix)) <= {0.0, 1.0}
    assert len(np.unique(matrix[:known], axis=0)) == known
