"""The tables of ``bench/engine_searches.py``: what the winner of the wrong engine costs."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping, arch_to_mapping
from hat.latency.table import table_of_archs
from hat.report.tables import markdown_table, places
from hat.search.operators import GeneOperators

Arch = SubTransformerConfig
SPANS_OF_ONE = ", spans of one"
"""Behind an engine's name: searched in the part of the space that CTranslate2 can represent."""

SIZES = ("params", "flops")
"""Scores whose ratio means something; of the others the difference is told."""


@dataclass(frozen=True)
class Found:
    """The winner of a search, or none where no candidate kept the limit."""

    arch: Arch | None
    score: float | None = None
    predicted_ms: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Values for a line of a file."""
        arch = None if self.arch is None else arch_to_mapping(self.arch)
        return {"arch": arch, "score": self.score, "predicted_ms": self.predicted_ms}

    @classmethod
    def of(cls, values: Mapping[str, Any], where: str) -> "Found":
        """Reads what ``to_json`` gave."""
        arch = values["arch"]
        if arch is None:
            return cls(None)
        return cls(arch_from_mapping(arch, where), values["score"], values["predicted_ms"])


@dataclass(frozen=True)
class Case:
    """One kind of limit."""

    limits: Mapping[str, float]
    """Milliseconds, by engine that they bind."""

    left_out: Mapping[str, str]
    """Why they do not bind the other engines."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """Everything about one space."""

    name: str
    scorer: str
    higher_is_better: bool
    operators: GeneOperators
    """Of the whole space."""

    fits: Mapping[str, tuple[str, int, float]]
    """Kind of predictor, rows and cross-validated error in percent, by engine."""

    ends: Mapping[str, tuple[float, float]]
    """Milliseconds of the smallest and the largest architecture, by engine."""

    drift: Mapping[str, float]
    """What an architecture of the rows takes now over what it took then, by engine."""

    cases: Mapping[str, Case]
    """By name."""

    found: Mapping[str, Mapping[str, Sequence[Found]]]
    """Winners of each seed, by case and what was searched for."""

    times: Mapping[Arch, Mapping[str, float]]
    """Measured milliseconds by engine."""

    spread: Sequence[float]
    """Of the rounds of each measurement: the distance of quartiles over the median."""

    def lines(self) -> Iterator[str]:
        """The whole as Markdown."""
        yield from (f"## {self.name}", "")
        rows = [
            (name, count, kind, error, *self.ends[name], f"{100 * (self.drift[name] - 1):+.1f}%")
            for name, (kind, count, error) in self.fits.items()
        ]
        titles = ("engine", "rows", "predictor", "error in cross-validation, %", "smallest, ms")
        yield markdown_table(rows, places(*titles, "largest, ms", "one of the rows again"))
        yield ""
        yield (
            "Rounds of a measurement, distance of their quartiles over their median: median "
            f"{100 * statistics.median(self.spread):.1f}%, largest {100 * max(self.spread):.1f}%."
        )
        for name, case in self.cases.items():
            yield from ("", f"### {self.name}, limit {name}", "")
            yield from (f"Not for {engine}: {why}." for engine, why in case.left_out.items())
            winners = {}
            for label, several in self.found[name].items():
                winners[label] = [one for one in several if one.arch is not None]
                if not winners[label]:
                    yield f"For {label} no candidate was predicted to keep it."
                    del winners[label]
            if winners:
                yield from self._case(case.limits, winners)

    def _case(
        self, limits: Mapping[str, float], winners: Mapping[str, Sequence[Found]]
    ) -> Iterator[str]:
        yield from self._alike(winners)
        yield from self._summary(winners, limits)
        yield from self._of_spans(winners)
        yield from ("", "What was found, medians of the seeds:", "")
        yield markdown_table(
            [(label, *self._shape(several)) for label, several in winners.items()],
            places(
                *("searched for", "winners", self.scorer, "encoder width", "FFN"),
                *("decoder width", "layers", "FFN", "spans"),
            ),
        )
        heads = [f"{name} ({limit:.4g} ms)" for name, limit in limits.items()]
        yield from ("", "Milliseconds measured in, median of the seeds (least to most):", "")
        rows = [
            (label, *(_range(self._times(several, name)) for name in limits))
            for label, several in winners.items()
        ]
        yield markdown_table(rows, places("searched for", *heads))
        yield from ("", f"Cost when run in: over the limit, or {self.scorer} given away:", "")
        rows = [
            (label, *(self._cost(several, winners, name, limits[name]) for name in limits))
            for label, several in winners.items()
        ]
        yield markdown_table(rows, places("searched for", *heads))

    def _alike(self, winners: Mapping[str, Sequence[Found]]) -> Iterator[str]:
        """How much winners share between engines, beside how much they share between seeds."""
        whole = {label: each for label, each in winners.items() if SPANS_OF_ONE not in label}
        archs = [one.arch for each in whole.values() for one in each if one.arch is not None]
        labels = [label for label, each in whole.items() for _ in each]
        hot = self.operators.one_hot(archs)
        seeds: list[float] = []
        others: list[float] = []
        for (i, left), (j, right) in combinations(enumerate(labels), 2):
            share = float(hot[i] @ hot[j] / max(hot[i].sum(), hot[j].sum()))
            (seeds if left == right else others).append(share)
        yield (
            f"{len(set(archs))} different winners of {len(archs)} searches. Two of one engine have "
            f"{_percent(seeds)} of their choices in common, two of different engines "
            f"{_percent(others)}."
        )

    def _summary(
        self, winners: Mapping[str, Sequence[Found]], limits: Mapping[str, float]
    ) -> Iterator[str]:
        """All pairs of engines in a sentence."""
        own = [self._over(winners[name], name, limits[name]) for name in limits if name in winners]
        beyond = [100 * each for each in own if each is not None and each > 0]
        yield (
            f"In their own engine the winners of {len(beyond)} of {len(own)} engines miss the limit"
            f"{_from_to(beyond, '%')}."
        )
        missed, kept, others = [], [], 0
        for label, name in permutations([name for name in limits if name in winners], 2):
            over = self._over(winners[label], name, limits[name])
            if over is None:
                others += 1
            elif over > 0:
                missed.append(100 * over)
            else:
                kept.append(self._given_away(winners[label], winners[name]))
        yield (
            f"Of {len(missed) + len(kept) + others} pairs of two engines, {len(missed)} miss the "
            f"limit{_from_to(missed, '%')}, {len(kept)} keep it and change {self.scorer}"
            f"{_from_to(kept, self.unit)}, and {others} cannot run."
        )

    def _of_spans(self, winners: Mapping[str, Sequence[Found]]) -> Iterator[str]:
        """What it costs another engine to leave out spans above one."""
        pairs = [(label, label.removesuffix(SPANS_OF_ONE)) for label in winners]
        said = [
            f"{whole} {self._difference(winners[part], winners[whole])}"
            for part, whole in pairs
            if part != whole and whole in winners
        ]
        if said:
            yield f"What spans of one change in {self.scorer}: {', '.join(said)}."

    def _shape(self, several: Sequence[Found]) -> tuple[Any, ...]:
        archs = [one.arch for one in several if one.arch is not None]
        features = np.median(table_of_archs(archs, layers=False).features, axis=0)
        shown = [f"{features[place]:.4g}" for place in (0, 2, 4, 5, 6, 9)]
        return (len(set(archs)), _amount(_score(several)), *shown)

    def _times(self, several: Sequence[Found], engine: str) -> list[float]:
        """Of those winners that the engine can run."""
        times = [self.times[one.arch] for one in several if one.arch is not None]
        return [each[engine] for each in times if engine in each]

    def _cost(
        self,
        several: Sequence[Found],
        winners: Mapping[str, Sequence[Found]],
        engine: str,
        limit: float,
    ) -> str:
        over = self._over(several, engine, limit)
        if over is None:
            return "cannot run it"
        if over > 0:
            return f"**{100 * over:+.1f}% ms**"
        own = winners.get(engine, several)
        return "fits" if own is several else self._difference(several, own)

    def _over(self, several: Sequence[Found], engine: str, limit: float) -> float | None:
        """By which share of the limit winners miss it, negative if they keep it."""
        times = self._times(several, engine)
        return None if len(times) < len(several) else statistics.median(times) / limit - 1

    def _difference(self, several: Sequence[Found], own: Sequence[Found]) -> str:
        return _signed(self._given_away(several, own), self.unit)

    def _given_away(self, several: Sequence[Found], own: Sequence[Found]) -> float:
        """The difference of scores, in percent where they are sizes."""
        score, best = _score(several), _score(own)
        return 100 * (score / best - 1) if self.scorer in SIZES else score - best

    @property
    def unit(self) -> str:
        """Of differences of the score."""
        return "%" if self.scorer in SIZES else "" if self.higher_is_better else " bits"


def _score(several: Sequence[Found]) -> float:
    return statistics.median(one.score for one in several if one.score is not None)


def _amount(score: float) -> str:
    return f"{score:,.0f}" if abs(score) >= 1e4 else f"{score:.4g}"


def _percent(shares: Sequence[float]) -> str:
    return f"{100 * statistics.mean(shares):.0f}%" if shares else "-"


def _signed(value: float, unit: str) -> str:
    return f"{value:+.1f}%" if unit == "%" else f"{value:+.3f}{unit}"


def _from_to(values: Sequence[float], unit: str) -> str:
    if not values:
        return ""
    return f" by {_signed(min(values), unit)} to {_signed(max(values), unit)}"


def _range(times: Sequence[float]) -> str:
    if not times:
        return "-"
    middle = f"{statistics.median(times):.4g}"
    return f"{middle} ({min(times):.4g} to {max(times):.4g})" if len(set(times)) > 1 else middle
