"""Was it worth it? Two groups of runs, a bootstrap interval, and a plain sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hat.errors import ConfigError

MIN_SEEDS = 5
"""Runs below which there is no verdict. The percentile bootstrap of three runs each finds a
difference in about one case of five where there is none."""


def sample_std(values: Sequence[float]) -> float:
    """The sample standard deviation; 0 of a single value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


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
class Verdict:
    """The difference between two groups of runs."""

    ours: Runs
    baseline: Runs
    gain: float
    """Mean of ours minus mean of the baseline, positive if ours is better."""

    low: float
    high: float
    """95% bootstrap interval of the gain; ``nan`` with fewer than ``MIN_SEEDS`` seeds."""

    sentence: str


def compare(
    ours: Runs,
    baseline: Runs,
    *,
    score_name: str,
    higher_is_better: bool,
    rng: np.random.Generator,
    num_resamples: int = 10_000,
) -> Verdict:
    """Compares two groups of runs by the difference of their means.

    The interval is the percentile bootstrap over seeds, both groups resampled independently. With
    fewer than ``MIN_SEEDS`` seeds it is far too narrow, so there is none then, and no verdict. The
    sentence names the score that decided: what wins by it need not win after training.

    Raises:
        ConfigError: if a group is empty or holds a score that is not a number.
    """
    for runs in (ours, baseline):
        if not runs.scores or not np.isfinite(runs.scores).all():
            raise ConfigError(f"{runs.name}: needs at least one run, each with a score")
    sign = 1.0 if higher_is_better else -1.0
    a, b = sign * np.array(ours.scores), sign * np.array(baseline.scores)
    gain = float(a.mean() - b.mean())
    if min(len(a), len(b)) < MIN_SEEDS:
        low = high = float("nan")
    else:
        gains = _resampled(a, rng, num_resamples) - _resampled(b, rng, num_resamples)
        low, high = (float(q) for q in np.quantile(gains, [0.025, 0.975]))
    sentence = _sentence(ours, baseline, score_name, gain, low, high)
    return Verdict(ours=ours, baseline=baseline, gain=gain, low=low, high=high, sentence=sentence)


def _resampled(values: np.ndarray, rng: np.random.Generator, count: int) -> np.ndarray:
    picks = rng.integers(len(values), size=(count, len(values)))
    return np.asarray(values[picks].mean(axis=1))


def _sentence(
    ours: Runs, baseline: Runs, score_name: str, gain: float, low: float, high: float
) -> str:
    reached = f"{ours.name} reached {ours.mean:.4g} and {baseline.name} {baseline.mean:.4g}"
    seeds = f"{_seeds(ours)} against {_seeds(baseline)}"
    by = f"by {score_name.replace('-', ' ')}"
    if np.isnan(low):
        return (
            f"Not enough seeds for a verdict {by}: {reached}, a difference of {gain:+.3g} "
            f"({seeds}; it takes {MIN_SEEDS} each)."
        )
    interval = f"95% interval {low:+.3g} to {high:+.3g}; {seeds}"
    if low > 0:
        return f"Worth it {by}: {reached}, a gain of {gain:.3g} ({interval})."
    if high < 0:
        return f"Not worth it {by}: {reached}, a loss of {-gain:.3g} ({interval})."
    chance = f"the difference of {gain:+.3g} may be chance"
    return f"Not shown to be worth it {by}: {reached}; {chance} ({interval})."


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
