import gzip
import json
import shutil

import h5py
import numpy as np
import pytest

from hat.arch.cell import CellGraph
from hat.benchmarks import nb101_checks
from hat.benchmarks.load import load_benchmark
from hat.errors import DataError
from tests.conftest import MADE_DATA


def load(path):
    return load_benchmark(f"nasbench101:{path}")


HASH = "043721b9c7fe8c5fad811d47d83132ec"
ROW = {
    "hash": HASH,
    "adjacency": [[0, 1], [0, 0]],
    "operations": ["input", "output"],
    "trainable_parameters": 12,
    "training_time": 3.5,
    "validation_accuracy": {"4": 0.5, "108": 0.75},
}


LONGER = {
    **ROW,
    "adjacency": [[0, 1, 0], [0, 0, 1], [0, 0, 0]],
    "operations": ["input", "maxpool3x3", "output"],
}
LONGER["hash"] = CellGraph.from_lists(LONGER["adjacency"], LONGER["operations"]).canonical_hash


def write(path, *rows):
    path.write_text(
        "".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows)
    )
    return path


def test_json_lines(tmp_path):
    with gzip.open(tmp_path / "a.jsonl.gz", "wt") as stream:
        stream.write(json.dumps(ROW) + "\n")
    with gzip.open(tmp_path / "b.jsonl.gz", "wt") as stream:
        stream.write(json.dumps(ROW) + "\n\n" + json.dumps(LONGER) + "\n")
    table = load(tmp_path)
    assert table.ids() == tuple(sorted((HASH, LONGER["hash"])))
    assert table.query(HASH, "validation_accuracy") == 0.75
    assert table.query(HASH, "validation_accuracy", epochs=4, seed=0) == 0.5
    assert table.query(HASH, "training_time") == 3.5
    with pytest.raises(DataError, match=r"training_time is not known after 4 epochs; .*\[108\]"):
        table.query(HASH, "training_time", epochs=4)
    with pytest.raises(DataError, match=r"no metric 'test_accuracy'; .*'validation_accuracy'"):
        table.query(HASH, "test_accuracy")
    with pytest.raises(DataError, match=r"no training run with seed 1; the seeds are \[0\]"):
        table.query(HASH, "validation_accuracy", seed=1)
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
    text = (tmp_path / "x.jsonl").read_text()
    (tmp_path / "y.jsonl").write_bytes(b"\xef\xbb\xbf\r\n" + text.replace("\n", "\r\n").encode())
    later = message.replace("x.jsonl:2", "y.jsonl:3")  # empty lines count
    with pytest.raises(DataError, match=later):
        load(tmp_path / "y.jsonl")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"hash": "a" * 32},
            f"the hash must be that of the row's cell, {LONGER['hash']}, but found",
        ),
        ({"adjacency": [[0, 0.5, 1], [0, 0, 1], [0, 0, 0]]}, r"adjacency\[0\]\[1\] must be 0 or 1"),
        ({"adjacency": [[0, 1], [0, 0]]}, "a cell of 3 operations needs a 3 x 3 adjacency matrix"),
        ({"validation_accuracy": {"108": 93.1}}, "accuracy must be a fraction .* found 93.1"),
        ({"validation_accuracy": {"4": -0.1}}, "accuracy must be a fraction .* but found -0.1"),
        (
            {"validation_accuracy": {"5": 0.5}},
            r"epochs must be one of \(4, 12, 36, 108\), but .*'5'",
        ),
        ({"validation_accuracy": {"4": True}}, "wrong type: True is not a number"),
        (
            {"training_time": -1.0},
            "training_time must be finite seconds, not negative, but found -1",
        ),
        ({"training_time": float("inf")}, "Infinity is no number of JSON"),
        ({"trainable_parameters": 0}, "trainable_parameters must be a whole number above 0"),
        ({"trainable_parameters": 12.5}, "trainable_parameters must be a whole number above 0"),
        ({"trainable_parameters": "12"}, "wrong type: '12' is not a number"),
    ],
)
def test_rows_that_cannot_be(change, message, tmp_path):
    with pytest.raises(DataError, match=f"x.jsonl:2: .*{message}"):
        load(write(tmp_path / "x.jsonl", ROW, {**LONGER, **change}))


def test_a_cell_stands_once(tmp_path):
    with pytest.raises(DataError, match=rf"x.jsonl:3: the hash '{HASH}' stands at .*:1 already$"):
        load(write(tmp_path / "x.jsonl", ROW, LONGER, ROW))
    for name, row in (("a", ROW), ("b", {**ROW, "training_time": 4.0})):
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt") as stream:
            stream.write(json.dumps(row) + "\n")
    with pytest.raises(
        DataError, match=r"b.jsonl.gz:1: .* at .*a.jsonl.gz:1 already, with other v"
    ):
        load(tmp_path)


def change(name, *index_and_value):
    *index, value = index_and_value
    return name, tuple(index), value


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            change("hash", 2, b"a" * 32),
            "row 2: the hash must be that of the row's cell, .* found 'aaa",
        ),
        (change("hash", 2, b"xyz"), "row 2: a hash has 32 hexadecimal digits, but found 'xyz'"),
        (change("num_vertices", 2, 1), "row 2: num_vertices must be 2 to 7, but found 1"),
        (change("num_vertices", 2, 8), "row 2: num_vertices must be 2 to 7, but found 8"),
        (change("num_vertices", 2, 2), "row 2: operations must end with -2, the output, but"),
        (change("operations", 2, 0, 1), "row 2: operations must begin with -1, the input"),
        (change("operations", 2, 1, 3), "row 2: operations between must be 0 to 2"),
        (change("operations", 2, 1, -2), "row 2: operations between must be 0 to 2"),
        (change("adjacency", 2, 0, 1, 2), "row 2: adjacency must be 0 or 1"),
        (change("adjacency", 2, 2, 1, 1), "row 2: edges must go forward, between the cell's vert"),
        (change("adjacency", 2, 0), "row 2: .*no path from its input to its output"),
        (
            change("trainable_parameters", 2, 0),
            "row 2: trainable_parameters must be a whole number",
        ),
        (
            change("metrics", 2, 3, 1, 1, 2, 93.5),
            "row 2: validation_accuracy must be a fraction .*93.5",
        ),
        (change("metrics", 2, 0, 0, 0, 3, -0.5), "row 2: test_accuracy must be a fraction .* -0.5"),
        (change("metrics", 2, 0, 0, 0, 0, -3), "row 2: training_time must be finite seconds, not"),
    ],
)
def test_rows_of_hdf5_that_cannot_be(edit, message, tmp_path):
    path = tmp_path / "x.h5"
    shutil.copy(MADE_DATA / "nasbench101" / "format_sample.h5", path)
    name, index, value = edit
    with h5py.File(path, "r+") as file:
        file[name][index] = value
    with pytest.raises(DataError, match=f"x.h5: {message}"):
        load(path)


def test_a_cell_stands_once_in_hdf5(tmp_path):
    path = tmp_path / "x.h5"
    shutil.copy(MADE_DATA / "nasbench101" / "format_sample.h5", path)
    with h5py.File(path, "r+") as file:
        file["hash"][3] = file["hash"][1]
    with pytest.raises(DataError, match=r"x.h5: row 3: the hash '\w+' stands at .*row 1 already"):
        load(path)


def test_large_tables_hash_a_row_when_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(nb101_checks, "HASHED_AT_ONCE", 2)
    path = tmp_path / "x.h5"
    shutil.copy(MADE_DATA / "nasbench101" / "format_sample.h5", path)
    with h5py.File(path, "r+") as file:
        file["hash"][3] = b"a" * 32
    table = load(path)
    other = next(id for id in table.ids() if id != "a" * 32)
    assert table.arch(other).canonical_hash == other
    with pytest.raises(DataError, match=r"row 3: the hash must be that of the row's cell"):
        table.arch("a" * 32)


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
        file["hash"] = np.array([HASH.encode()])
    with pytest.raises(DataError, match=r"x.h5: is not a NAS-Bench-101 table: it has no dataset"):
        load(path)
    with h5py.File(path, "w") as file:
        file["hash"] = np.array([HASH.encode()])
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
