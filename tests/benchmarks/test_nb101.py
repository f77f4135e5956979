import gzip
import json

import h5py
import numpy as np
import pytest

from hat.benchmarks.load import load_benchmark
from hat.errors import DataError
from tests.conftest import MADE_DATA


def load(path):
    return load_benchmark(f"nasbench101:{path}")


ROW = {
    "hash": "a" * 32,
    "adjacency": [[0, 1], [0, 0]],
    "operations": ["input", "output"],
    "trainable_parameters": 12,
    "training_time": 3.5,
    "validation_accuracy": {"4": 0.5, "108": 0.75},
}


def write(path, *rows):
    path.write_text(
        "".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows)
    )
    return path


def test_json_lines(tmp_path):
    with gzip.open(tmp_path / "a.jsonl.gz", "wt") as stream:
        stream.write(json.dumps(ROW) + "\n")
    with gzip.open(tmp_path / "b.jsonl.gz", "wt") as stream:
        stream.write(json.dumps(ROW) + "\n\n" + json.dumps({**ROW, "hash": "0" * 32}) + "\n")
    table = load(tmp_path)
    assert table.ids() == ("0" * 32, "a" * 32)
    assert table.query("a" * 32, "validation_accuracy") == 0.75
    assert table.query("a" * 32, "validation_accuracy", epochs=4, seed=0) == 0.5
    assert table.query("a" * 32, "training_time") == 3.5
    with pytest.raises(DataError, match=r"training_time is not known after 4 epochs; .*\[108\]"):
        table.query("a" * 32, "training_time", epochs=4)
    with pytest.raises(DataError, match=r"no metric 'test_accuracy'; .*'validation_accuracy'"):
        table.query("a" * 32, "test_accuracy")
    with pytest.raises(DataError, match=r"no training run with seed 1; the seeds are \[0\]"):
        table.query("a" * 32, "validation_accuracy", seed=1)
    with pytest.raises(DataError, match="the table holds no architecture 'x'"):
        table.query("x", "validation_accuracy")


def cell(adjacency):
    inner = ["maxpool3x3"] * (len(adjacency) - 2)
    return {"adjacency": adjacency.tolist(), "operations": ["input", *inner, "output"]}


without_path = cell(np.zeros((3, 3), dtype=int))
every_edge = cell(np.triu(np.ones((7, 7), dtype=int), k=1))
too_long = cell(np.eye(8, k=1, dtype=int))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{not json}\n", r"x.jsonl:2: is not JSON"),
        ({k: v for k, v in ROW.items() if k != "hash"}, r"x.jsonl:2: the row has no 'hash'"),
        ({**ROW, "operations": ["input", "out"]}, r"x.jsonl:2: a cell's operations must start"),
        ({**ROW, "training_time": "soon"}, r"x.jsonl:2: the row has a value of the wrong type"),
        ("[1]\n", r"x.jsonl:2: expected a cell of NAS-Bench-101 .*, but found \[1\]"),
        ({**ROW, "adjacency": "|none~0|+"}, r"x.jsonl:2: expected a cell .* adjacency is a matrix"),
        ({**ROW, **without_path}, r"x.jsonl:2: the cell has no path from its input to its output"),
        ({**ROW, **every_edge}, r"x.jsonl:2: the cell has 21 edges after pruning; at most 9"),
        ({**ROW, **too_long}, r"x.jsonl:2: the cell has 8 vertices after pruning; at most 7"),
    ],
)
def test_bad_lines(bad, message, tmp_path):
    with pytest.raises(DataError, match=message):
        load(write(tmp_path / "x.jsonl", ROW, bad))


def test_empty_table(tmp_path):
    with pytest.raises(DataError, match=r"x.jsonl: the table holds no architectures"):
        load(write(tmp_path / "x.jsonl"))
    with pytest.raises(DataError, match=r"the folder holds no \*.jsonl.gz"):
        load(tmp_path)
    with pytest.raises(DataError, match=r"nothing.jsonl: cannot be read: No such file"):
        load(tmp_path / "nothing.jsonl")


def test_wrong_hdf5_layouts(tmp_path):
    path = tmp_path / "x.h5"
    path.write_text("not HDF5")
    with pytest.raises(DataError, match=r"x.h5: cannot be read as HDF5"):
        load(path)
    with h5py.File(path, "w") as file:
        file["hash"] = np.array([b"a" * 32])
    with pytest.raises(DataError, match=r"x.h5: is not a NAS-Bench-101 table: it has no dataset"):
        load(path)
    with h5py.File(path, "w") as file:
        file["hash"] = np.array([b"a" * 32])
        file["num_vertices"] = np.array([2])
        file["trainable_parameters"] = np.array([2])
        file["adjacency"] = np.zeros((1, 7, 7))
        file["operations"] = np.zeros((1, 7))
        file["metrics"] = np.zeros((1, 4, 3, 4))
    with pytest.raises(
        DataError, match=r"'metrics' has shape \(1, 4, 3, 4\), but expected \(1, 4, 3, 2, 4\)"
    ):
        load(path)
    with h5py.File(path, "w") as file:
        file["hash"] = np.zeros(0, dtype="S32")
        for name in ("num_vertices", "trainable_parameters", "adjacency", "operations", "metrics"):
            file[name] = np.zeros(0)
    with pytest.raises(DataError, match=r"x.h5: the table holds no architectures"):
        load(path)


def test_hashes_of_a_sample(data):
    table = load(data / "nasbench101" / "sample_1k.jsonl.gz")
    assert len(table) == (250 if data == MADE_DATA else 1000)
    assert [table.arch(id).canonical_hash for id in table.ids()] == list(table.ids())
    assert all(table.arch(id).is_valid() for id in table.ids())


@pytest.mark.slow
def test_every_hash(shared_data):
    table = load(shared_data / "nasbench101")
    assert len(table) == 11_052
    assert [table.arch(id).canonical_hash for id in table.ids()] == list(table.ids())
