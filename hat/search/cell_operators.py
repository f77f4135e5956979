"""One-edit neighbours of NAS-Bench-101 cells; drawing and mutating them is ``hat.arch.cell``'s."""

from collections.abc import Iterator

import numpy as np

from hat.arch.cell import MAX_VERTICES, OPERATIONS, CellGraph


def cell_neighbours(cell: CellGraph) -> list[CellGraph]:
    """Returns the valid cells one edit away, each once, without ``cell`` itself.

    An edit flips an edge, changes an operation, or puts a new vertex with one edge in and one
    edge out beside an existing connection; edits that cut a vertex off remove it.
    """
    found = dict.fromkeys(edited.pruned() for edited in _edits(cell.pruned()) if edited.is_valid())
    found.pop(cell, None)
    return list(found)


def _edits(cell: CellGraph) -> Iterator[CellGraph]:
    size = cell.num_vertices
    adjacency = np.array(cell.adjacency)
    names = list(cell.operations)
    pairs = [(v, w) for v in range(size) for w in range(v + 1, size)]
    for v, w in pairs:
        flipped = adjacency.copy()
        flipped[v, w] ^= 1
        yield CellGraph.from_lists(flipped, names)
    for v in range(1, size - 1):
        for operation in OPERATIONS:
            if operation != names[v]:
                yield CellGraph.from_lists(adjacency, [*names[:v], operation, *names[v + 1 :]])
    if size == MAX_VERTICES:
        return
    for v, w in pairs:
        place = v + 1
        grown = np.insert(np.insert(adjacency, place, 0, axis=0), place, 0, axis=1)
        grown[v, place] = grown[place, w + 1] = 1
        for operation in OPERATIONS:
            yield CellGraph.from_lists(grown, [*names[:place], operation, *names[place:]])
