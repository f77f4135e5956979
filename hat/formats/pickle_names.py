"""The names that may stand in a pickle of plain values, and what they become: nothing is called.

An ordered dictionary becomes a dictionary, a set a set, a number of numpy a number. Arrays, tensors
and a network's weights become ``UNREAD``.
"""

import re
import struct
from dataclasses import dataclass
from typing import Any, Literal

LONGEST_NUMBER = 64
"""Bytes of the longest number."""

_BUILT = {
    "collections.OrderedDict",
    "builtins.set",
    "__builtin__.set",
    "builtins.bytes",
    "__builtin__.bytes",
    "_codecs.encode",
    "numpy.dtype",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
}
_WEIGHTS = re.compile(
    r"torch\._utils\._rebuild_(tensor(_v\d)?|parameter)|torch\.storage\._load_from_bytes"
    r"|torch(\.storage|\.cuda)?\.[A-Z][A-Za-z0-9]*Storage|torch\.(device|Size)"
    r"|torch\.(b?float\d+|u?int\d+|bool)"
    r"|numpy\.ndarray|numpy\._?core\.(multiarray\._reconstruct|numeric\._frombuffer)"
)
_NUMBER_TYPE = re.compile(r"f[248]|[iu][1248]|b1")


class Unread:
    """What stands for an array or a tensor; it is not ``None``, which says that there is none."""

    def __repr__(self) -> str:
        return "an array, which is not read"


UNREAD = Unread()


@dataclass(frozen=True)
class Name:
    """A name that a pickle mentions: never looked up."""

    path: str

    @staticmethod
    def is_allowed(path: str) -> bool:
        """Whether plain values and weights need it."""
        return path in _BUILT or bool(_WEIGHTS.fullmatch(path))


@dataclass
class NumberType:
    """What stands for a numpy dtype: its code and its byte order."""

    code: str
    order: Literal["<", ">"] = "<"


SHARED = (Name, NumberType, Unread)
"""What is not text and still the same wherever a file mentions it."""


def built(name: Any, arguments: Any) -> Any:
    """Returns the plain value of a call in a pickle.

    Raises:
        TypeError, ValueError: if it is no such call.
    """
    if not isinstance(name, Name) or not isinstance(arguments, tuple):
        raise TypeError("a call of what is no name")
    if name.path not in _BUILT:
        return UNREAD
    match name.path.rsplit(".", 1)[-1]:
        case "OrderedDict":
            return dict(*arguments)
        case "set":
            return set(*arguments)
        case "bytes":  # protocol 2 has no other way to say that there are none
            if arguments:
                raise ValueError("bytes made of something else")
            return b""
        case "encode":
            text, coding = arguments
            if coding != "latin1":
                raise ValueError("bytes in a coding other than latin1")
            return text.encode("latin1")
        case "dtype":
            if not _NUMBER_TYPE.fullmatch(code := str(arguments[0])):
                raise ValueError(f"numbers of type {code[:20]!r}")
            return NumberType(code)
        case _:
            return _number(*arguments)


def _number(kind: Any, data: Any) -> float | int | bool:
    """The number that numpy would make of a type and its bytes."""
    if not isinstance(kind, NumberType) or not isinstance(data, bytes):
        raise TypeError("a number that is none")
    size = int(kind.code[1])
    if len(data) != size:
        raise ValueError(f"{len(data)} bytes for a number of {size}")
    if kind.code[0] == "f":
        found: float = struct.unpack(kind.order + {2: "e", 4: "f", 8: "d"}[size], data)[0]
        return found
    order: Literal["little", "big"] = "little" if kind.order == "<" else "big"
    number = int.from_bytes(data, order, signed=kind.code[0] == "i")
    return bool(number) if kind.code[0] == "b" else number
