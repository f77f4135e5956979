"""Batches of small images for scores without training: nothing to download, or CIFAR-10's files.

Zero-cost scores need no labels, but they do need the statistics of natural images: neighbouring
pixels that agree and, on NAS-Bench-101, images that differ. ``hat.benchmarks.pictures`` says
which packages the pictures come from.
"""

from math import ceil
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hat.arrays import Floats
from hat.benchmarks.pictures import (
    cifar_samples,
    has_samples,
    imagenet_samples,
    photographs,
)
from hat.errors import DataError
from hat.formats.plain_pickle import read_plain_pickle
from hat.reading import read_bytes

ImageKind = Literal[
    "photographs",
    "scaled-photographs",
    "pictures",
    "cifar-samples",
    "cifar10",
    "pink",
    "noise",
]
IMAGE_KINDS: tuple[str, ...] = get_args(ImageKind)
_CIFAR_RECORD = 1 + 3 * 32 * 32


def photograph_crops(
    count: int, rng: np.random.Generator, *, size: int = 32, scaled: bool = False
) -> Floats:
    """Square crops of scikit-learn's two photographs, ``size`` pixels wide.

    Args:
        count: how many.
        rng: draws photograph, scale and place.
        size: pixels on a side.
        scaled: whether to take crops at every scale that fits: a factor k is drawn uniformly and
            k x k pixels are averaged into one. They show whole things, as CIFAR-10's pictures do.

    Returns:
        Images (count, 3, size, size), each colour with mean 0 and deviation 1 over the batch.
    """
    return _crops(photographs(), count, rng, size=size, smallest=0.0 if scaled else None)


def picture_crops(count: int, rng: np.random.Generator, *, size: int = 32) -> Floats:
    """Crops of the 20 pictures of ImageNet that foolbox ships, each picture equally often.

    A crop shows at least half of the shorter side of its picture, as small pictures of things do.

    Args:
        count: how many.
        rng: draws the order of the pictures, scale and place.
        size: pixels on a side.

    Returns:
        Images (count, 3, size, size), each colour with mean 0 and deviation 1 over the batch.

    Raises:
        DataError: if foolbox is not installed.
    """
    return _crops(imagenet_samples(), count, rng, size=size, smallest=0.5, balanced=True)


def cifar_sample_batch(count: int, rng: np.random.Generator) -> Floats:
    """Draws without replacement from the 40 CIFAR pictures that foolbox ships.

    Returns:
        Images (count, 3, 32, 32), each colour with mean 0 and deviation 1 over the batch.

    Raises:
        DataError: if foolbox is not installed or ``count`` is larger than 40.
    """
    samples = cifar_samples()
    if count > len(samples):
        raise DataError(f"{count} images were asked for, but foolbox ships {len(samples)} of CIFAR")
    chosen = rng.choice(len(samples), size=count, replace=False)
    return _standardised(np.stack([samples[index].transpose(2, 0, 1) for index in chosen]))


def _crops(
    pictures: list[Floats],
    count: int,
    rng: np.random.Generator,
    *,
    size: int,
    smallest: float | None,
    balanced: bool = False,
) -> Floats:
    """Standardised square crops of pictures (height, width, 3).

    Args:
        pictures: what is cropped.
        count: how many crops.
        rng: draws picture, scale and place.
        size: pixels on a side.
        smallest: least share of a picture's shorter side that a shrunk crop shows, a whole factor
            k drawn uniformly and k x k pixels averaged into one; None for crops at full scale.
        balanced: whether all pictures are taken before one is taken again.
    """
    crops = np.empty((count, 3, size, size))
    turns: list[int] = []
    for index in range(count):
        if balanced:
            turns = turns or rng.permutation(len(pictures)).tolist()
            picture = pictures[turns.pop()]
        else:
            picture = pictures[int(rng.integers(len(pictures)))]
        height, width, _ = picture.shape
        shorter = min(height, width)
        factor = 1
        if smallest is not None:
            least = max(1, ceil(smallest * shorter / size))
            factor = int(rng.integers(least, shorter // size + 1))
        side = factor * size
        top = int(rng.integers(height - side + 1))
        left = int(rng.integers(width - side + 1))
        crop = picture[top : top + side, left : left + side]
        blocks = crop.reshape(size, factor, size, factor, 3)
        crops[index] = blocks.mean(axis=(1, 3)).transpose(2, 0, 1)
    return _standardised(crops)


def pink_images(count: int, rng: np.random.Generator, *, size: int = 32) -> Floats:
    """Random images with the 1/f amplitude spectrum of natural ones, (count, 3, size, size).

    Field, "Relations between the statistics of natural images and the response properties of
    cortical cells", J. Opt. Soc. Am. A 4, 1987. The three colours share most of their pattern.
    """
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    frequency[0, 0] = 1.0 / size
    shared = rng.standard_normal((count, 1, size, size))
    own = rng.standard_normal((count, 3, size, size))
    spectrum = np.fft.rfft2(shared + 0.3 * own) / frequency
    return _standardised(np.fft.irfft2(spectrum, s=(size, size)))


def noise_images(count: int, rng: np.random.Generator, *, size: int = 32) -> Floats:
    """Independent standard normal pixels, (count, 3, size, size)."""
    return rng.standard_normal((count, 3, size, size))


def read_cifar10(path: str | Path, count: int, rng: np.random.Generator) -> Floats:
    """Draws images without replacement from one of CIFAR-10's own batch files.

    These are ``data_batch_1.bin`` of the binary version, for each image one byte of label and 3,072
    of pixels, colour by colour, row by row; and ``data_batch_1`` of the version for Python, a
    pickle of which nothing is run. The same images are drawn from both.

    Returns:
        Images (count, 3, 32, 32), each colour with mean 0 and deviation 1 over the batch.

    Raises:
        DataError: if the file is missing, is no such file or holds fewer than ``count`` images.
    """
    content = read_bytes(path)
    # A label is at most 9, so that no binary file begins as a pickle does.
    pixels = _cifar10_of_pickle(path) if content[:1] == b"\x80" else _cifar10(path, content)
    if len(pixels) < count:
        raise DataError(f"{path}: {count} images were asked for, but it holds {len(pixels)}")
    chosen = rng.choice(len(pixels), size=count, replace=False)
    return _standardised(pixels[chosen].reshape(count, 3, 32, 32).astype(np.float64))


def _cifar10(path: str | Path, content: bytes) -> NDArray[np.uint8]:
    if not content or len(content) % _CIFAR_RECORD:
        raise DataError(
            f"{path}: CIFAR-10's binary files hold records of {_CIFAR_RECORD} bytes, "
            f"but this one has {len(content)} bytes"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, _CIFAR_RECORD)
    if records[:, 0].max() > 9:
        raise DataError(f"{path}: found label {records[:, 0].max()}, but CIFAR-10 has 0 to 9")
    return records[:, 1:]


def _cifar10_of_pickle(path: str | Path) -> NDArray[np.uint8]:
    batch = read_plain_pickle(path)
    pixels = batch.get(b"data", batch.get("data")) if isinstance(batch, dict) else None
    if (
        not isinstance(pixels, np.ndarray)
        or pixels.dtype != np.uint8
        or pixels.shape[1:] != (_CIFAR_RECORD - 1,)
    ):
        raise DataError(f"{path}: is no batch of CIFAR-10: it has no rows of 3072 bytes as 'data'")
    return pixels


def varied_images() -> ImageKind:
    """The kind that ranks NAS-Bench-101 best of those that this installation has.

    ``pictures`` where foolbox is installed, else ``pink``: crops of a few photographs resemble each
    other too much (docs/results/epsinas.md). What was taken stands in the signature of the result.
    """
    return "pictures" if has_samples() else "pink"


def kinds_for(count: int, *, cifar10: str | Path | None = None) -> tuple[str, ...]:
    """The kinds of which this installation can make a batch of ``count`` images.

    Args:
        count: how many.
        cifar10: the file that would be read.
    """
    absent = set() if cifar10 else {"cifar10"}
    if not has_samples():
        absent |= {"pictures", "cifar-samples"}
    elif count > len(cifar_samples()):
        absent.add("cifar-samples")
    return tuple(kind for kind in IMAGE_KINDS if kind not in absent)


def image_batch(
    kind: str, count: int, rng: np.random.Generator, *, cifar10: str | Path | None = None
) -> Floats:
    """The batch named ``kind``, one of ``IMAGE_KINDS``: (count, 3, 32, 32).

    Raises:
        DataError: if the kind is unknown, ``cifar10`` is asked for without a file, or the package
            that ships the pictures is missing.
    """
    if kind == "photographs":
        return photograph_crops(count, rng)
    if kind == "scaled-photographs":
        return photograph_crops(count, rng, scaled=True)
    if kind == "pictures":
        return picture_crops(count, rng)
    if kind == "cifar-samples":
        return cifar_sample_batch(count, rng)
    if kind == "pink":
        return pink_images(count, rng)
    if kind == "noise":
        return noise_images(count, rng)
    if kind == "cifar10":
        if cifar10 is None:
            raise DataError("images of kind cifar10 need the path of one of its files")
        return read_cifar10(cifar10, count, rng)
    raise DataError(f"unknown kind of images {kind!r}; known are {', '.join(IMAGE_KINDS)}")


def _standardised(images: Floats) -> Floats:
    mean = images.mean(axis=(0, 2, 3), keepdims=True)
    deviation = images.std(axis=(0, 2, 3), keepdims=True)
    # A colour that is the same everywhere becomes 0.
    standardised: Floats = (images - mean) / np.where(deviation > 0, deviation, 1.0)
    return standardised
