"""What follows a search: measure and repair the finalists, ask if it was worth it.

Knows nothing of Transformers, so that every search of the toolkit can end with it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from hat.nas.contest import Contest, ContestRules, hold_contest
from hat.report.document import Section
from hat.report.search_report import SearchStory, rank_section
from hat.scoring.base import Scorer
from hat.scoring.rank_stats import rank_stats
from hat.search.base import A, Codec, Objective, Operators, SearchAlgorithm, SearchResult, ranked
from hat.search.cached import CachedObjective
from hat.search.constraints import Constraints
from hat.search.deliver import Delivery, DeliverySettings, Measure, deliver
from hat.search.proposer import Proposer


def _silent(line: str) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Finish(Generic[A]):
    """Everything that the end of a search needs."""

    operators: Operators[A]
    codec: Codec[A]
    constraints: Constraints[A]
    objective: Objective[A]
    """Decides who is best; scores it gave during the search are not asked for again."""

    race: Objective[A] | None = None
    """Takes its place in the searches of the contest: cheaper, and exact for the best."""

    measure: Measure[A] | None = None
    """Measures architectures on the device, in the units of the limits; None where it cannot."""

    delivery: DeliverySettings = field(default_factory=DeliverySettings)

    build: Callable[[np.random.Generator], SearchAlgorithm[A]] | None = None
    """Makes the algorithm again for further seeds; without it there is no contest."""

    more_objectives: Sequence[Objective[A]] = ()
    """Further objectives of an algorithm that has several."""

    num_rounds: int = 30
    seeds: Sequence[int] = ()
    """Of the contest; the first is the seed of the search itself."""

    folder: Path | None = None
    """Where the searches of the contest keep their states, to go on after an interruption."""

    conditions: Mapping[str, Any] = field(default_factory=dict)
    """What the outcome of the search depends on: those of the contest go on under no others."""

    sizes: Mapping[str, Callable[[Sequence[A]], NDArray[np.float64]]] = field(default_factory=dict)
    """For the baselines "largest by ...": parameters, decoder depth."""

    scorers: Mapping[str, Scorer[A]] = field(default_factory=dict)
    """Whose agreement with the truth is reported."""

    truth: Objective[A] | None = None
    """What they should agree with; the objective if None."""

    sample_size: int = 100
    """Architectures on which that agreement is measured."""

    describe: Callable[[A], str] = str
    say: Callable[[str], None] = _silent
    """Takes lines of progress."""


class SearchEnd(Generic[A]):
    """The end of one search. No architecture that the search scored is scored again."""

    def __init__(self, result: SearchResult[A], finish: Finish[A]) -> None:
        """Args: result: the search that is done; finish: what is needed for the rest."""
        self._result = result
        self._finish = finish
        self._objective: CachedObjective[A] = CachedObjective(finish.objective)
        self._objective.remember(result)

    def measure_finalists(self) -> list[Delivery[A]]:
        """Measures the best candidates, repairs what misses a limit, and ranks them, best first.

        Returns:
            Nothing if there is nothing to measure with.

        Raises:
            SearchError: if no finalist can be made to fit the budgets.
        """
        finish = self._finish
        if finish.measure is None:
            return []
        return deliver(
            self._best_first(),
            score=self._loss,
            constraints=finish.constraints,
            measure=finish.measure,
            neighbours=finish.operators.neighbours,
            settings=finish.delivery,
        )

    def _best_first(self) -> list[A]:
        """What may be measured: the best by exact scores, some more, and the cheapest.

        On a machine on which nothing fits a search must end, too, and who fits if anything does
        is the one furthest below its limits.
        """
        trials, keep = self._result.trials, self._finish.delivery.keep
        archs = list(dict.fromkeys(trials[i].arch for i in ranked(trials)))
        finalists, more = archs[: 2 * keep], archs[2 * keep : 4 * keep]
        order = np.argsort(self._loss(finalists), kind="stable")
        limits = self._finish.constraints.limits
        costs = self._finish.constraints.costs(archs)
        excess = np.max([costs[limit.name] / limit.at_most for limit in limits], axis=0)
        cheapest = archs[int(np.nanargmin(excess))]
        return list(dict.fromkeys([*(finalists[i] for i in order), *more, cheapest]))

    def _loss(self, archs: Sequence[A]) -> NDArray[np.float64]:
        """Exact scores, smaller is better: (N,)."""
        scores = self._objective.score(archs)
        return -scores if self._objective.higher_is_better else scores

    def story(self, deliveries: Sequence[Delivery[A]]) -> SearchStory[A]:
        """Holds the contest, compares the scorers, and returns all that the report shall tell."""
        finish = self._finish
        contest = self._contest()
        return SearchStory(
            result=self._result,
            budgets={limit.name: limit.at_most for limit in finish.constraints.limits},
            deliveries=deliveries,
            baselines=contest.trials if contest else {},
            verdicts=contest.verdicts if contest else (),
            runs=contest.runs if contest else {},
            extra=self._agreement(),
            describe=finish.describe,
        )

    def _contest(self) -> Contest[A] | None:
        finish = self._finish
        if finish.build is None or not finish.seeds:
            return None
        rules = ContestRules(
            operators=finish.operators,
            codec=finish.codec,
            constraints=finish.constraints,
            build=finish.build,
            race=finish.race,
            more_objectives=finish.more_objectives,
            num_rounds=finish.num_rounds,
            sizes=finish.sizes,
            seeds=finish.seeds,
            folder=finish.folder,
            conditions=finish.conditions,
            say=finish.say,
        )
        done = {finish.seeds[0]: self._result}
        return hold_contest(rules, self._objective, name="the search", done=done)

    def _agreement(self) -> list[Section]:
        """Ranks a fixed sample (seed 0) of feasible architectures by every scorer."""
        finish = self._finish
        truth = finish.truth or self._objective
        if not finish.scorers or finish.sample_size <= 0:
            return []
        finish.say(f"comparing the ranks of {finish.sample_size} candidates with {truth.name}")
        proposer = Proposer(finish.operators, np.random.default_rng(0), finish.constraints)
        sample = proposer.first(finish.sample_size)
        truths = truth.score(sample)
        rows = {
            name: rank_stats(
                scorer.score(sample),
                truths,
                higher_is_better=scorer.higher_is_better,
                truth_higher_is_better=truth.higher_is_better,
            )
            for name, scorer in finish.scorers.items()
        }
        return [rank_section(truth.name, rows)]
