"""The width-one twin of NAS-Bench-201's networks under one constant weight.

All channels of a layer are equal, so the network is a chain of maps of one channel; the channel
counts (3, 16, 32, 64) remain as factors of the convolutions. The classifier only multiplies, which
scaling to [0, 1] undoes, so the pooled feature of each image is the output.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hat.arch.nb201_cell import Expression, Nb201Cell
from hat.scoring.collapsed.maps import batch_norm, box_mean, box_sum, halve_mean

Floats = NDArray[np.float64]


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
                maps = self._reduction(maps, width // 2, width)
            for _ in range(self._cells):
                result = self._cell(cell.expression, maps, width)
                maps = maps + result if lent else result
        maps = np.maximum(batch_norm(maps.copy(), np.ones(len(maps)), self._weights), 0.0)
        pooled: Floats = maps.mean(axis=(-2, -1))
        return pooled

    def _cell(self, expression: Expression, maps: Floats, width: int) -> Floats:
        if expression is None:
            return np.zeros_like(maps)
        known: dict[Expression, Floats] = {("input",): maps}
        return self._evaluate(expression, known, width)

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
            result = values[0] + values[1]
            for value in values[2:]:
                result += value
        elif operation == "avg_pool_3x3":
            result = box_mean(values[0])
        else:
            result = self._convolution(values[0], width, wide=operation == "nor_conv_3x3")
        known[expression] = result
        return result

    def _convolution(self, maps: Floats, width: int, *, wide: bool) -> Floats:
        """ReLU, convolution over ``width`` equal channels, batch normalisation."""
        positive = np.maximum(maps, 0.0)
        if wide:
            positive = box_sum(positive)
        return batch_norm(positive, self._weights * width, self._weights)

    def _reduction(self, maps: Floats, narrow: int, width: int) -> Floats:
        """The residual block that halves the resolution and doubles the channels."""
        positive = box_sum(np.maximum(maps, 0.0))[..., ::2, ::2].copy()
        inner = batch_norm(positive, self._weights * narrow, self._weights)
        result = self._convolution(inner, width, wide=True)
        result += halve_mean(maps) * (self._weights * narrow)[:, None, None, None]
        return result
