"""Drawing new feasible candidates in batches: the part that all algorithms share."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic

import numpy as np

from hat.arch.gene_batch import GeneBatch
from hat.search.base import A, Feasible, Operators, Trial
from hat.search.constraints import Constraints, InfeasibleError, take, unconstrained
from hat.search.saved import saved_count

_LARGEST_BATCH = 8192
_MOST_REPEATS = 500
"""A call gives up after so many known candidates without a new one: the source has dried up."""

_SMALL_CANDIDATES = 1000


class Proposer(Generic[A]):
    """Draws candidates that meet the constraints and were not asked for before.

    Holds what every algorithm needs: the random numbers, the history of trials, and which
    architectures are known. Draws whole batches, checks them at once, and gives up after
    ``max_tries`` candidates per call, or when only known ones turn up, so that neither a
    constraint nor a space that is used up can make a search hang.
    """

    def __init__(
        self,
        operators: Operators[A],
        rng: np.random.Generator,
        feasible: Feasible[A] = unconstrained,
        *,
        max_tries: int = 10_000,
    ) -> None:
        """Sets up an empty history.

        Args:
            operators: how to draw, mutate and cross architectures.
            rng: the only source of randomness of the whole search.
            feasible: the constraints, usually a ``Constraints``.
            max_tries: how many candidates one call may draw.
        """
        self.operators = operators
        self.rng = rng
        self.feasible = feasible
        self.max_tries = max_tries
        self.trials: list[Trial[A]] = []
        """Everything told so far, in order; algorithms refer to trials by index."""
        self.num_collisions = 0
        """Feasible candidates that were thrown away because they were known already."""
        self._known: dict[A, bytes] = {}
        """Every architecture asked for or told, with its key if it came from a lazy batch."""
        self._known_keys: set[bytes] = set()

    def sample(self, count: int) -> list[A]:
        """Returns up to ``count`` new feasible random architectures."""
        return self._draw(lambda n: self.operators.sample(self.rng, n), count)[0]

    def first(self, count: int) -> list[A]:
        """Returns up to ``count`` new feasible architectures, as random as the limits allow.

        Where random architectures hardly ever meet the constraints, the smallest ones are tried,
        and whatever was found is mutated until there are enough or the tries are used up.

        Raises:
            InfeasibleError: if there is not a single one; it names the closest seen.
        """
        found, num_tries = self._draw(lambda n: self.operators.sample(self.rng, n), count)
        if len(found) == count:
            return found
        small = self.operators.smallest_first(self.rng, _SMALL_CANDIDATES)
        found += self._accept(small, count - len(found))
        num_tries += len(small)
        if not found and not self._known:
            if isinstance(self.feasible, Constraints):
                raise self.feasible.failure(num_tries)
            raise InfeasibleError(f"no candidate met the constraints in {num_tries} tries")
        if found and len(found) < count:
            found += self.mutations(found, count - len(found))
        return found

    def mutations(self, parents: Sequence[A], count: int) -> list[A]:
        """Returns up to ``count`` new feasible mutations of random ``parents``."""
        return self._draw(lambda n: self.operators.mutate(parents, self.rng, n), count)[0]

    def crossovers(self, parents: Sequence[A], count: int) -> list[A]:
        """Returns up to ``count`` new feasible crossovers of random pairs of ``parents``."""
        if len(parents) < 2:
            return []
        return self._draw(lambda n: self.operators.crossover(parents, self.rng, n), count)[0]

    def offspring(self, parents: Sequence[A], count: int) -> list[A]:
        """Returns up to ``count`` new feasible mutations of crossovers of ``parents``."""
        if len(parents) < 2:
            return self.mutations(parents, count)

        def make(size: int) -> Sequence[A]:
            crossed = list(self.operators.crossover(parents, self.rng, size))
            return self.operators.mutate(crossed, self.rng, size)

        return self._draw(make, count)[0]

    def neighbours(self, arch: A, count: int) -> list[A]:
        """Returns up to ``count`` new feasible neighbours of ``arch`` in random order."""
        candidates = self.operators.neighbours(arch)
        order = self.rng.permutation(len(candidates))
        return self._accept([candidates[int(i)] for i in order], count)

    def record(self, trials: Iterable[Trial[A]]) -> list[int]:
        """Appends ``trials`` to the history and returns their indices."""
        start = len(self.trials)
        self.trials.extend(trials)
        for trial in self.trials[start:]:
            self._known.setdefault(trial.arch, b"")
        return list(range(start, len(self.trials)))

    def forget(self, archs: Iterable[A]) -> None:
        """Makes proposed candidates that will not be scored available again."""
        for arch in archs:
            self._known_keys.discard(self._known.pop(arch, b""))

    def archs(self, indices: Iterable[int]) -> list[A]:
        """Returns the architectures of some trials."""
        return [self.trials[index].arch for index in indices]

    def state_dict(self) -> dict[str, Any]:
        """Returns the state of the random numbers; the history is kept by the caller."""
        return {"rng": _plain(self.rng.bit_generator.state), "collisions": self.num_collisions}

    def load_state_dict(self, state: Mapping[str, Any], trials: Sequence[Trial[A]]) -> None:
        """Restores the random numbers and the history."""
        self.rng.bit_generator.state = dict(state["rng"])
        self.num_collisions = saved_count(state, "collisions")
        self.trials = []
        self._known, self._known_keys = {}, set()
        self.record(trials)

    def _draw(self, make: Callable[[int], Sequence[A]], count: int) -> tuple[list[A], int]:
        """Draws until there are ``count`` or the tries are used up; returns them and the tries."""
        found: list[A] = []
        num_tries = num_repeats = 0
        while len(found) < count and num_tries < self.max_tries and num_repeats < _MOST_REPEATS:
            rate = (len(found) + 1) / (num_tries + 2)
            size = math.ceil((count - len(found)) / rate)
            size = min(size, _LARGEST_BATCH, self.max_tries - num_tries)
            batch = make(size)
            if not len(batch):
                break
            collisions = self.num_collisions
            new = self._accept(batch, count - len(found))
            num_repeats = 0 if new else num_repeats + self.num_collisions - collisions
            found += new
            num_tries += len(batch)
        return found, num_tries

    def _accept(self, batch: Sequence[A], count: int) -> list[A]:
        """Returns the first ``count`` candidates that are new and feasible, and remembers them."""
        keys: list[bytes] = []
        if isinstance(batch, GeneBatch):
            # Known candidates are recognised by their key: neither checked nor built.
            lazy: Any = batch
            every_key = lazy.keys()
            fresh = self._fresh(every_key)
            keys = [every_key[index] for index in fresh]
            batch = take(lazy, np.array(fresh, dtype=np.intp))
        accepted: list[A] = []
        if not len(batch):
            return accepted
        for index in np.flatnonzero(self.feasible(batch)).tolist():
            if len(accepted) == count:
                break
            arch = batch[index]
            is_known = arch in self._known
            self._known[arch] = keys[index] if keys else b""
            if keys:
                self._known_keys.add(keys[index])
            if is_known:
                self.num_collisions += 1
            else:
                accepted.append(arch)
        return accepted

    def _fresh(self, keys: Sequence[bytes]) -> list[int]:
        """Returns where in ``keys`` each unknown one stands first; counts the known ones."""
        first: dict[bytes, int] = {}
        for index, key in enumerate(keys):
            if key in self._known_keys:
                self.num_collisions += 1
            else:
                first.setdefault(key, index)
        return list(first.values())


def _plain(value: Any) -> Any:
    """Turns the arrays and numpy integers of a generator's state into lists and ints."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    return int(value) if isinstance(value, np.integer) else value
