"""All cells of the NAS-Bench-101 space, each once: 423,624 of them (arXiv 1902.09635, section 2).

Two labelled graphs count as one when they are isomorphic. There are tens of millions of
spellings, too many to hash, so isomorphism is decided by numbers: the 21 possible edges of a
graph are the bits of a code, renaming the inner vertices permutes the bits, and a spelling is
kept if no renaming gives a smaller code. Only what is kept is hashed.
"""

import itertools
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hat.arch.cell import INPUT, MAX_EDGES, MAX_VERTICES, OPERATIONS, OUTPUT, isomorphism_hash
from hat.benchmarks.hdf5_files import writing_hdf5
from hat.benchmarks.nb101_checks import OPERATION_IDS

NUM_CELLS = 423_624
"""The published number of unique cells."""


@dataclass(frozen=True)
class CellTable:
    """N cells sorted by hash, spelt as in the HDF5 file of ``nb101``."""

    hashes: NDArray[np.bytes_]
    """32 hexadecimal digits each, (N,)."""
    num_vertices: NDArray[np.int8]
    """(N,)"""
    adjacency: NDArray[np.int8]
    """(N, 7, 7), zero beyond the cell's vertices."""
    operations: NDArray[np.int8]
    """``OPERATION_IDS`` of the vertices, (N, 7), zero beyond them."""

    def save(self, path: str | Path) -> None:
        """Writes the cells as HDF5 with the names and types of the converted table."""
        with writing_hdf5(path) as file:
            file["hash"] = self.hashes
            file["num_vertices"] = self.num_vertices
            file["adjacency"] = self.adjacency
            file["operations"] = self.operations


def enumerate_cells(
    *, max_vertices: int = MAX_VERTICES, max_edges: int = MAX_EDGES, workers: int = 1
) -> CellTable:
    """Lists every cell of up to ``max_vertices`` vertices and ``max_edges`` edges once.

    Takes under a minute on one core; ``workers`` processes share the hashing.
    """
    graphs = [
        graph for size in range(2, max_vertices + 1) for graph in _unlabelled(size, max_edges)
    ]
    if workers > 1:
        with ProcessPoolExecutor(workers) as pool:
            parts = list(pool.map(_labelled, graphs, chunksize=16))
    else:
        parts = [_labelled(graph) for graph in graphs]
    hashes = np.concatenate([part[0] for part in parts])
    labels = np.concatenate([part[1] for part in parts])
    counts = [len(part[0]) for part in parts]
    sizes = np.repeat([len(adjacency) for adjacency, _ in graphs], counts).astype(np.int8)
    padded = np.zeros((len(graphs), MAX_VERTICES, MAX_VERTICES), dtype=np.int8)
    for index, (adjacency, _) in enumerate(graphs):
        padded[index, : len(adjacency), : len(adjacency)] = adjacency
    order = np.argsort(hashes)
    return CellTable(
        hashes[order], sizes[order], np.repeat(padded, counts, axis=0)[order], labels[order]
    )


_Graph = tuple[NDArray[np.int8], NDArray[np.int64]]
"""Adjacency (V, V) and the renamings of inner vertices, (P, V - 2), that leave it as it is."""


def _unlabelled(size: int, max_edges: int) -> Iterator[_Graph]:
    """One spelling of each unlabelled graph of ``size`` vertices, all on a path to the output."""
    sources, targets = np.triu_indices(size, k=1)
    num_bits = len(sources)
    codes = np.arange(1 << num_bits, dtype=np.int64)
    codes = codes[np.bitwise_count(codes) <= max_edges]
    bits = (codes[:, None] >> np.arange(num_bits)) & 1
    connected = np.ones(len(codes), dtype=bool)
    for v in range(size):
        if v > 0:
            connected &= bits[:, targets == v].any(axis=1)
        if v < size - 1:
            connected &= bits[:, sources == v].any(axis=1)
    codes, bits = codes[connected], bits[connected]

    renamings = np.array(list(itertools.permutations(range(1, size - 1))), dtype=np.int64)
    backward = 1 << num_bits  # more than any code: such a renaming turns an edge backward
    bit_of = np.full((size, size), backward, dtype=np.int64)
    bit_of[sources, targets] = 1 << np.arange(num_bits)
    smallest = codes.copy()
    unchanged = np.zeros((len(codes), len(renamings)), dtype=bool)
    for index, inner in enumerate(renamings):
        new = np.concatenate([[0], inner, [size - 1]]).astype(np.int64)
        renamed = bits @ bit_of[new[sources], new[targets]]
        smallest = np.minimum(smallest, renamed)
        unchanged[:, index] = renamed == codes
    for row in np.flatnonzero(smallest == codes).tolist():
        adjacency = np.zeros((size, size), dtype=np.int8)
        adjacency[sources, targets] = bits[row]
        yield adjacency, renamings[unchanged[row]]


def _labelled(graph: _Graph) -> tuple[NDArray[np.bytes_], NDArray[np.int8]]:
    """All different labellings of a graph: their hashes (M,) and padded operation ids (M, 7)."""
    adjacency, renamings = graph
    size = len(adjacency)
    inner = size - 2
    base = len(OPERATIONS)
    labels = np.array(list(itertools.product(range(base), repeat=inner)), dtype=np.int64)
    weights = base ** np.arange(inner, dtype=np.int64)
    codes = labels @ weights
    smallest = np.min([labels[:, inner_new - 1] @ weights for inner_new in renamings], axis=0)
    labels = labels[smallest == codes]
    rows = adjacency.tolist()
    hashes = [isomorphism_hash(rows, [-1, *row, -2]) for row in labels.tolist()]
    operations = np.zeros((len(labels), MAX_VERTICES), dtype=np.int8)
    operations[:, 0] = OPERATION_IDS[INPUT]
    operations[:, 1 : size - 1] = labels
    operations[:, size - 1] = OPERATION_IDS[OUTPUT]
    return np.array(hashes, dtype="S32"), operations
