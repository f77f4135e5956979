"""The training logs of NAS-Bench-NLP as its authors publish them (arXiv 2006.07116).

A log is a JSON object that one training wrote: its options (``emsize``, ``nhid``, ``bptt``, ...),
the recipe as text, ``num_params``, and a list of losses per epoch for training, validation and
test. The benchmark comes as zip archives of logs or as the folders that they unpack to; here both
are read alike. A training that failed has fewer losses or none.
"""

import math
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from hat.arch.recipe import Recipe, RecipeNode, awd_layer_sizes, parse_recipe
from hat.errors import DataError
from hat.json_reader import parse_json
from hat.reading import MOST_BYTES, decoded, gunzipped, open_file, read_member, reason

LayerSizes = tuple[tuple[int, int], ...]

_GZIP = b"\x1f\x8b"
"""How a compressed file begins."""


@dataclass(frozen=True, kw_only=True)
class TrainingLog:
    """What one log says about its network and how the training ended."""

    file: str
    """The log's name, without its folder."""

    id: str
    """``recepie_id`` (the benchmark's spelling): the place in the authors' list of trainings.

    Trainings of one recipe with other seeds have other places."""

    recipe: Recipe
    embed_dim: int
    hidden_dim: int
    num_layers: int
    tied: bool
    """Whether the decoder shares the embedding's weights; see ``awd_layer_sizes``."""

    bptt: int
    """Tokens of a training sentence."""

    num_params: int
    corpus: str | None
    """The folder with ``train.txt``, ``valid.txt`` and ``test.txt``, as the log names it."""

    last_test_loss: float
    """Nats per token after the last epoch; NaN if the log has no loss, or one that diverged."""

    @property
    def layer_sizes(self) -> LayerSizes:
        """Input and hidden width of each layer."""
        return awd_layer_sizes(self.embed_dim, self.hidden_dim, self.num_layers, tied=self.tied)

    @property
    def architecture(self) -> tuple[frozenset[RecipeNode], LayerSizes]:
        """What logs of the same network share, in whatever order a recipe's nodes were written."""
        return frozenset(self.recipe.nodes), self.layer_sizes


def read_training_logs(path: str | Path, limit: int | None = None) -> list[TrainingLog]:
    """Reads the logs of a folder or zip archive, the first ``limit`` of them by name.

    Raises:
        DataError: if there is none, one lacks a value or has a wrong one, or they were trained on
            different corpora; with file and place.
        ConfigError: if a recipe is not valid; with the file.
    """
    logs = []
    first: TrainingLog | None = None
    for where, name, content in islice(log_contents(path), limit):
        log = _training_log(where, name, content)
        first = first or log
        if _corpus_name(log) != _corpus_name(first):
            raise DataError(
                f"{where}: was trained on {log.corpus!r}, but {first.file} on {first.corpus!r}: "
                "their losses cannot be compared"
            )
        logs.append(log)
    return logs


def group_runs(logs: Iterable[TrainingLog]) -> list[tuple[TrainingLog, ...]]:
    """Puts the trainings of one architecture together, in the order of its first log."""
    groups: dict[Any, list[TrainingLog]] = {}
    for log in logs:
        groups.setdefault(log.architecture, []).append(log)
    return [tuple(group) for group in groups.values()]


def log_contents(path: str | Path) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yields of each log where it stands, its name and its JSON object, in the order of names.

    Logs are the files that end in ``.json`` or ``.json.gz`` and are not hidden.

    Raises:
        DataError: if the folder or archive cannot be read or holds no log, or one is no object.
    """
    path = Path(path)
    raw = _folder_contents(path) if path.is_dir() else _archive_contents(path)
    empty = True
    for where, name, content in raw:
        empty = False
        yield where, name, _json_object(where, content)
    if empty:
        raise DataError(f"{path}: holds no training log (no file *.json){_other_source(path)}")


def losses_of(log: Mapping[str, Any], key: str, where: str) -> list[float]:
    """Returns a list of losses per epoch; empty where the log has none.

    Raises:
        DataError: if the entry is no list, or holds something else or a loss below 0.
    """
    values = log.get(key)
    if values is None:
        return []
    if not isinstance(values, list):
        raise DataError(f"{where}: {key!r} must be a list of numbers, but found {values!r:.60}")
    for place, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            raise DataError(
                f"{where}: entry {place} of {key!r} must be a number, but found {value!r:.60}"
            )
        if value is not None and value < 0:
            raise DataError(
                f"{where}: entry {place} of {key!r} must not be negative, but found {value!r:.60}"
            )
    try:
        return [math.nan if value is None else float(value) for value in values]
    except OverflowError:
        raise DataError(f"{where}: {key!r} holds a number that is too large") from None


def _is_log(name: str) -> bool:
    """Whether a file is a log, and not one that an operating system put beside them."""
    return name.lower().endswith((".json", ".json.gz")) and not name.startswith(".")


def _other_source(path: Path) -> str:
    """Where in a folder without logs they may be: the benchmark ships an archive in a folder."""
    inside = sorted(path.iterdir()) if path.is_dir() else []
    likely = (item for item in inside if item.suffix == ".zip" or item.is_dir())
    found = next(likely, None)
    return f"; did you mean {found}?" if found else ""


def _folder_contents(path: Path) -> Iterator[tuple[str, str, bytes]]:
    try:
        files = sorted(file for file in path.iterdir() if _is_log(file.name) and file.is_file())
        for file in files:
            with open_file(file) as stream:
                yield str(file), file.name, stream.read(MOST_BYTES)
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read: {error.strerror}") from None


def _archive_contents(path: Path) -> Iterator[tuple[str, str, bytes]]:
    where = str(path)
    try:
        with open_file(path) as stream, zipfile.ZipFile(stream) as archive:
            inside = [(PurePosixPath(name), name) for name in archive.namelist()]
            for member, name in sorted(pair for pair in inside if _is_log(pair[0].name)):
                if member.parts[0] == "__MACOSX":
                    continue
                where = f"{path}: {member}"
                yield where, member.name, read_member(archive, name, where)
    except (OSError, ValueError, zipfile.BadZipFile, struct.error) as error:
        raise DataError(f"{where}: cannot be read as a zip archive: {reason(error)}") from None


def _json_object(where: str, content: bytes) -> Mapping[str, Any]:
    if content.startswith(_GZIP):
        content = gunzipped(content, where)
    log = parse_json(decoded(content, where), where, constants=True)
    if not isinstance(log, dict):
        raise DataError(f"{where}: is no training log: it is not a JSON object")
    return log


def _training_log(where: str, name: str, log: Mapping[str, Any]) -> TrainingLog:
    recipe, id, corpus, tied = (log.get(key) for key in ("recepie", "recepie_id", "data", "tied"))
    if not isinstance(recipe, str | dict):
        raise DataError(f"{where}: 'recepie' must be a recipe, but found {_found(log, 'recepie')}")
    if isinstance(id, bool) or not isinstance(id, int | str):
        found = _found(log, "recepie_id")
        raise DataError(f"{where}: 'recepie_id' must be a whole number, but found {found}")
    if not isinstance(tied, bool):
        raise DataError(f"{where}: 'tied' must be true or false, but found {_found(log, 'tied')}")
    if not isinstance(corpus, str | None):
        raise DataError(f"{where}: 'data' must be the name of a folder, but found {corpus!r:.60}")
    losses = losses_of(log, "test_losses", where)
    last = losses[-1] if losses else math.nan
    return TrainingLog(
        file=name,
        id=str(id),
        recipe=parse_recipe(recipe, where),
        embed_dim=_count(log, "emsize", where),
        hidden_dim=_count(log, "nhid", where),
        num_layers=_count(log, "nlayers", where),
        tied=tied,
        bptt=_count(log, "bptt", where),
        num_params=_count(log, "num_params", where),
        corpus=corpus or None,
        last_test_loss=last if math.isfinite(last) else math.nan,
    )


def _count(log: Mapping[str, Any], key: str, where: str) -> int:
    value = log.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        found = _found(log, key)
        raise DataError(f"{where}: {key!r} must be a whole number above 0, but found {found}")
    return value


def _found(log: Mapping[str, Any], key: str) -> str:
    return f"{log[key]!r:.60}" if key in log else "none"


def _corpus_name(log: TrainingLog) -> str | None:
    """The corpus, wherever its folder lay on the machine of a training."""
    return log.corpus and PurePosixPath(log.corpus).name


def corpus_folders(logs: Iterable[TrainingLog]) -> list[str]:
    """The folders that logs name as their corpus, each once."""
    return list(dict.fromkeys(log.corpus for log in logs if log.corpus))
