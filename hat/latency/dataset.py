"""Latency datasets to learn from: joining files, finding disturbed rows, splitting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from hat.arrays import Floats, Rows
from hat.errors import DataError
from hat.latency.choices import observed_choices
from hat.latency.drift import MIN_ROWS as MIN_ROWS_FOR_DRIFT
from hat.latency.drift import ShiftedRun, find_shifted_runs
from hat.latency.samples import MEMORY_COLUMN, LatencySample, read_samples, trusted_rows
from hat.latency.sidecar import check_events, common_workload, read_sidecar
from hat.latency.table import ArchTable, table_of_samples
from hat.latency.workload import Workload


@dataclass(frozen=True)
class Dataset:
    """Rows of one or several files, ready to learn from."""

    table: ArchTable
    latency_ms: Floats
    """(N,) encoder and decoder together; or mebibytes, where memory is what to learn."""

    choices: dict[str, list[int]]
    """The choices of the space that was sampled, or what the rows show of it."""

    workload: Workload | None
    device: str | None
    marked: Rows
    """Rows that the reference SubTransformer marked during measurement."""

    reference: dict[str, Any] | None = None
    """The reference SubTransformer's ``arch`` (HAT's keys), ``latency_ms`` and ``noise``."""

    runs: dict[str, tuple[ShiftedRun, ...]] = field(default_factory=dict)
    """Shifted runs found in each file."""

    shifted: Rows = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    """Rows of those runs, counted over all files."""

    def good_rows(self) -> Rows:
        """Returns the rows that are neither marked nor in a shifted run."""
        bad = np.union1d(self.marked, self.shifted)
        return np.setdiff1d(np.arange(len(self.table)), bad)


def load_datasets(
    paths: Sequence[str | Path], *, look_for_shifts: bool = True, target: str = "latency"
) -> Dataset:
    """Reads and joins latency datasets.

    Args:
        paths: CSV files.
        look_for_shifts: whether disturbed rows are looked for.
        target: what to learn, ``latency`` or ``memory``, which no other program disturbs.

    Raises:
        DataError: if a file is damaged, two were measured under different workloads, or rows lack
            what is to be learned.
    """
    workload = common_workload(paths)
    samples: list[LatencySample] = []
    marked: list[int] = []
    shifted: list[int] = []
    runs: dict[str, tuple[ShiftedRun, ...]] = {}
    spaces: list[Mapping[str, list[int]]] = []
    device, reference = None, None
    for path in paths:
        start = len(samples)
        own = read_samples(path)
        samples += own
        if target == "memory":
            _check_memory(path, own)
            own = [replace(sample, shift_percent=0.0) for sample in own]
        trusted = trusted_rows(own)
        marked += [start + index for index, sample in enumerate(own) if not sample.trusted]
        if look_for_shifts and target == "latency" and len(trusted) >= MIN_ROWS_FOR_DRIFT:
            runs[str(path)] = find_shifted_runs([own[index] for index in trusted]).runs
            for run in runs[str(path)]:
                inside = trusted[run.first_row : run.last_row + 1]
                shifted += [start + index for index in inside]
        sidecar = read_sidecar(path)
        if sidecar is not None:
            check_events(path, sidecar, own)
            spaces.append(sidecar.facts.get("space") or {})
            device = (sidecar.facts.get("device") or {}).get("name")
            reference = sidecar.reference() or reference
    table = table_of_samples(samples)
    choices = _union([observed_choices(table), *spaces])
    return Dataset(
        table=table,
        latency_ms=np.array([_learned(sample, target) for sample in samples]),
        choices=choices,
        workload=workload,
        device=device,
        reference=reference,
        marked=np.array(marked, dtype=np.intp),
        runs=runs,
        shifted=np.array(shifted, dtype=np.intp),
    )


def _learned(sample: LatencySample, target: str) -> float:
    return sample.total_ms if target == "latency" else sample.memory_mib or 0.0


def _check_memory(path: str | Path, samples: Sequence[LatencySample]) -> None:
    lacking = sum(not sample.memory_mib for sample in samples)
    if lacking:
        raise DataError(
            f"{path}: {lacking} of {len(samples)} rows have no {MEMORY_COLUMN}: measure with "
            "--lat-memory"
        )


def _union(spaces: Sequence[Mapping[str, list[int]]]) -> dict[str, list[int]]:
    names = dict.fromkeys(name for space in spaces for name in space)
    return {
        name: sorted({value for space in spaces for value in space.get(name, [])}) for name in names
    }


@dataclass(frozen=True)
class Split:
    """Which rows train, validate and test: 80, 10 and 10 % as in HAT, drawn by a seed."""

    train: Rows
    valid: Rows
    test: Rows


def split_rows(rows: Rows, seed: int) -> Split:
    """Deals ``rows`` (N,) into 80 % training, 10 % validation and the rest for testing."""
    mixed = np.random.default_rng(seed).permutation(rows)
    train, valid = int(0.8 * len(rows)), int(0.1 * len(rows))
    return Split(mixed[:train], mixed[train : train + valid], mixed[train + valid :])
