"""Into training, validation and test data, no source sentence in two of them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from hat.errors import DataError
from hat.own_corpus.cleaning import Cleaned, Dropped, sentence_key
from hat.tasks.corpus import SPLITS, Parallel

HELD_OUT = {"valid": "validation", "test": "test"}

_LARGEST = 2000
_SMALLEST = 50
_SHARE = 0.05

FEWEST_PAIRS = 500
"""A smaller corpus cannot be split, let alone trained on."""


@dataclass(frozen=True)
class Splits:
    """The three parts of a corpus, and what was left out when they were made."""

    corpus: dict[str, Parallel]
    dropped: list[Dropped]


def held_out_size(pairs: int) -> int:
    """Pairs of a validation or a test set: a twentieth of the corpus, 50 to 2,000."""
    return int(min(_LARGEST, max(_SMALLEST, pairs * _SHARE)))


def shared_sources(given: Mapping[str, Parallel]) -> int:
    """How many source sentences stand in more than one of the sets that the user brings."""
    keys = [set(map(sentence_key, pairs.source)) for pairs in given.values()]
    return sum(map(len, keys)) - len(set().union(*keys))


def split(train: Cleaned, given: dict[str, Parallel], rng: np.random.Generator) -> Splits:
    """Holds out what is not given, and keeps what is held out from the training data.

    Sentences count as one where they differ in case and punctuation only. Of the translations of a
    held-out sentence the first is kept; the others would make it count several times.

    Args:
        train: the cleaned corpus.
        given: validation and test sets that the user brings, which stay as they are.
        rng: draws what is held out.

    Raises:
        DataError: if too little is left to train on.
    """
    groups: dict[str, list[int]] = {}
    for index, source in enumerate(train.pairs.source):
        groups.setdefault(sentence_key(source), []).append(index)
    corpus, dropped = dict(given), []

    def leave_out(indices: Iterable[int], reason: str) -> None:
        for index in indices:
            pair = (train.pairs.source[index], train.pairs.target[index])
            dropped.append(Dropped(train.lines[index], reason, *pair))

    for name, pairs in given.items():
        for key in dict.fromkeys(map(sentence_key, pairs.source)):
            leave_out(groups.pop(key, ()), f"the source stands in the {HELD_OUT[name]} set")
    missing = [name for name in HELD_OUT if name not in given]
    left = sum(map(len, groups.values()))
    if missing and left < FEWEST_PAIRS:
        why = Counter(each.reason for each in (*train.dropped, *dropped)).most_common(1)
        rest = f"; {why[0][1]:,} were left out because: {why[0][0]}" if why else ""
        raise DataError(
            f"{left} usable pairs are too few to hold some out: at least {FEWEST_PAIRS} are "
            f"needed{rest}"
        )
    keys = list(groups)
    order = iter(rng.permutation(len(keys)))
    for name in missing:
        chosen = []
        for _ in range(held_out_size(left)):
            number = next(order, None)
            if number is None:
                break
            first, *others = groups.pop(keys[number])
            chosen.append(first)
            leave_out(others, f"another translation of a sentence of the {HELD_OUT[name]} set")
        corpus[name] = _picked(train.pairs, sorted(chosen))
    corpus["train"] = _picked(train.pairs, sorted(i for each in groups.values() for i in each))
    if not len(corpus["train"]):
        raise DataError("no usable pair is left to train on")
    return Splits({name: corpus[name] for name in SPLITS}, sorted(dropped, key=lambda d: d.line))


def _picked(pairs: Parallel, indices: Iterable[int]) -> Parallel:
    indices = list(indices)
    return Parallel(
        tuple(pairs.source[i] for i in indices), tuple(pairs.target[i] for i in indices)
    )
