"""What NAS-Bench-201 and NATS-Bench say of one architecture, checked, and what of it we keep.

The names and their meaning are those of the authors' own description, ``ArchResults`` and
``ResultsCount`` in ``nats_bench/api_utils.py`` of github.com/D-X-Y/NATS-Bench (and the same file of
github.com/D-X-Y/NAS-Bench-201), whose attributes are what the files hold:

- of an architecture after one length of training: ``arch_index``, ``arch_str``, ``dataset_seed``
  (data set -> seeds) and ``all_results`` ((data set, seed) -> training run);
- of a training run: ``name`` (the data set), ``seed`` (a number or its text), ``epochs``,
  ``params`` and ``flop`` (both in millions), ``latency`` (a list of seconds for a batch of 256, or
  None), ``arch_config`` (with ``arch_str``), ``train_acc1es`` (epoch from 0 -> percent),
  ``train_times`` (epoch -> seconds, or None), ``eval_names`` and ``eval_acc1es`` (``NAME@EPOCH`` ->
  percent; not after every epoch, but after the last).

What was evaluated (``ArchResults.get_metrics`` there): on ``cifar10-valid``, which trains on half
of CIFAR-10's training set, ``x-valid`` is the other half and ``ori-test`` the test set; on
``cifar10``, which trains on both, ``ori-test``; on ``cifar100`` and ``ImageNet16-120`` the original
test set is cut into ``x-valid`` and ``x-test``, which together are ``ori-test``.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from hat.arch.nb201_cell import parse_nb201
from hat.errors import ConfigError, DataError

LENGTHS = {"less": 12, "full": 200, "12": 12, "200": 200}
"""Epochs of training by the files' names for them: NAS-Bench-201's, then NATS-Bench's."""

DATASETS = {
    "cifar10-valid": "cifar10_valid",
    "cifar10": "cifar10",
    "cifar100": "cifar100",
    "ImageNet16-120": "imagenet16_120",
}
"""The benchmark's data sets and how our metrics begin."""

_EVALUATED = {
    "cifar10-valid": {"x-valid": "validation_accuracy", "ori-test": "test_accuracy"},
    "cifar10": {"ori-test": "test_accuracy"},
    "cifar100": {"x-valid": "validation_accuracy", "x-test": "test_accuracy"},
    "ImageNet16-120": {"x-valid": "validation_accuracy", "x-test": "test_accuracy"},
}
_NAMES = ("x-valid", "x-test", "ori-test")

_TRUSTED_SEED = 888
"""Some runs of one architecture state different sizes; the authors' API then takes this seed's."""


@dataclass(frozen=True)
class Entry:
    """One architecture with everything that our table keeps of it."""

    index: int
    arch: str
    runs: Mapping[tuple[str, int, int], float]
    """(metric, epochs, seed) -> percent or seconds."""

    num_runs: int
    """Trainings, each of one length, data set and seed."""

    costs: Mapping[str, float]
    """``num_params``, ``flops`` (as the authors count them) and ``latency`` [s], where stated."""


def read_entry(index: Any, content: Any, where: str) -> Entry:
    """Checks what a file says of an architecture.

    Args:
        index: the key it stands under.
        content: length of training -> ``ArchResults.state_dict()``.
        where: names the file.

    Raises:
        DataError: if anything is missing, of another shape, out of range or at odds with the rest;
            with the architecture's index and the training run.
    """
    where = f"{where}: architecture {index!r:.20}"
    if not _is_index(index) or not isinstance(content, dict) or not content:
        raise DataError(f"{where}: expected a number with the results of each length of training")
    runs: dict[tuple[str, int, int], float] = {}
    costs: dict[str, float] = {}
    archs = set()
    num_runs = 0
    for name, results in content.items():
        if not isinstance(name, str) or name not in LENGTHS:
            raise DataError(
                f"{where}: the length of training must be one of {', '.join(LENGTHS)}, but found "
                f"{name!r:.20} (NATS-Bench's size space, whose networks are no cells, is not read)"
            )
        epochs = LENGTHS[name]
        here = f"{where}, {epochs} epochs"
        archs.add(_architecture(index, results, here))
        found = {}
        for dataset, seed, run in _all_runs(results, here):
            place = f"{here}, {dataset}, seed {seed}"
            found[dataset, seed] = run
            for metric, value in _read_run(run, dataset, seed, epochs, results["arch_str"], place):
                runs[metric, epochs, seed] = value
        num_runs += len(found)
        costs |= _costs(found, here) if epochs == max(LENGTHS.values()) or not costs else {}
    if len(archs) > 1:
        raise DataError(f"{where}: is another cell after other epochs: {sorted(archs)}")
    return Entry(index, archs.pop(), runs, num_runs, costs)


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _field(content: Any, name: str, kind: type, where: str) -> Any:
    if not isinstance(content, dict) or name not in content:
        raise DataError(f"{where}: has no {name!r}")
    value = content[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise DataError(
            f"{where}: {name} must be of type {kind.__name__}, but found {type(value).__name__}"
        )
    return value


def _architecture(index: int, results: Any, where: str) -> str:
    text: str = _field(results, "arch_str", str, where)
    if _field(results, "arch_index", int, where) != index:
        raise DataError(
            f"{where}: stands under {index}, but says arch_index {results['arch_index']}"
        )
    try:
        cell = str(parse_nb201(text, where))
    except ConfigError as error:
        raise DataError(str(error)) from None
    return cell


def _all_runs(results: Any, where: str) -> Iterator[tuple[str, int, Any]]:
    """Data set, seed and content of each run; ``dataset_seed`` must list the same ones."""
    runs = _field(results, "all_results", dict, where)
    listed = _field(results, "dataset_seed", dict, where)
    names = set()
    for dataset, seeds in listed.items():
        if dataset not in DATASETS:
            raise DataError(
                f"{where}: the data set must be one of {', '.join(DATASETS)}, "
                f"but found {dataset!r:.40}"
            )
        if not isinstance(seeds, list) or not all(map(_is_index, seeds)):
            raise DataError(f"{where}, {dataset}: the seeds must be a list of whole numbers")
        if len(set(seeds)) < len(seeds):
            raise DataError(f"{where}, {dataset}: a seed stands twice in {seeds!s:.80}")
        names |= {(dataset, seed) for seed in seeds}
    if names != set(runs):
        other = next(iter(names ^ set(runs)))
        raise DataError(
            f"{where}: dataset_seed and all_results must name the same runs, "
            f"but only one of them has {other!s:.60}"
        )
    for (dataset, seed), run in runs.items():
        yield dataset, seed, run


def _read_run(
    run: Any, dataset: str, seed: int, epochs: int, arch: str, where: str
) -> Iterator[tuple[str, float]]:
    """The metrics of one training run, after the whole run has been checked."""
    for name, expected in (("name", dataset), ("epochs", epochs)):
        if _field(run, name, type(expected), where) != expected:
            raise DataError(f"{where}: {name} must be {expected!r}, but found {run[name]!r:.40}")
    if str(run.get("seed")) != str(seed):
        raise DataError(f"{where}: the run says seed {run.get('seed')!r:.20}")
    if _field(_field(run, "arch_config", dict, where), "arch_str", str, where) != arch:
        raise DataError(
            f"{where}: the run is of another cell: {run['arch_config']['arch_str']!r:.100}"
        )
    accuracies = _field(run, "train_acc1es", dict, where)
    _check_epochs(accuracies, "train_acc1es", epochs, where)
    _check_numbers(accuracies, "train_acc1es", where, 100.0, "percent between 0 and 100")
    evaluated = _field(run, "eval_acc1es", dict, where)
    names = _field(run, "eval_names", list, where)
    if not all(name in _NAMES for name in names) or len(set(names)) < len(names):
        raise DataError(f"{where}: eval_names must be some of {_NAMES}, but found {names!s:.80}")
    known = {f"{name}@{epoch}" for name in names for epoch in range(epochs)}
    if not known.issuperset(evaluated):
        strange = next(key for key in evaluated if key not in known)
        raise DataError(
            f"{where}: eval_acc1es must be named NAME@EPOCH with NAME one of {names} and EPOCH "
            f"below {epochs}, but found {strange!r:.40}"
        )
    _check_numbers(evaluated, "eval_acc1es", where, 100.0, "percent between 0 and 100")
    for name in names:
        last = f"{name}@{epochs - 1}"
        if last not in evaluated:
            raise DataError(f"{where}: eval_acc1es has no {last!r}, the value of the last epoch")
        if name in _EVALUATED[dataset]:
            yield f"{DATASETS[dataset]}_{_EVALUATED[dataset][name]}", float(evaluated[last])
    times = run.get("train_times")
    if times is not None:
        times = _field(run, "train_times", dict, where)
        _check_epochs(times, "train_times", epochs, where)
        _check_numbers(times, "train_times", where, math.inf, "finite seconds, not negative")
        yield (
            f"{DATASETS[dataset]}_training_time",
            _sum(times[epoch] for epoch in range(epochs)),
        )


def _check_epochs(values: Mapping[Any, Any], name: str, epochs: int, where: str) -> None:
    if len(values) != epochs or set(values) != set(range(epochs)):
        raise DataError(
            f"{where}: {name} must have the epochs 0 to {epochs - 1}, but has {len(values)} entries"
        )


def _check_numbers(
    values: Mapping[Any, Any], name: str, where: str, high: float, expected: str
) -> None:
    for key, value in values.items():
        if not _is_number(value) or not 0 <= value <= high or value == math.inf:
            raise DataError(f"{where}: {name}[{key!r}] must be {expected}, but found {value!r:.40}")


def _costs(runs: Mapping[tuple[str, int], Any], where: str) -> dict[str, float]:
    """Sizes of the network for CIFAR-10: what ``get_compute_costs`` of the authors' API says."""
    dataset = next((name for name in ("cifar10", "cifar10-valid") if (name in _names(runs))), None)
    some = {seed: run for (name, seed), run in runs.items() if name == dataset}
    costs = {}
    for field, metric in (("params", "num_params"), ("flop", "flops")):
        values = {seed: run.get(field) for seed, run in some.items()}
        for seed, value in values.items():
            if not _is_number(value) or not 0 < value < math.inf:
                raise DataError(
                    f"{where}, {dataset}, seed {seed}: {field} must be millions above 0, "
                    f"but found {value!r:.40}"
                )
        if values:
            if len({f"{value:.5f}" for value in values.values()}) > 1 and _TRUSTED_SEED in values:
                values = {_TRUSTED_SEED: values[_TRUSTED_SEED]}
            costs[metric] = float(round(_sum(values.values()) / len(values) * 1e6))
    seconds = [mean for seed, run in some.items() if (mean := _latency(run, seed, where)) > 0]
    if seconds:
        costs["latency"] = _sum(seconds) / len(seconds)
    return costs


def _sum(values: Iterable[float]) -> float:
    """Adds one after the other, as the authors did; ``sum`` compensates since Python 3.12."""
    return float(reduce(add, values, 0.0))


def _names(runs: Mapping[tuple[str, int], Any]) -> set[str]:
    return {name for name, _ in runs}


def _latency(run: Mapping[str, Any], seed: int, where: str) -> float:
    """Mean latency of a run; -1 where none was measured, as in the authors' API."""
    found = run.get("latency")
    if found is None or found == []:
        return -1.0
    if not isinstance(found, list) or not all(map(_is_number, found)):
        raise DataError(
            f"{where}, seed {seed}: latency must be a list of seconds, but found {found!r:.40}"
        )
    mean = _sum(found) / len(found)
    if not math.isfinite(mean):
        raise DataError(f"{where}, seed {seed}: latency must be finite, but found {found!s:.60}")
    return mean
