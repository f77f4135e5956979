import csv
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy.stats import ttest_ind

from hat.errors import ConfigError
from hat.report.document import Section, write_document
from hat.report.plots import Axes, best_so_far, scatter_plot
from hat.report.search_report import SearchStory, write_search_report
from hat.report.verdict import Judged, Runs, compare
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
LOSS = Judged(name="inherited-loss", higher_is_better=False, trained=False)
BLEU = Judged(name="BLEU", higher_is_better=True, trained=True)


@pytest.mark.parametrize(
    ("ours", "theirs", "margin", "beginning"),
    [
        (LOW, HIGH, 0, "Ahead by inherited loss: search reached 3.04 and random 3.54, a gain of"),
        (LOW[:3], HIGH[:3], 0, "Ahead by inherited loss: search reached 3.033 and random 3.533"),
        (HIGH, LOW, 0, "Behind by inherited loss: search reached 3.54"),
        (MIXED, MIXED[::-1], 0, "Neither ahead nor behind by inherited loss: search reached"),
        (LOW, HIGH, 0.6, "A tie by inherited loss: search reached 3.04 and random 3.54; the diff"),
        (HIGH, LOW, 0.6, "A tie by inherited loss: search reached 3.54"),
        (LOW, LOW[::-1], 0.1, "A tie by inherited loss: search reached 3.04 and random 3.04"),
        # Neither a tie nor a difference that matters has been shown.
        (MIXED, MIXED[::-1], 0.1, "Neither ahead nor behind by inherited loss: search reached"),
        (LOW, HIGH, 0.52, "Neither ahead nor behind by inherited loss: search reached"),
        (LOW[:2], HIGH, 0, "Not enough seeds for a verdict by inherited loss: search reached 3.05"),
        (LOW, HIGH[:2], 9, "Not enough seeds for a verdict by inherited loss: search reached 3.04"),
        ((3.0,), (4.0,), 0, "Not enough seeds for a verdict by inherited loss: search reached 3"),
    ],
)
def test_verdicts_on_inherited_scores_never_speak_of_worth(ours, theirs, margin, beginning):
    verdict = compare(runs("search", *ours), runs("random", *theirs), replace(LOSS, margin=margin))
    assert verdict.sentence.startswith(beginning)
    assert "orth it" not in verdict.sentence
    assert verdict.gain == pytest.approx(np.mean(theirs) - np.mean(ours))


@pytest.mark.parametrize(
    ("ours", "theirs", "margin", "beginning"),
    [
        (HIGH, LOW, 0.3, "Worth it by BLEU: search reached 3.54 and random 3.04, a gain of 0.5"),
        (LOW, HIGH, 0.3, "Not worth it by BLEU: search reached 3.04"),
        (MIXED, MIXED[::-1], 0.1, "Not shown to be worth it by BLEU: search reached"),
        (HIGH, LOW, 0.6, "A tie by BLEU: search reached 3.54"),
        (HIGH[:2], LOW, 0.3, "Not enough seeds for a verdict by BLEU: search reached 3.55"),
    ],
)
def test_what_was_trained_can_be_worth_it(ours, theirs, margin, beginning):
    verdict = compare(runs("search", *ours), runs("random", *theirs), replace(BLEU, margin=margin))
    assert verdict.sentence.startswith(beginning)


def test_an_open_verdict_says_what_it_may_be():
    chance = compare(runs("a", *MIXED), runs("b", *MIXED[::-1]), BLEU).sentence
    assert "the difference of +0 may be chance (95% interval " in chance
    small = compare(runs("a", *HIGH), runs("b", *LOW), replace(BLEU, margin=0.52)).sentence
    assert "the difference of +0.5 may be less than the 0.52 that would matter (" in small


def test_two_seeds_are_no_verdict_however_far_apart():
    verdict = compare(runs("search", *LOW[:2]), runs("random", 9.0, 9.1), BLEU)
    assert np.isnan([verdict.low, verdict.high]).all()
    assert "(2 seeds of 100 evaluations against 2 seeds of 100" in verdict.sentence
    assert verdict.sentence.endswith("it takes 3 each).")


def test_the_interval_is_welchs():
    a, b = (27.1, 22.0, 20.8, 23.4, 23.4), (15.0, 35.2, 20.4)
    found = compare(runs("a", *a), runs("b", *b), BLEU)
    right = ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((right.low, right.high))


def test_runs_that_never_differ_leave_no_doubt():
    found = compare(runs("a", 2.0, 2.0, 2.0), runs("b", 1.5, 1.5, 1.5), BLEU)
    assert (found.low, found.high) == (0.5, 0.5) and found.sentence.startswith("Worth it")


def found_where_there_is_none(differs, draw, num_seeds, rng, *, cases=1500):
    """How often two groups of runs that differ in nothing are said to differ."""
    return np.mean([differs(draw(num_seeds, rng), draw(num_seeds, rng)) for _ in range(cases)])


def test_equal_runs_have_no_spread_by_rounding():
    # Three times the same loss differs from its mean in the last bit: it was printed as +- 2.7e-16.
    assert np.std([0.1] * 3, ddof=1) > 0
    verdict = compare(runs("search", *[0.1] * 3), runs("random", *[1.7] * 3), LOSS)
    assert verdict.ours.std == 0
    assert verdict.low == verdict.gain == verdict.high
    assert runs("search", 1.0, 2.0, 3.0).std == 1


def by_verdict(a, b):
    found = compare(runs("a", *a), runs("b", *b), BLEU)
    return found.sentence.startswith(("Worth it", "Not worth it"))


def by_percentile_bootstrap(a, b):
    """What does not hold its level with few seeds: see how much it errs."""
    rng = np.random.default_rng(0)
    gains = [x[rng.integers(len(x), size=(400, len(x)))].mean(axis=1) for x in (a, b)]
    low, high = np.quantile(gains[0] - gains[1], [0.025, 0.975])
    return low > 0 or high < 0


@pytest.mark.parametrize("num_seeds", [3, 5, 10])
@pytest.mark.parametrize("kind", ["normal", "skewed"])
def test_a_verdict_errs_in_five_of_a_hundred_cases_at_most(num_seeds, kind, rng):
    """Of 1,500 cases 3.8 to 6.2 % at 5 %; fewer is allowed, as skewed scores make it."""
    draw = {
        "normal": lambda count, rng: rng.normal(size=count),
        "skewed": lambda count, rng: rng.gumbel(size=count),  # as the best of many are
    }[kind]
    errors = found_where_there_is_none(by_verdict, draw, num_seeds, rng)
    assert 0.015 <= errors <= 0.062


@pytest.mark.parametrize("num_seeds", [3, 5, 10])
def test_the_percentile_bootstrap_would_not_pass(num_seeds, rng):
    errors = found_where_there_is_none(
        by_percentile_bootstrap, lambda count, rng: rng.normal(size=count), num_seeds, rng
    )
    assert errors > 0.062


def test_a_rival_without_any_spread_does_not_break_the_level(rng):
    """The largest that fits is the same with every seed; a pooled variance would err in 11 %."""
    fixed = np.zeros(3)
    errors = [by_verdict(rng.normal(size=3), fixed) for _ in range(1500)]
    assert 0.03 <= np.mean(errors) <= 0.065


def test_a_run_without_score_is_named():
    bad = runs("random", 1.0, float("nan"))
    with pytest.raises(ConfigError, match="random: needs at least one run, each with a score"):
        compare(runs("s", 1.0), bad, BLEU)


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
        Judged(name="loss", higher_is_better=False, trained=False),
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
    assert ("*Predicted* is what the search held" in text) == with_deliveries
    assert "A cost is what the search held against its budget: of a predictor the upper" in text
    assert "Ahead by loss: evolution reached 1.1 and random search 2" in text
    assert "said by BLEU after retraining (`--retrain-top`) alone." in text
    assert "orth it by" not in text
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
