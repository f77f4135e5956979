"""What ONNX graphs may do: no more than those that hat writes do.

ONNX Runtime runs what a file says, and a ``Loop`` in it may have no end. Graphs are looked at as
protocol buffers (https://protobuf.dev/programming-guides/encoding/) before it gets them: opening a
network needs no package onnx. Field numbers are those of ``onnx.proto``.
"""

from collections.abc import Iterator
from pathlib import Path

from hat.errors import CheckpointError
from hat.reading import read_bytes

_OPERATORS = frozenset(
    (
        "Add",
        "Cast",
        "Concat",
        "CumSum",
        "DynamicQuantizeLinear",
        "Equal",
        "Gather",
        "Gelu",
        "Gemm",
        "Identity",
        "LayerNormalization",
        "LogSoftmax",
        "MatMul",
        "MatMulInteger",
        "Max",
        "Mul",
        "Not",
        "Relu",
        "Reshape",
        "Shape",
        "Slice",
        "Softmax",
        "Split",
        "Sub",
        "Tanh",
        "Transpose",
        "Unsqueeze",
        "Where",
    )
)
"""All that ``hat.engines.onnx_graph`` and ``onnx_layers`` use. None of them runs another graph."""

_MOST_BYTES = 1 << 28
"""Of a graph; its weights stand beside it."""

_GRAPH, _FUNCTIONS = 7, 25
"""Of a model."""

_NODE = 1
"""Of a graph."""

_OPERATOR, _DOMAIN = 4, 7
"""Of a node."""


def check_operators(path: Path) -> None:
    """Checks a graph before ONNX Runtime gets it.

    Raises:
        CheckpointError: if the file cannot be read, is no graph, or holds another operator.
    """
    content = memoryview(read_bytes(path, CheckpointError, most=_MOST_BYTES))
    try:
        for number, value in _fields(content):
            if number == _FUNCTIONS:
                raise CheckpointError(f"{path}: defines operators of its own: hat writes none")
            for inner, node in _fields(value) if number == _GRAPH else ():
                if inner == _NODE:
                    _check_node(node, path)
    except (IndexError, ValueError):
        raise CheckpointError(f"{path}: is damaged or no ONNX graph") from None


def _check_node(node: memoryview, path: Path) -> None:
    found = {number: bytes(value) for number, value in _fields(node)}
    name = found.get(_OPERATOR, b"").decode()
    domain = found.get(_DOMAIN, b"").decode()
    if domain or name not in _OPERATORS:
        what = f"{domain}.{name}" if domain else name
        raise CheckpointError(f"{path}: holds the operator {what!r:.60}, which hat never writes")


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yields number and content of the fields of a message that are messages or texts.

    Raises:
        IndexError: if it ends within a field.
        ValueError: if it is none.
    """
    place = 0
    while place < len(message):
        key, place = _whole(message, place)
        kind = key & 7
        if kind == 0:
            _, place = _whole(message, place)
            continue
        if kind not in (1, 2, 5):
            raise ValueError
        size = {1: 8, 5: 4}.get(kind, 0)
        if kind == 2:
            size, place = _whole(message, place)
        if place + size > len(message):
            raise IndexError
        if kind == 2:
            yield key >> 3, message[place : place + size]
        place += size


def _whole(message: memoryview, place: int) -> tuple[int, int]:
    """A number that stands at a place, and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        byte = message[place]
        place += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, place
    raise ValueError
