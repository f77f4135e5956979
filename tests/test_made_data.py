"""The files of ``tests/data`` are those that ``tests/data/make`` makes, small, and nothing else."""

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from hat.formats.plain_pickle import read_plain_pickle
from hat.models.checkpoint import read_checkpoint
from tests.conftest import MADE_DATA
from tests.data.make import MAKERS

LARGEST_BYTES = 50_000


def made_files(folder: Path) -> list[Path]:
    return sorted(
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc", ".md")
    )


def test_the_files_are_small() -> None:
    sizes = {str(path): (MADE_DATA / path).stat().st_size for path in made_files(MADE_DATA)}
    assert sizes and max(sizes.values()) < LARGEST_BYTES, sizes


@pytest.mark.slow
def test_made_again_they_are_the_same(tmp_path: Path) -> None:
    for make in MAKERS.values():
        make(tmp_path)
    assert made_files(tmp_path) == made_files(MADE_DATA)
    for path in made_files(tmp_path):
        assert_same(content(tmp_path / path), content(MADE_DATA / path), str(path))


def content(path: Path) -> Any:
    """What a file holds, for a comparison that forgives the last bits of a number."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    match path.suffix:
        case ".npz":
            return dict(np.load(io.BytesIO(data)))
        case ".h5":
            with h5py.File(path) as file:
                return {name: file[name][()] for name in file}
        case ".zip":
            with zipfile.ZipFile(path) as archive:
                return {name: archive.read(name) for name in archive.namelist()}
        case ".pt":
            if path.parent.name == "predictors":
                return torch.load(path, weights_only=True)
            found = read_checkpoint(path)
            return {"args": vars(found["args"]), **found["model"]}
        case ".json":
            return json.loads(data)
        case ".pickle":
            columns = read_plain_pickle(path)
            return {name: [float(value) for value in columns[name]] for name in columns}
    return data


def assert_same(found: Any, expected: Any, place: str) -> None:
    if isinstance(found, dict):
        assert list(found) == list(expected), place
        for key, value in found.items():
            assert_same(value, expected[key], f"{place}: {key}")
    elif isinstance(found, list):
        assert len(found) == len(expected), place
        for index, (value, other) in enumerate(zip(found, expected, strict=True)):
            assert_same(value, other, f"{place}: {index}")
    elif (
        isinstance(found, float | torch.Tensor | np.ndarray) and np.asarray(found).dtype.kind == "f"
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6, err_msg=place)
    else:
        assert np.array_equal(found, expected), place
