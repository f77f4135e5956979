"""Plain values come out of pickles as they went in, and nothing in a pickle runs."""

import io
import os
import pickle
import struct
from collections import OrderedDict

import numpy as np
import pytest
import torch

from hat.errors import DataError
from hat.formats import pickle_stream
from hat.formats.pickle_names import UNREAD
from hat.formats.pickle_stream import PickleStream


def load(data):
    return PickleStream(io.BytesIO(data), "x").load()


SHARED = ["a", "b"]
VALUES = {
    "scalars": [None, True, False, 0, 255, 256, 65_536, -1, 2**31, -(2**80), 1.5, float("inf"), ""],
    "texts": ["é" * 300, "x" * 70_000, b"", b"12345"],
    "nested": {"a": {"b": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)], ("k", 3): {1, 2}}},
    "shared": [SHARED, SHARED],
    "numbers": {epoch: epoch / 7 for epoch in range(300)},
    "names": {f"x-valid@{epoch}": -epoch / 3 for epoch in range(300)},
    "mixed": {-5: 0.5, 70_000: 1.0, "long" * 10: 2.0, "y": 3, None: 4.0},
    "ordered": OrderedDict((key, key / 2) for key in range(1500)),
    "numpy": [np.float64(0.1), np.float32(0.5), np.float16(2), np.int64(-3), np.uint8(200)],
    "truth": [np.bool_(True), np.bool_(False), np.float64(0.25)],
}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", VALUES)
def test_values_come_back(name, protocol):
    found = load(pickle.dumps(VALUES[name], protocol=protocol))
    assert found == VALUES[name]
    assert repr(found) == repr(plain(VALUES[name]))


def plain(value):
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, OrderedDict):
        return dict(value)
    return [plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("ahead", [1, 64, 1 << 16])
def test_runs_of_numbers_may_be_cut_anywhere(ahead, monkeypatch):
    monkeypatch.setattr(pickle_stream, "_AHEAD", ahead)
    monkeypatch.setattr(pickle_stream, "_BLOCK_BYTES", 7)
    value = [VALUES["numbers"], VALUES["names"], VALUES["mixed"]]
    assert load(pickle.dumps(value, protocol=2)) == value


def test_pickles_that_follow_each_other():
    reader = PickleStream(io.BytesIO(pickle.dumps([1], 2) + pickle.dumps("two", 2)), "x")
    assert [reader.load(), reader.load()] == [[1], "two"]


def test_big_endian_numbers():
    assert load(pickle.dumps(np.array(1.5, dtype=">f8")[()], protocol=2)) == 1.5
    data = (
        b"\x80\x02cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\x00\x00\x00f8K\x00K\x01\x87R"
        b"(K\x03X\x01\x00\x00\x00>NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"C\x08" + struct.pack(">d", 0.75) + b"\x86R."
    )
    assert load(data) == 0.75


def test_weights_are_passed_over():
    weights = OrderedDict({"a": torch.ones(300), "b": torch.tensor(3)})
    weights._metadata = OrderedDict({"": {"version": 1}})
    found = load(pickle.dumps({"weights": weights, "more": 1}, protocol=4))
    assert found == {"weights": {"a": UNREAD, "b": UNREAD}, "more": 1}


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_and_what_describes_tensors_are_passed_over(protocol):
    content = {
        "short": np.arange(3.0),
        "long": np.arange(500, dtype=np.float32),
        "tensor": torch.arange(4),
        "parameter": torch.nn.Parameter(torch.ones(2, 2)),
        "about": (torch.float32, torch.device("cpu")),
        "number": np.float64(0.25),
        "none": None,
    }
    found = load(pickle.dumps(content, protocol=protocol))
    for name in ("short", "long", "tensor", "parameter"):
        assert found[name] is UNREAD
    assert (found["number"], found["none"]) == (0.25, None)


class Runs:
    """Writes a file if an unpickler does what it is told."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda path: Runs(os.mkdir, path), "posix.mkdir"),
        (lambda path: Runs(eval, f"open({path!r}, 'w')"), "eval"),
        (lambda path: Runs(torch.load, path), "torch.serialization.load"),
        (lambda path: {"deep": [Runs(getattr, path, "join")]}, "getattr"),
        (lambda path: [np.ones(3), Runs(os.mkdir, path)], "posix.mkdir"),
    ],
)
def test_what_would_run_is_refused_by_name(make, name, protocol, tmp_path):
    target = tmp_path / "made"
    data = pickle.dumps(make(str(target)), protocol=protocol)
    with pytest.raises(DataError, match=rf"x: byte \d+: refused, because it holds '.*{name}'"):
        load(data)
    assert not target.exists()


def test_allowed_names_do_not_call_either():
    for name in (b"ctorch.storage\n_load_from_bytes\n", b"ctorch._utils\n_rebuild_tensor_v2\n"):
        inner = pickle.dumps(Runs(os.mkdir, "/never"))
        data = b"\x80\x04" + name + b"B" + struct.pack("<I", len(inner)) + inner + b"\x85R."
        assert load(data) is UNREAD


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\x80\x02",
        pickle.dumps([1.5] * 9, 2)[:-3],
        b"\x80\x02K\x01K\x02.",  # two values
        b"\x80\x02h\x05.",  # refers to nothing
        b"\x80\x02}]K\x01s.",  # a list as a key
        b"\x80\x02K\x01K\x02a.",  # appends to a number
        b"\x80\x02(u.",
        b"\x80\x02X\xff\xff\xff\xffab.",
        b"\x80\x02\x8a\xff" + b"1" * 255 + b".",
        b"\x80\x02ccollections\nOrderedDict\nK\x01\x85R.",
        b"\x80\x02cnumpy\ndtype\nX\x01\x00\x00\x00O\x85R.",
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00zip\x86R.",
        b"\x80\x02]" + b"\x85" * 100_000 + b"}h\x00s.",
        pickle.dumps(Runs)[:2] + b"cbuiltins\nset\n)\x81.",  # makes an instance
        b"\x80\x02" + b"2" * 9,  # no opcode of plain values
    ],
)
def test_damage_is_one_sentence(data):
    with pytest.raises(DataError, match=r"x: byte 0: is damaged or no pickle of plain values \("):
        load(data)


def test_entries_are_handed_over_one_by_one():
    texts = [f"name {i}" for i in range(3)]
    shared = "".join(["sha", "red"])
    content = {
        "before": texts,
        "table": {
            i: {"full": {shared: {f"{i}@{e}": e / 3 for e in range(9)}}, texts[i]: np.float64(i)}
            for i in range(3)
        },
        "after": [1],
    }
    for protocol in (2, 4):
        reader = PickleStream(io.BytesIO(pickle.dumps(content, protocol)), "x", kept=shown)
        found = []
        for key, value in reader.entries("table"):
            assert value == content["table"][key]
            found.append(key)
            assert not any("@" in str(text) for text in reader._lasting.values())
        assert found == [0, 1, 2]
        assert reader.value == {**content, "table": {}}


def shown(text):
    return "@" not in text


@pytest.mark.parametrize("count", [0, 1, 2, 2500])
def test_any_number_of_entries(count):
    content = {"table": {i: {"a": {}, "b": [i]} for i in range(count)}, "n": 1}
    reader = PickleStream(io.BytesIO(pickle.dumps(content, 2)), "x")
    assert dict(reader.entries("table")) == content["table"]
    assert reader.value == {"table": {}, "n": 1}


def test_memory_holds_one_entry_only():
    runs = {i: {f"{i}-{e}@0": e / 3 for e in range(200)} for i in range(50)}
    content = {"table": {i: {"runs": run} for i, run in runs.items()}}
    content["n"] = 1
    reader = PickleStream(io.BytesIO(pickle.dumps(content, 2)), "x", kept=shown)
    sizes = [len(reader._memo) + len(reader._lasting) for _ in reader.entries("table")]
    assert max(sizes) < 230


def test_a_forgotten_value_is_not_taken_for_another():
    run = {"@": 1.0}
    content = {"table": {i: {"a": run, "b": 1} for i in range(3)}, "n": 1}
    reader = PickleStream(io.BytesIO(pickle.dumps(content, 2)), "x", kept=shown)
    with pytest.raises(DataError, match="refers to value 5, which is not there any more"):
        list(reader.entries("table"))
