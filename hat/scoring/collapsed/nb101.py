"""The width-one twin of NAS-Bench-101's networks under one constant weight.

Inside a module all channels of a vertex are equal. Its output concatenates several vertices, so
between modules there is one map for each of them, with its number of channels as a factor; max
pooling acts on each, and the projections of the next module add them up.
"""

import numpy as np
from numpy.typing import ArrayLike

from hat.arch.cell import CellGraph
from hat.arch.cell_widths import (
    MODULES_PER_STACK,
    NUM_STACKS,
    STEM_CHANNELS,
    module_channels,
    vertex_widths,
)
from hat.arrays import Floats
from hat.scoring.collapsed.maps import batch_norm, box_max, box_sum, halve_max

_Groups = list[tuple[int, Floats]]
"""Channel count and map of each group of equal channels."""


class CollapsedNb101:
    """Computes outputs of NAS-Bench-101 networks on one fixed batch under two constants."""

    def __init__(
        self,
        images: ArrayLike,
        weights: tuple[float, float],
        *,
        stem_channels: int = STEM_CHANNELS,
    ) -> None:
        """Runs the stem, which all architectures share.

        Args:
            images: (B, 3, H, W), H and W divisible by 4.
            weights: the two constants.
            stem_channels: width of the stem and the first stack; 128 in the benchmark.
        """
        batch = np.asarray(images, dtype=np.float64)
        self._weights = np.asarray(weights, dtype=np.float64)
        self._modules = module_channels(stem_channels)
        total = box_sum(batch.sum(axis=1))
        pair = np.repeat(total[None], len(self._weights), axis=0)
        self._stem = self._norm_relu(pair, 1)

    def unchanged(self) -> Floats:
        """What the images are without any module, shape (B,): stem and pooling between stacks.

        This is the limit of every network of this space under a small constant that goes to zero,
        if each module is lent a skip from its input to its output. Up to a factor, which the score
        does not see, it is one logit of each image.
        """
        maps = self._stem[0]
        for _ in range(NUM_STACKS - 1):
            maps = halve_max(maps)
        pooled: Floats = maps.mean(axis=(-2, -1))
        return pooled

    def outputs(self, cell: CellGraph) -> Floats:
        """One logit of each image, shape (2, B): row i belongs to constant i.

        Under a tiny constant each convolution in a row makes the signal smaller by a factor of
        thousands, so it is as small as 1e-200 where the shortest path of the cell is long.
        float64 holds that.

        Raises:
            ConfigError: if no path leads from the input of the cell to its output.
        """
        pruned = cell.pruned()
        groups: _Groups = [(self._modules[0][0], self._stem)]
        for index, (in_channels, out_channels) in enumerate(self._modules):
            if index and index % MODULES_PER_STACK == 0:
                groups = [(count, halve_max(maps)) for count, maps in groups]
            groups = self._module(pruned, groups, vertex_widths(pruned, in_channels, out_channels))
        logits = sum(count * maps.mean(axis=(-2, -1)) for count, maps in groups)
        result: Floats = logits * self._weights[:, None]
        return result

    def _module(self, cell: CellGraph, groups: _Groups, widths: tuple[int, ...]) -> _Groups:
        adjacency, last = cell.adjacency, cell.num_vertices - 1
        # Every projection from the input computes the same map, whatever its width.
        total = groups[0][0] * groups[0][1]
        for count, maps in groups[1:]:
            total += count * maps
        projected = self._norm_relu(total, 1)
        values: dict[int, Floats] = {}
        for vertex in range(1, last):
            inputs = [values[source] for source in range(1, vertex) if adjacency[source][vertex]]
            if adjacency[0][vertex]:
                inputs.append(projected)
            total = inputs[0].copy()
            for maps in inputs[1:]:
                total += maps
            values[vertex] = self._operation(cell.operations[vertex], total, widths[vertex])
        leading = [vertex for vertex in range(1, last) if adjacency[vertex][last]]
        if not leading:
            return [(widths[last], projected)]
        if adjacency[0][last]:
            return [(widths[vertex], values[vertex] + projected) for vertex in leading]
        return [(widths[vertex], values[vertex]) for vertex in leading]

    def _operation(self, operation: str, maps: Floats, width: int) -> Floats:
        if operation == "maxpool3x3":
            return box_max(maps)
        if operation == "conv3x3-bn-relu":
            maps = box_sum(maps)
        return self._norm_relu(maps, width)

    def _norm_relu(self, maps: Floats, channels: int) -> Floats:
        """Convolution over ``channels`` equal channels, normalisation, ReLU; overwrites maps."""
        normed = batch_norm(maps, self._weights * channels, self._weights)
        result: Floats = np.maximum(normed, 0.0, out=normed)
        return result
