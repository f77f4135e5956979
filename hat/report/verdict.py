"""Which of two ways is better? Two groups of runs, Welch's interval, and a plain sentence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hat.errors import ConfigError

MIN_SEEDS = 3
"""Runs of each side below which there is no verdict. One run says nothing of its spread. Of two
the interval holds its level, but is so wide that it finds a difference of three standard
deviations, which nobody would overlook, in one case of five; of three it does in two of three."""

LEVEL = 0.95
"""Of the interval."""

BLEU_MARGIN = 0.3
"""BLEU below which a difference does not matter, unless somebody says otherwise. A choice: no
reader sees so little, and another test set of a thousand sentences changes BLEU by more."""


def sample_std(values: Sequence[float]) -> float:
    """The sample standard deviation; 0 of a single value."""
    return math.sqrt(_variance(values)) if len(values) > 1 else 0.0


def _variance(values: Sequence[float] | np.ndarray) -> float:
    """The sample variance; 0 of equal values, from which their mean differs by rounding."""
    return float(np.var(values, ddof=1)) if np.ptp(values) > 0 else 0.0


@dataclass(frozen=True, kw_only=True)
class Runs:
    """What one way of choosing an architecture reached, once per seed."""

    name: str
    scores: tuple[float, ...]
    """In the user's direction."""

    num_evaluations: int | None = None
    """Scored candidates per run: the price. None where it was the same for all."""

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return float(np.mean(self.scores))

    @property
    def std(self) -> float:
        """Standard deviation over the seeds; 0 for a single one."""
        return sample_std(self.scores)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The score that two ways are compared by."""

    name: str
    higher_is_better: bool
    trained: bool
    """Whether it is a score of networks after a training of their own. Only then a sentence says
    what is worth it: who is ahead by inherited weights need not be ahead after training."""

    margin: float = 0.0
    """Differences that are smaller do not matter."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The difference between two groups of runs."""

    ours: Runs
    baseline: Runs
    gain: float
    """Mean of ours minus mean of the baseline, positive if ours is better."""

    low: float
    high: float
    """95% interval of the gain (Welch's t); ``nan`` with fewer than ``MIN_SEEDS`` seeds."""

    sentence: str


def compare(ours: Runs, baseline: Runs, judged: Judged) -> Verdict:
    """Compares two groups of runs by the difference of their means.

    There is a verdict from ``MIN_SEEDS`` runs of each side on. Better or worse is said of a
    difference of at least the margin whose interval leaves 0 out; a tie is said where the whole
    interval lies within the margin, so that a tie, too, has been shown (two one-sided tests,
    Schuirmann 1987). Everything else is said to be open.

    Raises:
        ConfigError: if a group is empty or holds a score that is not a number.
    """
    for runs in (ours, baseline):
        if not runs.scores or not np.isfinite(runs.scores).all():
            raise ConfigError(f"{runs.name}: needs at least one run, each with a score")
    sign = 1.0 if judged.higher_is_better else -1.0
    a, b = sign * np.array(ours.scores), sign * np.array(baseline.scores)
    gain = float(a.mean() - b.mean())
    low = high = math.nan
    if min(len(a), len(b)) >= MIN_SEEDS:
        half = welch_half_width(a, b)
        low, high = gain - half, gain + half
    sentence = _sentence(ours, baseline, judged, gain, low, high)
    return Verdict(ours=ours, baseline=baseline, gain=gain, low=low, high=high, sentence=sentence)


def welch_half_width(*groups: np.ndarray, share: float = 1.0) -> float:
    """Half of the 95% interval of a sum or difference of means (Welch, Biometrika 1947).

    The groups may have different variances: a rival that finds the same architecture with
    every seed has none. Where none has any, seeds decide nothing and the interval is a point. The
    degrees of freedom are Satterthwaite's (Biometrics 1946).

    Args:
        groups: (n,) each, two runs or more.
        share: of the sum: a half for the mean of two differences.
    """
    from scipy.stats import t

    parts = np.array([_variance(group) / len(group) for group in groups])
    variance = parts.sum()
    if variance == 0:
        return 0.0
    freedom = variance**2 / (parts**2 / [len(group) - 1 for group in groups]).sum()
    return float(share * t.ppf((1 + LEVEL) / 2, freedom) * math.sqrt(variance))


def _sentence(
    ours: Runs, baseline: Runs, judged: Judged, gain: float, low: float, high: float
) -> str:
    reached = f"{ours.name} reached {ours.mean:.4g} and {baseline.name} {baseline.mean:.4g}"
    seeds = f"{_seeds(ours)} against {_seeds(baseline)}"
    by = f"by {judged.name.replace('-', ' ')}"
    if math.isnan(low):
        return (
            f"Not enough seeds for a verdict {by}: {reached}, a difference of {gain:+.3g} "
            f"({seeds}; it takes {MIN_SEEDS} each)."
        )
    interval = f"95% interval {low:+.3g} to {high:+.3g}; {seeds}"
    ahead, behind, open_ = (
        ("Worth it", "Not worth it", "Not shown to be worth it")
        if judged.trained
        else ("Ahead", "Behind", "Neither ahead nor behind")
    )
    margin = judged.margin
    if low > 0 and gain >= margin:
        return f"{ahead} {by}: {reached}, a gain of {gain:.3g} ({interval})."
    if high < 0 and -gain >= margin:
        return f"{behind} {by}: {reached}, a loss of {-gain:.3g} ({interval})."
    if -margin <= low and high <= margin:
        return (
            f"A tie {by}: {reached}; the difference of {gain:+.3g} is less than the {margin:g} "
            f"that would matter ({interval})."
        )
    chance = "chance" if low <= 0 <= high else f"less than the {margin:g} that would matter"
    return f"{open_} {by}: {reached}; the difference of {gain:+.3g} may be {chance} ({interval})."


def _seeds(runs: Runs) -> str:
    count = len(runs.scores)
    seeds = f"{count} seed{'s' if count > 1 else ''}"
    if runs.num_evaluations is None:
        return seeds
    plural = "s" if runs.num_evaluations > 1 else ""
    return f"{seeds} of {runs.num_evaluations} evaluation{plural}"


def verdict_text(verdicts: Sequence[Verdict]) -> str:
    """Returns the sentences as a Markdown list."""
    return "\n".join(f"- {verdict.sentence}" for verdict in verdicts)
