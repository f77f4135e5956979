"""Scores that are kept as they come, so that work that was cut off goes on where it was.

The file is JSON lines beside the result: first the conditions that decide every score, then a key
and a score a line. A score counts for whatever has its key, so architectures may come, go and
change places between two runs; conditions may not change.
"""

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hat.conditions import what_differs
from hat.errors import DataError
from hat.fields import Fields
from hat.files import append_text, split_lines, write_text
from hat.json_reader import parse_json, parse_object
from hat.locks import locked
from hat.reading import read_text

FLUSH_SECONDS = 2.0
"""What an interruption can cost at most."""


class KeptScores:
    """A mapping from keys to scores that also stands in a file."""

    def __init__(self, scores: dict[str, float], path: Path | None) -> None:
        self._scores = scores
        self._path = path
        self._lines: list[str] = []
        self._flushed = time.monotonic()

    def __contains__(self, key: str) -> bool:
        return key in self._scores

    def __getitem__(self, key: str) -> float:
        return self._scores[key]

    def __setitem__(self, key: str, score: float) -> None:
        self._scores[key] = score
        if self._path is None:
            return
        self._lines.append(_line([key, _plain(score)]))
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Writes what is not in the file yet.

        Raises:
            DataError: if the disk is full.
        """
        if self._path is not None and self._lines:
            append_text(self._path, "".join(self._lines))
        self._lines.clear()
        self._flushed = time.monotonic()


def state_path(out: Path) -> Path:
    """Where the scores of unfinished work stand: ``scores.csv.partial`` beside ``scores.csv``."""
    return out.with_name(f"{out.name}.partial")


@contextmanager
def kept_scores(out: Path | None, conditions: Mapping[str, Any]) -> Iterator[KeptScores]:
    """Yields the scores of earlier, unfinished work for ``out``, open for more.

    The file stays when the block ends, with all scores: whoever has written ``out`` calls
    ``forget``.

    Args:
        out: the file that the scores are for; without one, nothing is kept.
        conditions: what decides a score besides its key.

    Raises:
        DataError: if the file was made under other conditions or cannot be read or written.
        LockedError: if another process works on the same scores.
    """
    if out is None:
        yield KeptScores({}, None)
        return
    path = state_path(out)
    with locked(out):
        scores = _read(path, conditions) if path.exists() else {}
        if scores:
            print(f"{path}: goes on after {len(scores):,} scores")
        # Anew, so that a line that was cut off is gone.
        lines = [_line([key, _plain(score)]) for key, score in scores.items()]
        write_text(path, "".join([_line({"conditions": conditions}), *lines]))
        kept = KeptScores(scores, path)
        try:
            yield kept
        finally:
            kept.flush()


def forget(out: Path | None) -> None:
    """Removes what was kept for ``out``, which is complete."""
    if out is not None:
        state_path(out).unlink(missing_ok=True)


def _read(path: Path, conditions: Mapping[str, Any]) -> dict[str, float]:
    first, *lines = split_lines(read_text(path)) or [""]
    try:
        head = parse_object(first, f"{path}:1", "the conditions of unfinished scores")
        found = Fields(head, f"{path}:1").mapping("conditions")
    except DataError as error:
        raise DataError(f"{error}; remove the file") from None
    difference = what_differs(found, conditions)
    if difference:
        raise DataError(
            f"{path}: cannot be resumed under other conditions: {difference}; "
            "remove it or choose another --out"
        )
    scores: dict[str, float] = {}
    for number, line in enumerate(lines, 2):
        try:
            key, score = parse_json(line, f"{path}:{number}")
            pair = Fields({"score": score, "key": key}, f"{path}:{number}")
            kept = pair.number_or_none("score")
            scores[pair.text("key")] = math.nan if kept is None else kept
        except (DataError, ValueError, TypeError):
            if number == len(lines) + 1:  # cut off while it was written
                break
            raise DataError(f"{path}:{number}: is no key with a score; remove the file") from None
    return scores


def _plain(score: float) -> float | None:
    return score if math.isfinite(score) else None


def _line(value: Any) -> str:
    return json.dumps(value, allow_nan=False) + "\n"
