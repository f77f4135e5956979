"""What trained choices say: ``bench/verdict.py`` searches, trains and measures them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from pictures import picture
from ranking import RUNGS

from hat.arch.config import SubTransformerConfig
from hat.arrays import Floats
from hat.errors import DataError
from hat.ground_truth.halving import halve
from hat.ground_truth.table import TruthTable
from hat.record.words import SCORES
from hat.report.tables import markdown_table, places
from hat.report.verdict import welch_half_width

Arch = SubTransformerConfig

HALVING = "halving of all above"
ALL_LIMITS = math.inf


@dataclass(frozen=True)
class Choice:
    """What one way of choosing chose under a limit."""

    arch: Arch
    way: str
    limit_ms: float
    search_seed: int
    predicted_ms: float
    score: float
    """Its own, by which the way chose."""


@dataclass(frozen=True)
class Group:
    """What one way reached under one limit."""

    archs: Sequence[Arch]
    """One for each search whose choice is trained."""

    bleu: Floats
    """(n,). Of several searches, the mean of each different choice's trainings; of one search, the
    trainings of its choice."""


@dataclass(frozen=True)
class Judgement:
    """All groups, by limit and way, and what each architecture takes and has."""

    groups: Mapping[float, Mapping[str, Group]]
    latency_ms: Mapping[Arch, float]
    trainings: int

    @cached_property
    def ways(self) -> list[str]:
        """All of them, the searches by inherited loss first."""
        found = dict.fromkeys(way for each in self.groups.values() for way in each)
        return sorted(found, key=lambda way: (way == HALVING, ", " not in way))

    @property
    def ours(self) -> str:
        """The way that the others are compared with."""
        return next(way for way in self.ways if way.startswith("evolution, "))

    def gain(self, way: str, limit: float) -> tuple[float, float]:
        """BLEU of ours less that of ``way``, and half of its 95% interval; ``nan`` if unknown.

        Args:
            way: the other.
            limit: in milliseconds, or ``ALL_LIMITS`` for the mean over them.
        """
        chosen = self.groups.values() if limit == ALL_LIMITS else [self.groups[limit]]
        pairs = [(each[self.ours].bleu, each[way].bleu) for each in chosen if way in each]
        return contrast(pairs)

    def lines(self) -> list[str]:
        """The tables as Markdown."""
        rows = []
        for limit, groups in sorted(self.groups.items()):
            for way in (way for way in self.ways if way in groups):
                rows.append((f"{limit:.1f}", *self._row(way, groups[way], limit)))
        header = ("limit, ms", "way", "different choices", "measured, ms", "BLEU", "n")
        means = []
        for way in self.ways:
            under = [groups[way] for groups in self.groups.values() if way in groups]
            if len(under) == len(self.groups):
                gain = "-" if way == self.ours else _interval(*self.gain(way, ALL_LIMITS))
                means.append((way, f"{np.mean([each.bleu.mean() for each in under]):.1f}", gain))
        less = f"{self.ours}, less this"
        return [
            f"{self.trainings} trainings of {len(self.latency_ms)} architectures. Halving is "
            "judged by the other seeds of what it chose, or by its own where there is no other.",
            "",
            markdown_table(rows, places(*header, less)),
            "",
            "Means over the limits:",
            "",
            markdown_table(means, places("way", "BLEU", less)),
        ]

    def _row(self, way: str, group: Group, limit: float) -> tuple[str, ...]:
        times = [self.latency_ms[arch] for arch in group.archs]
        bleu = f"{group.bleu.mean():.1f}"
        if len(group.bleu) > 1:
            bleu += f" ± {group.bleu.std(ddof=1):.1f}"
        less = "-" if way == self.ours else _interval(*self.gain(way, limit))
        different = f"{len(set(group.archs))} of {len(group.archs)}"
        return way, different, f"{np.mean(times):.2f}", bleu, str(len(group.bleu)), less


def _interval(gain: float, half: float) -> str:
    if math.isnan(half):
        return f"{gain:+.1f}"
    return f"{gain:+.1f} ({gain - half:+.1f} to {gain + half:+.1f})"


def contrast(pairs: Sequence[tuple[Floats, Floats]]) -> tuple[float, float]:
    """The mean difference of pairs of groups, and half of its 95% interval.

    Args:
        pairs: ours and theirs, (n,) and (m,) each.

    Returns:
        Half of the interval is ``nan`` where a group has one value only.
    """
    gain = float(np.mean([ours.mean() - theirs.mean() for ours, theirs in pairs]))
    groups = [group for pair in pairs for group in pair]
    if min(map(len, groups)) < 2:
        return gain, math.nan
    return gain, welch_half_width(*groups, share=1 / len(pairs))


def judge(
    choices: Sequence[Choice], table: TruthTable, latency: Mapping[Arch, Sequence[float]]
) -> Judgement:
    """Puts together what is known; choices that are not trained yet are left out.

    Args:
        choices: all of them.
        table: their trainings.
        latency: milliseconds of each architecture in each round.

    Raises:
        DataError: if nothing can be compared.
    """
    groups: dict[float, dict[str, Group]] = {}
    for limit in sorted({each.limit_ms for each in choices}):
        under = [each for each in choices if each.limit_ms == limit]
        found: dict[str, Group] = {}
        for way in dict.fromkeys(each.way for each in under):
            searches = [each.arch for each in under if each.way == way]
            archs = [arch for arch in searches if table.trainings.get(arch)]
            if archs:
                # Searches that found the same share its trainings: they count once.
                bleu = table.values("bleu", list(dict.fromkeys(archs)))
                one = bleu[0] if len(searches) == 1 else np.array([each.mean() for each in bleu])
                found[way] = Group(archs, one)
        if found:
            candidates = list(dict.fromkeys(arch for each in found.values() for arch in each.archs))
            if (halved := _halving(candidates, table)) is not None:
                found[HALVING] = halved
            groups[limit] = found
    if not any(way.startswith("evolution, ") for each in groups.values() for way in each):
        raise DataError("no search's choice is trained: there is nothing to compare")
    medians = {arch: float(np.median(times)) for arch, times in latency.items()}
    return Judgement(groups, medians, len(table))


def _halving(candidates: Sequence[Arch], table: TruthTable) -> Group | None:
    """What halving by each seed chooses, judged by the other seeds of its choice, if it has any.

    None if no seed trained all candidates.
    """
    runs = [table.trainings[arch] for arch in candidates]
    seeds = sorted(set.intersection(*(set(each) for each in runs)))
    if not seeds:
        return None
    chosen, bleu = [], []
    for seed in seeds:
        curves = np.array([each[seed].curve for each in runs])
        done = halve(list(range(len(runs))), curves, np.ones(len(runs)), rungs=RUNGS)
        reached = {key: training.bleu for key, training in runs[done.chosen].items()}
        others = [value for key, value in reached.items() if key != seed]
        chosen.append(candidates[done.chosen])
        bleu.append(float(np.mean(others or [reached[seed]])))
    return Group(chosen, np.array(bleu))


def draw(path: Path, found: Judgement) -> None:
    """Draws latency against BLEU: a point for each way and limit, bars of a standard deviation."""
    with picture(path, figsize=(9.5, 4.6)) as (_, axes):
        for way in found.ways:
            there = [groups[way] for _, groups in sorted(found.groups.items()) if way in groups]
            times = [np.mean([found.latency_ms[arch] for arch in each.archs]) for each in there]
            spread = [each.bleu.std(ddof=1) if len(each.bleu) > 1 else 0.0 for each in there]
            means = [each.bleu.mean() for each in there]
            axes.errorbar(
                times, means, yerr=spread, marker="o", capsize=3, label=SCORES.get(way, way)
            )
        for limit in found.groups:
            axes.axvline(limit, color="0.8", zorder=0)
        axes.set_xlabel("latency of a sentence on this machine, ms (grey: the limits)")
        axes.set_ylabel("BLEU of the trained choices, ± standard deviation")
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize="small")
