"""The parts of one search, built. Knows nothing of Transformers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

import numpy as np

from hat.search.base import A, Codec, Objective, Operators, SearchAlgorithm
from hat.search.constraints import Constraints
from hat.search.loop import Search


def _silent(line: str) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Problem(Generic[A]):
    """What is searched, by what, under which limits and for how long."""

    operators: Operators[A]
    codec: Codec[A]
    constraints: Constraints[A]
    build: Callable[[np.random.Generator], SearchAlgorithm[A]]
    """Makes the algorithm; all its randomness comes from the generator."""

    objective: Objective[A]
    """What the best architecture is best by."""

    race: Objective[A] | None = None
    """What a search scores by in its place: cheaper, and the same for the best candidates."""

    more_objectives: Sequence[Objective[A]] = ()
    """Further objectives of an algorithm that has several."""

    num_rounds: int = 30
    conditions: Mapping[str, Any] = field(default_factory=dict)
    """Everything that decides the outcome but the number of rounds; files count by content."""

    describe: Callable[[A], str] = str
    say: Callable[[str], None] = _silent
    """Takes lines of progress."""

    def search(
        self,
        rng: np.random.Generator,
        *,
        folder: Path | None,
        signature: str = "",
        conditions: Mapping[str, Any] | None = None,
        with_costs: bool = True,
    ) -> Search[A]:
        """Returns the search, or the one that is in ``folder`` to go on with.

        Args:
            rng: of the algorithm.
            folder: for trials and state; nothing is kept without it.
            signature: what the result is called.
            conditions: besides those of the problem, what this search is.
            with_costs: whether every candidate's costs are noted.

        Raises:
            SearchError: if the folder holds a search under other conditions.
        """
        return Search(
            self.build(rng),
            [self.race or self.objective, *self.more_objectives],
            codec=self.codec,
            costs=self.constraints.costs if with_costs else None,
            folder=folder,
            signature=signature,
            conditions={**self.conditions, **(conditions or {})},
        )
