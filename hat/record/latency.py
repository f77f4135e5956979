"""Latency datasets of a run, the predictors that learned from them, and how well they predict."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hat.conditions import file_digest
from hat.errors import ConfigError, DataError
from hat.latency.metrics import evaluate
from hat.latency.predictor import LatencyPredictor
from hat.latency.predictors.load import load_predictor
from hat.latency.samples import LatencySample, read_samples, trusted_rows
from hat.latency.sidecar import Sidecar, check_events, read_sidecar
from hat.latency.table import table_of_samples
from hat.models.config import SuperTransformerConfig
from hat.record.facts import LatencyFacts
from hat.record.files import number
from hat.record.sizes import network_from


@dataclass(frozen=True)
class Dataset:
    """A latency dataset in a file."""

    path: Path
    samples: list[LatencySample]
    sidecar: Sidecar | None

    @property
    def device(self) -> str | None:
        """The name of the processor that was measured."""
        facts = self.facts.get("device")
        return str(facts["name"]) if isinstance(facts, dict) and facts.get("name") else None

    @property
    def workload(self) -> dict[str, Any] | None:
        """What was timed."""
        return self.sidecar.workload.to_dict() if self.sidecar else None

    @property
    def facts(self) -> dict[str, Any]:
        """The first line of the sidecar; empty for HAT's datasets, which have none."""
        return self.sidecar.facts if self.sidecar else {}

    @property
    def network(self) -> SuperTransformerConfig | None:
        """The SuperTransformer whose SubTransformers were measured."""
        if self.sidecar is None or self.facts.get("model") is None:
            return None
        return network_from(self.facts["model"], f"{self.sidecar.path}:1: model")


def read_dataset(path: Path) -> Dataset:
    """Reads a dataset.

    Raises:
        DataError: if it is damaged.
    """
    samples, sidecar = read_samples(path), read_sidecar(path)
    if sidecar is not None:
        check_events(path, sidecar, samples)
    return Dataset(path, samples, sidecar)


def read_predictors(paths: Iterable[Path]) -> tuple[dict[str, LatencyPredictor], list[str]]:
    """Reads predictors.

    Returns:
        Each by the digest of its file, and a sentence for each that cannot be used.

    Raises:
        CheckpointError: if a file is damaged.
    """
    found, notes = {}, []
    for path in paths:
        try:
            found[file_digest(path)] = load_predictor(path)
        except ConfigError as error:  # HAT's own, whose scales stand elsewhere
            notes.append(f"{error}.")
    return found, notes


def latency_facts(dataset: Dataset, predictors: dict[str, LatencyPredictor]) -> LatencyFacts | None:
    """Compares a dataset with the predictor that learned from it; None without one.

    Raises:
        DataError: if the predictor names rows that are not there.
    """
    digest = file_digest(dataset.path)
    for predictor in predictors.values():
        if f"|data:{digest}|" in str(predictor.facts.get("signature", "")):
            break
    else:
        return None
    samples = dataset.samples
    if predictor.needs_layers and any(sample.arch is None for sample in samples):
        return None
    tests = _rows(predictor, len(samples), "test")
    # The predictor says what it used: where hardly a row was undisturbed, it was all of them.
    trusted = trusted_rows(samples)
    used = sorted(_rows(predictor, len(samples), "train", "valid", "test")) or trusted
    used = used or list(range(len(samples)))
    table = table_of_samples([samples[index] for index in used])
    measured = np.array([samples[index].total_ms for index in used])
    predicted = predictor.predict_table(table)
    held_back = np.isin(used, sorted(tests))
    judged = held_back if held_back.sum() > 1 else np.ones(len(used), dtype=bool)
    metrics = evaluate(predictor, table.take(np.flatnonzero(judged)), measured[judged])
    return LatencyFacts(
        name=dataset.path.stem,
        device=dataset.device,
        workload=dataset.workload,
        measured=measured.tolist(),
        predicted=predicted.tolist(),
        held_back=held_back.tolist(),
        marked=len(samples) - len(used),
        disturbed=len(set(used) - set(trusted)),
        interval=predictor.relative_interval(0.9) if len(predictor.residuals) else None,
        predictor=predictor.kind,
        error_percent=number(metrics.mape_percent),
        tau=number(metrics.kendall_tau),
        facts=_machine(dataset),
    )


def _rows(predictor: LatencyPredictor, count: int, *parts: str) -> set[int]:
    split = predictor.facts.get("split")
    rows = [row for part in parts for row in split.get(part, [])] if isinstance(split, dict) else []
    if not all(0 <= row < count for row in rows):
        raise DataError(f"{predictor.source}: names rows of its dataset that are not there")
    return set(rows)


def _machine(dataset: Dataset) -> dict[str, Any]:
    device = dataset.facts.get("device")
    return dict(device) if isinstance(device, dict) else {}
