"""The table: a row per architecture, a column per measure and seed, and what it was made under.

Beside ``ground_truth_TASK.csv`` lies ``ground_truth_TASK.json`` with the conditions of all its
trainings. A training may be added under the same conditions only.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arrays import Floats
from hat.conditions import what_differs
from hat.errors import ConfigError, DataError
from hat.fields import Fields
from hat.files import write_json, write_text
from hat.ground_truth import arch_table
from hat.json_reader import read_object
from hat.numerals import real, whole

Arch = SubTransformerConfig

MEASURES = ("bleu", "chrf", "loss", "cpu_seconds")
"""BLEU and chrF, 0..100, and the cross-entropy in bits per token, without label smoothing, on the
test set; the training's processor time in seconds."""

_DIGITS = {"bleu": 4, "chrf": 4, "loss": 5, "cpu_seconds": 1}
_CURVE = "curve"
_COLUMN = re.compile(r"(\w+)_seed([0-9]+)")


@dataclass(frozen=True, kw_only=True)
class Training:
    """What one architecture reached with one seed."""

    bleu: float
    chrf: float
    loss: float
    cpu_seconds: float
    curve: tuple[float, ...]
    """Cross-entropy of the validation set in bits per token on the way, evenly apart; the last
    value is that of the end, before checkpoints are averaged."""


@dataclass
class TruthTable:
    """Trainings by architecture and seed."""

    trainings: dict[Arch, dict[int, Training]] = field(default_factory=dict)

    @property
    def seeds(self) -> list[int]:
        """All seeds that an architecture was trained with."""
        return sorted({seed for runs in self.trainings.values() for seed in runs})

    def __len__(self) -> int:
        return sum(len(runs) for runs in self.trainings.values())

    def add(self, arch: Arch, seed: int, training: Training) -> None:
        """Adds a training; one that is there already is replaced."""
        self.trainings.setdefault(arch, {})[seed] = training

    def archs(self, num_seeds: int = 1) -> list[Arch]:
        """The architectures that were trained with at least so many seeds, in their order."""
        return [arch for arch, runs in self.trainings.items() if len(runs) >= num_seeds]

    def values(self, measure: str, archs: Sequence[Arch]) -> list[Floats]:
        """For each architecture the measure of its trainings, (seeds,), seeds ascending."""
        return [
            np.array([getattr(runs[seed], measure) for seed in sorted(runs)], np.float64)
            for runs in (self.trainings[arch] for arch in archs)
        ]

    def to_csv(self) -> str:
        """Returns the file's text."""
        seeds = self.seeds
        columns = [(measure, seed) for measure in (*MEASURES, _CURVE) for seed in seeds]
        return arch_table.text_of(
            list(self.trainings),
            {
                f"{measure}_seed{seed}": [
                    _cell(runs.get(seed), measure) for runs in self.trainings.values()
                ]
                for measure, seed in columns
            },
        )


def _cell(training: Training | None, measure: str) -> str:
    if training is None:
        return ""
    if measure == _CURVE:
        return " ".join(f"{value:.4f}" for value in training.curve)
    return f"{getattr(training, measure):.{_DIGITS[measure]}f}"


def read_truth(path: Path) -> TruthTable:
    """Reads a table.

    Raises:
        DataError: naming file and line, if the file cannot be read or is no such table.
    """
    table = TruthTable()
    for where, arch, row in arch_table.read(path):
        try:
            runs = _trainings(row)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{where}: is no row of a ground truth: {type(error).__name__} {error}"
            ) from None
        if arch in table.trainings:
            raise DataError(f"{where}: the architecture stands there twice")
        table.trainings[arch] = runs
    return table


def _trainings(row: Mapping[str, str]) -> dict[int, Training]:
    by_seed: dict[int, dict[str, str]] = {}
    for key, text in row.items():
        found = _COLUMN.fullmatch(key)
        if found and text:
            by_seed.setdefault(whole(found[2]), {})[found[1]] = text
    runs = {}
    for seed, texts in sorted(by_seed.items()):
        numbers = {measure: real(texts[measure]) for measure in MEASURES}
        curve = tuple(real(value) for value in texts[_CURVE].split())
        runs[seed] = Training(**numbers, curve=curve)
    return runs


def _new(ours: Mapping[str, int], theirs: Mapping[str, int], count: int) -> dict[str, int]:
    """By machine, the ``count`` trainings of another table that are new to ours.

    Where the figures do not tell, they are nobody's.
    """
    more = {machine: max(0, number - ours.get(machine, 0)) for machine, number in theirs.items()}
    for found in (dict(theirs), more, dict.fromkeys(theirs, count)):
        if sum(found.values()) == count:
            return {machine: number for machine, number in found.items() if number}
    return {"unknown": count}


class TruthFile:
    """A table on disk with the conditions of its trainings."""

    def __init__(self, path: Path, conditions: Mapping[str, Any]) -> None:
        """Opens a table to go on with, or begins one.

        Args:
            path: the CSV file.
            conditions: what decides the outcome of a training, beside architecture and seed.

        Raises:
            ConfigError: if the table's trainings were made under other conditions.
            DataError: if one of the two files is damaged or missing.
        """
        self.path = path
        self._facts_path = path.with_suffix(".json")
        self._facts: dict[str, Any] = {"conditions": dict(conditions), "machines": {}}
        if path.exists():
            where = str(self._facts_path)
            facts = Fields(read_object(where, f"the conditions of {path.name}"), where)
            known, counts = facts.mapping("conditions"), facts.mapping("machines")
            counted = Fields(counts, f"{where}: machines")
            machines = {name: counted.whole(name) for name in counts}
            if different := what_differs(known, conditions):
                raise ConfigError(f"{path}: was made under other conditions: {different}")
            self._facts["machines"] = machines
            self.table = read_truth(path)
        else:
            self.table = TruthTable()

    def take(self, other: "TruthFile") -> int:
        """Adds what another table holds and this one does not; returns how many trainings.

        The other one was opened under the same conditions. It may hold ours, as one that began as
        a copy of this one does.
        """
        count = 0
        for arch, runs in other.table.trainings.items():
            for seed, training in runs.items():
                if seed not in self.table.trainings.get(arch, {}):
                    self.table.add(arch, seed, training)
                    count += 1
        if count:
            machines = self._facts["machines"]
            for machine, number in _new(machines, other._facts["machines"], count).items():
                machines[machine] = machines.get(machine, 0) + number
            self._write()
        return count

    def add(self, arch: Arch, seed: int, training: Training, *, machine: str) -> None:
        """Adds a training and writes both files, each as a whole.

        Args:
            arch: what was trained.
            seed: with which seed.
            training: what it reached.
            machine: where it was trained; trainings are counted per machine.
        """
        self.table.add(arch, seed, training)
        machines = self._facts["machines"]
        machines[machine] = machines.get(machine, 0) + 1
        self._write()

    def _write(self) -> None:
        # The conditions first: a table without them could not be gone on with.
        write_json(self._facts_path, self._facts)
        write_text(self.path, self.table.to_csv())
