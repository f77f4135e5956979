"""The training and evaluation sets of the neural predictor's reproduction, from its own file.

``tools/split_train_val.py`` of github.com/ultmaster/neuralpredictor.pytorch writes ``train.npz``:
under the name of each split the rows of ``nasbench.hdf5``. ``172``, ``334`` and ``860`` are three
independent draws; ``denoise-91`` and ``denoise-80`` are all rows whose validation accuracy of the
first run, after 108 epochs, in single precision, is above 0.91 and 0.80; ``91-172`` and so on are
what ``denoise-91`` and a draw have in common. (Ours of the same names draw nested sets and take the
mean of all runs; see ``splits``.)
"""

import io
import re
import struct
import tokenize
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hat.arrays import Ints
from hat.benchmarks.base import TableBenchmark
from hat.errors import ConfigError, DataError, suggestion
from hat.reading import open_file, read_member, reason

_METRIC, _EPOCHS, _SEED = "validation_accuracy", 108, 0
_DENOISED = re.compile(r"denoise-(?P<all>[0-9]{2})|(?P<some>[0-9]{2})-[0-9]+")


def published_split(path: Path, name: str, table: TableBenchmark[Any]) -> Ints:
    """Returns the architectures of a split as indices of ``table.ids()``, in the file's order.

    Args:
        path: the ``.npz`` file.
        name: of a split in it, or ``all``.
        table: the HDF5 table that the file was made for.

    Raises:
        ConfigError: if the file has no such split or it is empty.
        DataError: if it cannot be read, or its rows are not those of this table.
    """
    splits = _read(path)
    for other, rows in splits.items():
        _check(rows, other, path, table)
    if name == "all":
        return np.arange(len(table), dtype=np.int64)
    if name not in splits:
        raise ConfigError(
            f"{path}: has no split {name!r}{suggestion(name, splits)}; "
            f"the splits are {', '.join([*splits, 'all'])}"
        )
    if not len(splits[name]):
        raise ConfigError(f"{path}: split {name} is empty")
    return table.places_of_rows(splits[name])


def _read(path: Path) -> dict[str, NDArray[Any]]:
    with open_file(path) as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                return {
                    name.removesuffix(".npy"): _array(read_member(archive, name, f"{path}: {name}"))
                    for name in archive.namelist()
                }
        except (OSError, EOFError, ValueError, MemoryError, struct.error, *_OF_ARRAYS) as error:
            raise DataError(
                f"{path}: cannot be read as a split file (.npz): {reason(error)}"
            ) from None


_MAGIC = b"\x93NUMPY"

_OF_ARRAYS = (zipfile.BadZipFile, NotImplementedError, SyntaxError, tokenize.TokenError)
"""What Python's and NumPy's readers raise of damaged files besides."""


def _array(content: bytes) -> NDArray[Any]:
    if not content.startswith(_MAGIC):  # of others NumPy speaks as if they should be trusted
        raise ValueError("it is no archive of arrays")
    found: NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
    return found


def _check(rows: NDArray[Any], name: str, path: Path, table: TableBenchmark[Any]) -> None:
    where = f"{path}: split {name}"
    if not isinstance(rows, np.ndarray):  # a ZIP file of something else
        raise DataError(f"{where}: expected a list of row numbers, but found no array")
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise DataError(
            f"{where}: expected a list of row numbers, but found an array of "
            f"{rows.dtype} of shape {rows.shape}"
        )
    beyond = np.flatnonzero((rows < 0) | (rows >= len(table)))
    if len(beyond):
        raise DataError(
            f"{where}[{beyond[0]}] is row {rows[beyond[0]]}, but the table has {len(table)} rows"
        )
    if len(np.unique(rows)) < len(rows):
        first, counts = np.unique(rows, return_counts=True)
        raise DataError(f"{where} holds row {first[np.argmax(counts)]} twice")
    found = _DENOISED.fullmatch(name)
    if not found:
        return
    floor = int(found["all"] or found["some"]) / 100
    accuracy = table.column(_METRIC, epochs=_EPOCHS, seed=_SEED).astype(np.float32)
    good = np.flatnonzero(accuracy > np.float32(floor))
    places = table.places_of_rows(rows)
    strange = np.setdiff1d(places, good)
    missing = np.setdiff1d(good, places) if found["all"] else strange
    for wrong, verb in ((strange, "holds"), (missing, "lacks")):
        if len(wrong):
            row = int(rows[places == wrong[0]][0]) if verb == "holds" else table.ids()[wrong[0]]
            raise DataError(
                f"{where} {verb} row {row}, whose {_METRIC} is {accuracy[wrong[0]]:.6g}: "
                "the file was made for another table"
            )
