"""Plain values come through; whatever else a pickle asks for is refused before it can happen."""

import collections
import os
import pickle
import subprocess

import numpy as np
import pytest

from hat.errors import DataError
from hat.formats.plain_pickle import read_plain_pickle

ARRAY = np.arange(6.0).reshape(2, 3)
PLAIN = {
    "numbers": [1, 0, -7, 300, 70_000, 2**70, -(2**70), 1.5, float("inf"), True, False, None],
    "nested": (("a", b"b"), {"c": {1: 2.5}, None: ()}, [[]], "\u00e9\n", b"", ("x",), (1, 2, 3)),
    "scalars": [np.float64(0.5), np.float32(2.5), np.int64(3), np.bool_(True), np.str_("word")],
    "shared": [ARRAY, ARRAY],
}
ARRAYS = {
    "c": ARRAY,
    "fortran": np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3)),
    "half": np.array([0.5], np.float16),
    "texts": np.array(["ab", "c"]),
    "objects": np.array([1, None, "x"], object),
    "empty": np.empty((0, 3)),
    "no dimension": np.array(1.5),
    "view": np.arange(10)[::3],
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "values.pickle"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_come_through(path, protocol):
    path.write_bytes(pickle.dumps((PLAIN, ARRAYS), protocol))
    plain, arrays = read_plain_pickle(path)
    assert repr(plain) == repr(PLAIN)
    assert plain["shared"][0] is plain["shared"][1]
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype and arrays[name].shape == array.shape, name
        np.testing.assert_array_equal(arrays[name], array)


def test_old_spellings_of_numpy_are_known(path):
    """``numpy.core`` became ``numpy._core``; Python 2 wrote bytes as text."""
    path.write_bytes(pickle.dumps(ARRAY, 3).replace(b"numpy._core", b"numpy.core"))
    np.testing.assert_array_equal(read_plain_pickle(path), ARRAY)
    dtype = b"cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffK\x00K\x00tb"
    raw = b"U\x08\x00\x00\x00\x00\x00\x00\xe0?"
    path.write_bytes(b"cnumpy.core.multiarray\nscalar\n" + dtype + raw + b"\x86R.")
    assert read_plain_pickle(path) == 0.5


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_ordered_dictionary_is_a_dictionary(path, protocol):
    path.write_bytes(pickle.dumps(collections.OrderedDict(b=[1], a=ARRAY), protocol))
    found = read_plain_pickle(path)
    assert list(found) == ["b", "a"] and found["b"] == [1]
    # Python 2 gave the pairs to the constructor.
    path.write_bytes(b"ccollections\nOrderedDict\n((lp0\n(lp1\nS'b'\naI1\naatR.")
    assert read_plain_pickle(path) == {"b": 1}
    path.write_bytes(b"ccollections\nOrderedDict\n((lp0\nI1\natR.")
    with pytest.raises(DataError, match="calls OrderedDict otherwise than"):
        read_plain_pickle(path)


class Call:
    """Pickles as the call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def harm(path):
    """Pickles that would leave a file behind if Python read them."""
    command = f"echo harm > {path}"
    system = Call(os.system, command)
    yield "called", system
    yield "in a list", {"score": [1.0, system]}
    yield "in an array", np.array([system], object)
    yield "evaluated", Call(eval, f"open({str(path)!r}, 'w')")
    yield "imported", Call(__import__, "antigravity")
    yield "process", Call(subprocess.Popen, ["touch", str(path)])
    yield "got", Call(getattr, "text", "upper")
    yield "numpy's own", Call(np.fromfile, str(path))
    yield "loaded", Call(np.load, str(path))
    yield "opened", Call(open, str(path), "w")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_run(path, tmp_path, protocol):
    mark = tmp_path / "mark"
    for name, value in harm(mark):
        path.write_bytes(pickle.dumps(value, protocol))
        with pytest.raises(DataError, match=r"byte \d+ of the pickle names .*\..*, which no list"):
            read_plain_pickle(path)
        assert not mark.exists(), name


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps({1, 2}), "asks for EMPTY_SET"),
        (pickle.dumps(1j), "names builtins.complex"),
        (pickle.dumps(collections.defaultdict(list)), "names collections.defaultdict"),
        (pickle.dumps(np.datetime64("2020-01-01")), "an array of something other than numbers"),
        (pickle.dumps(np.zeros(2, [("a", "f8")])), "an array of something other than numbers"),
        (b"Pname\n.", "asks for PERSID"),
        (b"\x80\x02\x82\x01.", "asks for EXT1"),
        (b"(cposix\nsystem\no.", "names posix.system"),
        (b"(I1\niposix\nsystem\n.", "asks for INST"),
        (b"\x80\x04\x8c\x05numpy\x8c\x0fdtype.__class__\x93.", "names numpy.dtype.__class__"),
        (b"cnumpy\ndtype\n.", "holds no plain value"),
        (b"cnumpy\ndtype\n(S'f8'\ntR.", "holds no plain value"),
        (b"cnumpy\ndtype\n(S'f8'\ntRN.", "no pickle that can be read"),
        (b"cnumpy\nndarray\n(I9\ntR.", "calls ndarray otherwise than NumPy does"),
        (b"(lI1\ntR.", "no pickle that can be read"),
        (b"I1\n(tR.", "calls something other than what NumPy's values need"),
        (b"(d}b.", "gives a state to something other than an array"),
        (b"cnumpy\ndtype\n}b.", "gives a state to something other than an array"),
        (b"(dI1\na.", "fills something other than a list"),
        (b"(lI1\nI2\ns.", "fills something other than a dict"),
        (b"(d(tI1\ns.", "a dictionary key that is neither text nor number"),
        (b"]r\xff\xff\xff\xff", "is no pickle that can be read"),
        (b"", "is no pickle that can be read"),
        (b"{}", "is no pickle that can be read"),
        (b"1.", "is no pickle that can be read"),
        (b"h\x05.", "is no pickle that can be read"),
        (b"]].", "is no pickle that can be read"),
        (pickle.dumps(PLAIN)[:-30], "is no pickle that can be read"),
    ],
)
def test_what_is_not_plain_is_refused(path, content, message):
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_plain_pickle(path)
    assert str(error.value).startswith(f"{path}: ") and message in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"K\x02K\x03\x86", b"K\x02K\x04\x86", r"of shape \(2, 4\) whose content is 48 bytes long"),
        (b"K\x02K\x03\x86", b"K\x02N\x86", r"an array of the shape \(2, None\)"),
        (b"K\x02K\x03\x86", b"J\xff\xff\xff\xffK\xfa\x86", r"an array of the shape \(-1, 250\)"),
        (b"\x02\x00\x00\x00f8", b"\x02\x00\x00\x00O8", "fills something other than a list"),
        (b"\x02\x00\x00\x00f8", b"\x02\x00\x00\x00f3", "is no pickle that can be read"),
        (b"\x02\x00\x00\x00f8", b"\x02\x00\x00\x00V8", "something other than numbers or texts"),
    ],
)
def test_an_array_must_be_what_it_says(path, old, new, message):
    content = pickle.dumps(ARRAY, 3)
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))
    with pytest.raises(DataError, match=message):
        read_plain_pickle(path)


def test_deep_nesting_is_no_danger(path):
    path.write_bytes(b"N" + b"\x85" * 100_000 + b".")
    with pytest.raises(DataError, match="nests values more than 20 deep"):
        read_plain_pickle(path)


def test_a_file_that_is_not_there_is_named(path):
    with pytest.raises(DataError, match=r"values\.pickle: cannot be read: No such file"):
        read_plain_pickle(path)
