"""What follows a search: measure and repair the finalists, ask if it was worth it, report.

Knows nothing of Transformers, so that every search of the toolkit can end with it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from hat.report.document import Section
from hat.report.search_report import SearchStory, rank_section, write_search_report
from hat.scoring.base import Scorer
from hat.scoring.rank_stats import rank_stats
from hat.search.base import A, Codec, Objective, Operators, SearchAlgorithm, SearchResult, ranked
from hat.search.cached import CachedObjective
from hat.search.constraints import Constraints
from hat.search.deliver import Delivery, DeliverySettings, Measure, deliver
from hat.search.proposer import Proposer
from hat.stages.contest import Contest, ContestRules, hold_contest


@dataclass(frozen=True, kw_only=True)
class Finish(Generic[A]):
    """Everything that the end of a search needs."""

    operators: Operators[A]
    codec: Codec[A]
    constraints: Constraints[A]
    objective: Objective[A]
    measure: Measure[A]
    """Measures architectures on the device, in the units of the limits."""

    delivery: DeliverySettings = field(default_factory=DeliverySettings)

    build: Callable[[Proposer[A]], SearchAlgorithm[A]] | None = None
    """Makes the algorithm again for further seeds; without it there is no contest."""

    num_rounds: int = 30
    seeds: Sequence[int] = ()
    """Of the contest; the first is the seed of the search itself."""

    sizes: Mapping[str, Callable[[Sequence[A]], NDArray[np.float64]]] = field(default_factory=dict)
    """For the baselines "largest by ...": parameters, decoder depth."""

    scorers: Mapping[str, Scorer[A]] = field(default_factory=dict)
    """Whose agreement with the objective is reported."""

    sample_size: int = 100
    """Architectures on which that agreement is measured."""

    describe: Callable[[A], str] = str


def finish_search(
    result: SearchResult[A], finish: Finish[A], folder: str | Path, *, title: str
) -> tuple[list[Delivery[A]], list[Path]]:
    """Delivers measured finalists and writes the report.

    Args:
        result: the search that is done.
        finish: what is needed for the rest.
        folder: where ``report.md`` and its plots and tables go.
        title: of the report.

    Returns:
        The finalists, the winner first, and the files written, the report first.

    Raises:
        SearchError: if no finalist can be made to fit the budgets.
    """
    cached: CachedObjective[A] = CachedObjective(finish.objective)
    for trial in result.trials:
        cached.remember(trial.arch, result.score(trial))
    sign = -1.0 if cached.higher_is_better else 1.0
    order = ranked(result.trials)
    candidates = list(dict.fromkeys(result.trials[i].arch for i in order))
    deliveries = deliver(
        candidates,
        score=lambda archs: sign * cached.score(archs),
        constraints=finish.constraints,
        measure=finish.measure,
        neighbours=finish.operators.neighbours,
        settings=finish.delivery,
    )
    contest = _contest(result, finish, cached)
    story = SearchStory(
        result=result,
        budgets={limit.name: limit.at_most for limit in finish.constraints.limits},
        deliveries=deliveries,
        baselines=contest.trials if contest else {},
        verdicts=contest.verdicts if contest else (),
        extra=_agreement(finish, cached),
        describe=finish.describe,
    )
    return deliveries, write_search_report(folder, story, title=title)


def _contest(
    result: SearchResult[A], finish: Finish[A], objective: Objective[A]
) -> Contest[A] | None:
    if finish.build is None or not finish.seeds:
        return None
    rules = ContestRules(
        operators=finish.operators,
        codec=finish.codec,
        constraints=finish.constraints,
        build=finish.build,
        num_rounds=finish.num_rounds,
        sizes=finish.sizes,
        seeds=finish.seeds,
    )
    return hold_contest(rules, objective, name="the search", done={finish.seeds[0]: result})


def _agreement(finish: Finish[A], objective: Objective[A]) -> list[Section]:
    """Ranks a fixed sample (seed 0) of feasible architectures by every scorer."""
    if not finish.scorers:
        return []
    proposer = Proposer(finish.operators, np.random.default_rng(0), finish.constraints)
    sample = proposer.first(finish.sample_size)
    truth = objective.score(sample)
    rows = {
        name: rank_stats(
            scorer.score(sample),
            truth,
            higher_is_better=scorer.higher_is_better,
            truth_higher_is_better=objective.higher_is_better,
        )
        for name, scorer in finish.scorers.items()
    }
    return [rank_section(objective.name, rows)]
