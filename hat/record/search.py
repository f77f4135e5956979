"""One search as its folder tells it: candidates, finalists, baselines, contest, agreement."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping
from hat.errors import ConfigError, DataError
from hat.fields import Fields
from hat.json_reader import parse_object, read_object, read_objects
from hat.latency.predictor import LatencyPredictor
from hat.models.config import SuperTransformerConfig
from hat.record import words
from hat.record.budget import budget_steps, front_of
from hat.record.facts import COUNTS, CostAxis, Measured, Point, Quality, SearchFacts
from hat.record.files import number, numbers, read_rows
from hat.record.left import (
    arch_of,
    plain_rows,
    ranking_truth,
    read_arch,
    report_signature,
    search_facts,
)
from hat.record.sizes import network_from, sizes
from hat.search.loop import FACTS_FILE, STATE_FILE, STATE_FORMAT, TRIALS_FILE
from hat.text.zero_bleu import NEXT_TO_NOTHING
from hat.versioned import check_version

_MOST_POINTS = 1500
_MOST_STEPS = 200
"""Steps of a curve of convergence that are kept: more cannot be told apart."""

_LIMIT = "limit "
_PREDICTOR = "content of ckpt-path"
_CONTEST = re.compile(r"(search|random)_\d+")


@dataclass
class _Reading:
    """A search while it is put together."""

    folder: Path
    name: str
    objective: str
    higher_is_better: bool
    conditions: Mapping[str, Any]
    facts: Mapping[str, Any]
    points: dict[SubTransformerConfig, Point] = field(default_factory=dict)

    def point(self, arch: SubTransformerConfig, id_: str) -> Point:
        """The point of an architecture, made if it is not there yet."""
        return self.points.setdefault(arch, Point(id=id_, arch=arch_to_mapping(arch)))


def read_search(
    folder: Path,
    *,
    name: str,
    winner: Path | None,
    network: SuperTransformerConfig | None,
    predictors: Mapping[str, LatencyPredictor],
    device: str | None,
    workload: Mapping[str, Any] | None,
) -> SearchFacts:
    """Reads the folder of a search.

    Args:
        folder: with ``search_state.json`` and ``trials.jsonl``.
        name: what the search is called.
        winner: its YAML file, if it is there.
        network: of which sizes are counted, unless the search itself tells.
        predictors: by the digest of their files.
        device: that the run measured, unless the search itself tells.
        workload: likewise.

    Raises:
        DataError: if a file is damaged.
    """
    state = read_object(folder / STATE_FILE, "the state of a search")
    check_version(state.get("format"), STATE_FORMAT, folder / STATE_FILE, DataError)
    conditions, count = state.get("conditions"), state.get("trials")
    seconds = number(state.get("elapsed_s"))
    is_time = seconds is not None and seconds >= 0
    if not isinstance(conditions, dict) or not isinstance(count, int) or count < 0 or not is_time:
        raise DataError(f"{folder / STATE_FILE}: is not the state of a search")
    trials = read_objects(folder / TRIALS_FILE, "a candidate of a search", count=count)
    facts = search_facts(folder / FACTS_FILE)
    if "network" in facts:
        network = network_from(facts["network"], str(folder / FACTS_FILE))
    objective = _objective(trials, conditions, folder)
    read = _Reading(
        folder=folder,
        name=name,
        objective=objective,
        higher_is_better=_direction(facts, objective),
        conditions=conditions,
        facts=facts,
    )
    _add_trials(read, trials)
    costs = list(dict.fromkeys(cost for p in read.points.values() for cost in p.bound))
    _add_named(read, folder / "report", costs)
    _add_retrained(read)
    winners = [p for p in read.points.values() if "finalist 1" in p.names]
    if winner is not None:
        arch = read_arch(winner)
        winners = [read.point(arch, "winner")]
    for point in winners[:1]:
        point.names = ["winner", *(n for n in point.names if n not in ("winner", "finalist 1"))]
    kept, num_left_out = _fewer(read)
    axes = _axes(read, costs, device, workload)
    add_predictions(kept, axes, conditions, predictors)
    has_sizes = network is not None and _add_sizes(kept, network)
    limited = {axis.title for axis in axes}
    axes += [
        CostAxis(name=n, title=t, unit="bytes" if "bytes" in n else "")
        for n, t in COUNTS.items()
        if has_sizes and t not in limited
    ]
    points = {point.id: point for point in kept.values()}
    for axis in axes:
        axis.front = front_of(
            list(points.values()), axis.name, higher_is_better=read.higher_is_better
        )
    notes = []
    if not has_sizes:
        notes.append("The sizes of its network are not known, so parameters and bytes are missing.")
    if not any(point.measured for point in kept.values()):
        notes.append("The search itself measured no finalist.")
    steps = budget_steps(axes[0], points, higher_is_better=read.higher_is_better)[0] if axes else []
    return SearchFacts(
        name=name,
        title=_title(axes),
        objective=objective,
        objective_title=words.score_words(objective),
        higher_is_better=read.higher_is_better,
        axes=axes,
        points=points,
        winner=winners[0].id if winners else None,
        num_candidates=len(trials),
        num_unscored=sum(_score(trial, objective) is None for trial in trials),
        num_rounds=len({number(trial.get("round")) for trial in trials}),
        num_left_out=num_left_out,
        seconds=seconds,
        steps=steps,
        convergence=_convergence(read, trials),
        ranking_truth=ranking_truth(folder / "report"),
        ranking=plain_rows(folder / "report" / "rank_correlations.csv"),
        contest=plain_rows(folder / "report" / "contest.csv"),
        settings=dict(conditions),
        signature=report_signature(folder / "report"),
        notes=notes,
    )


def _objective(trials: Sequence[Mapping[str, Any]], conditions: Any, folder: Path) -> str:
    for trial in trials:
        scores = trial.get("scores")
        if not isinstance(scores, dict) or not scores:
            raise DataError(f"{folder / 'trials.jsonl'}: a candidate has no scores")
        return str(next(iter(scores)))
    return str(conditions.get("scorer", "score"))


def _direction(facts: Mapping[str, Any], objective: str) -> bool:
    known = facts.get("higher_is_better")
    if isinstance(known, dict) and isinstance(known.get(objective), bool):
        return bool(known[objective])
    return not objective.endswith("loss")  # folders of before facts.json


def _score(trial: Mapping[str, Any], objective: str) -> float | None:
    scores = trial.get("scores")
    return number(scores.get(objective)) if isinstance(scores, dict) else None


def _add_trials(read: _Reading, trials: Sequence[Mapping[str, Any]]) -> None:
    path = read.folder / TRIALS_FILE
    for place, trial in enumerate(trials, start=1):
        where = f"{path}:{place}"
        point = read.point(arch_of(trial.get("arch"), where), f"c{place}")
        score, share = _score(trial, read.objective), number(trial.get("share", 1.0)) or 0.0
        if score is not None and (point.score is None or share > point.share):
            point.score, point.share = score, share
        if point.round is None and trial.get("round") is not None:
            point.round = Fields(trial, where).whole("round")
        point.bound |= numbers(trial.get("costs", {}), where, "costs")


def _add_named(read: _Reading, report: Path, costs: Sequence[str]) -> None:
    """Finalists and baselines, from the tables of the search's report."""
    by_figures = {
        _figures(p.score, p.bound.get(cost)): p for p in read.points.values() for cost in costs
    }
    for place, row in enumerate(read_rows(report / "finalists.csv"), start=1):
        score = number(row.get(read.objective))
        bounds = {cost: number(row.get(f"{cost} predicted")) for cost in costs}
        if row.get("config"):
            where = f"{report / 'finalists.csv'}:{place + 1}"
            point = read.point(
                arch_of(parse_object(row["config"], where, "an architecture"), where), f"f{place}"
            )
        else:  # folders of before the table had the architecture
            keys = [_figures(score, bound) for bound in bounds.values()]
            known = [by_figures[key] for key in keys if key in by_figures]
            if not known:
                continue
            point = known[0]
        point.names.append(f"finalist {place}")
        point.score = score if score is not None else point.score
        point.share = 1.0
        point.bound |= {cost: value for cost, value in bounds.items() if value is not None}
        point.fits = {"yes": True, "no": False}.get(row.get("fits", ""))
        for cost in costs:
            mean = number(row.get(f"{cost} measured"))
            if mean is not None:
                point.measured[cost] = Measured(mean=mean, bound=number(row.get(f"{cost} at most")))
    for place, row in enumerate(read_rows(report / "baselines.csv"), start=1):
        name = row.get("architecture", "")
        if name == "winner":
            continue
        where = f"{report / 'baselines.csv'}:{place + 1}"
        config = parse_object(row.get("config", ""), where, "an architecture")
        point = read.point(arch_of(config, where), f"b{place}")
        point.names.append(name)
        score = number(row.get(read.objective))
        point.score = score if score is not None else point.score
        point.share = 1.0
        found = {cost: number(row.get(cost)) for cost in costs}
        point.bound |= {cost: value for cost, value in found.items() if value is not None}


def _figures(score: float | None, bound: float | None) -> tuple[str, str]:
    """Score and cost to nine digits: a table and a line of JSON may differ in the last one."""
    return f"{score or 0.0:.9g}", f"{bound or 0.0:.9g}"


def _add_retrained(read: _Reading) -> None:
    """BLEU of what the search itself trained from scratch."""
    path = read.folder / "report" / "retrained.csv"
    for place, row in enumerate(read_rows(path), start=1):
        home = Path(row.get("folder", "")).name
        yml = read.folder / "retrained" / home / "arch.yml"
        bleu = number(row.get("BLEU"))
        if not home or not yml.is_file() or bleu is None:
            continue
        point = read.point(read_arch(yml), f"r{place}")
        point.retrained = Quality(
            mean=bleu,
            std=number(row.get("BLEU std")),
            trainings=int(number(row.get("trainings")) or 1),
            chrf=number(row.get("chrF")),
            doubts=[f"BLEU {bleu:.2f} is next to nothing"] if bleu < NEXT_TO_NOTHING else [],
        )


def _fewer(read: _Reading) -> tuple[dict[SubTransformerConfig, Point], int]:
    """All points, or as many as a page can hold: named ones, the front, and evenly many others."""
    points = read.points
    if len(points) <= _MOST_POINTS:
        return points, 0
    costs = dict.fromkeys(cost for p in points.values() for cost in p.bound)
    needed = {
        id_
        for cost in costs
        for id_ in front_of(list(points.values()), cost, higher_is_better=read.higher_is_better)
    }
    others = [a for a, p in points.items() if not p.names and p.id not in needed]
    room = max(_MOST_POINTS - (len(points) - len(others)), 0)
    step = len(others) / max(room, 1)
    kept = {others[int(place * step)] for place in range(room)}
    dropped = {arch for arch in others if arch not in kept}
    return {arch: p for arch, p in points.items() if arch not in dropped}, len(dropped)


def _axes(
    read: _Reading,
    costs: Sequence[str],
    device: str | None,
    workload: Mapping[str, Any] | None,
) -> list[CostAxis]:
    limits = read.facts.get("limits")
    axes = []
    for cost in costs:
        told = limits.get(cost) if isinstance(limits, dict) else None
        told = told if isinstance(told, dict) else {}
        # What the run's dataset says is of the only device, or of nobody knows which.
        only = cost == "latency_ms"
        on = told.get("device") or (device if only else None)
        work = told.get("workload") or (workload if only else None)
        on = str(on) if on else None
        work = dict(work) if isinstance(work, Mapping) else None
        is_latency = cost.startswith("latency_ms")
        title, unit = words.cost_words(cost, on if is_latency else None, work)
        axes.append(
            CostAxis(
                name=cost,
                title=title,
                unit=unit,
                limit=number(read.conditions.get(f"{_LIMIT}{cost}")),
                device=on if is_latency else None,
                workload=work if is_latency else None,
            )
        )
    return axes


def add_predictions(
    points: Mapping[SubTransformerConfig, Point],
    axes: Sequence[CostAxis],
    settings: Mapping[str, Any],
    predictors: Mapping[str, LatencyPredictor],
) -> None:
    """Adds expected latencies: what a search noted of each candidate is an upper bound."""
    for axis in axes:
        kind, _, where = axis.name.partition("@")
        key = f"{_PREDICTOR}@{where}" if where else _PREDICTOR
        predictor = predictors.get(str(settings.get(key)))
        if kind != "latency_ms" or predictor is None or not points:
            continue
        values = predictor.predict_ms(list(points))
        has_interval = len(predictor.residuals) > 0
        low, high = predictor.relative_interval(0.9) if has_interval else (0.0, 0.0)
        for point, value in zip(points.values(), values.tolist(), strict=True):
            point.predicted[axis.name] = value
            if has_interval:
                point.interval[axis.name] = (value * (1 + low), value * (1 + high))


def _add_sizes(
    points: Mapping[SubTransformerConfig, Point], network: SuperTransformerConfig
) -> bool:
    """Counts parameters and bytes; False where the architectures are not of this network."""
    try:
        for arch, point in points.items():
            point.params, point.bytes_fp32, point.bytes_int8 = sizes(network, arch)
    except ConfigError:
        return False
    return True


def _title(axes: Sequence[CostAxis]) -> str:
    limited = [axis for axis in axes if axis.limit is not None]
    if not limited:
        return "Search without a limit"
    parts = [
        f"{words.limit_words(axis.limit, axis.unit)} {_where(axis)}".strip() for axis in limited
    ]
    return f"Search under {' and '.join(parts)}"


def _where(axis: CostAxis) -> str:
    if axis.unit == "ms":
        return axis.title.removeprefix("latency ")
    return "" if axis.unit == "bytes" else axis.title


def _convergence(
    read: _Reading, trials: Sequence[Mapping[str, Any]]
) -> dict[str, list[list[tuple[int, float]]]]:
    """The best score so far, of this search and of those that competed with it."""
    curves = {"this search": [_curve(read, trials)]}
    contest = read.folder / "contest"
    for folder in sorted(contest.iterdir()) if contest.is_dir() else []:
        match = _CONTEST.fullmatch(folder.name)
        if match is None or not (folder / TRIALS_FILE).is_file():
            continue
        rows = read_objects(folder / TRIALS_FILE, "a candidate of a search")
        name = "this search" if match[1] == "search" else "random search"
        curves.setdefault(name, []).append(_curve(read, rows))
    return {name: [curve for curve in found if curve] for name, found in curves.items()}


def _curve(read: _Reading, trials: Sequence[Mapping[str, Any]]) -> list[tuple[int, float]]:
    sign = -1.0 if read.higher_is_better else 1.0
    best, curve = float("inf"), []
    for place, trial in enumerate(trials, start=1):
        score = _score(trial, read.objective)
        share = number(trial.get("share", 1.0))
        if score is not None and share == 1.0 and sign * score < best:
            best = sign * score
            curve.append((place, score))
    if curve and curve[-1][0] != len(trials):
        curve.append((len(trials), curve[-1][1]))
    if len(curve) > _MOST_STEPS:
        step = len(curve) / _MOST_STEPS
        curve = [*(curve[int(i * step)] for i in range(_MOST_STEPS)), curve[-1]]
    return curve
