"""What ``bench/verdict.py`` makes of searches and trainings; nothing is searched or trained."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_ind

from hat.errors import DataError
from hat.ground_truth.draw import draw_stratified
from hat.ground_truth.table import Training, TruthTable

ROOT = Path(__file__).parents[2]


@pytest.fixture
def verdict(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    monkeypatch.chdir(ROOT)
    before = set(sys.modules)
    import verdict

    yield verdict
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == ROOT / "bench":
            del sys.modules[name]


def trained(table: TruthTable, arch: Any, *bleu: float) -> None:
    for seed, value in enumerate(bleu, start=1):
        curve = tuple(9 - mark * value / 400 for mark in range(1, 21))
        made = Training(bleu=value, chrf=value, loss=curve[-1], cpu_seconds=80.0, curve=curve)
        table.add(arch, seed, made)


def test_a_search_is_compared_with_what_costs_nothing(verdict: Any, space: Any) -> None:
    from verdict_report import Choice, judge

    deep, wide, small, smallest = draw_stratified(space, 4, seed=1)
    choices = [
        Choice(deep, "evolution, sandwich", 9.0, 1, 8.5, 3.0),
        Choice(wide, "evolution, sandwich", 9.0, 2, 8.6, 3.1),
        Choice(small, "params", 9.0, 1, 8.9, 1e6),
        Choice(smallest, "random, sandwich", 9.0, 1, 8.9, 3.3),
    ]
    table = TruthTable()
    trained(table, deep, 50.0, 52.0)
    trained(table, wide, 46.0, 48.0)
    trained(table, small, 40.0, 43.0)
    latency = {arch: [8.0, 9.0, 8.2] for arch in (deep, wide, small, smallest)}
    found = judge(choices, table, latency)

    groups = found.groups[9.0]
    assert "random, sandwich" not in groups  # its choice is not trained yet
    assert groups["evolution, sandwich"].bleu.tolist() == [51.0, 47.0]
    assert groups["params"].bleu.tolist() == [40.0, 43.0]
    gain, half = found.gain("params", 9.0)
    interval = ttest_ind([51, 47], [40, 43], equal_var=False).confidence_interval()
    assert (gain - half, gain + half) == pytest.approx((interval.low, interval.high))
    # Each seed's losses choose the best there is, which the other seed judges.
    assert groups["halving of all above"].bleu.tolist() == [52.0, 50.0]

    text = "\n".join(found.lines())
    assert "6 trainings" in text and "| 9.0 | params | 1 of 1 | 8.20 | 41.5 ± 2.1 |" in text
    assert "| params | 41.5 | +7.5 (" in text


def test_limits_weigh_alike_in_the_mean_difference(verdict: Any) -> None:
    from verdict_report import contrast

    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        pairs = [(rng.normal(2, 1, 5), rng.normal(0, 3, 3)) for _ in range(3)]
        gain, half = contrast(pairs)
        covered += abs(gain - 2) <= half
    assert 0.92 <= covered / 400 <= 0.99
    assert contrast([(np.array([2.0, 4.0]), np.array([1.0]))])[0] == 2.0
    assert np.isnan(contrast([(np.array([2.0, 4.0]), np.array([1.0]))])[1])


def test_choices_are_read_as_they_were_written(verdict: Any, space: Any, tmp_path: Path) -> None:
    from verdict_report import Choice

    archs = draw_stratified(space, 3, seed=2)
    choices = [
        Choice(arch, "random, uniform", 6.25, seed, 6.125, 3.5)
        for seed, arch in enumerate([*archs, archs[0]], start=1)
    ]
    verdict.write_choices(tmp_path / "choices.csv", choices)
    assert verdict.read_choices(tmp_path / "choices.csv") == choices


def test_what_is_free_is_chosen_first_and_supertransformers_come_round(verdict: Any) -> None:
    options = SimpleNamespace(
        supernets=[["sandwich", "one.pt", "two.pt"]], seeds=3, algorithms=verdict.SEARCHES
    )
    ways = list(verdict.wanted(options))
    free = len(verdict.SHARES) * len(verdict.COUNTS)
    assert {way[0] for way in ways[:free]} == set(verdict.COUNTS)
    by_seed = {(way[2], way[5].name) for way in ways[free:]}
    assert by_seed == {(1, "one.pt"), (2, "two.pt"), (3, "one.pt")}


def test_without_trainings_there_is_no_verdict(verdict: Any, space: Any) -> None:
    from verdict_report import Choice, judge

    (arch,) = draw_stratified(space, 1, seed=1)
    with pytest.raises(DataError, match="nothing to compare"):
        judge([Choice(arch, "evolution, x", 9.0, 1, 8.0, 3.0)], TruthTable(), {arch: [8.0]})
