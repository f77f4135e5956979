"""What the search algorithms have in common: they draw from a proposer, which keeps the history."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic

from hat.search.algorithms.generation import GenerationSettings
from hat.search.base import A, Trial
from hat.search.proposer import Proposer


class Algorithm(Generic[A]):
    """A ``hat.search.base.SearchAlgorithm`` that lacks ``build`` and ``ask``.

    One that remembers more than the history extends ``tell`` and both ends of the state.
    """

    Settings: ClassVar[type] = GenerationSettings
    num_objectives: ClassVar[int] = 1
    least_round: ClassVar[int] = 1
    """How few candidates a round may have where each is expensive."""

    def __init__(self, proposer: Proposer[A]) -> None:
        """Args: proposer: draws candidates."""
        self._proposer = proposer

    def tell(self, trials: Sequence[Trial[A]]) -> None:
        """Takes the scores into the history."""
        self._proposer.record(trials)

    def state_dict(self) -> dict[str, Any]:
        """Returns the state as JSON values."""
        return self._proposer.state_dict()

    def load_state_dict(self, state: Mapping[str, Any], trials: Sequence[Trial[A]]) -> None:
        """Restores ``state`` with the history that belongs to it."""
        self._proposer.load_state_dict(state, trials)
