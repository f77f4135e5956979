"""NAS-Bench-101 in its three formats: JSON lines, published TFRecord, converted HDF5.

The cells are valid ones drawn at random. Parameters are counted on networks that are really built
(without memory); accuracies and times are made up.
"""

import base64
import json
import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from hat.arch.cell import CellGraph
from hat.models.cells.nb101 import Nb101Network
from tests.data.make.files import write, write_json, write_lines

EPOCHS = (4, 12, 36, 108)
_OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
"""In the order of their numbers in the converted table."""


def make(folder: Path) -> None:
    rng = np.random.default_rng(101)
    rows = sorted((_row(cell, rng) for cell in _cells(250, rng)), key=lambda row: row["hash"])
    home = folder / "nasbench101"
    write_lines(home / "sample_1k.jsonl.gz", map(json.dumps, rows))
    runs = [run for row in rows[::60] for run in _runs(row, rng)]
    write(home / "format_sample.tfrecord", b"".join(_frame(_record(run)) for run in runs))
    write_json(home / "format_sample.expected.json.gz", [run["expected"] for run in runs])
    _write_hdf5(home / "format_sample.h5", rows[::60], runs)


def _cells(count: int, rng: np.random.Generator) -> list[CellGraph]:
    """Valid cells, no two alike."""
    found: dict[str, CellGraph] = {}
    while len(found) < count:
        size = int(rng.integers(4, 8))
        adjacency = np.triu(rng.random((size, size)) < 0.45, k=1).astype(int)
        inner = [str(rng.choice(_OPERATIONS)) for _ in range(size - 2)]
        cell = CellGraph.from_lists(adjacency.tolist(), ["input", *inner, "output"])
        if cell.is_valid():
            found.setdefault(cell.canonical_hash, cell.pruned())
    return list(found.values())


def _row(cell: CellGraph, rng: np.random.Generator) -> dict[str, Any]:
    """One line: more and larger convolutions are better and slower."""
    weight = {"conv3x3-bn-relu": 1.0, "conv1x1-bn-relu": 0.4, "maxpool3x3": -0.3}
    size = sum(weight.get(operation, 0.0) for operation in cell.operations)
    best = 0.88 + 0.012 * size + 0.004 * rng.standard_normal()
    with torch.device("meta"):
        params = sum(p.numel() for p in Nb101Network(cell).parameters())
    return {
        "hash": cell.canonical_hash,
        "adjacency": cell.adjacency,
        "operations": cell.operations,
        "trainable_parameters": params,
        "training_time": round(900 + 250 * size + 50 * rng.random(), 3),
        "validation_accuracy": {
            str(epochs): round(best * (1 - 1.9 / (epochs + 1)), 5) for epochs in EPOCHS
        },
    }


def _runs(row: dict[str, Any], rng: np.random.Generator) -> list[dict[str, Any]]:
    """Three trainings of a cell for every number of epochs, in the benchmark's order."""
    runs = []
    for epochs in EPOCHS:
        for repeat in range(3):
            total = [row["training_time"] * epochs / 108, *rng.uniform(0.1, 0.99, 3)]
            halfway = [total[0] / 2, *(0.8 * value for value in total[1:])]
            expected = {
                "hash": row["hash"],
                "epochs": epochs,
                "repeat": repeat,
                "trainable_parameters": row["trainable_parameters"],
                "halfway": halfway,
                "final": total,
            }
            runs.append({"row": row, "expected": expected})
    return runs


def _record(run: dict[str, Any]) -> bytes:
    """JSON of hash, epochs, adjacency, operations and a protocol buffer in base64."""
    row, expected = run["row"], run["expected"]
    message = b""
    evaluations = ((0.0, [0.0] * 4), (0.5, expected["halfway"]), (1.0, expected["final"]))
    for share, values in evaluations:  # field 1, repeated: EvaluationData
        numbers = (share * expected["epochs"], *values)
        body = b"".join(
            bytes([field << 3 | 1]) + struct.pack("<d", value)
            for field, value in enumerate(numbers, start=1)
        )
        message += b"\x0a" + _varint(len(body)) + body
    message += b"\x10" + _varint(row["trainable_parameters"])  # field 2
    message += b"\x19" + struct.pack("<d", expected["final"][0])  # field 3: total time
    matrix = "".join(str(bit) for line in row["adjacency"] for bit in line)
    operations = ",".join(row["operations"])
    text = [row["hash"], expected["epochs"], matrix, operations]
    return json.dumps([*text, base64.b64encode(message).decode()]).encode()


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _frame(data: bytes) -> bytes:
    """TFRecord: length, its checksum, the data, its checksum."""
    length = struct.pack("<Q", len(data))
    return length + _checksum(length) + data + _checksum(data)


def _checksum(data: bytes) -> bytes:
    """CRC-32C bit by bit, rotated and shifted as TFRecord wants it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _write_hdf5(path: Path, rows: list[dict[str, Any]], runs: list[dict[str, Any]]) -> None:
    """The converted table: one row a cell, metrics by epochs, repeat, half-way or end, column."""
    numbers = {"input": -1, "output": -2, **{name: i for i, name in enumerate(_OPERATIONS)}}
    places = {row["hash"]: place for place, row in enumerate(rows)}
    adjacency = np.zeros((len(rows), 7, 7), dtype=np.int8)
    operations = np.zeros((len(rows), 7), dtype=np.int8)
    metrics = np.full((len(rows), 4, 3, 2, 4), np.nan)
    for place, row in enumerate(rows):
        size = len(row["operations"])
        adjacency[place, :size, :size] = row["adjacency"]
        operations[place, :size] = [numbers[name] for name in row["operations"]]
    for run in runs:
        found = run["expected"]
        target = metrics[places[found["hash"]], EPOCHS.index(found["epochs"]), found["repeat"]]
        target[:] = [found["halfway"], found["final"]]
    with h5py.File(path, "w", track_order=False) as file:
        file["hash"] = np.array([row["hash"].encode() for row in rows])
        file["num_vertices"] = np.array([len(row["operations"]) for row in rows], dtype=np.int8)
        file["trainable_parameters"] = np.array(
            [row["trainable_parameters"] for row in rows], dtype=np.int32
        )
        file["adjacency"], file["operations"], file["metrics"] = adjacency, operations, metrics
