"""Natural pictures that installed packages ship, so that no data set has to be downloaded.

scikit-learn has two photographs. foolbox has 20 pictures of ImageNet and 40 of CIFAR-10 and
CIFAR-100 as samples for its attacks; only its files are read, its code is never imported.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from hat.arrays import Floats
from hat.errors import DataError
from hat.reading import check_file, reason

_SAMPLES = "foolbox"


def photographs() -> list[Floats]:
    """scikit-learn's two photographs, each (height, width, 3) with values of 0 to 255."""
    from sklearn.datasets import load_sample_images

    return [np.asarray(image, np.float64) for image in load_sample_images().images]


def has_samples() -> bool:
    """Whether foolbox is installed, with its pictures."""
    return bool(_sample_files("imagenet"))


def imagenet_samples() -> list[Floats]:
    """The 20 pictures of ImageNet that foolbox ships, each (224, 224, 3), 0 to 255.

    Raises:
        DataError: if foolbox is not installed.
    """
    return _read_samples("imagenet")


def cifar_samples() -> list[Floats]:
    """The 20 pictures of CIFAR-10 and 20 of CIFAR-100 that foolbox ships, each (32, 32, 3).

    Raises:
        DataError: if foolbox is not installed.
    """
    return [*_read_samples("cifar10"), *_read_samples("cifar100")]


def _sample_files(prefix: str) -> list[Path]:
    spec = find_spec(_SAMPLES)
    folders = spec.submodule_search_locations if spec else None
    return sorted(
        file
        for folder in folders or ()
        for file in (Path(folder) / "data").glob(f"{prefix}_*")
        if file.suffix in (".png", ".jpg")
    )


def _read_samples(prefix: str) -> list[Floats]:
    from PIL import Image

    files = _sample_files(prefix)
    if not files:
        raise DataError(
            f"these images are pictures that the package {_SAMPLES} ships, but it is not "
            f"installed: pip install --no-deps {_SAMPLES}, or choose other images"
        )
    pictures = []
    for file in files:
        check_file(file)
        try:
            with Image.open(file) as image:
                pictures.append(np.asarray(image.convert("RGB"), np.float64))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise DataError(f"{file}: cannot be read as a picture: {reason(error)}") from None
    return pictures
