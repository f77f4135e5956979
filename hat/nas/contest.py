"""Whether a search got further than simpler choices: random search and the largest that fits.

All by the score that the search went by. What a winner is worth only its training can say.

Used at the end of a search for its report; knows nothing of Transformers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from hat.nas.problem import Problem
from hat.progress import Progress
from hat.report.verdict import Judged, Runs, Verdict, compare
from hat.search.base import A, Objective, SearchResult, Trial
from hat.search.baselines import largest_that_fits, random_baseline
from hat.search.cached import CachedObjective
from hat.search.constraints import Constraints
from hat.search.pareto import hypervolumes


@dataclass(frozen=True, kw_only=True)
class Contest(Generic[A]):
    """The scores that every side reached, and what they say."""

    ours: Runs
    baselines: Mapping[str, Runs]
    verdicts: Sequence[Verdict]
    trials: Mapping[str, Trial[A]]
    """The median architecture of each baseline over the seeds, for the front."""

    runs: Mapping[str, Sequence[SearchResult[A]]]
    """The searches that were run, a result per seed."""


@dataclass(frozen=True, kw_only=True)
class Rivals(Generic[A]):
    """Whom a search competes with, and how often."""

    seeds: Sequence[int]
    """Of the runs, the same for every side; the first is the search's own. None: no contest."""

    sizes: Mapping[str, Callable[[Sequence[A]], NDArray[np.float64]]] = field(default_factory=dict)
    """For each "largest that fits": what is large, such as parameters or decoder depth."""

    margin: float = 0.0
    """Differences of the score that are smaller do not matter."""

    folder: Path | None = None
    """Where the searches keep their states; without it an interrupted contest starts again."""


def hold_contest(
    problem: Problem[A],
    rivals: Rivals[A],
    objective: Objective[A],
    *,
    name: str,
    done: Mapping[int, SearchResult[A]] | None = None,
) -> Contest[A]:
    """Runs every side with every seed at equal cost, scoring no architecture twice.

    Random search may score as many candidates as the search did; the largest architecture that
    fits is found without scoring and then scored once, which is all it costs.

    Args:
        problem: what all sides share.
        rivals: whom the search competes with.
        objective: the first objective of the search.
        name: what the search is called in the report.
        done: results that are there already, by seed; their scores are used again.

    Raises:
        SearchError: if no candidate meets the constraints.
    """
    cached: CachedObjective[A] = CachedObjective(objective)
    results: dict[int, SearchResult[A]] = dict(done or {})
    for result in results.values():
        cached.remember(result)
    signature = next((result.signature for result in results.values()), "")
    still = sum(seed not in results for seed in rivals.seeds)
    progress = Progress(still + len(rivals.seeds), "runs of the contest")
    for seed in rivals.seeds:
        if seed not in results:
            problem.say(f"contest: {name} with seed {seed}")
            results[seed] = _search(problem, rivals, cached, seed, signature)
            cached.remember(results[seed])
            progress.advance()
    mine = [results[seed] for seed in rivals.seeds]
    num_evaluations = max(result.num_evaluated for result in mine)
    ours = Runs(
        name=name,
        scores=tuple(result.score(result.best()) for result in mine),
        num_evaluations=num_evaluations,
    )
    found = []
    for seed in rivals.seeds:
        problem.say(f"contest: random search with seed {seed}")
        chance = random_baseline(
            problem.operators,
            problem.constraints,
            problem.race or cached,
            codec=problem.codec,
            num_evaluations=num_evaluations,
            rng=np.random.default_rng((seed, 1)),
            folder=_folder(rivals, f"random_{seed}"),
            signature=f"random:{seed}|{signature}",
            conditions={**problem.conditions, "contest": f"random search with seed {seed}"},
        )
        cached.remember(chance)
        found.append(chance)
        progress.advance()
    winners = {"random search": [each.best().arch for each in found]}
    for label, size in rivals.sizes.items():
        winners[f"largest by {label}"] = [
            largest_that_fits(
                problem.operators,
                problem.constraints,
                size,
                codec=problem.codec,
                rng=np.random.default_rng((seed, 2)),
            )
            for seed in rivals.seeds
        ]
    judged = Judged(
        name=cached.name,
        higher_is_better=cached.higher_is_better,
        trained=False,
        margin=rivals.margin,
    )
    baselines, verdicts, trials = {}, [], {}
    for label, archs in winners.items():
        scores = cached.score(archs)
        price = num_evaluations if label == "random search" else 1
        runs = Runs(name=label, scores=tuple(scores.tolist()), num_evaluations=price)
        baselines[label] = runs
        verdicts.append(compare(ours, runs, judged))
        middle = archs[int(np.argsort(scores)[len(scores) // 2])]
        trials[label] = _trial(middle, problem.constraints, cached)
    if problem.more_objectives:
        verdicts.append(_fronts(problem, mine, found, name))
    searches = {name: mine, "random search": found}
    return Contest(ours=ours, baselines=baselines, verdicts=verdicts, trials=trials, runs=searches)


def _fronts(
    problem: Problem[A],
    ours: Sequence[SearchResult[A]],
    chance: Sequence[SearchResult[A]],
    name: str,
) -> Verdict:
    """Compares the fronts of a search of several objectives with those of random search."""

    def points(result: SearchResult[A]) -> NDArray[np.float64]:
        archs = [trial.arch for trial in result.trials]
        columns = [np.array([trial.objectives[0] for trial in result.trials])]
        for objective in problem.more_objectives:
            values = objective.score(archs)
            columns.append(-values if objective.higher_is_better else values)
        return np.stack(columns, axis=1)

    volumes = hypervolumes([points(result) for result in (*ours, *chance)])
    mine = Runs(name=f"the front of {name}", scores=tuple(volumes[: len(ours)]))
    theirs = Runs(name="that of random search", scores=tuple(volumes[len(ours) :]))
    return compare(mine, theirs, Judged(name="hypervolume", higher_is_better=True, trained=False))


def _search(
    problem: Problem[A], rivals: Rivals[A], objective: Objective[A], seed: int, signature: str
) -> SearchResult[A]:
    search = replace(problem, objective=objective).search(
        np.random.default_rng(seed),
        folder=_folder(rivals, f"search_{seed}"),
        signature=f"contest:{seed}|{signature}",
        conditions={"contest": f"search with seed {seed}"},
        with_costs=False,
    )
    return search.run(problem.num_rounds)


def _folder(rivals: Rivals[A], name: str) -> Path | None:
    return None if rivals.folder is None else rivals.folder / name


def _trial(arch: A, constraints: Constraints[A], objective: Objective[A]) -> Trial[A]:
    score = float(objective.score([arch])[0])
    value = -score if objective.higher_is_better else score
    costs = {name: float(values[0]) for name, values in constraints.costs([arch]).items()}
    return Trial(arch, (value,), 0, costs)
