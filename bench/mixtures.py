"""What a score knows beyond a free count, and what mixtures of the two are worth.

Everything works on ranks, so that neither units nor outliers decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from hat.arrays import Floats
from hat.scoring.proxy_stats import partial_spearman
from hat.scoring.rank_stats import centred_ranks

FOLDS, CUTS = 5, 20


@dataclass(frozen=True, kw_only=True)
class Table:
    """N architectures of one benchmark with one truth; more is better in every column."""

    family: str
    source: str
    """The benchmark. Tables of one source may share architectures."""

    name: str
    scores: Floats
    """(B, N): B batches."""

    count: Floats
    """The free count, (N,)."""

    truth: Floats
    fixed: Floats
    """(C, N): what partial correlation holds fixed."""

    @property
    def size(self) -> int:
        """N."""
        return len(self.truth)


def learnt_weights(pair: Floats, truth: Floats) -> Floats:
    """Least squares of the ranks by truth (N,) on two columns (2, N): (2,), absolute sum 1."""
    weights = np.linalg.lstsq(pair.T, centred_ranks(truth), rcond=None)[0]
    total = np.abs(weights).sum()
    return np.asarray(weights / total if total > 0 else np.full(2, 0.5))


def cross_fitted(
    pair: Floats, truth: Floats, who: NDArray[np.int_], rng: np.random.Generator
) -> Floats:
    """Mixes two columns (2, N) by weights that never saw the architecture they are used on.

    Args:
        pair: centred ranks of both columns.
        truth: (N,).
        who: (N,) says which architecture a row is; copies stay in one part.
        rng: cuts the parts.
    """
    names = rng.permutation(np.unique(who))
    mixed = np.empty(len(truth))
    for part in np.array_split(names, FOLDS):
        held = np.isin(who, part)
        mixed[held] = learnt_weights(pair[:, ~held], truth[~held]) @ pair[:, held]
    return mixed


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number with its two intervals."""

    value: float
    interval: tuple[float, float]
    """95 %."""

    strict: tuple[float, float]
    """With Bonferroni's correction."""

    @property
    def beats_zero(self) -> bool:
        """Whether the strict interval is above zero."""
        return self.strict[0] > 0


def tau(left: Floats, right: Floats) -> float:
    """Kendall's tau-b."""
    return float(kendalltau(left, right).statistic)


def transferred_weights(table: Table, tables: Sequence[Table]) -> Floats | None:
    """Mean of what the other sources of the family teach; None if there is none."""
    taught: dict[str, list[Floats]] = {}
    for other in tables:
        if (other.family, other.source != table.source) == (table.family, True):
            pair = centred_ranks(np.array([other.scores.mean(axis=0), other.count]))
            taught.setdefault(other.source, []).append(learnt_weights(pair, other.truth))
    if not taught:
        return None
    return np.asarray(np.mean([np.mean(each, axis=0) for each in taught.values()], axis=0))


def figures(
    table: Table,
    transferred: Floats | None,
    rows: NDArray[np.int_],
    batch: int,
    cuts: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    """All figures of some rows of a table, which may repeat, under one batch.

    ``gain`` is the tau of a mixture less the better of its components', ``ours`` less that of
    epsinas, ``free`` less that of the count.
    """
    score, count, truth = table.scores[batch, rows], table.count[rows], table.truth[rows]
    pair = centred_ranks(np.array([score, count]))
    alone = tau(score, truth), tau(count, truth)
    mixed = {"equal": tau(pair.sum(axis=0), truth)}
    each = [tau(cross_fitted(pair, truth, rows, rng), truth) for _ in range(cuts)]
    mixed["cross-fitted"] = float(np.mean(each))
    if transferred is not None:
        mixed["transferred"] = tau(transferred @ pair, truth)
    return {
        "epsinas": alone[0],
        "count": alone[1],
        "partial": partial_spearman(score, truth, *table.fixed[:, rows]),
        **mixed,
        **{f"gain {name}": value - max(alone) for name, value in mixed.items()},
        **{f"ours {name}": value - alone[0] for name, value in mixed.items()},
        **{f"free {name}": value - alone[1] for name, value in mixed.items()},
    }


def study(
    table: Table,
    tables: Sequence[Table],
    *,
    resamples: int,
    comparisons: dict[str, int],
    rng: np.random.Generator,
) -> dict[str, Figure]:
    """Every figure of ``figures`` with its intervals.

    Args:
        table: what is judged.
        tables: all tables; those of other sources may teach.
        resamples: of the bootstrap over architectures.
        comparisons: how many intervals of a question there are, by its name, for ``strict``.
        rng: draws resamples and batches, cuts parts.
    """
    batches, count = table.scores.shape
    transferred = transferred_weights(table, tables)
    points = [figures(table, transferred, np.arange(count), b, CUTS, rng) for b in range(batches)]
    draws = [
        figures(
            table,
            transferred,
            rng.integers(count, size=(count,)),
            int(rng.integers(batches)),
            1,
            rng,
        )
        for _ in range(resamples)
    ]
    found = {}
    for name in points[0]:
        values = np.array([draw[name] for draw in draws])
        level = 0.05 / comparisons.get(name.split()[0], 1)
        found[name] = Figure(
            value=float(np.mean([point[name] for point in points])),
            interval=_middle(values, 0.05),
            strict=_middle(values, level),
        )
    return found


def _middle(values: Floats, level: float) -> tuple[float, float]:
    """Percentiles that leave ``level`` outside; what does not exist in a resample is left out."""
    low, high = np.nanquantile(values, [level / 2, 1 - level / 2])
    return float(low), float(high)
