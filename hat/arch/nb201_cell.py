"""The cells of NAS-Bench-201 (Dong and Yang, ICLR 2020): four nodes, one operation on each edge.

Its strings list the edges into node 1, 2 and 3, each as ``operation~source``:
``|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from hat.errors import ConfigError, suggestion

NB201_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
NB201_EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""Source and target of the six edges, in the order of the string."""

_EXAMPLE = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"

Expression = tuple[object, ...] | None
"""What a node computes from the input of its cell: ``("input",)``, ``(operation, expression)`` or
``("sum", expression, expression, ...)``; ``None`` is identically zero."""


@dataclass(frozen=True)
class Nb201Cell:
    """One cell: the operation of each edge in the order of ``NB201_EDGES``."""

    operations: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.operations) != len(NB201_EDGES):
            raise ConfigError(
                f"a NAS-Bench-201 cell has {len(NB201_EDGES)} edges, "
                f"but {len(self.operations)} operations were given"
            )
        for operation in self.operations:
            if operation not in NB201_OPERATIONS:
                raise ConfigError(
                    f"unknown NAS-Bench-201 operation {operation!r}"
                    + (
                        suggestion(operation, NB201_OPERATIONS)
                        or f"; known are {', '.join(NB201_OPERATIONS)}"
                    )
                )

    def __str__(self) -> str:
        nodes: dict[int, list[str]] = {1: [], 2: [], 3: []}
        for (source, target), operation in zip(NB201_EDGES, self.operations, strict=True):
            nodes[target].append(f"{operation}~{source}")
        return "+".join(f"|{'|'.join(edges)}|" for edges in nodes.values())

    def incoming(self, node: int) -> list[tuple[int, str]]:
        """Source and operation of the edges into ``node`` (1 to 3)."""
        return [
            (source, operation)
            for (source, target), operation in zip(NB201_EDGES, self.operations, strict=True)
            if target == node
        ]

    @cached_property
    def expression(self) -> Expression:
        """What the cell computes, without dead edges and in an order that does not matter.

        Two cells with equal expressions are the same function, whatever their weights: node
        numbers are gone, ``none`` has become zero and the terms of sums are sorted. Zero stays
        zero through every operation (batch normalisation of zeros without bias is zero).
        """
        nodes: list[Expression] = [("input",)]
        for node in (1, 2, 3):
            terms: list[Expression] = []
            for source, operation in self.incoming(node):
                value = nodes[source]
                if operation == "none" or value is None:
                    continue
                if operation != "skip_connect":
                    terms.append((operation, value))
                elif value[0] == "sum":
                    terms.extend(value[1:])  # type: ignore[arg-type]
                else:
                    terms.append(value)
            if len(terms) > 1:
                nodes.append(("sum", *sorted(terms, key=repr)))
            else:
                nodes.append(terms[0] if terms else None)
        return nodes[3]

    @property
    def has_linear_path(self) -> bool:
        """Whether some path from input to output holds skips and poolings only.

        Under a tiny constant weight only such a path carries the signal through the cell.
        """
        return self._reaches({"skip_connect", "avg_pool_3x3"})

    @property
    def is_connected(self) -> bool:
        """Whether any path leads from input to output."""
        return self._reaches(set(NB201_OPERATIONS) - {"none"})

    def _reaches(self, passable: set[str]) -> bool:
        reached = {0}
        for node in (1, 2, 3):
            if any(s in reached and operation in passable for s, operation in self.incoming(node)):
                reached.add(node)
        return 3 in reached

    def num_params(self, *, num_classes: int = 10, channels: int = 16, cells: int = 5) -> int:
        """Trainable parameters of the whole network, dead edges included.

        ``cells`` cells at each of three widths (``channels``, twice and four times as many) with a
        residual block between; see the paper's section 2.
        """
        widths = (channels, 2 * channels, 4 * channels)
        total = 3 * 9 * channels + 2 * channels
        for width in widths:
            total += cells * sum(_conv_params(op, width) for op in self.operations)
        for narrow, wide in pairwise(widths):
            total += 9 * narrow * wide + 9 * wide * wide + 4 * wide + narrow * wide
        return total + 2 * widths[-1] + (widths[-1] + 1) * num_classes

    def macs(self, *, num_classes: int = 10, channels: int = 16, cells: int = 5) -> int:
        """Multiply-accumulates of the convolutions and the classifier for one 32x32 image."""
        total = 3 * 9 * channels * 32 * 32
        for index in range(3):
            width, pixels = channels * 2**index, (32 >> index) ** 2
            for operation in self.operations:
                if operation.startswith("nor_conv"):
                    total += cells * pixels * (_conv_params(operation, width) - 2 * width)
            if index:
                narrow = width // 2
                total += pixels * (9 * narrow * width + 9 * width * width + narrow * width)
        return total + 4 * channels * num_classes

    def neighbours(self) -> Iterator["Nb201Cell"]:
        """The 24 cells that differ in one operation."""
        for edge, present in enumerate(self.operations):
            for operation in NB201_OPERATIONS:
                if operation != present:
                    changed = list(self.operations)
                    changed[edge] = operation
                    yield Nb201Cell(tuple(changed))


def _conv_params(operation: str, width: int) -> int:
    """Weights of a convolution and its batch normalisation; 0 for operations without weights."""
    if not operation.startswith("nor_conv"):
        return 0
    kernel = 9 if operation == "nor_conv_3x3" else 1
    return kernel * width * width + 2 * width


def sample_nb201(rng: np.random.Generator) -> Nb201Cell:
    """Draws one of the 15,625 cells, all equally likely."""
    indices = rng.integers(len(NB201_OPERATIONS), size=len(NB201_EDGES))
    return Nb201Cell(tuple(NB201_OPERATIONS[index] for index in indices))


def parse_nb201(text: str, where: str = "NAS-Bench-201 string") -> Nb201Cell:
    """Reads a cell from NAS-Bench-201's string, the inverse of ``str``.

    Raises:
        ConfigError: if the string is of another benchmark, an operation is unknown or an edge is
            missing or comes from the wrong node.
    """
    nodes = text.strip().split("+")
    if len(nodes) != 3 or not all(len(n) > 1 and n[0] == "|" and n[-1] == "|" for n in nodes):
        raise ConfigError(
            f"{where}: {text!r:.100} is no cell of NAS-Bench-201, which look like {_EXAMPLE}"
        )
    operations = []
    for number, node in enumerate(nodes, start=1):
        edges = node[1:-1].split("|")
        if len(edges) != number:
            raise ConfigError(
                f"{where}: node {number} needs {number} edges, one from each earlier node, "
                f"but has {len(edges)}: {node}"
            )
        for source, edge in enumerate(edges):
            operation, _, found = edge.partition("~")
            if found != str(source):
                raise ConfigError(
                    f"{where}: edge {source + 1} of node {number} must look like "
                    f"operation~{source}, but found {edge!r}"
                )
            operations.append(operation)
    try:
        return Nb201Cell(tuple(operations))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
