"""NAS-Bench-NLP: recurrent cells trained as language models (arXiv 2006.07116).

Losses are nats per token on WikiText-2 (``wt2``) and Penn Treebank (``ptb``). This is the table of
recipes with their losses; the logs that it was made of are read by ``hat.benchmarks.nb_nlp_logs``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from hat.arch.recipe import Recipe, parse_recipe
from hat.arrays import Floats
from hat.benchmarks.base import Metric, TableBenchmark, TableSettings
from hat.benchmarks.nb_nlp_logs import log_contents, losses_of
from hat.benchmarks.row_checks import COUNT, LOSS
from hat.errors import DataError
from hat.json_reader import read_json

NUM_EPOCHS = 50

METRICS = {
    "wt2_best_test_loss": Metric("nats/token", higher_is_better=False),
    "ptb_test_loss": Metric("nats/token", higher_is_better=False),
    "wt2_num_params": Metric("count", higher_is_better=False),
}

LOG_METRICS = {
    "wt2_train_loss": Metric("nats/token", higher_is_better=False),
    "wt2_valid_loss": Metric("nats/token", higher_is_better=False),
    "wt2_test_loss": Metric("nats/token", higher_is_better=False),
    "training_time": Metric("s", higher_is_better=False),
}
"""Known after each epoch where the training logs are given; the time is summed from the start."""

_LOG_KEYS = ("train_losses", "val_losses", "test_losses", "wall_times")


@dataclass(frozen=True, kw_only=True)
class NlpSettings(TableSettings):
    """Where the recipes stand, and the logs of their training."""

    logs: Path | None = None
    """Zip archive or folder of the original logs, one JSON file per training on WikiText-2."""


class NasBenchNlp(TableBenchmark[Recipe]):
    """Recipes with their final losses and, where given, their training logs.

    The file is a JSON list of objects with ``recepie_id`` (the benchmark's spelling), ``recepie``
    and ``METRICS``. The logs add ``LOG_METRICS``; a training that stopped early is nan afterwards.
    """

    Settings: ClassVar = NlpSettings

    @classmethod
    def build(cls, settings: NlpSettings) -> "NasBenchNlp":
        """Loads the recipes.

        Raises:
            DataError: if a file cannot be read, or a recipe lacks a value, has a wrong one or
                stands twice; with its identifier and place.
            ConfigError: if a recipe is not valid; with the same.
        """
        path, logs = settings.path, settings.logs
        entries = read_json(path, constants=True)
        if not isinstance(entries, list) or not entries:
            raise DataError(f"{path}: expected a non-empty JSON list of recipes with their losses")
        ids = [_id_of(entry, f"{path}: entry {place}") for place, entry in enumerate(entries)]
        places: dict[str, int] = {}
        for place, id in enumerate(ids):
            if places.setdefault(id, place) != place:
                raise DataError(
                    f"{path}: entry {place}: recipe {id} stands at entry {places[id]} already"
                )
        wheres = [f"{path}: recipe {id} (entry {place})" for place, id in enumerate(ids)]
        pairs = list(zip(entries, wheres, strict=True))
        recipes = [parse_recipe(_field(entry, "recepie", at), at) for entry, at in pairs]
        values: dict[str, Floats] = {
            name: np.array([_number(_field(entry, name, at), name, at) for entry, at in pairs])
            for name in METRICS
        }
        for name, column in values.items():
            limits = COUNT if METRICS[name].unit == "count" else LOSS
            limits.check(column, name, wheres.__getitem__)
        metrics = dict(METRICS)
        if logs is not None:
            metrics |= LOG_METRICS
            values |= _read_logs(logs, {id: row for row, id in enumerate(ids)})
        return cls(
            name="nasbench_nlp",
            ids=ids,
            arch_at=recipes.__getitem__,
            metrics=metrics,
            values=values,
            epochs=range(1, NUM_EPOCHS + 1),
            files=[path] if logs is None else [path, logs],
        )


def _field(entry: Mapping[str, Any], name: str, where: str) -> Any:
    if name not in entry:
        raise DataError(f"{where}: has no {name!r}")
    return entry[name]


def _id_of(entry: Any, where: str) -> str:
    if not isinstance(entry, dict):
        raise DataError(f"{where}: expected a recipe with its losses, but found {entry!r:.60}")
    id = _field(entry, "recepie_id", where)
    if isinstance(id, bool) or not isinstance(id, int | str):
        raise DataError(f"{where}: 'recepie_id' must be a whole number, but found {id!r:.60}")
    return str(id)


def _number(value: Any, name: str, where: str) -> float:
    """A number, or nan where there is none."""
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{where}: {name!r} must be a number or null, but found {value!r:.60}")
    try:
        return float(value)
    except OverflowError:
        raise DataError(f"{where}: {name!r} is too large for a number") from None


def _read_logs(path: str | Path, rows: Mapping[str, int]) -> dict[str, Floats]:
    """Arrays (N, epochs, 1) of ``LOG_METRICS``; logs of other recipes are left alone."""
    curves = {name: np.full((len(rows), NUM_EPOCHS, 1), np.nan) for name in LOG_METRICS}
    for where, _, log in log_contents(path):
        row = rows.get(str(log.get("recepie_id")))
        if row is None:
            continue
        for metric, key in zip(LOG_METRICS, _LOG_KEYS, strict=True):
            curve = np.array(losses_of(log, key, where)[:NUM_EPOCHS], dtype=np.float64)
            if metric == "training_time":
                curve = np.cumsum(curve)
            curves[metric][row, : len(curve), 0] = curve
    return curves
