"""A space small enough to enumerate, with a known optimum: digits that should match a target."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hat.search.base import Operators
from hat.search.constraints import Constraints, Limit
from hat.search.operators import SingleOperators

Digits = tuple[int, ...]
BASE, LENGTH = 4, 5
TARGET: Digits = (3, 0, 2, 3, 1)
ALL: list[Digits] = list(itertools.product(range(BASE), repeat=LENGTH))


def loss_of(arch: Digits) -> float:
    """Distance to the target with a little interaction, so that the order is strict enough."""
    distance = sum((i + 1) * abs(a - t) for i, (a, t) in enumerate(zip(arch, TARGET, strict=True)))
    return distance + 0.1 * arch[0] * arch[-1] + 0.01 * sum(arch)


class Loss:
    name = "loss"
    higher_is_better = False

    def __init__(self) -> None:
        self.seen: list[Digits] = []

    def score(self, archs: Sequence[Digits]) -> NDArray[np.float64]:
        self.seen += archs
        return np.array([loss_of(arch) for arch in archs])


class Size:
    name = "size"
    higher_is_better = False

    def score(self, archs: Sequence[Digits]) -> NDArray[np.float64]:
        return sizes(archs)


def sizes(archs: Sequence[Digits]) -> NDArray[np.float64]:
    return np.array([float(sum(arch)) for arch in archs])


def features(archs: Sequence[Digits]) -> NDArray[np.float64]:
    return np.array([[float(d == c) for d in arch for c in range(BASE)] for arch in archs])


def make_operators() -> Operators[Digits]:
    def sample(rng: np.random.Generator) -> Digits:
        return tuple(int(d) for d in rng.integers(BASE, size=LENGTH))

    def mutate(arch: Digits, rng: np.random.Generator) -> Digits:
        fresh = sample(rng)
        again = rng.random(LENGTH) < 0.3
        return tuple(f if a else d for d, f, a in zip(arch, fresh, again, strict=True))

    def crossover(a: Digits, b: Digits, rng: np.random.Generator) -> Digits:
        first = rng.random(LENGTH) < 0.5
        return tuple(x if f else y for x, y, f in zip(a, b, first, strict=True))

    def neighbours(arch: Digits) -> list[Digits]:
        return [
            (*arch[:i], d, *arch[i + 1 :])
            for i in range(LENGTH)
            for d in range(BASE)
            if d != arch[i]
        ]

    return SingleOperators(
        sample_one=sample,
        mutate_one=mutate,
        crossover_two=crossover,
        neighbours_of=neighbours,
        smallest=[(0,) * LENGTH],
        encode=list,
        decode=tuple,
    )


def limited(at_most: float) -> Constraints[Digits]:
    return Constraints([Limit("latency_ms", at_most, sizes)])


def optimum(at_most: float) -> Digits:
    return min((arch for arch in ALL if sum(arch) <= at_most), key=loss_of)
