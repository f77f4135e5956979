"""The published HDF5 table and split file mean the same architectures here as they do there."""

import shutil

import h5py
import numpy as np
import pytest

from hat.arch.cell import random_cell
from hat.benchmarks.load import load_benchmark
from hat.benchmarks.nb101_checks import OPERATION_IDS
from hat.errors import ConfigError, DataError
from hat.scoring.published_splits import published_split

SIZES = (4, 8, 12)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """``nasbench.hdf5`` and ``train.npz``, by the description of the scripts that write them.

    Types and layout as in tools/nasbench_tfrecord_converter.py, splits as in
    tools/split_train_val.py, but for 40 cells, in an order that is not that of their hashes.
    """
    folder = tmp_path_factory.mktemp("published")
    rng = np.random.default_rng(5)
    cells = {(cell := random_cell(rng)).canonical_hash: cell.pruned() for _ in range(60)}
    hashes = list(rng.permutation(list(cells))[:40])
    assert hashes != sorted(hashes)
    adjacency = np.zeros((40, 7, 7), np.int8)
    operations = np.zeros((40, 7), np.int8)
    for row, hash in enumerate(hashes):
        size = cells[hash].num_vertices
        adjacency[row, :size, :size] = cells[hash].adjacency
        operations[row, :size] = [OPERATION_IDS[name] for name in cells[hash].operations]
    metrics = rng.uniform(0.75, 0.95, (40, 4, 3, 2, 4)).astype(np.float32)
    metrics[7, -1, 0, -1, 2] = 0.91  # not above
    metrics[8, -1, :, -1, 2] = (0.92, 0.5, 0.5)  # above in the first run, not in the mean
    with h5py.File(folder / "nasbench.hdf5", "w") as file:
        file.create_dataset("hash", data=np.array([hash.encode() for hash in hashes]))
        sizes = np.array([cells[hash].num_vertices for hash in hashes], np.int8)
        file.create_dataset("num_vertices", data=sizes)
        file.create_dataset("trainable_parameters", data=np.arange(1, 41, dtype=np.int32))
        file.create_dataset("adjacency", data=adjacency)
        file.create_dataset("operations", data=operations)
        file.create_dataset("metrics", data=metrics)
    first = metrics[:, -1, 0, -1, 2]
    above = {floor: np.flatnonzero(first > np.float32(floor / 100)) for floor in (91, 80)}
    draws = np.random.RandomState(0)
    splits = {str(size): draws.permutation(40)[:size] for size in SIZES}
    splits |= {f"91-{size}": np.intersect1d(splits[str(size)], above[91]) for size in SIZES}
    assert all(0 < len(splits[f"91-{size}"]) < size for size in (4, 12))
    splits |= {"denoise-91": above[91], "denoise-80": above[80]}
    np.savez(folder / "train.npz", **splits)
    return folder, hashes, splits, metrics


def test_the_published_table_loads_as_it_is(published):
    folder, hashes, _, metrics = published
    table = load_benchmark(f"nasbench101:{folder}/nasbench.hdf5")
    assert set(table.ids()) == set(hashes)
    for row, hash in enumerate(hashes):
        assert table.arch(hash).canonical_hash == hash
        assert table.query(hash, "trainable_parameters") == row + 1
        for stage, prefix in enumerate(("halfway_", "")):
            names = ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")
            for index, name in enumerate(names):
                found = table.query(hash, prefix + name, epochs=12, seed=2)
                assert found == metrics[row, 1, 2, stage, index]


def test_splits_are_the_same_architectures(published):
    folder, hashes, splits, _ = published
    table = load_benchmark(f"nasbench101:{folder}/nasbench.hdf5")
    assert 8 in splits["denoise-91"] and 7 not in splits["denoise-91"]
    for name, rows in splits.items():
        if not len(rows):
            with pytest.raises(ConfigError, match=f"train.npz: split {name} is empty"):
                published_split(folder / "train.npz", name, table)
            continue
        found = published_split(folder / "train.npz", name, table)
        assert [table.ids()[place] for place in found] == [hashes[row] for row in rows]
    assert len(published_split(folder / "train.npz", "all", table)) == 40


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        (
            "172",
            [0.5],
            r"split 172: expected a list of row numbers, but .* float64 of shape \(1,\)",
        ),
        ("172", [[1]], r"split 172: expected a list of row numbers, but .* of shape \(1, 1\)"),
        ("172", [1, 40], r"split 172\[1\] is row 40, but the table has 40 rows"),
        ("172", [-1], r"split 172\[0\] is row -1, but the table has 40 rows"),
        ("172", [3, 5, 3], "split 172 holds row 3 twice"),
        (
            "denoise-91",
            [7],
            "split denoise-91 holds row 7, whose validation_accuracy is 0.91: the f",
        ),
        ("denoise-91", [8], "split denoise-91 lacks row .*: the file was made for another table"),
        (
            "91-172",
            [7],
            "split 91-172 holds row 7, whose validation_accuracy is 0.91: the file was",
        ),
        ("172", [None], "cannot be read as a split file"),
    ],
)
def test_files_of_another_table(name, rows, message, published, tmp_path):
    table = load_benchmark(f"nasbench101:{published[0]}/nasbench.hdf5")
    np.savez(tmp_path / "x.npz", **{name: np.array(rows)})
    with pytest.raises(DataError, match=rf"x.npz: {message}"):
        published_split(tmp_path / "x.npz", name, table)


def test_what_is_no_split_file(published, tmp_path):
    folder = published[0]
    table = load_benchmark(f"nasbench101:{folder}/nasbench.hdf5")
    with pytest.raises(
        ConfigError, match=r"has no split '173'; the splits are 4, 8, 12, 91-4, .*all"
    ):
        published_split(folder / "train.npz", "173", table)
    np.save(tmp_path / "x.npz", np.arange(3))
    shutil.move(tmp_path / "x.npz.npy", tmp_path / "x.npz")
    (tmp_path / "y.npz").write_text("no archive")
    for name in ("x.npz", "y.npz", "nowhere.npz"):
        with pytest.raises(DataError, match=rf"{name}: cannot be read"):
            published_split(tmp_path / name, "172", table)


@pytest.mark.stage
def test_the_command_takes_them(published, capsys):
    from hat.commands.neural_predictor import main

    folder, _, splits, _ = published
    words = ["rank", f"nasbench101:{folder}/nasbench.hdf5", "--split-file", f"{folder}/train.npz"]
    main([*words, "--train-split", "12", "--eval-split", "denoise-80"])
    out = capsys.readouterr().out
    rest = np.setdiff1d(splits["denoise-80"], splits["12"])
    assert "trained on 12 in" in out and f"judged on {len(rest)} others" in out
    assert "|train:12|eval:denoise-80|splits:" in out
