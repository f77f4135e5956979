"""Reads pickles that hold nothing but plain containers, numbers, texts and NumPy arrays.

Python's own reader calls whatever a file names. This one calls nothing: ``pickletools`` takes the
file apart into its instructions, and the few that plain values need are followed here. A name in
the file counts only if it is one of ``_NAMES``, by which NumPy's arrays and numbers are written;
anything else is refused.
"""

import codecs
import math
import pickletools
import re
from pathlib import Path
from typing import Any

import numpy as np

from hat.errors import DataError
from hat.json_reader import is_deeper
from hat.reading import read_bytes

_NAMES = {
    ("numpy", "dtype"): "dtype",
    ("numpy", "ndarray"): "ndarray",
    ("_codecs", "encode"): "encode",
    ("__builtin__", "bytes"): "bytes",
    ("collections", "OrderedDict"): "OrderedDict",
    **{
        (f"numpy.{core}.{module}", name): name
        for core in ("core", "_core")
        for module, name in (
            ("multiarray", "_reconstruct"),
            ("multiarray", "scalar"),
            ("numeric", "_frombuffer"),
        )
    },
}
"""How NumPy's values are spelt in pickles of any age -> what they stand for."""

_DTYPE = re.compile(r"[biuf][0-9]{1,2}|[SU][1-9][0-9]{0,5}|O8")

_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE"),
    *("BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
"""Instructions that hold their value themselves."""

_LONGEST_BITS = 4096
_DEEPEST = 20

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}


class _RefusedError(Exception):
    """What a file holds is not plain."""


class _Name:
    """A name out of ``_NAMES``."""

    def __init__(self, meaning: str) -> None:
        self.meaning = meaning


class _Begun:
    """A dtype or an array whose state follows, with the places that will hold it."""

    def __init__(self, meaning: str, arguments: Any) -> None:
        self.meaning = meaning
        self.arguments = arguments
        self.places: list[int] = []


def read_plain_pickle(path: str | Path) -> Any:
    """Returns what a pickle holds; no code runs, whatever the file says.

    Lists, tuples, dictionaries (ordered ones too) with plain keys, numbers, texts, bytes, ``None``,
    and NumPy arrays and numbers of booleans, integers, floats and texts.

    Raises:
        DataError: if the file cannot be read, is no pickle or holds anything else.
    """
    content = read_bytes(path)
    machine = _Machine()
    place = 0
    try:
        for instruction, argument, position in pickletools.genops(content):
            place = position or 0
            if instruction.name == "STOP":
                return machine.result()
            machine.follow(instruction.name, argument)
    except _RefusedError as error:
        raise DataError(f"{path}: byte {place} of the pickle {error}") from None
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise DataError(f"{path}: is no pickle that can be read (byte {place}): {error}") from None
    raise DataError(f"{path}: is no pickle that can be read: it has no end")


class _Machine:
    """A stack, its marks and the numbered places that instructions write to and read from."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def result(self) -> Any:
        (value,) = self.stack
        if isinstance(value, _Name | _Begun):
            raise _RefusedError("holds no plain value")
        if is_deeper(value, _DEEPEST):  # or in itself: no other code could walk it
            raise _RefusedError(f"nests values more than {_DEEPEST} deep")
        return value

    def follow(self, name: str, argument: Any) -> None:
        """Carries out one instruction."""
        stack = self.stack
        if name in _VALUES:
            if isinstance(argument, int) and argument.bit_length() > _LONGEST_BITS:
                raise _RefusedError(f"has a number of {argument.bit_length()} bits")
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            place = len(self.memo) if name == "MEMOIZE" else argument
            self.memo[place] = stack[-1]
            if isinstance(stack[-1], _Begun):
                stack[-1].places.append(place)
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            module, word = argument.split(" ", 1) if name == "GLOBAL" else self._pop(2)
            if (module, word) not in _NAMES:
                raise _RefusedError(f"names {module}.{word}, which no list of numbers needs")
            stack.append(_Name(_NAMES[module, word]))
        elif name == "REDUCE":
            called, arguments = self._pop(2)
            stack.append(_made(called, arguments))
        elif name == "BUILD":
            self._build()
        elif name not in ("PROTO", "FRAME"):
            self._contain(name)

    def _contain(self, name: str) -> None:
        """Instructions that put values into containers."""
        stack = self.stack
        match name:
            case "MARK":
                self.marks.append(len(stack))
            case "EMPTY_LIST" | "LIST":
                stack.append(self._marked() if name == "LIST" else [])
            case "EMPTY_TUPLE" | "TUPLE":
                stack.append(tuple(self._marked()) if name == "TUPLE" else ())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(self._pop(int(name[-1]))))
            case "EMPTY_DICT" | "DICT":
                values = self._marked() if name == "DICT" else []
                stack.append(_filled({}, values))
            case "APPEND" | "APPENDS":
                values = self._marked() if name == "APPENDS" else self._pop(1)
                _kind(stack[-1], list).extend(values)
            case "SETITEM" | "SETITEMS":
                values = self._marked() if name == "SETITEMS" else self._pop(2)
                _filled(_kind(stack[-1], dict), values)
            case "POP":
                self._pop(1)
            case "POP_MARK":
                self._marked()
            case "DUP":
                stack.append(stack[-1])
            case _:
                raise _RefusedError(f"asks for {name}, which no list of numbers needs")

    def _pop(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise ValueError("a value is missing")
        values = self.stack[-count:]
        del self.stack[-count:]
        return values

    def _marked(self) -> list[Any]:
        """Takes all values above the last mark."""
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def _build(self) -> None:
        """Finishes a dtype or an array, in all places that hold it."""
        begun, state = self._pop(2)
        if not isinstance(begun, _Begun):
            raise _RefusedError("gives a state to something other than an array")
        finished = _dtype(begun, state) if begun.meaning == "dtype" else _array(state)
        self.stack.append(finished)
        for place in begun.places:
            self.memo[place] = finished


def _filled(target: dict[Any, Any], values: list[Any]) -> dict[Any, Any]:
    for key, value in zip(values[::2], values[1::2], strict=True):
        if not isinstance(key, str | bytes | int | float | None):
            raise _RefusedError("has a dictionary key that is neither text nor number")
        target[key] = value
    return target


def _kind(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise _RefusedError(f"fills something other than a {kind.__name__}")
    return value


def _made(called: Any, arguments: Any) -> Any:
    """What the call of a name with arguments stands for."""
    if not isinstance(called, _Name) or type(arguments) is not tuple:
        raise _RefusedError("calls something other than what NumPy's values need")
    match called.meaning, arguments:
        case "dtype" | "_reconstruct", _:
            return _Begun(called.meaning, arguments)
        case "scalar", (np.dtype() as dtype, raw) if dtype.kind != "O":
            return _from_bytes(raw, dtype, (), "C")[()]
        case "_frombuffer", (raw, np.dtype() as dtype, shape, "C" | "F" as order):
            return _from_bytes(raw, dtype, shape, order)
        case "bytes", ():
            return b""
        case "OrderedDict", ():
            return {}
        case "OrderedDict", (list(pairs),) if all(type(p) is list and len(p) == 2 for p in pairs):
            return _filled({}, [value for pair in pairs for value in pair])  # as Python 2 wrote it
        case "encode", (str(text), "latin1" | "latin-1"):
            return codecs.encode(text, "latin-1")
    raise _RefusedError(f"calls {called.meaning} otherwise than NumPy does")


def _dtype(begun: _Begun, state: Any) -> np.dtype[Any]:
    """A dtype out of ``numpy.dtype("f8", ...)`` and its state, which has the byte order."""
    spelling, order = begun.arguments[0], state[1]
    if not isinstance(spelling, str) or not _DTYPE.fullmatch(spelling) or order not in "<>|=":
        raise _RefusedError("has an array of something other than numbers or texts")
    return np.dtype(spelling if order == "|" else order + spelling)


def _array(state: Any) -> Any:
    """An array out of its state: version, shape, dtype, whether in Fortran's order, content."""
    _, shape, dtype, fortran, content = state
    if not isinstance(dtype, np.dtype):
        raise _RefusedError("has an array without a dtype")
    order = "F" if fortran else "C"
    if dtype.kind != "O":
        return _from_bytes(content, dtype, shape, order)
    values = np.empty(len(_kind(content, list)), dtype)
    for place, value in enumerate(content):
        values[place] = value
    return values.reshape(_shape(shape), order=order)  # type: ignore[call-overload]


def _from_bytes(content: Any, dtype: np.dtype[Any], shape: Any, order: str) -> Any:
    if isinstance(content, str):  # as Python 2 wrote it
        content = content.encode("latin-1")
    if not isinstance(content, bytes | bytearray) or dtype.kind == "O":
        raise _RefusedError("has an array whose content is not bytes")
    size = math.prod(_shape(shape))
    if len(content) != size * dtype.itemsize:
        raise _RefusedError(
            f"has an array of shape {shape} whose content is {len(content)} bytes long"
        )
    values = np.frombuffer(content, dtype) if size and dtype.itemsize else np.empty(size, dtype)
    return values.reshape(shape, order=order).copy()  # type: ignore[call-overload]


def _shape(shape: Any) -> tuple[int, ...]:
    if type(shape) is not tuple or not all(type(side) is int and side >= 0 for side in shape):
        raise _RefusedError(f"has an array of the shape {shape!r:.60}")
    return shape
