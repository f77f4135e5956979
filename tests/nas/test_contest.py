import numpy as np
import pytest

from hat.errors import SearchError
from hat.nas.contest import Rivals, hold_contest
from hat.nas.finish import Finish, SearchEnd
from hat.nas.problem import Problem
from hat.nas.settings import FinishSettings
from hat.report.search_report import SearchStory, rank_section, write_search_report
from hat.scoring.rank_stats import rank_stats
from hat.search.algorithms import ALGORITHMS
from hat.search.algorithms.generation import GenerationSettings, Ingredients
from hat.search.loop import Search
from hat.search.proposer import Proposer
from tests.search import toy

SETTINGS = GenerationSettings(population_size=20, parent_size=5, mutation_size=10, crossover_size=5)


def build(rng):
    proposer = Proposer(toy.make_operators(), rng, toy.limited(8))
    return ALGORITHMS.load("evolution").build(SETTINGS, Ingredients(proposer=proposer))


def problem(loss=None, **more):
    operators = toy.make_operators()
    return Problem(
        operators=operators,
        codec=operators,
        constraints=toy.limited(8),
        objective=loss or toy.Loss(),
        num_rounds=8,
        **{"build": build, **more},
    )


def hold(loss, *, seeds=(0, 1, 2), folder=None, name="evolution", done=None, margin=0.0, **more):
    rivals = Rivals(seeds=seeds, sizes={"size": toy.sizes}, margin=margin, folder=folder)
    return hold_contest(problem(**more), rivals, loss, name=name, done=done)


def test_every_side_runs_and_nothing_is_scored_twice():
    loss = toy.Loss()
    contest = hold(loss)
    assert len(loss.seen) == len(set(loss.seen))
    assert set(contest.baselines) == {"random search", "largest by size"}
    assert contest.baselines["random search"].num_evaluations == contest.ours.num_evaluations
    assert contest.baselines["largest by size"].num_evaluations == 1
    assert contest.trials["largest by size"].costs == {"latency_ms": 8.0}
    assert all(len(v.baseline.scores) == 3 for v in contest.verdicts)
    assert contest.verdicts[1].sentence.startswith("Ahead by loss: evolution reached")
    assert not any("orth it" in verdict.sentence for verdict in contest.verdicts)


def test_two_seeds_are_not_enough_for_a_verdict():
    for verdict in hold(toy.Loss(), seeds=(0, 1)).verdicts:
        assert verdict.sentence.startswith("Not enough seeds for a verdict by loss: evolution")


def test_differences_below_the_margin_are_ties():
    gain = hold(toy.Loss()).verdicts[1].gain
    contest = hold(toy.Loss(), margin=100 * gain)
    assert contest.verdicts[1].sentence.startswith("A tie by loss: evolution reached")


def test_the_same_seed_twice_is_one_run():
    assert FinishSettings(contest_seeds=(2, 2, 1, 3)).seeds(1) == (1, 2, 3)
    assert FinishSettings().seeds(5) == (5, 6, 7)
    assert FinishSettings(contest_seeds=()).seeds(5) == ()


def test_a_search_that_is_done_is_not_run_again():
    algorithm = build(np.random.default_rng(0))
    done = Search(algorithm, [toy.Loss()], codec=toy.make_operators()).run(8)
    fresh = toy.Loss()
    contest = hold(fresh, seeds=(0,), done={0: done})
    assert contest.ours.scores == (done.score(done.best()),)
    assert not set(fresh.seen) & {trial.arch for trial in done.trials}
    assert "Not enough seeds" in contest.verdicts[0].sentence


def test_fronts_are_compared_by_the_volume_they_dominate():
    class Slowness(toy.Loss):
        name = "size"

        def score(self, archs):
            return toy.sizes(archs).astype(float)

    def build_front(rng):
        proposer = Proposer(toy.make_operators(), rng, toy.limited(8))
        return ALGORITHMS.load("nsga2").build(SETTINGS, Ingredients(proposer=proposer))

    contest = hold(toy.Loss(), name="nsga2", build=build_front, more_objectives=[Slowness()])
    verdict = contest.verdicts[-1]
    assert verdict.ours.name == "the front of nsga2"
    assert len(verdict.ours.scores) == len(verdict.baseline.scores) == 3
    assert all(0 < volume <= 1 for volume in (*verdict.ours.scores, *verdict.baseline.scores))
    assert verdict.ours.mean >= verdict.baseline.mean
    assert "hypervolume" in verdict.sentence


def test_the_contest_goes_into_the_report(tmp_path):
    contest = hold(toy.Loss())
    operators = toy.make_operators()
    limits = toy.limited(8)
    algorithm = build(np.random.default_rng(0))
    result = Search(algorithm, [toy.Loss()], codec=operators, costs=limits.costs).run(5)
    losses = np.array([toy.loss_of(arch) for arch in toy.ALL])
    stats = rank_stats(
        toy.sizes(toy.ALL), losses, higher_is_better=True, truth_higher_is_better=False
    )
    story = SearchStory(
        result=result,
        budgets={"latency_ms": 8.0},
        baselines=contest.trials,
        verdicts=contest.verdicts,
        extra=[rank_section("loss", {"size": stats})],
    )
    files = write_search_report(tmp_path, story, title="Toy")
    text = files[0].read_text()
    assert "## Rank correlations" in text and "| random search | 3 |" in text
    assert (tmp_path / "rank_correlations.csv").read_text().startswith("scorer,n,")


def finished(tmp_path, loss, **more):
    searched = problem(loss)
    result = searched.search(np.random.default_rng(0), folder=None).run(8)
    finish = Finish(
        rivals=Rivals(seeds=(0, 1), sizes={"size": toy.sizes}),
        scorers={"size": toy.Size()},
        **more,
    )
    end = SearchEnd(searched, result, finish)
    deliveries = end.measure_finalists()
    story = end.story(deliveries)
    return deliveries, write_search_report(tmp_path, story, title="Toy")[0].read_text()


def slow_clock(archs):
    return [{"latency_ms": 1.2 * sum(arch)} for arch in archs]


def test_finish_measures_repairs_compares_and_reports(tmp_path):
    loss = toy.Loss()
    deliveries, text = finished(tmp_path, loss, measure=slow_clock)
    assert len(loss.seen) == len(set(loss.seen))
    assert deliveries[0].fits and deliveries[0].measured["latency_ms"] <= 8
    assert deliveries[0].repaired_from is not None
    assert "Median and quartiles of 2 seeds" in text
    for heading in ("The winner", "Against simpler choices", "Front", "Rank correlations", "Facts"):
        assert f"## {heading}" in text


def test_a_machine_on_which_nothing_fits_ends_the_search_soon(tmp_path):
    measured = []

    def hopeless(archs):
        measured.extend(archs)
        return [{"latency_ms": 100.0 + sum(arch)} for arch in archs]

    with pytest.raises(SearchError, match="the closest had 10"):
        finished(tmp_path, toy.Loss(), measure=hopeless)
    assert min(map(sum, measured)) == 0  # the fastest of all was reached by repairs
    # 12 finalists and the cheapest, eight repairs each, two looks at each
    assert len(measured) <= 13 * 9 * 2


def test_the_report_tells_as_much_where_nothing_can_be_measured(tmp_path):
    deliveries, text = finished(tmp_path, toy.Loss(), measure=None, truth=toy.Size())
    assert deliveries == []
    for heading in ("The winner", "Against simpler choices", "Front", "Rank correlations", "Facts"):
        assert f"## {heading}" in text
    assert "Agreement with size" in text and "| size | 100 | 0 | 1.000 |" in text


class Interrupted(toy.Loss):
    """Is stopped after so many candidates."""

    def __init__(self, left):
        super().__init__()
        self.left = left

    def score(self, archs):
        self.left -= len(archs)
        if self.left < 0:
            raise KeyboardInterrupt
        return super().score(archs)


def test_a_contest_goes_on_under_its_own_conditions_only(tmp_path):
    conditions = {"content of restore-file": "aa"}
    hold(toy.Loss(), folder=tmp_path, conditions=conditions)
    again = toy.Loss()
    hold(again, folder=tmp_path, conditions=conditions)
    assert all(sum(arch) == 8 for arch in again.seen)  # the largest that fit, which cost nothing
    with pytest.raises(SearchError, match="content of restore-file was aa, is now bb"):
        hold(toy.Loss(), folder=tmp_path, conditions={"content of restore-file": "bb"})
    # A folder of random search is not one of a search, whatever else is equal.
    (tmp_path / "random_0").rename(tmp_path / "search_3")
    with pytest.raises(SearchError, match="contest was random search with seed 0, is now search"):
        hold(toy.Loss(), seeds=(3,), folder=tmp_path, conditions=conditions)


def test_an_interrupted_contest_goes_on(tmp_path):
    whole = hold(toy.Loss())
    first, second = Interrupted(400), toy.Loss()
    with pytest.raises(KeyboardInterrupt):
        hold(first, folder=tmp_path)
    resumed = hold(second, folder=tmp_path)
    assert resumed.ours == whole.ours and resumed.baselines == whole.baselines
    repeated = set(first.seen) & set(second.seen)
    assert len(second.seen) < 400 and len(repeated) <= SETTINGS.population_size
