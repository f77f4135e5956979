"""Convolution, pooling and batch normalisation on one channel, for constant weights.

Arrays are (..., B, H, W): the axes in front of the batch are independent networks, for example the
two constants. A convolution whose weights all equal ``w`` is a box filter of the sum over its
input channels times ``w``.
"""

import numpy as np

from hat.arrays import Floats

BATCH_NORM_EPSILON = 1e-5
"""PyTorch's default, which all three convolutional spaces use."""


class BufferPool:
    """Arrays to use again: fresh ones of this size cost more than the arithmetic done in them."""

    def __init__(self) -> None:
        self._free: dict[tuple[int, ...], list[Floats]] = {}

    def take(self, shape: tuple[int, ...]) -> Floats:
        """Returns an array with any content."""
        free = self._free.get(shape)
        return free.pop() if free else np.empty(shape)

    def give(self, array: Floats) -> None:
        """Takes back an array that nobody reads any more."""
        self._free.setdefault(array.shape, []).append(array)


def box_sum(maps: Floats, out: Floats | None = None, scratch: Floats | None = None) -> Floats:
    """Sum of the 3x3 neighbourhood with zeros outside, one axis after the other.

    ``out`` and ``scratch`` are two more arrays of the same shape, made if left out.
    """
    rows = np.empty(maps.shape) if scratch is None else scratch
    np.add(maps[..., :-2, :], maps[..., 2:, :], out=rows[..., 1:-1, :])
    rows[..., 1:-1, :] += maps[..., 1:-1, :]
    np.add(maps[..., 0, :], maps[..., 1, :], out=rows[..., 0, :])
    np.add(maps[..., -1, :], maps[..., -2, :], out=rows[..., -1, :])
    # Along the other axis rows are short and loops over them slow. As one long vector, only the
    # first and last column get neighbours from other rows; they are written again.
    total = np.empty(maps.shape) if out is None else out
    flat_rows, flat_total = rows.reshape(-1), total.reshape(-1)
    np.add(flat_rows[:-2], flat_rows[2:], out=flat_total[1:-1])
    flat_total[1:-1] += flat_rows[1:-1]
    np.add(rows[..., 0], rows[..., 1], out=total[..., 0])
    np.add(rows[..., -1], rows[..., -2], out=total[..., -1])
    return total


def box_mean(maps: Floats, out: Floats | None = None, scratch: Floats | None = None) -> Floats:
    """3x3 average pooling, stride 1, that does not count the padding; see ``box_sum``."""
    total = box_sum(maps, out, scratch)
    height, width = maps.shape[-2:]
    total *= _inverse_counts(height)[:, None] * _inverse_counts(width)
    return total


def _inverse_counts(size: int) -> Floats:
    """One over how many of three neighbours lie inside, for each position of an axis."""
    positions = np.arange(size)
    counts = np.minimum(positions + 1, size - 1) - np.maximum(positions - 1, 0) + 1
    inverse: Floats = 1.0 / counts
    return inverse


def box_max(maps: Floats) -> Floats:
    """3x3 max pooling, stride 1, that ignores the padding."""
    rows = maps.copy()
    np.maximum(rows[..., 1:, :], maps[..., :-1, :], out=rows[..., 1:, :])
    np.maximum(rows[..., :-1, :], maps[..., 1:, :], out=rows[..., :-1, :])
    largest = rows.copy()
    np.maximum(largest[..., 1:], rows[..., :-1], out=largest[..., 1:])
    np.maximum(largest[..., :-1], rows[..., 1:], out=largest[..., :-1])
    return largest


def halve_mean(maps: Floats) -> Floats:
    """2x2 average pooling with stride 2."""
    rows = maps[..., 0::2, :] + maps[..., 1::2, :]
    mean: Floats = (rows[..., 0::2] + rows[..., 1::2]) * 0.25
    return mean


def halve_max(maps: Floats) -> Floats:
    """2x2 max pooling with stride 2."""
    rows = np.maximum(maps[..., 0::2, :], maps[..., 1::2, :])
    largest: Floats = np.maximum(rows[..., 0::2], rows[..., 1::2])
    return largest


def batch_norm(maps: Floats, conv_scale: Floats, norm_scale: Floats) -> Floats:
    """Batch normalisation of ``conv_scale * maps`` in training mode, in place.

    The scale of the convolution goes into the variance only, which saves a pass over the maps.

    Args:
        maps: (..., B, H, W), overwritten.
        conv_scale: factor that the maps still lack, one per leading index.
        norm_scale: the affine weight; the bias is zero.
    """
    leading = maps.shape[:-3]
    flat = maps.reshape(*leading, -1)
    flat -= flat.mean(axis=-1, keepdims=True)
    variance = np.einsum("...i,...i->...", flat, flat) / flat.shape[-1]
    factor = norm_scale * conv_scale / np.sqrt(conv_scale**2 * variance + BATCH_NORM_EPSILON)
    flat *= np.asarray(factor)[..., None]
    return maps
