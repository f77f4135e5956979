"""``trials.jsonl``: every candidate of a search on one line, in the user's direction."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic

from hat.errors import DataError
from hat.files import split_lines
from hat.search.base import A, Codec, Objective, Trial


class TrialFormat(Generic[A]):
    """Translates trials to and from lines of JSON.

    A line reads ``{"round": 0, "arch": ..., "scores": {"valid_loss": 3.1}, "costs":
    {"latency_ms": 52.0}}``. Scores have their own direction (BLEU as BLEU); ``null`` means that
    the candidate could not be scored. ``"share": 0.06`` stands on the line of a candidate that was
    dropped after that part of the validation set; its score is an estimate.
    """

    def __init__(self, codec: Codec[A], objectives: Sequence[Objective[A]]) -> None:
        """Args: codec: architectures as JSON; objectives: names and directions of the scores."""
        self._codec = codec
        self._signs = {o.name: -1.0 if o.higher_is_better else 1.0 for o in objectives}

    def line(self, trial: Trial[A]) -> str:
        """Returns one line, without its end."""
        scores = {
            name: _null(sign * value)
            for (name, sign), value in zip(self._signs.items(), trial.objectives, strict=True)
        }
        costs = {name: _null(value) for name, value in trial.costs.items()}
        arch = self._codec.to_json(trial.arch)
        record = {"round": trial.round, "arch": arch, "scores": scores, "costs": costs}
        if trial.share < 1.0:
            record["share"] = trial.share
        return json.dumps(record, allow_nan=False)

    def read(self, path: str | Path, count: int | None = None) -> list[Trial[A]]:
        """Reads the first ``count`` trials of a file, or all.

        Raises:
            DataError: naming file and line, if the file is missing, damaged or too short.
        """
        try:
            lines = split_lines(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read as text: {error}") from None
        if count is not None and len(lines) < count:
            raise DataError(f"{path}: expected {count} trials, but found {len(lines)}")
        return [
            self._trial(line, f"{path}:{number}")
            for number, line in enumerate(lines[:count], start=1)
        ]

    def _trial(self, line: str, where: str) -> Trial[A]:
        try:
            record = json.loads(line)
            scores = record["scores"]
            objectives = tuple(sign * _nan(scores[name]) for name, sign in self._signs.items())
            return Trial(
                arch=self._codec.from_json(record["arch"]),
                objectives=objectives,
                round=int(record["round"]),
                costs={str(name): _nan(value) for name, value in record["costs"].items()},
                share=float(record.get("share", 1.0)),
            )
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise DataError(
                f"{where}: not a trial of this search: {type(error).__name__} {error}"
            ) from None


def _null(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _nan(value: Any) -> float:
    return math.nan if value is None else float(value)
