"""The width-one twin of NAS-Bench-201's networks under one constant weight.

All channels of a layer are equal, so the network is a chain of maps of one channel; the channel
counts (3, 16, 32, 64) remain as factors of the convolutions. The classifier only multiplies, which
scaling to [0, 1] undoes, so the pooled feature of each image is the output.
"""

import numpy as np
from numpy.typing import ArrayLike

from hat.arch.nb201_cell import Expression, Nb201Cell
from hat.arrays import Floats
from hat.scoring.collapsed.maps import BufferPool, batch_norm, box_mean, box_sum, halve_mean


class CollapsedNb201:
    """Computes outputs of NAS-Bench-201 networks on one fixed batch under two constants."""

    def __init__(
        self,
        images: ArrayLike,
        weights: tuple[float, float],
        *,
        channels: int = 16,
        cells: int = 5,
    ) -> None:
        """Runs the stem, which all architectures share.

        Args:
            images: (B, 3, H, W), H and W divisible by 4.
            weights: the two constants.
            channels: width of the first stage; 16 in the benchmark.
            cells: cells per stage; 5 in the benchmark.
        """
        batch = np.asarray(images, dtype=np.float64)
        self._weights = np.asarray(weights, dtype=np.float64)
        self._channels = channels
        self._cells = cells
        total = box_sum(batch.sum(axis=1))
        pair = np.repeat(total[None], len(self._weights), axis=0)
        self._stem = batch_norm(pair, self._weights, self._weights)
        self._pool = BufferPool()

    def outputs(self, cell: Nb201Cell, *, lend_skip: bool = False) -> Floats:
        """Pooled feature of each image, shape (2, B): row i belongs to constant i.

        Under a tiny constant a signal survives a cell only on a path of skips and poolings. With
        ``lend_skip``, a cell that has no such path gets one more edge, a skip from its input to
        its output, under both constants; other cells stay as they are.
        """
        maps = self._stem
        lent = lend_skip and not cell.has_linear_path
        for stage in range(3):
            width = self._channels * 2**stage
            if stage:
                maps = self._replace(maps, self._reduction(maps, width // 2, width))
            for _ in range(self._cells):
                result = self._cell(cell.expression, maps, width)
                if lent:
                    result += maps
                maps = self._replace(maps, result)
        features = self._pool.take(maps.shape)
        np.copyto(features, maps)
        self._replace(maps, features)
        batch_norm(features, np.ones(len(features)), self._weights)
        np.maximum(features, 0.0, out=features)
        pooled: Floats = features.mean(axis=(-2, -1))
        self._pool.give(features)
        return pooled

    def _replace(self, old: Floats, new: Floats) -> Floats:
        """Returns ``new`` and frees ``old``, unless it is still needed."""
        if old is not new and old is not self._stem:
            self._pool.give(old)
        return new

    def _cell(self, expression: Expression, maps: Floats, width: int) -> Floats:
        if expression is None:
            result = self._pool.take(maps.shape)
            result.fill(0.0)
            return result
        known: dict[Expression, Floats] = {("input",): maps}
        result = self._evaluate(expression, known, width)
        for value in known.values():
            if value is not result and value is not maps:
                self._pool.give(value)
        return result

    def _evaluate(
        self, expression: Expression, known: dict[Expression, Floats], width: int
    ) -> Floats:
        """Value of a sub-expression; equal ones are computed once. Values are never overwritten."""
        if expression in known:
            return known[expression]
        assert expression is not None
        terms: list[Expression] = list(expression[1:])  # type: ignore[arg-type]
        values = [self._evaluate(term, known, width) for term in terms]
        operation = expression[0]
        if operation == "sum":
            result = np.add(values[0], values[1], out=self._pool.take(values[0].shape))
            for value in values[2:]:
                result += value
        elif operation == "avg_pool_3x3":
            scratch = self._pool.take(values[0].shape)
            result = box_mean(values[0], self._pool.take(values[0].shape), scratch)
            self._pool.give(scratch)
        else:
            result = self._convolution(values[0], width, wide=operation == "nor_conv_3x3")
        known[expression] = result
        return result

    def _convolution(self, maps: Floats, width: int, *, wide: bool) -> Floats:
        """ReLU, convolution over ``width`` equal channels, batch normalisation."""
        positive = np.maximum(maps, 0.0, out=self._pool.take(maps.shape))
        if wide:
            scratch = self._pool.take(maps.shape)
            total = box_sum(positive, self._pool.take(maps.shape), scratch)
            self._pool.give(positive)
            self._pool.give(scratch)
            positive = total
        return batch_norm(positive, self._weights * width, self._weights)

    def _reduction(self, maps: Floats, narrow: int, width: int) -> Floats:
        """The residual block that halves the resolution and doubles the channels."""
        positive = box_sum(np.maximum(maps, 0.0))[..., ::2, ::2].copy()
        inner = batch_norm(positive, self._weights * narrow, self._weights)
        result = self._convolution(inner, width, wide=True)
        result += halve_mean(maps) * (self._weights * narrow)[:, None, None, None]
        return result
