"""NAS-Bench-NLP: recurrent cells trained as language models (arXiv 2006.07116).

Losses are nats per token on WikiText-2 (``wt2``) and Penn Treebank (``ptb``). This is the table of
recipes with their losses; the logs that it was made of are read by ``hat.benchmarks.nb_nlp_logs``.
"""

import json
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
            DataError: if a file cannot be read or lacks a value.
            ConfigError: if a recipe is not valid; with its identifier.
        """
        path, logs = settings.path, settings.logs
        entries = _read_json(path)
        if not isinstance(entries, list) or not entries:
            raise DataError(f"{path}: expected a non-empty JSON list of recipes with their losses")
        try:
            ids = [str(entry["recepie_id"]) for entry in entries]
            recipes = [
                parse_recipe(entry["recepie"], f"{path}: recipe {id}")
                for id, entry in zip(ids, entries, strict=True)
            ]
            values: dict[str, Floats] = {
                name: np.array([entry[name] for entry in entries], dtype=np.float64)
                for name in METRICS
            }
        except KeyError as error:
            raise DataError(f"{path}: a recipe has no {error.args[0]!r}") from None
        except (TypeError, ValueError) as error:
            raise DataError(f"{path}: a value has the wrong type: {error}") from None
        for name, column in values.items():
            limits = COUNT if METRICS[name].unit == "count" else LOSS
            limits.check(column, name, lambda row: f"{path}: recipe {ids[row]}")
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


def _read_json(path: str | Path) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text: {error}") from None
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: is not JSON: {error.msg}") from None
