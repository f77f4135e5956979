"""``trials.jsonl``: every candidate of a search on one line, in the user's direction."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic

from hat.errors import DataError, HatError
from hat.fields import Fields
from hat.json_reader import read_objects
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
        records = read_objects(path, "a trial of a search", count=count)
        return [self._trial(record, f"{path}:{number}") for number, record in enumerate(records, 1)]

    def _trial(self, record: dict[str, Any], where: str) -> Trial[A]:
        fields = Fields(record, where)
        scores = Fields(fields.mapping("scores"), f"{where}: 'scores'")
        costs = Fields(fields.mapping("costs"), f"{where}: 'costs'")
        share = fields.number("share", least=0.0) if "share" in record else 1.0
        try:
            arch = self._codec.from_json(record["arch"])
        except (HatError, KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            raise DataError(
                f"{where}: 'arch' is none of this search: {type(error).__name__} {error!s:.200}"
            ) from None
        return Trial(
            arch=arch,
            objectives=tuple(
                sign * _nan(scores.number_or_none(name)) for name, sign in self._signs.items()
            ),
            round=fields.whole("round"),
            costs={name: _nan(costs.number_or_none(name)) for name in record["costs"]},
            share=min(share, 1.0),
        )


def _null(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _nan(value: float | None) -> float:
    return math.nan if value is None else value
