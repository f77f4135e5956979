import numpy as np

from hat.report.search_report import SearchStory, rank_section, write_search_report
from hat.scoring.rank_stats import rank_stats
from hat.search.algorithms import AlgorithmBuilder
from hat.search.evolution import EvolutionSettings
from hat.search.loop import Search
from hat.search.proposer import Proposer
from hat.stages.contest import ContestRules, hold_contest
from hat.stages.search_finish import Finish, finish_search
from tests.search import toy

SETTINGS = EvolutionSettings(population_size=20, parent_size=5, mutation_size=10, crossover_size=5)


def rules(seeds=(0, 1, 2)):
    operators = toy.make_operators()
    return ContestRules(
        operators=operators,
        codec=operators,
        constraints=toy.limited(8),
        build=lambda proposer: AlgorithmBuilder(proposer, SETTINGS).build("evolution"),
        num_rounds=8,
        sizes={"size": toy.sizes},
        seeds=seeds,
    )


def test_every_side_runs_and_nothing_is_scored_twice():
    loss = toy.Loss()
    contest = hold_contest(rules(), loss, name="evolution")
    assert len(loss.seen) == len(set(loss.seen))
    assert set(contest.baselines) == {"random search", "largest by size"}
    assert contest.baselines["random search"].num_evaluations == contest.ours.num_evaluations
    assert contest.baselines["largest by size"].num_evaluations == 1
    assert contest.trials["largest by size"].costs == {"latency_ms": 8.0}
    assert all(len(v.baseline.scores) == 3 for v in contest.verdicts)
    assert contest.verdicts[1].sentence.startswith("Worth it: evolution reached loss")


def test_a_search_that_is_done_is_not_run_again():
    shared = rules(seeds=(0,))
    proposer = Proposer(shared.operators, np.random.default_rng(0), shared.constraints)
    objective = toy.Loss()
    done = Search(shared.build(proposer), [objective], codec=shared.codec).run(8)
    fresh = toy.Loss()
    contest = hold_contest(shared, fresh, name="evolution", done={0: done})
    assert contest.ours.scores == (done.score(done.best()),)
    assert not set(fresh.seen) & {trial.arch for trial in done.trials}
    assert "proves nothing" in contest.verdicts[0].sentence


def test_the_contest_goes_into_the_report(tmp_path):
    contest = hold_contest(rules(), toy.Loss(), name="evolution")
    operators = toy.make_operators()
    limits = toy.limited(8)
    proposer = Proposer(operators, np.random.default_rng(0), limits)
    build = AlgorithmBuilder(proposer, SETTINGS).build("evolution")
    result = Search(build, [toy.Loss()], codec=operators, costs=limits.costs).run(5)
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


def test_finish_measures_repairs_compares_and_reports(tmp_path):
    operators, limits = toy.make_operators(), toy.limited(8)
    proposer = Proposer(operators, np.random.default_rng(0), limits)

    def build(proposer):
        return AlgorithmBuilder(proposer, SETTINGS).build("evolution")

    loss = toy.Loss()
    result = Search(build(proposer), [loss], codec=operators, costs=limits.costs).run(8)
    finish = Finish(
        operators=operators,
        codec=operators,
        constraints=limits,
        objective=loss,
        measure=lambda archs: [{"latency_ms": 1.2 * sum(arch)} for arch in archs],
        build=build,
        num_rounds=8,
        seeds=(0, 1),
        sizes={"size": toy.sizes},
        scorers={"size": toy.Size()},
    )
    deliveries, files = finish_search(result, finish, tmp_path, title="Toy")
    assert len(loss.seen) == len(set(loss.seen))
    assert deliveries[0].fits and deliveries[0].measured["latency_ms"] <= 8
    assert deliveries[0].repaired_from is not None
    text = files[0].read_text()
    for heading in ("The winner", "Was it worth it?", "Front", "Rank correlations", "Facts"):
        assert f"## {heading}" in text
