"""What is what in the folder of a pipeline's run: its ``run.json``, written by the pipeline.

The folder may be anybody's, so only files inside it count; one that is not there yet is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hat.errors import DataError
from hat.json_reader import read_object
from hat.record.files import inside
from hat.search.loop import STATE_FILE
from hat.versioned import check_format

_INDEX, _FORMAT = "run.json", "hat-run-1"


@dataclass(frozen=True)
class Scored:
    """Translations that were scored."""

    step: str
    """Label of the step that scored them."""

    translations: Path | None


@dataclass(frozen=True)
class IndexedCandidate:
    """A SubTransformer: a winner, or the largest."""

    yml: Path | None
    inherited: tuple[Scored, ...]
    retrained: tuple[Scored, ...]
    """One for each training."""


@dataclass(frozen=True, kw_only=True)
class IndexedSearch:
    """A search that has begun."""

    name: str
    folder: Path
    dataset: str
    """Name of the latency dataset of its target."""

    compared: str
    """Label of the step that measured its winner and the largest in turn."""

    best: IndexedCandidate
    largest: IndexedCandidate


@dataclass(frozen=True, kw_only=True)
class Index:
    """A run's folder."""

    task: str
    """Empty if it is not told."""

    datasets: Mapping[str, Path]
    """Latency datasets that are there, by name."""

    predictors: tuple[Path, ...]
    searches: tuple[IndexedSearch, ...]
    trainings: Mapping[str, str]
    """What each trained, by the label of its step; the SuperTransformer's first."""


def read_index(folder: Path) -> Index:
    """Reads the index of a run.

    Raises:
        DataError: if there is none, or it is damaged.
    """
    path = folder / _INDEX
    if not path.is_file():
        if (folder / "steps").is_dir():
            raise DataError(
                f"{folder}: holds no {_INDEX}: call hat pipeline with the run's file once more, "
                "which writes it and skips what is up to date"
            )
        raise DataError(
            f"{folder}: is not the folder of a run: it holds neither {_INDEX}, which a pipeline "
            f"writes, nor {STATE_FILE}, which a search writes"
        )
    found = read_object(path, "the index of a run")
    check_format(found.get("format"), _FORMAT, path)
    datasets, predictors = {}, {}
    for each in _list(found, "datasets", path):
        dataset, predictor = (_text(each, key, path) for key in ("dataset", "predictor"))
        there = inside(folder, dataset)
        if there is not None:
            datasets[dataset] = there
        learned = inside(folder, predictor)
        if learned is not None:
            predictors[predictor] = learned
    trainings = {
        _text(each, "step", path): _text(each, "title", path)
        for each in _list(found, "trainings", path)
    }
    order = sorted(trainings, key=lambda label: not label.startswith("train-super"))
    return Index(
        task=_text(found, "task", path) if "task" in found else "",
        datasets=datasets,
        predictors=tuple(predictors.values()),
        searches=tuple(
            search
            for each in _list(found, "searches", path)
            if (search := _search(folder, each, path)) is not None
        ),
        trainings={label: trainings[label] for label in order},
    )


def _search(folder: Path, found: Mapping[str, Any], path: Path) -> IndexedSearch | None:
    """None where the search has not begun."""
    state = inside(folder, _text(found, "folder", path), STATE_FILE)
    if state is None:
        return None
    return IndexedSearch(
        name=_text(found, "name", path),
        folder=state.parent,
        dataset=_text(found, "dataset", path),
        compared=_text(found, "compared", path),
        best=_candidate(folder, _block(found, "best", path), path),
        largest=_candidate(folder, _block(found, "largest", path), path),
    )


def _candidate(folder: Path, found: Mapping[str, Any], path: Path) -> IndexedCandidate:
    return IndexedCandidate(
        inside(folder, _text(found, "yml", path)),
        *(
            tuple(
                Scored(_text(each, "step", path), inside(folder, _text(each, "translations", path)))
                for each in _list(found, weights, path)
            )
            for weights in ("inherited", "retrained")
        ),
    )


def _text(found: Mapping[str, Any], key: str, path: Path) -> str:
    value = found.get(key)
    if not isinstance(value, str) or not value or "\0" in value:
        raise DataError(f"{path}: {key} should be a text, but found {value!r:.60}")
    return value


def _block(found: Mapping[str, Any], key: str, path: Path) -> Mapping[str, Any]:
    value = found.get(key)
    if not isinstance(value, dict):
        raise DataError(f"{path}: {key} should be an object, but found {value!r:.60}")
    return value


def _list(found: Mapping[str, Any], key: str, path: Path) -> list[Mapping[str, Any]]:
    value = found.get(key)
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise DataError(f"{path}: {key} should be a list of objects, but found {value!r:.60}")
    return value
