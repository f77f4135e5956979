"""Cells of NAS-Bench-101: small directed acyclic graphs with an operation at each vertex.

Rules and hash are those of Ying et al., "NAS-Bench-101: Towards Reproducible Neural Architecture
Search" (arXiv 1902.09635), so that a cell finds itself in the published table.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from hat.errors import ConfigError, SearchError, suggestion

INPUT, OUTPUT = "input", "output"
OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
"""What an inner vertex can compute; the position of a name is its label in the hash."""

MAX_VERTICES, MAX_EDGES = 7, 9
"""Limits of the published space; they hold for the pruned cell."""

_LABELS = {INPUT: -1, OUTPUT: -2, **{name: label for label, name in enumerate(OPERATIONS)}}
_MAX_TRIES = 10_000


@dataclass(frozen=True, eq=False)
class CellGraph:
    """One cell. Vertex 0 is the input and the last vertex the output; edges go forward only.

    Two cells are equal, and hash equal, when they compute the same: when their pruned graphs are
    isomorphic. To compare spellings, compare ``adjacency`` and ``operations``.
    """

    adjacency: tuple[tuple[int, ...], ...]
    """Row v has a 1 in column w if there is an edge from v to w: V rows of V entries."""

    operations: tuple[str, ...]
    """What each of the V vertices computes."""

    def __post_init__(self) -> None:
        _check_graph(self.adjacency, self.operations)

    @classmethod
    def from_lists(
        cls, adjacency: Sequence[Sequence[int]] | NDArray[np.integer], operations: Sequence[str]
    ) -> "CellGraph":
        """Builds a cell from lists or an array of integers; the constructor takes tuples.

        Raises:
            ConfigError: if this is not a graph of the kind described above.
        """
        rows = tuple(tuple(int(e) if e in (0, 1) else e for e in row) for row in adjacency)
        return cls(rows, tuple(operations))

    @property
    def num_vertices(self) -> int:
        """Number of vertices, input and output included."""
        return len(self.operations)

    @property
    def num_edges(self) -> int:
        """Number of edges."""
        return sum(map(sum, self.adjacency))

    @cached_property
    def is_connected(self) -> bool:
        """Whether a path leads from the input to the output."""
        return bool(_useful_vertices(self.adjacency))

    @cached_property
    def _pruned(self) -> "CellGraph":
        keep = _useful_vertices(self.adjacency)
        if not keep:
            raise ConfigError("the cell has no path from its input to its output")
        if len(keep) == self.num_vertices:
            return self
        adjacency = tuple(tuple(self.adjacency[v][w] for w in keep) for v in keep)
        return CellGraph(adjacency, tuple(self.operations[v] for v in keep))

    def pruned(self) -> "CellGraph":
        """Returns the cell without the vertices that are on no path from input to output.

        Raises:
            ConfigError: if there is no such path at all.
        """
        return self._pruned

    @cached_property
    def canonical_hash(self) -> str:
        """The hash of the published table, 32 hexadecimal digits: equal for isomorphic cells.

        Raises:
            ConfigError: if there is no path from input to output.
        """
        cell = self.pruned()
        return _cached_hash(cell.adjacency, cell.operations)

    def check(self) -> None:
        """Checks that the cell belongs to the published space of 423,624 cells.

        Raises:
            ConfigError: if input and output are not connected, or if what is left after pruning
                has more than 7 vertices or more than 9 edges.
        """
        cell = self.pruned()
        if cell.num_vertices > MAX_VERTICES:
            raise ConfigError(
                f"the cell has {cell.num_vertices} vertices after pruning; "
                f"at most {MAX_VERTICES} are allowed"
            )
        if cell.num_edges > MAX_EDGES:
            raise ConfigError(
                f"the cell has {cell.num_edges} edges after pruning; "
                f"at most {MAX_EDGES} are allowed"
            )

    def is_valid(self) -> bool:
        """Whether ``check`` would pass."""
        try:
            self.check()
        except ConfigError:
            return False
        return True

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CellGraph):
            return NotImplemented
        return self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @cached_property
    def _identity(self) -> object:
        return self.canonical_hash if self.is_connected else (self.adjacency, self.operations)


def isomorphism_hash(adjacency: Sequence[Sequence[int]], labels: Sequence[int]) -> str:
    """Returns the hash of Ying et al. (arXiv 1902.09635, section 2) of a labelled graph.

    Each vertex starts from its degrees and label and then, V times, hashes together the sorted
    hashes of its predecessors, those of its successors and its own. MD5 is part of the format.

    Args:
        adjacency: V rows of V entries, 0 or 1.
        labels: V labels: -1 for the input, -2 for the output, else an index of ``OPERATIONS``.
    """
    vertices = range(len(labels))
    before = [[u for u in vertices if adjacency[u][v]] for v in vertices]
    after = [[w for w in vertices if adjacency[v][w]] for v in vertices]
    md5 = hashlib.md5
    states = [
        md5(f"({len(after[v])}, {len(before[v])}, {labels[v]})".encode()).hexdigest()
        for v in vertices
    ]
    for _ in vertices:
        messages = (
            "".join(sorted([states[u] for u in before[v]]))
            + "|"
            + "".join(sorted([states[w] for w in after[v]]))
            + "|"
            + states[v]
            for v in vertices
        )
        states = [md5(message.encode()).hexdigest() for message in messages]
    return md5(str(sorted(states)).encode()).hexdigest()


@lru_cache(maxsize=1 << 16)
def _cached_hash(adjacency: tuple[tuple[int, ...], ...], operations: tuple[str, ...]) -> str:
    """The hash of a pruned cell; mutations of few parents meet the same cells again and again."""
    return isomorphism_hash(adjacency, [_LABELS[name] for name in operations])


def random_cell(
    rng: np.random.Generator, *, num_vertices: int = MAX_VERTICES, max_tries: int = _MAX_TRIES
) -> CellGraph:
    """Draws edges and operations uniformly until they make a valid cell, and prunes it.

    Cells with many spellings are drawn more often than others, as in the paper's random search.

    Raises:
        SearchError: if no draw of ``max_tries`` is valid.
    """
    for _ in range(max_tries):
        edges = np.triu(rng.integers(0, 2, size=(num_vertices, num_vertices)), k=1)
        inner = [OPERATIONS[i] for i in rng.integers(len(OPERATIONS), size=num_vertices - 2)]
        cell = CellGraph.from_lists(edges, (INPUT, *inner, OUTPUT))
        if cell.is_valid():
            return cell.pruned()
    raise SearchError(f"no valid cell of {num_vertices} vertices in {max_tries} random draws")


def mutate_cell(
    cell: CellGraph,
    rng: np.random.Generator,
    *,
    edge_rate: float = 1.0,
    operation_rate: float = 1.0,
    max_tries: int = _MAX_TRIES,
) -> CellGraph:
    """Returns a valid cell that differs from ``cell`` by a few edges and operations.

    The cell is first padded to 7 vertices with dead ends at random places: one edge brings such a
    vertex to life, else pruned cells would hardly ever grow. Then each of the 21 possible edges
    flips with probability ``edge_rate / 21`` and each of the 5 operations changes with
    probability ``operation_rate / 5``: one of each on average, as in the regularised evolution
    of arXiv 1902.09635. Draws repeat until the result is valid and not isomorphic to ``cell``.

    Raises:
        SearchError: if no draw of ``max_tries`` gives such a cell.
    """
    for _ in range(max_tries):
        adjacency, labels = _padded(cell, rng)
        edge = rng.random(adjacency.shape) < edge_rate / (MAX_VERTICES * (MAX_VERTICES - 1) / 2)
        adjacency ^= np.triu(edge, k=1)
        changed = rng.random(len(labels)) < operation_rate / len(labels)
        shift = rng.integers(1, len(OPERATIONS), size=len(labels))
        labels = np.where(changed, (labels + shift) % len(OPERATIONS), labels)
        inner = [OPERATIONS[label] for label in labels.tolist()]
        child = CellGraph.from_lists(adjacency.tolist(), (INPUT, *inner, OUTPUT))
        # Pruned before it is compared: a cell remembers its hash, and this one is kept.
        if child.is_valid() and (pruned := child.pruned()) != cell:
            return pruned
    raise SearchError(f"no valid mutation of cell {cell.canonical_hash} in {max_tries} tries")


def _padded(
    cell: CellGraph, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pruned cell and dead ends: adjacency (7, 7) and the labels (5,) of inner vertices."""
    small = cell.pruned()
    spare = MAX_VERTICES - 2
    places = np.sort(rng.choice(spare, size=small.num_vertices - 2, replace=False)) + 1
    position = np.concatenate([[0], places, [MAX_VERTICES - 1]]).astype(np.int64)
    adjacency = np.zeros((MAX_VERTICES, MAX_VERTICES), dtype=np.int64)
    adjacency[np.ix_(position, position)] = np.array(small.adjacency)
    for vertex in sorted(set(range(1, MAX_VERTICES - 1)) - set(places.tolist())):
        adjacency[rng.integers(vertex), vertex] = 1
    labels = rng.integers(len(OPERATIONS), size=spare)
    labels[places - 1] = [_LABELS[name] for name in small.operations[1:-1]]
    return adjacency, labels


def _useful_vertices(adjacency: Sequence[Sequence[int]]) -> list[int]:
    """Vertices on a path from first to last, in order; empty if there is none."""
    last = len(adjacency) - 1
    from_input, to_output = {0}, {last}
    for v in range(last + 1):
        if v in from_input:
            from_input.update(w for w, edge in enumerate(adjacency[v]) if edge)
    for v in range(last, -1, -1):
        if any(adjacency[v][w] for w in to_output):
            to_output.add(v)
    return sorted(from_input & to_output) if last in from_input else []


def _check_graph(adjacency: tuple[tuple[int, ...], ...], operations: tuple[str, ...]) -> None:
    size = len(operations)
    if size < 2 or operations[0] != INPUT or operations[-1] != OUTPUT:
        raise ConfigError(
            f"a cell's operations must start with {INPUT!r} and end with {OUTPUT!r}, "
            f"but found {list(operations)}"
        )
    for v, name in enumerate(operations[1:-1], start=1):
        if name not in OPERATIONS:
            raise ConfigError(
                f"vertex {v} has the unknown operation {name!r}{suggestion(name, OPERATIONS)}; "
                f"known are {list(OPERATIONS)}"
            )
    if len(adjacency) != size or any(len(row) != size for row in adjacency):
        shape = [len(row) for row in adjacency]
        raise ConfigError(
            f"a cell of {size} operations needs a {size} x {size} adjacency matrix, "
            f"but found rows of lengths {shape}"
        )
    for v, row in enumerate(adjacency):
        for w, entry in enumerate(row):
            if entry not in (0, 1):
                raise ConfigError(f"adjacency[{v}][{w}] must be 0 or 1, but found {entry!r}")
            if entry and w <= v:
                raise ConfigError(
                    f"adjacency[{v}][{w}] is 1, but edges must go forward: "
                    "the matrix must be strictly upper triangular"
                )
