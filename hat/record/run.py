"""A run's folder as facts: that of a pipeline, or that of one search."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from hat.arch.hat_yaml import arch_to_mapping
from hat.conditions import OWN_DIGEST, own_digest
from hat.errors import ConfigError, DataError
from hat.files import real_path
from hat.json_reader import read_object
from hat.latency.predictor import LatencyPredictor
from hat.record.belonging import Held, held, note
from hat.record.facts import Measured, Point, Quality, RunFacts, SearchFacts, Translated
from hat.record.files import number
from hat.record.index import Scored, read_index
from hat.record.latency import Dataset, latency_facts, read_dataset, read_predictors
from hat.record.left import read_arch
from hat.record.search import add_predictions, read_search
from hat.record.sizes import sizes
from hat.record.training import read_curves
from hat.record.translations import compare_translations
from hat.search.loop import STATE_FILE
from hat.step_results import check_result
from hat.text.zero_bleu import NEXT_TO_NOTHING

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
    if (folder / STATE_FILE).is_file():
        return _search_alone(folder)
    index, steps = read_index(folder), read_steps(folder / "steps")
    datasets = {name: read_dataset(path) for name, path in index.datasets.items()}
    predictors, notes = read_predictors(index.predictors)
    found, translated = [], []
    for each in index.searches:
        measured = datasets.get(each.dataset)
        facts = _search(each.folder, each.name, each.best.yml, measured, predictors)
        _add_largest(facts, each.largest.yml, measured, predictors)
        best, largest = held(each.best), held(each.largest)
        _add_steps(facts, each.compared, (best, largest), steps)
        translated.append(_translated(each.name, (best, largest), steps))
        found.append(facts)
    kept = list(datasets.values())
    name = real_path(folder).name
    run = RunFacts(
        # A folder such as runs does not say what ran.
        name=name if index.task in name else f"{index.task}: {name}",
        kind="pipeline",
        searches=found,
        latencies=[f for d in kept if (f := latency_facts(d, predictors)) is not None],
        curves=read_curves(folder, index.trainings),
        seconds={step.label: step.seconds for step in steps.values()},
        versions=_versions(kept, steps, found),
        commands={step.label: " ".join(_words(step.command)) for step in steps.values()},
        translated=[each for each in translated if each is not None],
    )
    run.notes |= _notes(run, kept, notes)
    return run


def _search_alone(folder: Path) -> RunFacts:
    logs = "retrained/logs"
    titles = {path.stem: path.stem for path in sorted((folder / logs).glob("train.*.log"))}
    name = real_path(folder).name.removesuffix(".search")
    run = RunFacts(
        name=real_path(folder).name,
        kind="search",
        searches=[_search(folder, name, None, None, {})],
        curves=read_curves(folder, titles, logs),
    )
    run.versions = _versions([], {}, run.searches)
    run.notes |= _notes(run, [], [])
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
        is_time = (found := number(seconds)) is not None and found >= 0
        if not is_time or not right or not isinstance(result, dict):
            raise DataError(f"{path}: is not the state of a pipeline's step")
        check_result(path.stem, result, f"{path}: its result")
        if state.get(OWN_DIGEST) not in (None, own_digest(state)):  # older versions wrote none
            raise DataError(
                f"{path}: was changed after hat had written it: hat pipeline does its step again"
            )
        assert isinstance(command, list)
        steps[path.stem] = StepState(path.stem, float(seconds or 0), tuple(command), result)
    return steps


def _search(
    path: Path,
    name: str,
    winner: Path | None,
    measured: Dataset | None,
    predictors: Mapping[str, LatencyPredictor],
) -> SearchFacts:
    return read_search(
        path,
        name=name,
        winner=winner,
        network=measured.network if measured else None,
        predictors=predictors,
        device=measured.device if measured else None,
        workload=measured.workload if measured else None,
    )


def _add_steps(
    facts: SearchFacts, compared: str, found: tuple[Held, Held], steps: Mapping[str, StepState]
) -> None:
    """What a pipeline measured and scored of the winner and of the largest."""
    largest = next((p.id for p in facts.points.values() if "largest" in p.names), None)
    for which, key in zip(found, (facts.winner, largest), strict=True):
        point, yml = facts.points.get(key or ""), which.candidate.yml
        if point is None or yml is None:
            continue
        is_other = _add_in_turn(point, yml.name, which, steps.get(compared))
        point.inherited = _quality(which.candidate.inherited, steps)
        point.retrained = _quality(which.candidate.retrained, steps)
        if is_other or which.is_other:
            facts.notes.append(note(yml))


def _quality(scored: Sequence[Scored], steps: Mapping[str, StepState]) -> Quality | None:
    """The mean of all trainings that were scored."""
    results = [steps[each.step].result for each in scored if each.step in steps]
    bleu = [value for r in results if (value := number(r.get("bleu"))) is not None]
    chrf = [value for r in results if (value := number(r.get("chrf"))) is not None]
    if not bleu:
        return None
    return Quality(
        mean=fmean(bleu),
        std=stdev(bleu) if len(bleu) > 1 else None,
        trainings=len(bleu),
        chrf=fmean(chrf) if chrf else None,
        doubts=[
            *(
                f"BLEU {value:.2f} is next to nothing; logs/{each.step}.log says why"
                for each in scored
                if each.step in steps
                and (value := number(steps[each.step].result.get("bleu"))) is not None
                and value < NEXT_TO_NOTHING
            ),
            *(warning for each in scored if (warning := _average_warning(each.step, steps))),
        ],
    )


def _average_warning(scored: str, steps: Mapping[str, StepState]) -> str | None:
    """What was said as checkpoints were averaged, if their average is what a step has scored."""
    label = scored.replace("evaluate-", "average-", 1).replace("-retrained", "", 1)
    average = steps.get(label.replace("-best", "-subtransformer", 1))
    step = steps.get(scored.replace("evaluate-", "translate-", 1))
    if average is None or step is None or average.result.get("checkpoint") not in step.command:
        return None  # an earlier run's, with another setting
    return average.result.get("warning")


def _add_in_turn(point: Point, name: str, which: Held, step: StepState | None) -> bool:
    """What ``hat latency compare`` measured after the search, all rows in turn.

    Returns:
        Whether figures of another SubTransformer were left out.
    """
    is_other = False
    rows = step.result.get("rows") if step else None
    for path, figures in rows.items() if isinstance(rows, dict) else ():
        if Path(path).name != name or not isinstance(figures, dict):
            continue
        if not which.measured(figures):
            is_other = True
            continue
        mean, error = number(figures.get("latency_ms")), number(figures.get("error_ms"))
        if mean is not None:
            point.during_search = point.measured.get(_LATENCY)
            slower = (number(figures.get("slower_percent")) or 0.0) / 100
            bound = mean + (error or 0.0)
            point.measured[_LATENCY] = Measured(mean=mean, bound=bound, slower=slower)
            point.in_turn = True
    return is_other


def _add_largest(
    facts: SearchFacts,
    path: Path | None,
    dataset: Dataset | None,
    predictors: Mapping[str, LatencyPredictor],
) -> None:
    """The largest SubTransformer, which the search need not have met."""
    if path is None:
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
    name: str, found: tuple[Held, Held], steps: Mapping[str, StepState]
) -> Translated | None:
    """Winner and largest side by side: retrained where both were, else with inherited weights."""
    for weights in ("retrained", "inherited"):
        logs = [_log(getattr(which.candidate, weights), steps) for which in found]
        if logs[0] is not None and logs[1] is not None:
            return compare_translations(name, weights, logs[0], logs[1])
    return None


def _log(scored: Sequence[Scored], steps: Mapping[str, StepState]) -> Path | None:
    """The translations of the first training, once they are scored."""
    return scored[0].translations if scored and scored[0].step in steps else None


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
