"""How likely target words are as translations of source words, learned from the training data.

IBM Model 1 (Brown et al., 1993, https://aclanthology.org/J93-2003): each target word of a sentence
comes from one of its source words or from nothing, all equally likely, so that
t(f | e) is what expectation maximisation makes of how often e and f stand in a pair.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hat.errors import DataError
from hat.tasks.binary_data import BinarySide, prefixes_of
from hat.translation.shortlist import Shortlist

Array: TypeAlias = npt.NDArray[Any]

_CELLS = 20_000_000
"""Pairs of words that are looked at, at most: all of 90,000 sentences of 15 words. Of more data,
sentences that are spread evenly are taken, so that time and memory have an end."""

_AT_ONCE = 1 << 22
"""Pairs of words that are counted together."""

_ITERATIONS = 5


def learned_shortlist(
    data: Path, languages: tuple[str, str], sizes: tuple[int, int], count: int
) -> Shortlist:
    """Learns a short-list from the training data of a folder.

    Args:
        data: folder of binary data.
        languages: source and target.
        sizes: words of both dictionaries.
        count: of the likeliest target words of each source word, and of the commonest, which
            always count.

    Raises:
        DataError: if there is no training data, or it is damaged or another dictionary's.
    """
    prefixes = prefixes_of(data, languages, "train")
    if prefixes is None:
        raise DataError(f"{data}: a short-list is learned from training data, but there is none")
    sides = tuple(BinarySide.open(prefix) for prefix in prefixes)
    for side, size, language in zip(sides, sizes, languages, strict=True):
        side.check_words(size, f"dict.{language}.txt")
    cells = int((sides[0].lengths * sides[1].lengths).sum())
    places = range(0, len(sides[0].lengths), max(1, -(-cells // _CELLS)))
    pairs = zip(*(side.some(places) for side in sides), strict=True)
    source, target, chance, often = _model_1(_counted(pairs, sizes), sizes)
    order = np.lexsort((target, -chance, source))
    begins = np.searchsorted(source[order], np.arange(sizes[0] + 1))
    commonest = np.argsort(-often, kind="stable")[:count]
    return Shortlist(
        commonest[often[commonest] > 0],
        [target[order[begin : min(begin + count, end)]] for begin, end in pairwise(begins)],
    )


@dataclass(frozen=True)
class _Part:
    """Some pairs of sentences: each target word beside each word that it may come from."""

    keys: Array
    """(cells,) int64: source word times the size of the target dictionary, plus target word. Cells
    of the same target word of a sentence stand side by side."""

    begins: Array
    """(T,) int64: where those of each of the T target words begin."""

    targets: Array
    """(T,) int64: the target words."""


def _counted(pairs: Iterator[tuple[Array, ...]], sizes: tuple[int, int]) -> Iterator[_Part]:
    """Pairs of sentences with their ends -> all their cells, some millions at a time."""
    keys: list[Array] = []
    counts: list[Array] = []
    targets: list[Array] = []
    cells = 0

    def part() -> _Part:
        lengths = np.concatenate(counts)
        begins = np.concatenate(([0], np.cumsum(lengths)[:-1]))
        return _Part(np.concatenate(keys), begins, np.concatenate(targets))

    for source, target in pairs:
        # Nothing is the word behind the last one, and the ends go with each other anyway.
        source, target = np.append(source[:-1], sizes[0]), target[:-1]
        if not len(target):
            continue
        keys.append((target[:, None] + source * sizes[1]).ravel())
        counts.append(np.full(len(target), len(source)))
        targets.append(target)
        cells += len(source) * len(target)
        if cells >= _AT_ONCE:
            yield part()
            keys, counts, targets, cells = [], [], [], 0
    if targets:
        yield part()


def _model_1(parts: Iterator[_Part], sizes: tuple[int, int]) -> tuple[Array, Array, Array, Array]:
    """Returns source and target words that met, t(target | source), and how often target words are.

    The first three are (K,), nothing's left out, the last is (V_target,).
    """
    kept: list[_Part] = list(parts)
    known = np.empty(0, dtype=np.int64)
    often = np.zeros(sizes[1], dtype=np.int64)
    for part in kept:
        known = np.union1d(known, part.keys)
        often += np.bincount(part.targets, minlength=sizes[1])
    # Four bytes a cell in place of eight.
    where = [np.searchsorted(known, part.keys).astype(np.int32) for part in kept]
    begins = [part.begins for part in kept]
    del kept, parts
    source, target = np.divmod(known, sizes[1])
    chance = np.ones(len(known))
    for _ in range(_ITERATIONS):
        expected = np.zeros(len(known))
        for cells, starts in zip(where, begins, strict=True):
            share = chance[cells]
            lengths = np.diff(np.append(starts, len(cells)))
            share /= np.repeat(np.add.reduceat(share, starts), lengths)
            expected += np.bincount(cells, share, len(known))
        chance = expected / np.bincount(source, expected, sizes[0] + 1)[source]
    real: Array = source < sizes[0]
    return source[real], target[real], chance[real], often
