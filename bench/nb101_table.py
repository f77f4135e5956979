"""Times conversion, loading and queries of a generated NAS-Bench-101 table of full size.

The values are invented; cells, record sizes and file layout are those of the published
``nasbench_only108.tfrecord`` (three runs of 108 epochs per cell, about 520 MB).

    OMP_NUM_THREADS=1 python bench/nb101_table.py --folder /tmp/nb101 [--cells 423624]
"""

import argparse
import base64
import json
import resource
import struct
import time
from pathlib import Path

import numpy as np

from hat.benchmarks.load import load_benchmark
from hat.benchmarks.nb101_checks import OPERATION_IDS
from hat.benchmarks.nb101_convert import convert
from hat.benchmarks.nb101_enumerate import CellTable, enumerate_cells
from hat.formats.crc32c import crc32c, crc32c_batch, masked

NAMES = {id: name for name, id in OPERATION_IDS.items()}


def evaluation(values: tuple[float, ...]) -> bytes:
    """One EvaluationData message."""
    body = b"".join(
        bytes([field << 3 | 1]) + struct.pack("<d", value)
        for field, value in enumerate(values, start=1)
    )
    return b"\x0a" + bytes([len(body)]) + body


def rows(cells: CellTable, rng: np.random.Generator) -> list[bytes]:
    """The three records of each cell, as JSON."""
    records = []
    for index, hash in enumerate(cells.hashes.tolist()):
        size = int(cells.num_vertices[index])
        matrix = cells.adjacency[index, :size, :size].ravel().tolist()
        names = ",".join(NAMES[id] for id in cells.operations[index, :size].tolist())
        for draws in rng.random((3, 4)).tolist():
            seconds, *accuracies = draws
            metrics = b"".join(
                evaluation((epochs, seconds * epochs * 20, *accuracies)) for epochs in (0, 54, 108)
            )
            metrics += b"\x10\x8a\x97\x8a\x04\x19" + struct.pack("<d", seconds * 3000)
            text = base64.b64encode(metrics).decode()
            row = [hash.decode(), 108, "".join(map(str, matrix)), names, text]
            records.append(json.dumps(row).encode())
    return records


def generate(path: Path, cells: CellTable, rng: np.random.Generator) -> None:
    """Writes a TFRecord file of invented runs of ``cells``."""
    with open(path, "wb") as stream:
        for start in range(0, len(cells.hashes), 4096):
            part = CellTable(
                cells.hashes[start : start + 4096],
                cells.num_vertices[start : start + 4096],
                cells.adjacency[start : start + 4096],
                cells.operations[start : start + 4096],
            )
            records = rows(part, rng)
            for record, crc in zip(records, crc32c_batch(records).tolist(), strict=True):
                length = struct.pack("<Q", len(record))
                stream.write(length + struct.pack("<I", masked(crc32c(length))))
                stream.write(record + struct.pack("<I", masked(crc)))


def main() -> None:
    """Generates what is missing, then prints one line per measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--cells", type=int, default=423_624)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    source = args.folder / f"generated_{args.cells}.tfrecord"
    target = args.folder / f"generated_{args.cells}.h5"
    if not source.exists():
        start = time.perf_counter()
        cells = enumerate_cells()
        print(f"enumerate: {len(cells.hashes)} cells in {time.perf_counter() - start:.1f} s")
        chosen = CellTable(
            cells.hashes[: args.cells],
            cells.num_vertices[: args.cells],
            cells.adjacency[: args.cells],
            cells.operations[: args.cells],
        )
        generate(source, chosen, np.random.default_rng(0))
    megabytes = source.stat().st_size / 1e6
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    start = time.perf_counter()
    found = convert(source, target)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(
        f"convert: {found.num_records} records, {megabytes:.0f} MB in {seconds:.1f} s: "
        f"{megabytes / seconds:.1f} MB/s, peak memory {before:.0f} -> {peak:.0f} MB"
    )
    start = time.perf_counter()
    table = load_benchmark(f"nasbench101:{target}")
    print(f"load: {len(table)} cells in {time.perf_counter() - start:.2f} s")
    start = time.perf_counter()
    table.query(table.ids()[0], "validation_accuracy")
    print(f"first query: {(time.perf_counter() - start) * 1e3:.1f} ms")
    ids = np.random.default_rng(1).choice(table.ids(), 100_000).tolist()
    start = time.perf_counter()
    for id in ids:
        table.query(id, "validation_accuracy", epochs=108)
    print(f"query: {(time.perf_counter() - start) * 10:.2f} us")


if __name__ == "__main__":
    main()
