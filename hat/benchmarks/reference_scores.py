"""Scores that somebody else's code gave, to compare ours with.

Two kinds of files hold some: JSON with an identifier beside each score, and the pickles that the
notebooks of epsinas write (arXiv 2302.04406). The latter are parallel lists without identifiers, in
the order in which a file system happened to list the logs. Their rows are known by the number of
parameters and the test losses, which stand there with all digits.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hat.arrays import Floats
from hat.errors import DataError
from hat.formats.plain_pickle import read_plain_pickle
from hat.json_reader import read_json
from hat.reading import open_file

_SCORE_NAMES = ("score", "scores")
"""What the notebooks call the scores: the first in the older of them."""


_PICKLE_BEGINNINGS = (b"\x80", b"(", b"}", b"]", b"c")
"""Of a dictionary, an ordered one or a list in any protocol. JSON's begin with other brackets."""


@dataclass(frozen=True, kw_only=True)
class References:
    """Scores by the place of an architecture in a list, and what found no place."""

    scores: Mapping[int, float]
    """Finite ones only."""

    without_score: int = 0
    """Rows of the file whose score is missing or not finite."""

    unknown: int = 0
    """Rows with a score that no architecture of the list fits."""

    ambiguous: int = 0
    """Rows with a score that several fit: different networks of one size that all diverged, say."""


@dataclass(frozen=True, kw_only=True)
class Architectures:
    """By what a file of scores can know N architectures."""

    ids: Sequence[Sequence[str]]
    """All identifiers of each."""

    num_params: Floats
    least_loss: Floats
    """Least and greatest last test loss over its trainings; NaN where there is none."""

    greatest_loss: Floats

    def by_id(self, scores: Mapping[str, float]) -> References:
        """Finds the architectures of scores by identifier."""
        places = {id: place for place, ids in enumerate(self.ids) for id in ids}
        finite = {id: score for id, score in scores.items() if math.isfinite(score)}
        return References(
            scores={places[id]: score for id, score in finite.items() if id in places},
            without_score=len(scores) - len(finite),
            unknown=sum(id not in places for id in finite),
        )

    def by_training(self, results: "NotebookResults") -> References:
        """Finds the architectures of rows that have the same size and the same losses."""
        places: dict[_Key, list[int]] = {}
        for place, key in enumerate(_keys(self.num_params, self.least_loss, self.greatest_loss)):
            places.setdefault(key, []).append(place)
        keys = _keys(results.num_params, results.least_loss, results.greatest_loss)
        rows = Counter(keys)
        scores: dict[int, float] = {}
        missing = unknown = ambiguous = 0
        for key, score in zip(keys, results.scores.tolist(), strict=True):
            fitting = places.get(key, [])
            if not math.isfinite(score):
                missing += 1
            elif not fitting:
                unknown += 1
            elif len(fitting) > 1 or rows[key] > 1:
                ambiguous += 1
            else:
                scores[fitting[0]] = score
        return References(
            scores=scores, without_score=missing, unknown=unknown, ambiguous=ambiguous
        )


@dataclass(frozen=True, kw_only=True)
class NotebookResults:
    """A result file of the authors' notebooks, N rows."""

    scores: Floats
    num_params: Floats
    least_loss: Floats
    greatest_loss: Floats


def find_references(path: str | Path, architectures: Architectures) -> References:
    """Reads a file of either kind and finds the architectures of its scores.

    Raises:
        DataError: if the file cannot be read or is of neither kind.
    """
    with open_file(path) as stream:
        beginning = stream.read(64).lstrip()
    if beginning[:1] in _PICKLE_BEGINNINGS:
        return architectures.by_training(read_notebook_results(path))
    return architectures.by_id(read_reference_scores(path))


def read_notebook_results(path: str | Path) -> NotebookResults:
    """Reads a pickle of ``score``, ``accs`` (or ``accs_min`` and ``accs_max``) and ``nparams``.

    Nothing in the file is run; see ``hat.formats.plain_pickle``.

    Raises:
        DataError: if the file cannot be read, holds anything but plain values, or lacks a list.
    """
    content = read_plain_pickle(path)
    if not isinstance(content, dict):
        raise DataError(f"{path}: is no result file: it holds no dictionary of lists")
    score_name = next((name for name in _SCORE_NAMES if name in content), _SCORE_NAMES[0])
    several = "accs" not in content
    names = (score_name, "nparams", *(("accs_min", "accs_max") if several else ("accs",) * 2))
    missing = [name for name in names if name not in content]
    if missing:
        wanted = "'score', 'nparams' and 'accs' or 'accs_min' and 'accs_max'"
        raise DataError(f"{path}: is no result file: it has no {missing[0]!r} (needed: {wanted})")
    columns = [_column(content[name], f"{path}: {name!r}") for name in names]
    for name, column in zip(names, columns, strict=True):
        if len(column) != len(columns[0]):
            raise DataError(
                f"{path}: {name!r} has {len(column)} entries, but {score_name!r} {len(columns[0])}"
            )
    scores, num_params, least, greatest = columns
    return NotebookResults(
        scores=scores, num_params=num_params, least_loss=least, greatest_loss=greatest
    )


def read_reference_scores(path: str | Path) -> dict[str, float]:
    """Reads ``{"scores": [{"recepie_id": ..., "epsinas": ...}, ...]}`` (the benchmark's spelling).

    Returns:
        Scores by identifier; ``nan`` where the code gave none, or none that is finite.

    Raises:
        DataError: if the file cannot be read, is not of this form or holds an entry that is
            neither a number nor ``null``.
    """
    content = read_json(path, constants=True)
    rows = content.get("scores") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not rows:
        raise DataError(f"{path}: is no file of reference scores: it has no list 'scores'")
    scores: dict[str, float] = {}
    for place, row in enumerate(rows):
        where = f"{path}: entry {place} of 'scores'"
        if not isinstance(row, dict) or "recepie_id" not in row or "epsinas" not in row:
            raise DataError(f"{where} needs 'recepie_id' and 'epsinas'")
        id = str(row["recepie_id"])
        if id in scores:
            raise DataError(f"{where}: recipe {id} stands there twice")
        scores[id] = _number(row["epsinas"], f"{where}: 'epsinas' of recipe {id}")
    return scores


_Key = tuple[float, float | None, float | None]


def _keys(num_params: Floats, least: Floats, greatest: Floats) -> list[_Key]:
    """What is the same in two files about the same trainings; a loss that is missing is None."""
    return [
        (params, _or_none(low), _or_none(high))
        for params, low, high in zip(
            num_params.tolist(), least.tolist(), greatest.tolist(), strict=True
        )
    ]


def _or_none(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None


def _column(values: Any, where: str) -> Floats:
    """Numbers out of a list, a tuple or an array of one dimension."""
    if isinstance(values, np.ndarray) and values.ndim == 1:
        values = values.tolist()
    if not isinstance(values, list | tuple) or not values:
        raise DataError(f"{where} must be a list of numbers, but found {values!r:.60}")
    numbers = [
        _number(value.item() if isinstance(value, np.generic) else value, f"{where}, entry {place}")
        for place, value in enumerate(values)
    ]
    return np.array(numbers, dtype=np.float64)


def _number(value: Any, where: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{where} must be a number or null, but found {value!r}")
    try:
        return float(value) if math.isfinite(value) else math.nan
    except OverflowError:
        raise DataError(f"{where} is too large for a number: {value!r:.20}...") from None
