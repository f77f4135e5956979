"""What a page says, as plain values: the JSON file holds exactly this."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FORMAT = "hat-report-1"

ArchKeys = dict[str, int | list[int]]
"""An architecture under HAT's YAML keys."""


@dataclass(kw_only=True)
class Quality:
    """A quality of translations on a test set, over one training or several."""

    mean: float
    std: float | None = None
    """Over trainings; None for a single one."""

    trainings: int = 1
    chrf: float | None = None
    doubts: list[str] = field(default_factory=list)
    """Why it is not worth much: a score of next to nothing, an average with gaps."""


@dataclass(kw_only=True)
class Measured:
    """A cost as measured."""

    mean: float
    bound: float | None = None
    """Upper confidence bound of the mean."""

    slower: float = 0.0
    """By which part of its usual time the machine was slower then."""


@dataclass(kw_only=True)
class Point:
    """One architecture, and all that is known of it. Milliseconds, counts and bytes."""

    id: str
    arch: ArchKeys
    names: list[str] = field(default_factory=list)
    """``winner``, ``finalist 2``, ``random search`` and the like."""

    round: int | None = None
    score: float | None = None
    share: float = 1.0
    """The part of the validation data behind the score; less than 1: an estimate."""

    predicted: dict[str, float] = field(default_factory=dict)
    interval: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Ends that hold 90% of measurements, by the name of the cost."""

    bound: dict[str, float] = field(default_factory=dict)
    """What the search compared with its limit: for latency the upper end of the prediction."""

    measured: dict[str, Measured] = field(default_factory=dict)
    in_turn: bool = False
    """Whether it was measured after the search, in turn with the others of which this is said."""

    during_search: Measured | None = None
    """Latency measured by the search, where it was measured in turn later."""

    fits: bool | None = None
    params: int | None = None
    bytes_fp32: int | None = None
    bytes_int8: int | None = None
    inherited: Quality | None = None
    retrained: Quality | None = None

    def cost(self, name: str) -> float | None:
        """The cost as measured, else as predicted, else as bounded, else as counted."""
        if name in self.measured:
            return self.measured[name].mean
        for known in (self.predicted, self.bound):
            if name in known:
                return known[name]
        return getattr(self, name) if name in COUNTS else None


COUNTS = {
    "params": "parameters",
    "bytes_fp32": "size of the weights in fp32",
    "bytes_int8": "size of the weights in int8",
}
"""Costs that are counted from the architecture alone, and what they are."""


@dataclass(kw_only=True)
class CostAxis:
    """Something that an architecture costs."""

    name: str
    title: str
    """In words, without the unit."""

    unit: str
    """``ms``, ``bytes`` or empty."""

    limit: float | None = None
    device: str | None = None
    workload: dict[str, Any] | None = None
    front: list[str] = field(default_factory=list)
    """Ids of the points that no other beats in cost and score, cheapest first."""


@dataclass(kw_only=True)
class Step:
    """One line of "what do I get for more"."""

    limit: float
    id: str
    cost: float
    score: float
    gain: float | None
    """Against the line before, positive where it is better."""


@dataclass(kw_only=True)
class SearchFacts:
    """One search."""

    name: str
    title: str
    objective: str
    objective_title: str
    higher_is_better: bool
    axes: list[CostAxis]
    points: dict[str, Point]
    winner: str | None
    num_candidates: int
    num_unscored: int
    num_rounds: int
    num_left_out: int
    """Candidates that are not among the points, so that a page stays small."""

    seconds: float | None
    steps: list[Step] = field(default_factory=list)
    convergence: dict[str, list[list[tuple[int, float]]]] = field(default_factory=dict)
    """Name of what searched -> for each seed the candidates scored and the best score so far."""

    ranking_truth: str = ""
    ranking: list[dict[str, Any]] = field(default_factory=list)
    contest: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    signature: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class LatencyFacts:
    """A latency dataset and the predictor that learned from it."""

    name: str
    device: str | None
    workload: dict[str, Any] | None
    measured: list[float]
    predicted: list[float]
    held_back: list[bool]
    """Whether the predictor has not learned from the row."""

    marked: int
    """Rows that the predictor left out, since the machine was disturbed."""

    disturbed: int
    """Rows of a disturbed machine that it learned from all the same."""

    interval: tuple[float, float] | None
    """Ends relative to the prediction that hold 90% of measurements."""

    predictor: str
    error_percent: float | None
    tau: float | None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class Curve:
    """Losses of a training by update."""

    name: str
    title: str
    lines: dict[str, list[tuple[float, float]]]


@dataclass(kw_only=True)
class Example:
    """One sentence and its translations."""

    number: int
    source: str
    reference: str
    winner: str
    largest: str
    why: str


@dataclass(kw_only=True)
class Translated:
    """What winner and largest made of a test set."""

    search: str
    weights: str
    sentences: int
    same: int
    """Sentences that both translate alike."""

    winner_exact: int
    largest_exact: int
    examples: list[Example]


@dataclass(kw_only=True)
class RunFacts:
    """One run of a pipeline, or one search alone."""

    name: str
    kind: str
    searches: list[SearchFacts]
    latencies: list[LatencyFacts] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """Step -> how long it took."""

    translated: list[Translated] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    """Section -> a sentence of what this run does not have."""


@dataclass(kw_only=True)
class Facts:
    """All runs of a page."""

    title: str
    hat: str
    runs: list[RunFacts]
    format: str = FORMAT
    differences: Mapping[str, list[str]] = field(default_factory=dict)
    """Setting -> its value in each search, where they differ."""
