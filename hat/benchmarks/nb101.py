"""NAS-Bench-101: 423,624 image classification cells trained on CIFAR-10 (arXiv 1902.09635).

Read from HDF5, which ``hat nasbench convert`` makes from the published file, or from JSON lines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from hat.arch.cell import MAX_VERTICES, CellGraph
from hat.arrays import Floats
from hat.benchmarks.base import Metric, TableBenchmark, TableSettings
from hat.benchmarks.nb101_checks import COLUMNS, OPERATION_IDS, HashChecks, check_columns
from hat.benchmarks.row_checks import COUNT, FRACTION, SECONDS
from hat.errors import ConfigError, DataError
from hat.json_reader import parse_json
from hat.reading import check_file, read_text_lines, reason

EPOCHS = (4, 12, 36, 108)
SEEDS = (0, 1, 2)
STAGES = ("halfway", "total")
METRICS_SHAPE = (len(EPOCHS), len(SEEDS), len(STAGES), len(COLUMNS))

METRICS = {
    "training_time": Metric("s", higher_is_better=False),
    "train_accuracy": Metric("fraction", higher_is_better=True),
    "validation_accuracy": Metric("fraction", higher_is_better=True),
    "test_accuracy": Metric("fraction", higher_is_better=True),
    "trainable_parameters": Metric("count", higher_is_better=False),
}

_NAMES = {id: name for name, id in OPERATION_IDS.items()}
_LAYOUT: dict[str, tuple[int, ...]] = {
    "hash": (),
    "num_vertices": (),
    "trainable_parameters": (),
    "adjacency": (MAX_VERTICES, MAX_VERTICES),
    "operations": (MAX_VERTICES,),
    "metrics": METRICS_SHAPE,
}
"""The datasets of the file and the shape of one row of each."""


class NasBench101(TableBenchmark[CellGraph]):
    """The table in HDF5, in JSON lines, or in all ``*.jsonl.gz`` of a folder."""

    @classmethod
    def build(cls, settings: TableSettings) -> "NasBench101":
        """Loads the table.

        Raises:
            DataError: if a file cannot be read or does not hold what it should; with the line.
        """
        path = settings.path
        if path.suffix in (".h5", ".hdf5"):
            return cls._of_hdf5(path)
        files = sorted(path.glob("*.jsonl.gz")) if path.is_dir() else [path]
        if not files:
            raise DataError(f"{path}: the folder holds no *.jsonl.gz")
        return cls._of_jsonl(files)

    @classmethod
    def _of_hdf5(cls, path: Path) -> "NasBench101":
        """Loads the table that ``hat nasbench convert`` writes.

        The layout is that of github.com/ultmaster/neuralpredictor.pytorch, whose file loads as
        well: ``metrics`` is (N, epochs 4/12/36/108, seeds 0/1/2, half-way and total, ``COLUMNS``).
        The half-way values are metrics of their own, ``halfway_validation_accuracy`` and so on.
        """
        check_file(path)
        try:
            with h5py.File(path, "r") as file:
                _check_layout(file, path)
                arrays = {name: file[name][()] for name in _LAYOUT}
        except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
            # h5py raises whatever comes to HDF5's mind of a damaged file
            raise DataError(f"{path}: cannot be read as HDF5: {reason(error)}") from None
        ids = check_columns(arrays, path)
        hashes = HashChecks(ids, lambda row: f"{path}: row {row}")
        adjacency, operations = arrays["adjacency"], arrays["operations"]

        def arch_at(row: int) -> CellGraph:
            size = int(arrays["num_vertices"][row])
            try:
                names = [_NAMES[id] for id in operations[row, :size].tolist()]
                cell = CellGraph.from_lists(adjacency[row, :size, :size].tolist(), names)
                cell.check()
            except ConfigError as error:
                raise DataError(f"{path}: row {row}: {error}") from None
            return hashes.check(row, cell)

        hashes.check_all(arch_at)
        metrics, values = {}, {}
        for stage, prefix in enumerate(("halfway_", "")):
            for index, column in enumerate(COLUMNS):
                metrics[prefix + column] = METRICS[column]
                values[prefix + column] = arrays["metrics"][:, :, :, stage, index]
        metrics["trainable_parameters"] = METRICS["trainable_parameters"]
        values["trainable_parameters"] = arrays["trainable_parameters"].astype(np.float64)
        return cls(
            name="nasbench101",
            ids=ids,
            arch_at=arch_at,
            metrics=metrics,
            values=values,
            epochs=EPOCHS,
            seeds=SEEDS,
            id_of=_hash_of,
            files=[path],
        )

    @classmethod
    def _of_jsonl(cls, paths: Sequence[Path]) -> "NasBench101":
        """Loads rows of JSON, one cell a line, from one or several files, gzipped or not.

        A row holds ``hash``, ``adjacency``, ``operations``, ``trainable_parameters``,
        ``training_time`` [s, after 108 epochs] and ``validation_accuracy``, a mapping from epochs
        to fractions. There is one training run and no test accuracy in such a file. A cell that
        stands in several files counts once.
        """
        rows: dict[str, _Row] = {}
        for path in paths:
            for number, line in read_text_lines(path):
                row = _Row.parse(line, f"{path}:{number}", path)
                first = rows.setdefault(row.id, row)
                if first is not row and (first.path == path or first.values != row.values):
                    raise DataError(
                        f"{row.where}: the hash {row.id!r} stands at {first.where} already"
                        + ("" if first.path == path else ", with other values")
                    )
        if not rows:
            raise DataError(f"{paths[0]}: the table holds no architectures")
        ids = list(rows)
        cells = [row.cell for row in rows.values()]
        places = [row.where for row in rows.values()]
        hashes = HashChecks(ids, places.__getitem__)
        hashes.check_all(cells.__getitem__)
        accuracy: Floats = np.full((len(ids), len(EPOCHS), 1), np.nan)
        seconds: Floats = np.full((len(ids), len(EPOCHS), 1), np.nan)
        parameters = np.array([row.parameters for row in rows.values()], dtype=np.float64)
        for index, row in enumerate(rows.values()):
            accuracy[index, :, 0] = [row.accuracy.get(epochs, np.nan) for epochs in EPOCHS]
            seconds[index, -1, 0] = row.seconds
        names = ("training_time", "validation_accuracy", "trainable_parameters")
        return cls(
            name="nasbench101",
            ids=ids,
            arch_at=lambda row: hashes.check(row, cells[row]),
            metrics={name: METRICS[name] for name in names},
            values=dict(zip(names, (seconds, accuracy, parameters), strict=True)),
            epochs=EPOCHS,
            seeds=SEEDS[:1],
            id_of=_hash_of,
            files=paths,
        )


def _hash_of(cell: CellGraph) -> str:
    return cell.canonical_hash


def _check_layout(file: h5py.File, path: str | Path) -> None:
    # A link may lead nowhere, or to another file: only what is in this one is read.
    found = {name: file.get(name, getlink=True) for name in _LAYOUT}
    missing = [
        name
        for name, link in found.items()
        if not isinstance(link, h5py.HardLink) or not isinstance(file[name], h5py.Dataset)
    ]
    if missing:
        raise DataError(
            f"{path}: is not a NAS-Bench-101 table: it has no dataset {missing[0]!r}; "
            f"expected {list(_LAYOUT)}"
        )
    for name in _LAYOUT:
        kind = file[name].dtype.kind
        if kind not in ("SOU" if name == "hash" else "biuf"):
            what = "texts" if name == "hash" else "numbers"
            raise DataError(
                f"{path}: dataset {name!r} must hold {what}, but found {file[name].dtype}"
            )
        if file[name].external:
            raise DataError(f"{path}: dataset {name!r} lies in another file, which is not read")
    count = file["hash"].shape[0] if file["hash"].shape else 0
    if not count:
        raise DataError(f"{path}: the table holds no architectures")
    for name, row_shape in _LAYOUT.items():
        if file[name].shape != (count, *row_shape):
            raise DataError(
                f"{path}: dataset {name!r} has shape {file[name].shape}, "
                f"but expected {(count, *row_shape)}"
            )


@dataclass(frozen=True)
class _Row:
    """One checked line of a JSON file."""

    id: str
    cell: CellGraph
    parameters: int
    seconds: float
    accuracy: Mapping[int, float]
    where: str
    path: Path

    @property
    def values(self) -> tuple[Any, ...]:
        """What two lines of one cell must agree on."""
        return self.parameters, self.seconds, self.accuracy

    @classmethod
    def parse(cls, line: str, where: str, path: Path) -> "_Row":
        try:
            row: Mapping[str, Any] = parse_json(line, where)
            if not isinstance(row, dict) or not isinstance(row["adjacency"], list):
                raise DataError(
                    f"{where}: expected a cell of NAS-Bench-101 as a JSON object whose adjacency "
                    f"is a matrix, but found {line.strip():.80}"
                )
            for name, kind in (("operations", list), ("validation_accuracy", dict)):
                if not isinstance(row[name], kind):
                    raise TypeError(f"{name} is {row[name]!r:.40}")
            cell = CellGraph.from_lists(row["adjacency"], row["operations"])
            cell.check()
            accuracy = {_epochs(key): _real(v) for key, v in row["validation_accuracy"].items()}
            parameters, seconds = row["trainable_parameters"], row["training_time"]
            COUNT.check(np.array([_real(parameters)]), "trainable_parameters", lambda _: where)
            SECONDS.check(np.array([_real(seconds)]), "training_time", lambda _: where)
            FRACTION.check(np.array([*accuracy.values(), 0.0]), "accuracy", lambda _: where)
            return cls(str(row["hash"]), cell, parameters, seconds, accuracy, where, path)
        except KeyError as error:
            raise DataError(f"{where}: the row has no {error.args[0]!r}") from None
        except ConfigError as error:
            raise DataError(f"{where}: {error}") from None
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise DataError(f"{where}: the row has a value of the wrong type: {error}") from None


def _real(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{value!r:.40} is not a number")
    return float(value)


def _epochs(key: str) -> int:
    if key not in map(str, EPOCHS):
        raise ValueError(f"the epochs must be one of {EPOCHS}, but found {key!r:.20}")
    return int(key)
