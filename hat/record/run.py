"""A run's folder as facts: that of a pipeline, or that of one search."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hat.arch.hat_yaml import arch_to_mapping
from hat.errors import ConfigError, DataError
from hat.latency.predictor import LatencyPredictor
from hat.reading import read_object
from hat.record.facts import Measured, Point, Quality, RunFacts, SearchFacts
from hat.record.files import inside, number
from hat.record.latency import Dataset, latency_facts, read_datasets, read_predictors
from hat.record.left import read_arch
from hat.record.search import STATE_FILE, add_predictions, read_search
from hat.record.sizes import sizes
from hat.record.training import read_curves
from hat.record.translations import compare_translations

_SEARCH = ".search"
_LATENCY = "latency_ms"


@dataclass(frozen=True)
class StepState:
    """What a pipeline remembers of a step."""

    label: str
    seconds: float
    command: tuple[str, ...]
    result: Mapping[str, Any]


def read_run(folder: Path) -> RunFacts:
    """Reads what a run left.

    Args:
        folder: of a pipeline (its ``run-dir``), or of a search (``best.search``).

    Raises:
        DataError: if it is neither, or a file in it is damaged.
        CheckpointError: if a predictor in it is damaged.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a folder; expected that of a pipeline or of a search")
    is_search = (folder / STATE_FILE).is_file()
    searches = (
        [folder]
        if is_search
        else sorted(path for path in folder.glob(f"*{_SEARCH}") if (path / STATE_FILE).is_file())
    )
    steps = {} if is_search else read_steps(folder / "steps")
    if not searches and not steps:
        raise DataError(
            f"{folder}: is not the folder of a run: it holds no {STATE_FILE}, no *{_SEARCH} "
            "folder and no steps/*.json"
        )
    datasets = read_datasets(folder)
    predictors, notes = read_predictors(folder)
    found = []
    for path in searches:
        facts = _search(path, is_search, datasets, predictors)
        if not is_search:
            measured = _dataset_of(path, datasets)
            _add_largest(facts, path.with_name("largest.yml"), measured, predictors)
            _add_steps(facts, _variant(path), steps)
        found.append(facts)
    logs = searches[0] / "retrained" / "logs" if is_search else folder / "logs"
    compared = [f for d in datasets if (f := latency_facts(d, predictors)) is not None]
    run = RunFacts(
        name=folder.resolve().name,
        kind="search" if is_search else "pipeline",
        searches=found,
        latencies=compared,
        curves=read_curves(logs),
        seconds={step.label: step.seconds for step in steps.values()},
        versions=_versions(datasets, steps, found),
        commands={step.label: " ".join(_words(step.command)) for step in steps.values()},
    )
    if not is_search:
        for facts, path in zip(found, searches, strict=True):
            run.translated += _translated(folder, facts.name, _variant(path), steps)
    run.notes |= _notes(run, datasets, notes)
    return run


_DIGESTS = "digests.json"
"""What files held when a pipeline last looked: beside the steps, and none of them."""


def read_steps(folder: Path) -> dict[str, StepState]:
    """Reads the states of a pipeline's steps, by label.

    Raises:
        DataError: if one is damaged.
    """
    steps = {}
    for path in sorted(folder.glob("*.json")):
        if path.name == _DIGESTS:
            continue
        state = read_object(path, "the state of a pipeline's step")
        seconds, command, result = (state.get(key) for key in ("seconds", "command", "result"))
        right = isinstance(command, list) and all(isinstance(word, str) for word in command)
        if number(seconds) is None or not right or not isinstance(result, dict):
            raise DataError(f"{path}: is not the state of a pipeline's step")
        assert isinstance(command, list)
        steps[path.stem] = StepState(path.stem, float(seconds or 0), tuple(command), result)
    return steps


def step_of(steps: Mapping[str, StepState], name: str, variant: str) -> StepState | None:
    """Returns the step of a variant, such as ``_gpu_titanxp``.

    What does not depend on all of the variant has a shorter one, or none.
    """
    words = variant.split("_")
    for length in range(len(words), 0, -1):
        label = name + "_".join(words[:length])
        if label in steps:
            return steps[label]
    return None


def _variant(path: Path) -> str:
    name = path.name.removesuffix(_SEARCH)
    return f"_{name.partition('_')[2]}" if "_" in name else ""


def _search(
    path: Path,
    is_search: bool,
    datasets: list[Dataset],
    predictors: Mapping[str, LatencyPredictor],
) -> SearchFacts:
    winner = path.with_suffix(".yml")
    measured = _dataset_of(path, datasets)
    return read_search(
        path,
        name=path.resolve().name.removesuffix(_SEARCH),
        winner=winner if winner.is_file() and not is_search else None,
        network=measured.network if measured else None,
        predictors=predictors,
        device=measured.device if measured else None,
        workload=measured.workload if measured else None,
    )


def _dataset_of(path: Path, datasets: list[Dataset]) -> Dataset | None:
    """The latency dataset of a search: that of its variant, or the only one."""
    variant = _variant(path)
    for dataset in datasets:
        if dataset.path.stem == f"latency{variant}":
            return dataset
    return datasets[0] if len(datasets) == 1 else None


def _add_steps(facts: SearchFacts, variant: str, steps: Mapping[str, StepState]) -> None:
    """What a pipeline measured and scored of the winner and of the largest."""
    largest = next((p.id for p in facts.points.values() if "largest" in p.names), None)
    for name, key in (("best", facts.winner), ("largest", largest)):
        point = facts.points.get(key or "")
        if point is None:
            continue
        step = step_of(steps, f"measure-{name}", variant)
        mean = number(step.result.get("latency_ms")) if step else None
        if step is not None and mean is not None:
            stds = [number(step.result.get(f"{part}_std_ms")) for part in ("encoder", "decoder")]
            known = [std for std in stds if std is not None]
            std = sum(value**2 for value in known) ** 0.5 if len(known) == 2 else None
            point.alone = Measured(mean=mean, std=std)
        _add_in_turn(point, name, step_of(steps, "compare-latencies", variant))
        for weights in ("inherited", "retrained"):
            scored = step_of(steps, f"evaluate-{name}-{weights}", variant)
            bleu = number(scored.result.get("bleu")) if scored else None
            if scored is not None and bleu is not None:
                quality = Quality(mean=bleu, chrf=number(scored.result.get("chrf")))
                setattr(point, weights, quality)


def _add_in_turn(point: Point, name: str, step: StepState | None) -> None:
    """What ``hat latency compare`` measured after the search, all rows in turn."""
    rows = step.result.get("rows") if step else None
    for path, figures in rows.items() if isinstance(rows, dict) else ():
        if not Path(path).name.startswith(name) or not isinstance(figures, dict):
            continue
        mean, error = number(figures.get("latency_ms")), number(figures.get("error_ms"))
        if mean is not None:
            point.during_search = point.measured.get(_LATENCY)
            point.measured[_LATENCY] = Measured(mean=mean, bound=mean + (error or 0.0))
            point.in_turn = True


def _add_largest(
    facts: SearchFacts,
    path: Path,
    dataset: Dataset | None,
    predictors: Mapping[str, LatencyPredictor],
) -> None:
    """The largest SubTransformer, which the search need not have met."""
    if not path.is_file():
        return
    arch = read_arch(path)
    keys = arch_to_mapping(arch)
    point = next((p for p in facts.points.values() if p.arch == keys), None)
    if point is None:
        point = facts.points.setdefault("largest", Point(id="largest", arch=keys))
        add_predictions({arch: point}, facts.axes, facts.settings, predictors)
        if dataset is not None and dataset.network is not None:
            with contextlib.suppress(ConfigError):  # of another space: its size is not known
                point.params, point.bytes_fp32, point.bytes_int8 = sizes(dataset.network, arch)
    point.names.append("largest")


def _translated(
    folder: Path, search: str, variant: str, steps: Mapping[str, StepState]
) -> list[Any]:
    """Winner and largest side by side: retrained where both were, else with inherited weights."""
    for weights in ("retrained", "inherited"):
        logs = [
            _log(folder, step_of(steps, f"evaluate-{name}-{weights}", variant))
            for name in ("best", "largest")
        ]
        if logs[0] is not None and logs[1] is not None:
            return [compare_translations(search, weights, logs[0], logs[1])]
    return []


def _log(folder: Path, step: StepState | None) -> Path | None:
    """The translations that a step scored, by the last parts of their path: a run may be moved."""
    named = [word for word in step.command if word.endswith("_gen.out")] if step else []
    return inside(folder, *Path(named[0]).parts[-3:]) if named else None


def _words(command: tuple[str, ...]) -> list[str]:
    """A command without the path of its interpreter."""
    return (
        ["python", *command[1:]]
        if command and "python" in Path(command[0]).name
        else (list(command))
    )


def _versions(
    datasets: list[Dataset], steps: Mapping[str, StepState], searches: list[SearchFacts]
) -> dict[str, str]:
    """Versions and machine, as the files say."""
    found: dict[str, str] = {}
    for search in searches:
        if "hat" in search.settings:
            found["hat"] = str(search.settings["hat"])
    for dataset in datasets:
        device = dataset.facts.get("device")
        for key, value in device.items() if isinstance(device, dict) else ():
            if key in _MACHINE:
                found[_MACHINE[key]] = str(value)
    for step in steps.values():
        signature = str(step.result.get("signature", ""))
        if "version:" in signature and "tok:" in signature:
            found["sacreBLEU"] = signature.partition("version:")[2].partition("|")[0]
    return found


_MACHINE = {
    "name": "processor",
    "system": "system",
    "usable_cpus": "processors in use",
    "num_threads": "threads",
    "memory_total_mib": "memory, MiB",
    "python": "Python",
    "torch": "PyTorch",
}


def _notes(run: RunFacts, datasets: list[Dataset], more: list[str]) -> dict[str, str]:
    """A sentence for each section that this run has nothing for."""
    notes = {}
    if not run.searches:
        notes["search"] = "The search of this run has not begun, so there is no front yet."
    if not run.latencies:
        notes["latency"] = " ".join(
            more
            or [
                "No predictor learned from the latency dataset yet."
                if datasets
                else "This run holds no latency dataset, so predictions cannot be compared with "
                "measurements."
            ]
        )
    if not run.curves:
        notes["curves"] = "This run holds no log of a training, so there are no curves."
    if not run.seconds:
        notes["time"] = "Only a pipeline notes how long its steps take."
    if not run.translated:
        notes["translations"] = (
            "There are no translations by both the winner and the largest SubTransformer."
        )
    return notes
