"""Nodes and weights of ONNX graphs, put together one by one.

Weights stand in one file beside the graphs, each of them once, so that an embedding which encoder,
decoder and output share is stored once, and so are positions of equal widths.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import onnx
from onnx import TensorProto, helper

OPSET, IR_VERSION = 20, 9
"""Old enough for onnxruntime 1.17 of early 2024."""

_ALIGNMENT = 4096
"""Of large weights in their file, so that it can be mapped into memory."""

_LARGE = 2**20

_SMALL = 256
"""Bytes below which a weight stands in the graph itself."""


class WeightFile:
    """The file of all weights.

    Args:
        stream: to write to.
        name: of the file, which graphs refer to.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._known: dict[str, TensorProto] = {}
        self._places: dict[bytes, str] = {}

    def tensor(self, name: str, values: Any) -> TensorProto:
        """Returns the weight called ``name``, written if it is not yet."""
        if name not in self._known:
            self._known[name] = self._written(name, np.ascontiguousarray(values))
        return self._known[name]

    def _written(self, name: str, values: Any) -> TensorProto:
        kind = helper.np_dtype_to_tensor_dtype(values.dtype)
        data = values.tobytes()
        if len(data) < _SMALL:
            return helper.make_tensor(name, kind, values.shape, data, raw=True)
        tensor = TensorProto(name=name, data_type=kind, dims=values.shape)
        tensor.data_location = TensorProto.EXTERNAL
        place = {
            "location": self._name,
            "offset": self._offset(data),
            "length": str(len(data)),
        }
        for key, value in place.items():
            tensor.external_data.add(key=key, value=value)
        return tensor

    def _offset(self, data: bytes) -> str:
        """Where the data stands; written, unless the same stands there already."""
        digest = hashlib.sha256(data).digest()
        if digest not in self._places:
            step = _ALIGNMENT if len(data) >= _LARGE else 64
            self._stream.write(b"\0" * (-self._stream.tell() % step))
            self._places[digest] = str(self._stream.tell())
            self._stream.write(data)
        return self._places[digest]


class GraphBuilder:
    """One graph in the making; values are known by their names.

    Args:
        name: of the graph.
        weights: where its weights go.
    """

    def __init__(self, name: str, weights: WeightFile) -> None:
        self.name = name
        self._weights = weights
        self._nodes: list[Any] = []
        self._tensors: dict[str, TensorProto] = {}
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._given: dict[str, str] = {}

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Adds a node and returns the name of what it gives, or the names."""
        number = len(self._nodes)
        names = [f"{kind}_{number}_{index}" for index in range(outputs)]
        self._nodes.append(
            helper.make_node(kind, list(inputs), names, name=f"{kind}_{number}", **attributes)
        )
        return names[0] if outputs == 1 else names

    def weight(self, name: str, values: Any) -> str:
        """Adds a weight and returns its name."""
        self._tensors[name] = self._weights.tensor(name, values)
        return name

    def numbers(self, *values: int) -> str:
        """Adds whole numbers, as shapes and axes are, (n,) int64."""
        return self._constant("i" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def scalar(self, value: float) -> str:
        """Adds a number."""
        return self._constant(f"f{value!r}", np.array(value, dtype=np.float32))

    def _constant(self, name: str, values: Any) -> str:
        kind = helper.np_dtype_to_tensor_dtype(values.dtype)
        data = values.tobytes()
        self._tensors[name] = helper.make_tensor(name, kind, values.shape, data, raw=True)
        return name

    def input(self, name: str, kind: int, shape: Sequence[int | str]) -> str:
        """Adds an input; texts in its shape are sizes that may be any."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name: str, value: str, shape: Sequence[int | str]) -> None:
        """Gives out ``value`` as ``name``, float32."""
        if value in self._given:
            value = self.op("Identity", value)
        self._given[value] = name
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def save(self, path: Path) -> None:
        """Checks the graph and writes it."""
        for node in self._nodes:
            for names in (node.input, node.output):
                names[:] = [self._given.get(each, each) for each in names]
        graph = helper.make_graph(
            self._nodes, self.name, self._inputs, self._outputs, list(self._tensors.values())
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="hat",
        )
        path.write_bytes(model.SerializeToString(deterministic=True))
        onnx.checker.check_model(str(path))
