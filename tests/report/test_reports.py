import csv
from functools import partial

import numpy as np
import pytest

from hat.errors import ConfigError
from hat.report.document import Section, write_document
from hat.report.plots import Axes, best_so_far, scatter_plot
from hat.report.search_report import SearchStory, write_search_report
from hat.report.verdict import Runs, compare
from hat.search.algorithms.evolution import Evolution
from hat.search.algorithms.generation import GenerationSettings
from hat.search.base import Trial
from hat.search.baselines import largest_that_fits, random_baseline
from hat.search.constraints import Constraints, Limit
from hat.search.deliver import deliver
from hat.search.loop import Search
from hat.search.proposer import Proposer
from tests.search import toy

PNG = b"\x89PNG"


def runs(name, *scores):
    return Runs(name=name, scores=scores, num_evaluations=100)


LOW = (3.0, 3.1, 3.0, 3.1, 3.0)
HIGH = tuple(value + 0.5 for value in LOW)
MIXED = (3.0, 3.6, 3.2, 3.5, 3.3)


@pytest.mark.parametrize(
    ("ours", "theirs", "beginning"),
    [
        (LOW, HIGH, "Worth it by inherited loss: search reached 3.04 and random 3.54, a gain of"),
        (HIGH, LOW, "Not worth it by inherited loss: search reached 3.54"),
        (MIXED, MIXED[::-1], "Not shown to be worth it by inherited loss: search reached"),
        (LOW[:4], HIGH, "Not enough seeds for a verdict by inherited loss: search reached 3.05"),
        (LOW, HIGH[:4], "Not enough seeds for a verdict by inherited loss: search reached 3.04"),
        ((3.0,), (4.0,), "Not enough seeds for a verdict by inherited loss: search reached 3 and"),
    ],
)
def test_verdicts(rng, ours, theirs, beginning):
    verdict = compare(
        runs("search", *ours),
        runs("random", *theirs),
        score_name="inherited-loss",
        higher_is_better=False,
        rng=rng,
    )
    assert verdict.sentence.startswith(beginning)
    assert verdict.gain == pytest.approx(np.mean(theirs) - np.mean(ours))


def test_three_seeds_are_no_verdict_however_far_apart(rng):
    verdict = compare(
        runs("search", *LOW[:3]),
        runs("random", 9.0, 9.1, 9.2),
        score_name="BLEU",
        higher_is_better=False,
        rng=rng,
    )
    assert np.isnan([verdict.low, verdict.high]).all()
    assert "orth it" not in verdict.sentence
    assert "(3 seeds of 100 evaluations against 3 seeds of 100" in verdict.sentence
    assert verdict.sentence.endswith("it takes 5 each).")


def test_the_interval_covers_the_truth(rng):
    """Both means are 0, so about 95 of 100 intervals hold 0; 30 seeds each."""
    held = 0
    for _ in range(100):
        a, b = (runs("x", *rng.normal(size=30)) for _ in range(2))
        v = compare(a, b, score_name="s", higher_is_better=True, rng=rng, num_resamples=500)
        held += v.low <= 0 <= v.high
    assert 87 <= held <= 100


def test_a_run_without_score_is_named(rng):
    bad = runs("random", 1.0, float("nan"))
    with pytest.raises(ConfigError, match="random: needs at least one run, each with a score"):
        compare(runs("s", 1.0), bad, score_name="x", higher_is_better=True, rng=rng)


def test_best_so_far_skips_what_could_not_be_scored():
    values = [np.nan, 3.0, np.nan, 5.0, 1.0]
    np.testing.assert_array_equal(
        best_so_far(values, higher_is_better=False), [np.nan, 3.0, 3.0, 3.0, 1.0]
    )
    assert best_so_far(values, higher_is_better=True)[-1] == 5.0


def test_random_baseline_costs_exactly_what_it_may():
    loss = toy.Loss()
    rng = np.random.default_rng(0)
    operators = toy.make_operators()
    result = random_baseline(
        operators,
        toy.limited(8),
        loss,
        codec=operators,
        num_evaluations=130,
        rng=rng,
        batch_size=50,
    )
    assert result.num_evaluated == len(loss.seen) == 130


def test_a_random_baseline_that_had_more_does_not_count_it(tmp_path):
    def search(num_evaluations):
        operators = toy.make_operators()
        return random_baseline(
            *(operators, toy.limited(8), toy.Loss()),
            codec=operators,
            num_evaluations=num_evaluations,
            rng=np.random.default_rng(0),
            batch_size=50,
            folder=tmp_path,
        )

    more = search(130)
    assert more.num_evaluated == 130
    assert search(80).trials == more.trials[:80]


def test_largest_that_fits_is_the_largest():
    operators = toy.make_operators()
    limits = Constraints([Limit("latency_ms", 11, toy.sizes)])
    found = {
        largest_that_fits(
            operators,
            limits,
            toy.sizes,
            codec=operators,
            rng=np.random.default_rng(seed),
            num_rounds=5,
        )
        for seed in range(3)
    }
    assert {sum(arch) for arch in found} == {11}
    assert len(found) > 1


def write_report(folder, *, with_deliveries):
    limits = toy.limited(8)
    operators = toy.make_operators()
    settings = GenerationSettings(
        population_size=20, parent_size=4, mutation_size=8, crossover_size=8
    )
    proposer = Proposer(operators, np.random.default_rng(0), limits)
    evolution = Evolution(proposer, settings)
    result = Search(
        evolution, [toy.Loss()], codec=operators, costs=limits.costs, signature="seed:0"
    ).run(8)
    loss = toy.Loss()
    deliveries = deliver(
        [t.arch for t in result.pareto_front()],
        score=loss.score,
        constraints=limits,
        measure=lambda archs: [{"latency_ms": 1.1 * sum(arch)} for arch in archs],
        neighbours=operators.neighbours,
    )
    large = (0, 0, 2, 3, 3)
    verdict = compare(
        runs("evolution", 1.0, 1.1, 1.2, 1.0, 1.2),
        runs("random search", 2.0, 2.1, 1.9, 2.0, 2.0),
        score_name="loss",
        higher_is_better=False,
        rng=np.random.default_rng(0),
    )
    story = SearchStory(
        result=result,
        budgets={"latency_ms": 8.0},
        deliveries=deliveries if with_deliveries else (),
        baselines={"largest": Trial(large, (toy.loss_of(large),), 0, {"latency_ms": 8.0})},
        verdicts=[verdict],
        extra=[Section(title="Ranks", table="| a |\n| --- |\n| 1 |")],
    )
    return write_search_report(folder, story, title="A toy search")


@pytest.mark.parametrize("with_deliveries", [True, False])
def test_search_report(tmp_path, with_deliveries):
    files = write_report(tmp_path, with_deliveries=with_deliveries)
    names = {path.name for path in files}
    assert names >= {"report.md", "convergence.png", "convergence.csv", "front.png", "front.csv"}
    assert ("finalists.csv" in names) == with_deliveries
    text = (tmp_path / "report.md").read_text()
    assert "Worth it by loss: evolution reached 1.1 and random search 2" in text
    assert "| largest |" in text and "Signature: `seed:0`" in text and "## Ranks" in text
    assert all(f"({path.name})" in text for path in files[1:])
    for path in files:
        if path.suffix == ".png":
            assert path.read_bytes().startswith(PNG)
    rows = list(csv.DictReader((tmp_path / "convergence.csv").open()))
    best = [float(row["best loss"]) for row in rows]
    assert best == sorted(best, reverse=True)


def test_no_half_written_plot(tmp_path):
    def broken(path):
        scatter_plot(path, [1, 2], [1], Axes(x="x", y="y"))

    with pytest.raises(ValueError, match="same size"):
        write_document(tmp_path, "t", [Section(title="s", plot=("p.png", broken))])
    assert list(tmp_path.iterdir()) == []
    draw = partial(scatter_plot, x=[1, 2], y=[2, 1], axes=Axes(x="x", y="y"))
    write_document(tmp_path, "t", [Section(title="s", plot=("p.png", draw))])
    assert (tmp_path / "p.png").read_bytes().startswith(PNG)
