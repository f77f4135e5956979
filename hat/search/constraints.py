"""Constraints: limits on what candidates cost, checked for whole batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from hat.arch.gene_batch import GeneBatch
from hat.errors import SearchError
from hat.search.base import A


@dataclass(frozen=True)
class Limit(Generic[A]):
    """One constraint: ``cost(archs) <= at_most``."""

    name: str
    """What is limited, with its unit: ``latency_ms``, ``params``, ``flops``, ``bytes``."""

    at_most: float

    cost: Callable[[Sequence[A]], NDArray[np.float64]]
    """Costs (N,) of N candidates. For latency this is the upper bound of the prediction."""

    meaning: str = ""
    """What a cost is, where it was not counted or measured, for errors."""

    def __str__(self) -> str:
        return f"{self.name} <= {_number(self.at_most)}"


class InfeasibleError(SearchError, Generic[A]):
    """No candidate met the constraints. Carries the candidate that came closest."""

    def __init__(self, message: str, arch: A | None = None, cost: float | None = None) -> None:
        """Args: message: one sentence; arch, cost: the closest candidate and what it costs."""
        super().__init__(message)
        self.arch = arch
        self.cost = cost


@dataclass
class _Seen(Generic[A]):
    """What one limit has met so far."""

    num_checked: int = 0
    lowest: float = np.inf
    arch: A | None = None


class Constraints(Generic[A]):
    """All limits together: a ``Feasible`` that remembers the cheapest candidate it has seen.

    Limits are checked in the given order, each only on the candidates that met those before, so
    put the cheapest check first. A candidate whose cost is ``nan`` is not feasible.
    """

    def __init__(self, limits: Sequence[Limit[A]], describe: Callable[[A], str] = str) -> None:
        """Args: limits: what must hold; describe: an architecture in a few words, for errors."""
        self.limits = tuple(limits)
        self._describe = describe
        self._seen: list[_Seen[A]] = [_Seen() for _ in self.limits]

    def __call__(self, archs: Sequence[A]) -> NDArray[np.bool_]:
        """Returns bool (N,): which candidates meet every limit."""
        left = np.arange(len(archs))
        for limit, seen in zip(self.limits, self._seen, strict=True):
            if not len(left):
                break
            candidates = archs if len(left) == len(archs) else take(archs, left)
            costs = np.asarray(limit.cost(candidates), dtype=np.float64)
            if costs.shape != (len(left),):
                raise SearchError(
                    f"the cost {limit.name} must give one number for each of {len(left)} "
                    f"candidates, but gave an array of shape {costs.shape}"
                )
            seen.num_checked += len(left)
            finite = np.where(np.isnan(costs), np.inf, costs)
            lowest = int(finite.argmin())
            if finite[lowest] < seen.lowest:
                seen.lowest, seen.arch = float(finite[lowest]), candidates[lowest]
            left = left[finite <= limit.at_most]
        feasible = np.zeros(len(archs), dtype=bool)
        feasible[left] = True
        return feasible

    def costs(self, archs: Sequence[A]) -> dict[str, NDArray[np.float64]]:
        """Returns every cost (N,) by the name of its limit."""
        return {
            limit.name: np.asarray(limit.cost(archs), dtype=np.float64) for limit in self.limits
        }

    def failure(self, num_tries: int) -> InfeasibleError[A]:
        """Returns the error that says which limit stopped the search and what came closest."""
        checked = [
            (limit, seen)
            for limit, seen in zip(self.limits, self._seen, strict=True)
            if seen.num_checked
        ]
        if not checked:
            return InfeasibleError(f"no new candidate was found in {num_tries} tries")
        limit, seen = checked[-1]
        met = " and ".join(str(earlier) for earlier, _ in checked[:-1])
        of_these = f" ({seen.num_checked} of them met {met})" if met else ""
        if seen.arch is None:
            closest = "none of them had a cost"
        else:
            if limit.name.partition("@")[0].endswith("_ms"):
                verb = "is at" if limit.meaning else "took"
                closest = f"the fastest seen {verb} {_number(seen.lowest)} ms"
            else:
                closest = f"the smallest seen had {_number(seen.lowest)}"
            closest += f" ({limit.meaning})" if limit.meaning else ""
            closest += f": {self._describe(seen.arch)}"
        return InfeasibleError(
            f"no candidate met the constraint {limit} in {num_tries} tries{of_these}; {closest}",
            seen.arch,
            seen.lowest,
        )


class CostObjective(Generic[A]):
    """The cost of a limit as something to minimise, for the front of quality and latency."""

    higher_is_better = False

    def __init__(self, limit: Limit[A]) -> None:
        """Args: limit: whose cost; how much is allowed does not matter."""
        self.name = limit.name
        self._cost = limit.cost

    def score(self, archs: Sequence[A]) -> NDArray[np.float64]:
        """Returns the costs, float64 (N,)."""
        return self._cost(archs)


def unconstrained(archs: Sequence[A]) -> NDArray[np.bool_]:
    """Accepts every candidate."""
    return np.ones(len(archs), dtype=bool)


def take(archs: Sequence[A], indices: NDArray[np.intp]) -> Sequence[A]:
    """Returns the candidates at ``indices`` and keeps a lazy batch lazy."""
    if isinstance(archs, GeneBatch):
        return GeneBatch(archs.genes, archs.matrix[indices])  # type: ignore[return-value]
    return [archs[int(index)] for index in indices]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"
