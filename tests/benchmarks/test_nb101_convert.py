import base64
import gzip
import json
import struct
from itertools import product

import h5py
import numpy as np
import pytest

from hat.arch.cell import CellGraph
from hat.benchmarks.load import load_benchmark
from hat.benchmarks.nb101_checks import COLUMNS
from hat.benchmarks.nb101_convert import Conversion, convert
from hat.errors import DataError
from hat.formats import tfrecord
from hat.formats.crc32c import crc32c, masked
from tests.conftest import MADE_DATA

HASH = "7c65f6bd01b87407734781b6038050bc"
MATRIX = "0110" + "0001" + "0001" + "0000"
OPERATIONS = "input,conv3x3-bn-relu,maxpool3x3,output"


def line_cell(*names):
    """A cell whose operations follow each other."""
    cell = CellGraph.from_lists(np.eye(len(names) + 2, k=1, dtype=int), ["input", *names, "output"])
    matrix = "".join(str(entry) for line in cell.adjacency for entry in line)
    return {
        "hash": cell.canonical_hash,
        "matrix": matrix,
        "operations": ",".join(cell.operations),
    }


OTHER = line_cell("maxpool3x3")


def metrics(halfway, total, parameters=1234, epochs=108):
    """A serialised ModelMetrics, written by hand from the format's description."""
    message = b""
    for epoch, values in ((0.0, (0.0,) * 4), (epochs / 2, halfway), (epochs, total)):
        body = b"".join(
            bytes([number << 3 | 1]) + struct.pack("<d", value)
            for number, value in enumerate((epoch, *values), start=1)
        )
        body += b"\x32\x03a/b"  # checkpoint_path
        message += b"\x0a" + bytes([len(body)]) + body
    low, high = parameters & 0x7F | 0x80, parameters >> 7
    return message + bytes([0x10, low, high]) + b"\x19" + struct.pack("<d", 3.0)


def row(hash=HASH, epochs=108, matrix=MATRIX, operations=OPERATIONS, value=0.5, **more):
    message = more.get("message") or metrics(
        (1.0, value, value, value), (2.0, 0.9, value, 0.7), epochs=epochs
    )
    return json.dumps([hash, epochs, matrix, operations, base64.b64encode(message).decode()])


def framed(*rows):
    out = b""
    for text in rows:
        data = text if isinstance(text, bytes) else text.encode()
        length = struct.pack("<Q", len(data))
        out += length + struct.pack("<I", masked(crc32c(length)))
        out += data + struct.pack("<I", masked(crc32c(data)))
    return out


@pytest.fixture
def to_h5(tmp_path):
    def run(content):
        (tmp_path / "in.tfrecord").write_bytes(content)
        return convert(tmp_path / "in.tfrecord", tmp_path / "out.h5")

    return run


def test_round_trip(to_h5, tmp_path):
    found = to_h5(
        framed(
            row(value=0.25),
            row(value=0.5),
            row(**OTHER, epochs=4),
            row(value=0.75),
            row(epochs=4),
        )
    )
    assert found == Conversion(num_records=5, num_architectures=2, epochs=(4, 108))
    table = load_benchmark(f"nasbench101:{tmp_path}/out.h5")
    assert table.ids() == tuple(sorted((OTHER["hash"], HASH)))
    assert [table.query(HASH, "validation_accuracy", seed=seed) for seed in (0, 1, 2)] == [
        0.25,
        0.5,
        0.75,
    ]
    assert table.query(HASH, "validation_accuracy") == 0.5
    assert table.query(HASH, "test_accuracy", seed=2) == 0.7
    assert table.query(HASH, "training_time") == 2.0
    assert table.query(HASH, "halfway_training_time") == 1.0
    assert table.query(HASH, "trainable_parameters") == 1234
    assert np.isnan(table.query(OTHER["hash"], "validation_accuracy"))
    assert table.arch(HASH).operations == ("input", "conv3x3-bn-relu", "maxpool3x3", "output")
    assert table.arch(HASH).adjacency == ((0, 1, 1, 0), (0, 0, 0, 1), (0, 0, 0, 1), (0, 0, 0, 0))
    with pytest.raises(DataError, match=r"not known after 36 epochs; .* after \[4, 108\]"):
        table.query(HASH, "validation_accuracy", epochs=36)


def test_runs_far_apart_find_their_cell(to_h5, tmp_path, monkeypatch):
    monkeypatch.setattr("hat.benchmarks.nb101_convert._BLOCK_ROWS", 2)
    monkeypatch.setattr("hat.benchmarks.nb101_convert._KEPT_BLOCKS", 1)
    cells = [line_cell(*names) for names in product(("maxpool3x3", "conv1x1-bn-relu"), repeat=4)][
        :9
    ]
    order = cells + cells[::-1] + cells
    to_h5(framed(*(row(**cell, value=i / 64) for i, cell in enumerate(order))))
    table = load_benchmark(f"nasbench101:{tmp_path}/out.h5")
    for i, cell in enumerate(cells):
        found = [table.query(cell["hash"], "validation_accuracy", seed=seed) for seed in (0, 1, 2)]
        assert found == [i / 64, (17 - i) / 64, (18 + i) / 64]


def test_small_reads_give_the_same(tmp_path, monkeypatch):
    (tmp_path / "x").write_bytes(framed("a", "bb", b"c" * 300, ""))
    whole = list(tfrecord.read_records(tmp_path / "x"))
    monkeypatch.setattr(tfrecord, "_BLOCK_BYTES", 7)
    seen = []
    assert list(tfrecord.read_records(tmp_path / "x", on_bytes=seen.append)) == whole
    assert sum(seen) == (tmp_path / "x").stat().st_size
    assert [offset for offset, _ in whole] == [0, 17, 35, 351]


GOOD = framed(row())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "in.tfrecord: the file holds no records"),
        (GOOD + GOOD[:5], rf"byte {len(GOOD)}: the file is truncated: a record's 12 header bytes"),
        (
            GOOD + GOOD[:-1],
            rf"byte {len(GOOD)}: the file is truncated: a record of {len(GOOD)} bytes should "
            rf"stand here, but only {len(GOOD) - 1} bytes follow",
        ),
        (
            GOOD + GOOD[:40] + b"!" + GOOD[41:],
            rf"byte {len(GOOD)}: the checksum of the record's data is",
        ),
        (b"\x01" + GOOD[1:], "byte 0: the checksum of the record's length is"),
        (b"PK\x03\x04 this is a zip file", "corrupt or not a TFRecord file"),
        (framed("[1, 2]"), r"byte 0: the record is not the JSON list \[hash, epochs"),
        (framed("{"), r"byte 0: the record is not the JSON list"),
        (GOOD + framed(row(epochs=7)), rf"byte {len(GOOD)}: trained for 7 epochs; expected one"),
        (framed(row(operations="input,conv,x,output")), "byte 0: unknown operation 'conv'"),
        (framed(row(matrix="011")), "byte 0: the adjacency must be 4 x 4 digits 0 or 1"),
        (framed(row(hash="ab")), "byte 0: a hash has 32 hexadecimal digits, but found 'ab'"),
        (framed(row(message=b"\x0a\xff")), "byte 0: the record is not .* not a ModelMetrics"),
        (framed(row(message=b"\x10\x01")), "the metrics have 0 evaluations; expected start"),
        (framed(*[row()] * 4), f"byte {3 * len(GOOD)}: a 4th run of 108 epochs of one cell"),
        (GOOD + framed(row(matrix="0001" * 3 + "0000")), "is described differently than in an"),
        (framed(row(hash="a" * 32)), f"byte 0: the hash of the cell is {HASH}, but found 'aaaa"),
        (framed(row(matrix="0110" + "0000" * 3)), "byte 0: the cell has no path from its input"),
        (framed(row(value=1.5)), "byte 0: halfway train_accuracy must be a fraction .* found 1.5"),
        (
            GOOD + framed(row(message=metrics((1, 0, 0, 0), (2, 0, 0, 91.5)))),
            rf"byte {len(GOOD)}: total test_accuracy must be a fraction between .* 91.5",
        ),
        (
            framed(row(message=metrics((1, 0, float("nan"), 0), (2, 0, 0, 0)))),
            "byte 0: halfway validation_accuracy must be a fraction .* but found nan",
        ),
        (
            framed(row(message=metrics((1, 0, 0, 0), (-2, 0, 0, 0)))),
            "byte 0: total training_time must be finite seconds, not negative, but found -2",
        ),
        (
            framed(row(message=metrics((1, 0, 0, 0), (2, 0, 0, 0), parameters=0))),
            "byte 0: trainable_parameters must be at least 1, but found 0",
        ),
        (
            framed(row(epochs=36, message=metrics((1, 0, 0, 0), (2, 0, 0, 0)))),
            "byte 0: evaluation 1 of 36 epochs must be after 18, but it is after 54",
        ),
    ],
)
def test_bad_files_are_named_and_leave_nothing(content, message, to_h5, tmp_path):
    (tmp_path / "out.h5").write_text("what stood here before")
    with pytest.raises(DataError, match=message):
        to_h5(content)
    assert (tmp_path / "out.h5").read_text() == "what stood here before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.tfrecord", "out.h5"]


def test_target_that_cannot_be_written(to_h5, tmp_path):
    to_h5(GOOD)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file/out.h5: cannot be written: "):
        convert(tmp_path / "in.tfrecord", tmp_path / "file" / "out.h5")


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: cannot be read: No such file"):
        convert(tmp_path / "nowhere", tmp_path / "out.h5")


def test_layout_of_the_file(to_h5, tmp_path):
    to_h5(framed(row()))
    with h5py.File(tmp_path / "out.h5") as file:
        shapes = {name: (file[name].shape, file[name].dtype.str) for name in file}
        assert file["operations"][0].tolist() == [-1, 0, 2, -2, 0, 0, 0]
    assert shapes == {
        "hash": ((1,), "|S32"),
        "num_vertices": ((1,), "|i1"),
        "trainable_parameters": ((1,), "<i4"),
        "adjacency": ((1, 7, 7), "|i1"),
        "operations": ((1, 7), "|i1"),
        "metrics": ((1, 4, 3, 2, 4), "<f8"),
    }


def test_published_format(data, tmp_path):
    folder = data / "nasbench101"
    found = convert(folder / "format_sample.tfrecord", tmp_path / "out.h5")
    cells = 5 if data == MADE_DATA else 60
    assert found == Conversion(
        num_records=12 * cells, num_architectures=cells, epochs=(4, 12, 36, 108)
    )
    assert_holds(tmp_path / "out.h5", folder)


def test_a_converted_file_of_before_loads():
    folder = MADE_DATA / "nasbench101"
    assert_holds(folder / "format_sample.h5", folder)


def assert_holds(path, folder):
    """Compares a converted table with what the folder says that the published file holds."""
    table = load_benchmark(f"nasbench101:{path}")
    with gzip.open(folder / "format_sample.expected.json.gz") as stream:
        expected = json.load(stream)
    assert len(expected) == 12 * len(table)
    for entry in expected:
        hash, where = entry["hash"], {"epochs": entry["epochs"], "seed": entry["repeat"]}
        assert table.query(hash, "trainable_parameters") == entry["trainable_parameters"]
        for prefix, key in (("halfway_", "halfway"), ("", "final")):
            values = [table.query(hash, prefix + name, **where) for name in COLUMNS]
            assert values == entry[key]
    assert all(table.arch(hash).canonical_hash == hash for hash in table.ids())
