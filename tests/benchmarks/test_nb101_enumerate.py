import itertools

import numpy as np
import pytest

from hat.arch.cell import OPERATIONS, CellGraph
from hat.benchmarks.load import load_benchmark
from hat.benchmarks.nb101_checks import OPERATION_IDS
from hat.benchmarks.nb101_enumerate import NUM_CELLS, enumerate_cells
from tests.conftest import MADE_DATA

NAMES = {id: name for name, id in OPERATION_IDS.items()}


def brute_force(max_vertices: int, max_edges: int) -> set[str]:
    """Hashes of every spelling of every valid cell."""
    hashes = set()
    for size in range(2, max_vertices + 1):
        pairs = np.triu_indices(size, k=1)
        for bits in itertools.product((0, 1), repeat=len(pairs[0])):
            adjacency = np.zeros((size, size), dtype=int)
            adjacency[pairs] = bits
            for inner in itertools.product(OPERATIONS, repeat=size - 2):
                cell = CellGraph.from_lists(adjacency, ["input", *inner, "output"])
                if cell.is_connected and cell.pruned().num_edges <= max_edges:
                    hashes.add(cell.canonical_hash)
    return hashes


@pytest.mark.parametrize(("max_vertices", "max_edges"), [(2, 9), (3, 9), (4, 9), (4, 4)])
def test_small_spaces_equal_brute_force(max_vertices, max_edges):
    table = enumerate_cells(max_vertices=max_vertices, max_edges=max_edges)
    hashes = [hash.decode() for hash in table.hashes.tolist()]
    assert hashes == sorted(brute_force(max_vertices, max_edges))


def test_rows_are_spelt_as_in_the_converted_table():
    table = enumerate_cells(max_vertices=5)
    for index in range(0, len(table.hashes), 17):
        size = table.num_vertices[index]
        names = [NAMES[id] for id in table.operations[index, :size].tolist()]
        cell = CellGraph.from_lists(table.adjacency[index, :size, :size], names)
        assert cell.canonical_hash == table.hashes[index].decode()
        assert not table.adjacency[index, size:].any()
        assert not table.operations[index, size:].any()


def test_two_processes_give_the_same():
    one, two = enumerate_cells(max_vertices=4), enumerate_cells(max_vertices=4, workers=2)
    assert (one.hashes == two.hashes).all()
    assert (one.operations == two.operations).all()


@pytest.fixture(scope="module")
def hashes():
    """Those of the whole space, in their order."""
    return [hash.decode() for hash in enumerate_cells(workers=2).hashes.tolist()]


@pytest.mark.slow
def test_published_count(hashes):
    assert len(set(hashes)) == NUM_CELLS == 423_624
    assert set(hashes) >= set(load_benchmark(f"nasbench101:{MADE_DATA}/nasbench101").ids())


@pytest.mark.slow
def test_published_hashes(hashes, shared_data):
    sample = load_benchmark(f"nasbench101:{shared_data}/nasbench101/sample_1k.jsonl.gz")
    assert tuple(hashes[:1000]) == sample.ids()
    assert set(hashes) >= set(load_benchmark(f"nasbench101:{shared_data}/nasbench101").ids())
