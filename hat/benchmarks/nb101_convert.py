"""From NAS-Bench-101's published TFRecord file to HDF5, streaming.

A record holds the JSON list [hash, epochs, adjacency, operations, metrics] of one training run;
``metrics`` is a base64 protobuf. The message types are declared here at run time.
"""

import zlib
from array import array
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hat.arch.cell import MAX_VERTICES, CellGraph
from hat.benchmarks.hdf5_files import writing_hdf5
from hat.benchmarks.nb101 import EPOCHS, METRICS_SHAPE, SEEDS, STAGES
from hat.benchmarks.nb101_checks import COLUMNS, OPERATION_IDS
from hat.errors import ConfigError, DataError
from hat.formats.tfrecord import read_records
from hat.json_reader import parse_json

_EPOCH_INDEX = {epochs: index for index, epochs in enumerate(EPOCHS)}
_NEARLY = 1.0
"""Epochs by which an evaluation may be off: steps do not end where epochs do."""

_BLOCK_ROWS = 256
_KEPT_BLOCKS = 64


@dataclass(frozen=True)
class Conversion:
    """What ``convert`` found."""

    num_records: int
    num_architectures: int
    epochs: tuple[int, ...]
    """Lengths of training that the file has; the others are nan in the HDF5 file."""


def convert(source: str | Path, target: str | Path, *, progress: bool = False) -> Conversion:
    """Converts a published TFRecord file to HDF5 of the layout that ``NasBench101`` reads.

    Values keep their double precision, and the hash of every cell is computed anew to see that it
    is the file's. The repeats of a training are numbered in the order of the file, as the official
    reader does; runs that the file does not hold are nan. Memory is a few tens of megabytes plus
    about 130 bytes per architecture and twice the file that is written. If anything is wrong, no
    file is left.

    Args:
        source: the TFRecord file.
        target: the HDF5 file to write; replaced only by a complete one.
        progress: whether to show a bar on stderr.

    Raises:
        DataError: if the file is truncated, corrupt or holds something else, with the byte offset;
            or if the target cannot be written.
    """
    parse = _metrics_parser()
    try:
        size = Path(source).stat().st_size
    except OSError as error:
        raise DataError(f"{source}: cannot be read: {error.strerror}") from None
    bar = tqdm(total=size, unit="B", unit_scale=True, disable=not progress, desc="convert")
    try:
        with bar, writing_hdf5(target) as file:
            num_records, table = _fill(file, source, bar, parse)
    except OSError as error:
        raise DataError(f"{target}: cannot be written: {error.strerror or error}") from None
    epochs = tuple(e for e, there in zip(EPOCHS, table.has_epochs, strict=True) if there)
    return Conversion(num_records, table.num_rows, epochs)


def _fill(
    file: h5py.File,
    source: str | Path,
    bar: "tqdm[Any]",
    parse: Callable[[bytes], tuple[int, list[Any]]],
) -> tuple[int, "_Table"]:
    """Copies all records of ``source`` and returns their number."""
    table = _Table(file)
    num_records = 0
    for offset, data in read_records(source, on_bytes=bar.update):
        try:
            _add_record(table, data, parse)
        except ValueError as error:
            raise DataError(f"{source}: byte {offset}: {error}") from None
        num_records += 1
    if num_records == 0:
        raise DataError(f"{source}: the file holds no records")
    table.close()
    return num_records, table


def _add_record(
    table: "_Table", data: bytes, parse: Callable[[bytes], tuple[int, list[Any]]]
) -> None:
    try:
        hash, epochs, adjacency, operations, encoded = parse_json(data.decode(), "the record")
        hash_bytes = bytes.fromhex(hash)
        epoch = _EPOCH_INDEX[epochs]
        parameters, evaluations = parse(a2b_base64(encoded))
        if not (isinstance(adjacency, str) and isinstance(operations, str)):
            raise TypeError("adjacency and operations must be text")
        values = [
            (e.training_time, e.train_accuracy, e.validation_accuracy, e.test_accuracy)
            for e in evaluations[1:]
        ]
    except KeyError:
        raise ValueError(f"trained for {epochs!r} epochs; expected one of {EPOCHS}") from None
    except Base64Error as error:
        raise ValueError(f"the metrics are not base64: {error}") from None
    except (TypeError, ValueError, DataError, OverflowError) as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise ValueError(
            "the record is not the JSON list [hash, epochs, adjacency, operations, metrics] "
            f"of NAS-Bench-101: {reason}"
        ) from None
    if len(values) != 2:
        raise ValueError(
            f"the metrics have {len(evaluations)} evaluations; expected start, half-way and end"
        )
    _check_run(epochs, parameters, [e.current_epoch for e in evaluations], values)
    row = table.row(hash_bytes, hash, adjacency, operations, parameters)
    table.put(row, epoch, values)


def _check_run(
    epochs: int,
    parameters: int,
    moments: Sequence[float],
    values: Sequence[tuple[float, float, float, float]],
) -> None:
    """Checks the numbers of one training run; by hand, for there are millions of runs."""
    for index, moment in enumerate(moments):
        if not abs(moment - epochs * index / 2) <= _NEARLY:
            raise ValueError(
                f"evaluation {index} of {epochs} epochs must be after {epochs * index / 2:g}, "
                f"but it is after {moment:g}"
            )
    for stage, (seconds, *accuracies) in zip(STAGES, values, strict=True):
        if not 0 <= seconds < inf:
            raise ValueError(
                f"{stage} training_time must be finite seconds, not negative, but found {seconds:g}"
            )
        for name, accuracy in zip(COLUMNS[1:], accuracies, strict=True):
            if not 0 <= accuracy <= 1:
                raise ValueError(
                    f"{stage} {name} must be a fraction between 0 and 1, but found {accuracy:.10g}"
                )
    if parameters < 1:
        raise ValueError(f"trainable_parameters must be at least 1, but found {parameters}")


class _Table:
    """The growing HDF5 file: architectures in order of first appearance, runs in any order.

    Blocks of rows stay in memory until others push them out, because the runs of a cell usually
    stand close together.
    """

    def __init__(self, file: h5py.File) -> None:
        self.num_rows = 0
        self.has_epochs = [False] * len(EPOCHS)
        self._file = file
        self._rows: dict[bytes, int] = {}
        self._descriptions = array("I")
        self._counts = array("B")
        self._pending: list[tuple[bytes, int, int, NDArray[np.int8], list[int]]] = []
        self._blocks: OrderedDict[int, NDArray[np.float64]] = OrderedDict()
        for name, dtype, shape in (
            ("hash", "S32", ()),
            ("num_vertices", "i1", ()),
            ("trainable_parameters", "i4", ()),
            ("adjacency", "i1", (MAX_VERTICES, MAX_VERTICES)),
            ("operations", "i1", (MAX_VERTICES,)),
            ("metrics", "f8", METRICS_SHAPE),
        ):
            rows = _BLOCK_ROWS if name == "metrics" else 1 << 14
            file.create_dataset(
                name,
                (0, *shape),
                dtype,
                maxshape=(None, *shape),
                chunks=(rows, *shape),
                fillvalue=np.nan if name == "metrics" else None,
            )

    def row(
        self, hash_bytes: bytes, hash: str, adjacency: str, operations: str, parameters: int
    ) -> int:
        """The row of a cell, a new one if the hash is new."""
        description = zlib.crc32(f"{adjacency}|{operations}|{parameters}".encode())
        row = self._rows.get(hash_bytes)
        if row is None:
            row = self._rows[hash_bytes] = self.num_rows
            self._pending.append(_description(hash, adjacency, operations, parameters))
            self._descriptions.append(description)
            self._counts.extend(bytes(len(EPOCHS)))
            self.num_rows += 1
            if len(self._pending) == 1 << 14:
                self._flush_pending()
        elif self._descriptions[row] != description:
            raise ValueError(f"cell {hash} is described differently than in an earlier record")
        return row

    def put(self, row: int, epoch: int, values: Sequence[tuple[float, ...]]) -> None:
        """Stores half-way and final values of the next repeat of one training."""
        counter = row * len(EPOCHS) + epoch
        seed = self._counts[counter]
        if seed == len(SEEDS):
            raise ValueError(f"a {len(SEEDS) + 1}th run of {EPOCHS[epoch]} epochs of one cell")
        self._counts[counter] += 1
        self.has_epochs[epoch] = True
        number = row // _BLOCK_ROWS
        block = self._blocks.get(number)
        if block is None:
            block = self._load_block(number)
        block[row % _BLOCK_ROWS, epoch, seed] = values

    def _load_block(self, number: int) -> NDArray[np.float64]:
        if len(self._blocks) == _KEPT_BLOCKS:
            self._write_block(*self._blocks.popitem(last=False))
        start = number * _BLOCK_ROWS
        metrics = self._file["metrics"]
        if start < metrics.shape[0]:
            block: NDArray[np.float64] = metrics[start : start + _BLOCK_ROWS]
        else:
            block = np.full((_BLOCK_ROWS, *METRICS_SHAPE), np.nan)
        self._blocks[number] = block
        return block

    def _write_block(self, number: int, block: NDArray[np.float64]) -> None:
        metrics = self._file["metrics"]
        end = (number + 1) * _BLOCK_ROWS
        if metrics.shape[0] < end:
            metrics.resize(end, axis=0)
        metrics[end - _BLOCK_ROWS : end] = block

    def _flush_pending(self) -> None:
        if not self._pending:
            return
        columns = zip(*self._pending, strict=True)
        names = ("hash", "num_vertices", "trainable_parameters", "adjacency", "operations")
        for name, column in zip(names, columns, strict=True):
            dataset = self._file[name]
            dataset.resize(self.num_rows, axis=0)
            dataset[-len(column) :] = np.array(column, dtype=dataset.dtype)
        self._pending.clear()

    def close(self) -> None:
        """Writes what is still in memory."""
        self._flush_pending()
        for number, block in sorted(self._blocks.items()):
            self._write_block(number, block)
        self._file["metrics"].resize(self.num_rows, axis=0)


def _description(
    hash: str, adjacency: str, operations: str, parameters: int
) -> tuple[bytes, int, int, NDArray[np.int8], list[int]]:
    """One row of every dataset but the metrics."""
    names = operations.split(",")
    size = len(names)
    unknown = [name for name in names if name not in OPERATION_IDS]
    if unknown:
        raise ValueError(f"unknown operation {unknown[0]!r}; expected {list(OPERATION_IDS)}")
    if size > MAX_VERTICES or len(adjacency) != size * size or set(adjacency) - {"0", "1"}:
        raise ValueError(
            f"the adjacency must be {size} x {size} digits 0 or 1 for {size} operations "
            f"(at most {MAX_VERTICES}), but found {adjacency!r}"
        )
    if len(hash) != 32:
        raise ValueError(f"a hash has 32 hexadecimal digits, but found {hash!r}")
    matrix = np.zeros((MAX_VERTICES, MAX_VERTICES), dtype=np.int8)
    digits = np.frombuffer(adjacency.encode("ascii"), dtype=np.int8) - ord("0")
    matrix[:size, :size] = digits.reshape(size, size)
    try:
        cell = CellGraph.from_lists(matrix[:size, :size], names)
        cell.check()
    except ConfigError as error:
        raise ValueError(str(error)) from None
    if cell.canonical_hash != hash:
        raise ValueError(f"the hash of the cell is {cell.canonical_hash}, but found {hash!r}")
    ids = [OPERATION_IDS[name] for name in names] + [0] * (MAX_VERTICES - size)
    return hash.encode("ascii"), size, parameters, matrix, ids


def _metrics_parser() -> Callable[[bytes], tuple[int, list[Any]]]:
    """Returns a function from a serialised ``ModelMetrics`` to its parameters and evaluations."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from google.protobuf.message import DecodeError

    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="model_metrics.proto", package="nasbench", syntax="proto2"
    )
    evaluation = file.message_type.add(name="EvaluationData")
    doubles = ["current_epoch", "training_time", "train_accuracy"]
    doubles += ["validation_accuracy", "test_accuracy"]
    for number, name in enumerate(doubles, start=1):
        evaluation.field.add(
            name=name, number=number, type=field.TYPE_DOUBLE, label=field.LABEL_OPTIONAL
        )
    evaluation.field.add(
        name="checkpoint_path", number=6, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL
    )
    model = file.message_type.add(name="ModelMetrics")
    model.field.add(
        name="evaluation_data",
        number=1,
        type=field.TYPE_MESSAGE,
        type_name=".nasbench.EvaluationData",
        label=field.LABEL_REPEATED,
    )
    model.field.add(
        name="trainable_parameters", number=2, type=field.TYPE_INT32, label=field.LABEL_OPTIONAL
    )
    model.field.add(name="total_time", number=3, type=field.TYPE_DOUBLE, label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName("nasbench.ModelMetrics"))

    def parse(data: bytes) -> tuple[int, list[Any]]:
        try:
            metrics = message.FromString(data)
        except DecodeError as error:
            raise ValueError(f"the metrics are not a ModelMetrics message: {error}") from None
        return metrics.trainable_parameters, list(metrics.evaluation_data)

    return parse
