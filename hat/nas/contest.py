"""The same money spent otherwise: a search against random search and the largest that fits.

Used at the end of a search for its report; knows nothing of Transformers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from hat.report.verdict import Runs, Verdict, compare
from hat.search.base import A, Codec, Objective, Operators, SearchAlgorithm, SearchResult, Trial
from hat.search.baselines import largest_that_fits, random_baseline
from hat.search.cached import CachedObjective
from hat.search.constraints import Constraints
from hat.search.loop import Search
from hat.search.pareto import hypervolumes


@dataclass(frozen=True, kw_only=True)
class Contest(Generic[A]):
    """Who reached what."""

    ours: Runs
    baselines: Mapping[str, Runs]
    verdicts: Sequence[Verdict]
    trials: Mapping[str, Trial[A]]
    """The median architecture of each baseline over the seeds, for the front."""

    runs: Mapping[str, Sequence[SearchResult[A]]]
    """The searches that were run, a result per seed."""


@dataclass(frozen=True, kw_only=True)
class ContestRules(Generic[A]):
    """What all sides share."""

    operators: Operators[A]
    codec: Codec[A]
    constraints: Constraints[A]
    build: Callable[[np.random.Generator], SearchAlgorithm[A]]
    """Makes the algorithm under test, with the constraints."""

    race: Objective[A] | None = None
    """Takes the place of the objective in searches: cheaper, and exact for the best."""

    more_objectives: Sequence[Objective[A]] = ()
    """What the algorithm under test optimises besides the objective of the contest."""

    num_rounds: int
    sizes: Mapping[str, Callable[[Sequence[A]], NDArray[np.float64]]]
    """For each "largest that fits": what is large, such as parameters or decoder depth."""

    seeds: Sequence[int]
    """Of the runs; the same for every side."""

    folder: Path | None = None
    """Where the searches keep their states; without it an interrupted contest starts again."""

    conditions: Mapping[str, Any] = field(default_factory=dict)
    """What the outcome of the search depends on; each search of the contest adds what it is."""

    say: Callable[[str], None] = print
    """Takes lines of progress."""


def hold_contest(
    rules: ContestRules[A],
    objective: Objective[A],
    *,
    name: str,
    done: Mapping[int, SearchResult[A]] | None = None,
) -> Contest[A]:
    """Runs every side with every seed at equal cost, scoring no architecture twice.

    Random search may score as many candidates as the search did; the largest architecture that
    fits is found without scoring and then scored once, which is all it costs.

    Args:
        rules: what all sides share.
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
    for seed in rules.seeds:
        if seed not in results:
            rules.say(f"contest: {name} with seed {seed}")
            results[seed] = _search(rules, cached, seed, signature)
            cached.remember(results[seed])
    mine = [results[seed] for seed in rules.seeds]
    num_evaluations = max(result.num_evaluated for result in mine)
    ours = Runs(
        name=name,
        scores=tuple(result.score(result.best()) for result in mine),
        num_evaluations=num_evaluations,
    )
    found = []
    for seed in rules.seeds:
        rules.say(f"contest: random search with seed {seed}")
        chance = random_baseline(
            rules.operators,
            rules.constraints,
            rules.race or cached,
            codec=rules.codec,
            num_evaluations=num_evaluations,
            rng=np.random.default_rng((seed, 1)),
            folder=_folder(rules, f"random_{seed}"),
            signature=f"random:{seed}|{signature}",
            conditions={**rules.conditions, "contest": f"random search with seed {seed}"},
        )
        cached.remember(chance)
        found.append(chance)
    winners = {"random search": [each.best().arch for each in found]}
    for label, size in rules.sizes.items():
        winners[f"largest by {label}"] = [
            largest_that_fits(
                rules.operators,
                rules.constraints,
                size,
                codec=rules.codec,
                rng=np.random.default_rng((seed, 2)),
            )
            for seed in rules.seeds
        ]
    rng = np.random.default_rng(rules.seeds[0])
    baselines, verdicts, trials = {}, [], {}
    for label, archs in winners.items():
        scores = cached.score(archs)
        price = num_evaluations if label == "random search" else 1
        runs = Runs(name=label, scores=tuple(scores.tolist()), num_evaluations=price)
        baselines[label] = runs
        verdicts.append(
            compare(
                ours,
                runs,
                score_name=cached.name,
                higher_is_better=cached.higher_is_better,
                rng=rng,
            )
        )
        middle = archs[int(np.argsort(scores)[len(scores) // 2])]
        trials[label] = _trial(middle, rules.constraints, cached)
    if rules.more_objectives:
        verdicts.append(_fronts(rules, mine, found, name, rng))
    searches = {name: mine, "random search": found}
    return Contest(ours=ours, baselines=baselines, verdicts=verdicts, trials=trials, runs=searches)


def _fronts(
    rules: ContestRules[A],
    ours: Sequence[SearchResult[A]],
    chance: Sequence[SearchResult[A]],
    name: str,
    rng: np.random.Generator,
) -> Verdict:
    """Compares the fronts of a search of several objectives with those of random search."""

    def points(result: SearchResult[A]) -> NDArray[np.float64]:
        archs = [trial.arch for trial in result.trials]
        columns = [np.array([trial.objectives[0] for trial in result.trials])]
        for objective in rules.more_objectives:
            values = objective.score(archs)
            columns.append(-values if objective.higher_is_better else values)
        return np.stack(columns, axis=1)

    volumes = hypervolumes([points(result) for result in (*ours, *chance)])
    mine = Runs(name=f"the front of {name}", scores=tuple(volumes[: len(ours)]))
    theirs = Runs(name="that of random search", scores=tuple(volumes[len(ours) :]))
    return compare(mine, theirs, score_name="hypervolume", higher_is_better=True, rng=rng)


def _search(
    rules: ContestRules[A], objective: Objective[A], seed: int, signature: str
) -> SearchResult[A]:
    search = Search(
        rules.build(np.random.default_rng(seed)),
        [rules.race or objective, *rules.more_objectives],
        codec=rules.codec,
        folder=_folder(rules, f"search_{seed}"),
        signature=f"contest:{seed}|{signature}",
        conditions={**rules.conditions, "contest": f"search with seed {seed}"},
    )
    return search.run(rules.num_rounds)


def _folder(rules: ContestRules[A], name: str) -> Path | None:
    return None if rules.folder is None else rules.folder / name


def _trial(arch: A, constraints: Constraints[A], objective: Objective[A]) -> Trial[A]:
    score = float(objective.score([arch])[0])
    value = -score if objective.higher_is_better else score
    costs = {name: float(values[0]) for name, values in constraints.costs([arch]).items()}
    return Trial(arch, (value,), 0, costs)
