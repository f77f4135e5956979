"""What follows a search: measure and repair the finalists, compare with simpler choices.

Knows nothing of Transformers, so that every search of the toolkit can end with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from hat.nas.contest import Contest, Rivals, hold_contest
from hat.nas.problem import Problem
from hat.report.document import Section
from hat.report.search_report import SearchStory, rank_section
from hat.scoring.base import Scorer
from hat.scoring.rank_stats import rank_stats
from hat.search.base import A, Objective, SearchResult
from hat.search.cached import CachedObjective
from hat.search.deliver import Delivery, DeliverySettings, Measure, deliver
from hat.search.proposer import Proposer


@dataclass(frozen=True, kw_only=True)
class Finish(Generic[A]):
    """What follows a search, and whom it is compared with."""

    measure: Measure[A] | None = None
    """Measures architectures on the device, in the units of the limits; None where it cannot."""

    delivery: DeliverySettings = field(default_factory=DeliverySettings)
    rivals: Rivals[A] | None = None
    """Without rivals there is no contest."""

    scorers: Mapping[str, Scorer[A]] = field(default_factory=dict)
    """Whose agreement with the truth is reported."""

    truth: Objective[A] | None = None
    """What they should agree with; the objective if None."""

    sample_size: int = 100
    """Architectures on which that agreement is measured."""


class SearchEnd(Generic[A]):
    """The end of one search. No architecture that the search scored is scored again."""

    def __init__(self, problem: Problem[A], result: SearchResult[A], finish: Finish[A]) -> None:
        """Args: problem: what was searched; result: what came out; finish: what follows."""
        self._problem = problem
        self._result = result
        self._finish = finish
        self._objective: CachedObjective[A] = CachedObjective(problem.objective)
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
            constraints=self._problem.constraints,
            measure=finish.measure,
            neighbours=self._problem.operators.neighbours,
            settings=finish.delivery,
        )

    def _best_first(self) -> list[A]:
        """What may be measured: the best by exact scores, some more, and the cheapest.

        The cheapest is the candidate furthest below its limits. It is tried last: if it does not
        fit on this machine, nothing does, and the search ends with an error.
        """
        keep = self._finish.delivery.keep
        archs = [trial.arch for trial in self._result.ranking()]
        finalists, more = archs[: 2 * keep], archs[2 * keep : 4 * keep]
        order = np.argsort(self._loss(finalists), kind="stable")
        limits = self._problem.constraints.limits
        costs = self._problem.constraints.costs(archs)
        excess = np.max([costs[limit.name] / limit.at_most for limit in limits], axis=0)
        cheapest = archs[int(np.nanargmin(excess))]
        return list(dict.fromkeys([*(finalists[i] for i in order), *more, cheapest]))

    def _loss(self, archs: Sequence[A]) -> NDArray[np.float64]:
        """Exact scores, smaller is better: (N,)."""
        scores = self._objective.score(archs)
        return -scores if self._objective.higher_is_better else scores

    def story(self, deliveries: Sequence[Delivery[A]]) -> SearchStory[A]:
        """Holds the contest, compares the scorers, and returns all that the report shall tell."""
        contest = self._contest()
        return SearchStory(
            result=self._result,
            budgets={limit.name: limit.at_most for limit in self._problem.constraints.limits},
            deliveries=deliveries,
            baselines=contest.trials if contest else {},
            verdicts=contest.verdicts if contest else (),
            runs=contest.runs if contest else {},
            extra=self._agreement(),
            describe=self._problem.describe,
        )

    def _contest(self) -> Contest[A] | None:
        rivals = self._finish.rivals
        if rivals is None or not rivals.seeds:
            return None
        done = {rivals.seeds[0]: self._result}
        return hold_contest(self._problem, rivals, self._objective, name="the search", done=done)

    def _agreement(self) -> list[Section]:
        """Ranks a fixed sample (seed 0) of feasible architectures by every scorer."""
        finish, problem = self._finish, self._problem
        truth = finish.truth or self._objective
        if not finish.scorers or finish.sample_size <= 0:
            return []
        problem.say(f"comparing the ranks of {finish.sample_size} candidates with {truth.name}")
        proposer = Proposer(problem.operators, np.random.default_rng(0), problem.constraints)
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
