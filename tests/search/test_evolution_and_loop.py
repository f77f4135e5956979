import json

import numpy as np
import pytest

from hat.errors import ConfigError, DataError, SearchError
from hat.search.algorithms.evolution import Evolution
from hat.search.algorithms.generation import GenerationSettings
from hat.search.constraints import Constraints, InfeasibleError, Limit
from hat.search.loop import Search
from hat.search.operators import GeneOperators
from hat.search.proposer import Proposer
from tests.search import toy

SMALL = GenerationSettings(population_size=20, parent_size=4, mutation_size=8, crossover_size=8)


def make_search(
    folder=None, *, seed=0, at_most=9.0, loss=None, signature="toy", conditions=None, **kwargs
):
    limits = toy.limited(at_most)
    proposer = Proposer(toy.make_operators(), np.random.default_rng(seed), limits, **kwargs)
    return Search(
        Evolution(proposer, SMALL),
        [loss or toy.Loss()],
        codec=toy.make_operators(),
        costs=limits.costs,
        folder=folder,
        signature=signature,
        conditions=conditions,
    )


def test_hats_settings_are_the_defaults():
    settings = GenerationSettings()
    sizes = (settings.parent_size, settings.mutation_size, settings.crossover_size)
    assert (settings.population_size, *sizes) == (125, 25, 50, 50)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"population_size": 100}, "population-size must be .* = 125, but found 100"),
        ({"parent_size": 0}, "parent-size must be at least 1, but found 0"),
        ({"mutation_size": -1}, "mutation-size must be at least 0, but found -1"),
    ],
)
def test_settings_check_themselves(sizes, message):
    with pytest.raises(ConfigError, match=message):
        GenerationSettings(**sizes)


def test_each_round_asks_for_new_children_of_the_best():
    proposer = Proposer(toy.make_operators(), np.random.default_rng(0))
    evolution = Evolution(proposer, SMALL)
    search = Search(evolution, [toy.Loss()], codec=toy.make_operators())
    result = search.run(3)
    rounds = [trial.round for trial in result.trials]
    assert [rounds.count(i) for i in range(3)] == [20, 16, 16]
    best = sorted(toy.loss_of(trial.arch) for trial in result.trials)[:4]
    parents = proposer.archs(evolution.state_dict()["parents"])
    assert [toy.loss_of(arch) for arch in parents] == best


def test_nothing_is_scored_twice_and_everything_is_feasible():
    loss = toy.Loss()
    result = make_search(loss=loss).run(12)
    assert len(loss.seen) == len(set(loss.seen)) == result.num_evaluated
    assert all(trial.costs["latency_ms"] <= 9.0 for trial in result.trials)


def test_the_loop_remembers_scores_of_an_algorithm_that_repeats_itself():
    class Repeats:
        def ask(self):
            return [toy.TARGET, toy.TARGET]

        def tell(self, trials):
            pass

    loss = toy.Loss()
    result = Search(Repeats(), [loss], codec=toy.make_operators()).run(3)
    assert loss.seen == [toy.TARGET]
    assert len(result.trials) == 6
    assert result.num_evaluated == 1


def test_same_seed_same_history_other_seed_other():
    def history(seed):
        return make_search(seed=seed).run(6).trials

    assert history(1) == history(1)
    assert history(1) != history(2)


def test_a_finished_search_is_not_run_again(tmp_path):
    first = make_search(tmp_path).run(5)
    loss = toy.Loss()
    again = make_search(tmp_path, loss=loss).run(5)
    assert again == first
    assert loss.seen == []


def test_more_rounds_continue_a_search(tmp_path):
    make_search(tmp_path).run(3)
    assert make_search(tmp_path).run(8).trials == make_search().run(8).trials


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_search_under_other_conditions_is_refused_and_stays_as_it_was(tmp_path):
    old = {"seed": 1, "limits": {"latency_ms": 9.0}, "content of ckpt-path": "aa"}
    make_search(tmp_path, conditions=old).run(1)
    before = contents(tmp_path)
    with pytest.raises(
        SearchError,
        match=r"search_state.json: holds a search under other conditions: content of ckpt-path "
        r"was aa, is now bb; beam was nothing, is now 5; choose another folder or remove it$",
    ):
        make_search(tmp_path, conditions={**old, "content of ckpt-path": "bb", "beam": 5})
    assert contents(tmp_path) == before
    assert make_search(tmp_path, conditions=dict(reversed(old.items()))).rounds_done == 1


def test_by_default_the_signature_is_the_condition(tmp_path):
    make_search(tmp_path, signature="seed:1").run(1)
    with pytest.raises(SearchError, match="signature was seed:1, is now seed:2"):
        make_search(tmp_path, signature="seed:2")


@pytest.mark.parametrize(("version", "age"), [(3, "an older"), (5, "a newer")])
def test_a_search_by_another_version_does_not_go_on(tmp_path, version, age):
    # As version 3 wrote it: a signature in place of conditions.
    state = {"format": version, "signature": "toy", "rounds": 1, "trials": 0, "algorithm": {}}
    (tmp_path / "search_state.json").write_text(json.dumps(state))
    before = contents(tmp_path)
    with pytest.raises(
        SearchError,
        match=rf"was made by {age} version of hat \(state format {version}, here 4\) and cannot",
    ):
        make_search(tmp_path)
    assert contents(tmp_path) == before


def test_fewer_rounds_than_are_done_are_no_result(tmp_path):
    make_search(tmp_path).run(5)
    before = contents(tmp_path)
    with pytest.raises(SearchError, match="5 rounds are done, more than the 3 asked for"):
        make_search(tmp_path).run(3)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("search_state.json", "{", "search_state.json: is not JSON: .*; remove the folder"),
        ("search_state.json", "{}", "search_state.json: has no 'format'; remove the folder"),
        ("trials.jsonl", "", "expected 52 lines, but found 0"),
        ("trials.jsonl", "{}\n" * 52, r"trials.jsonl:1: has no 'scores'"),
    ],
)
def test_damaged_files_are_named(tmp_path, name, content, message):
    make_search(tmp_path).run(3)
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        make_search(tmp_path)


def test_unscored_candidates_come_last_and_are_counted(tmp_path):
    class Sometimes(toy.Loss):
        def score(self, archs):
            losses = super().score(archs)
            losses[::3] = [np.nan, np.inf, -np.inf][len(archs) % 3]
            return losses

    reports = []
    result = make_search(tmp_path, loss=Sometimes()).run(4, reports.append)
    assert not np.isnan(result.best().objectives[0])
    assert result.num_unscored == reports[-1].num_unscored > 0
    assert "not scored" in str(reports[-1])
    lines = [json.loads(line) for line in (tmp_path / "trials.jsonl").read_text().splitlines()]
    assert sum(line["scores"]["loss"] is None for line in lines) == result.num_unscored


def test_when_nothing_can_be_scored_the_result_says_so():
    class Never(toy.Loss):
        def score(self, archs):
            return np.full(len(archs), np.nan)

    result = make_search(loss=Never()).run(2)
    with pytest.raises(SearchError, match="none of the 36 candidates could be scored by loss"):
        result.best()
    assert result.pareto_front() == []


def test_scores_keep_the_users_direction(tmp_path):
    class Bleu:
        name = "bleu"
        higher_is_better = True

        def score(self, archs):
            return np.array([30 - toy.loss_of(arch) for arch in archs])

    result = make_search(tmp_path, loss=Bleu()).run(6)
    best = result.best()
    assert result.score(best) == pytest.approx(30 - toy.loss_of(best.arch))
    assert result.score(best) == max(result.score(trial) for trial in result.trials)
    line = json.loads((tmp_path / "trials.jsonl").read_text().splitlines()[0])
    assert line["scores"]["bleu"] == pytest.approx(30 - toy.loss_of(tuple(line["arch"])))
    assert line["costs"] == {"latency_ms": sum(line["arch"])}


def test_a_scorer_of_the_wrong_shape_is_named():
    class Wrong(toy.Loss):
        def score(self, archs):
            return np.zeros(3)

    with pytest.raises(SearchError, match=r"loss must give one score for each of 20 candidates"):
        make_search(loss=Wrong()).run(1)


def test_an_impossible_limit_names_the_fastest():
    with pytest.raises(InfeasibleError) as caught:
        make_search(at_most=-1.0, max_tries=500).run(1)
    assert str(caught.value) == (
        "no candidate met the constraint latency_ms <= -1 in 501 tries; "
        "the fastest seen took 0 ms: (0, 0, 0, 0, 0)"
    )
    assert caught.value.arch == (0,) * toy.LENGTH


def test_a_nearly_impossible_limit_is_met_from_the_smallest():
    result = make_search(at_most=1.0, max_tries=5).run(10)
    assert {trial.arch for trial in result.trials} >= {(0,) * toy.LENGTH}
    assert all(sum(trial.arch) <= 1 for trial in result.trials)


def test_an_exhausted_space_ends_the_search():
    result = make_search(at_most=1.0).run(1000)
    assert result.num_evaluated == 1 + toy.LENGTH
    assert result.trials[-1].round < 5


def test_nearly_impossible_limits_on_subtransformers(tiny_space, rng):
    operators = GeneOperators(tiny_space)

    def total(archs):
        return np.array([float(sum(a.encoder.ffn_dims) + sum(a.decoder.ffn_dims)) for a in archs])

    found = Proposer(operators, rng, Constraints([Limit("width", 32, total)]), max_tries=200).first(
        5
    )
    assert len(found) == 5
    with pytest.raises(InfeasibleError, match="the smallest seen had 32: SubTransformerConfig"):
        Proposer(operators, rng, Constraints([Limit("width", 31, total)]), max_tries=200).first(5)


def test_later_limits_see_only_what_earlier_ones_let_pass():
    checked = []

    def digits(archs):
        checked.extend(archs)
        return np.array([float(arch[0]) for arch in archs])

    limits = Constraints([Limit("latency_ms", 4, toy.sizes), Limit("params", -1, digits)])
    assert not limits(toy.ALL).any()
    assert len(checked) == sum(sum(arch) <= 4 for arch in toy.ALL)
    message = str(limits.failure(1024))
    assert message == (
        "no candidate met the constraint params <= -1 in 1024 tries (121 of them met "
        "latency_ms <= 4); the smallest seen had 0: (0, 0, 0, 0, 0)"
    )


def test_a_cost_that_is_nan_is_not_feasible():
    limits = Constraints([Limit("latency_ms", 4, lambda archs: np.full(len(archs), np.nan))])
    assert not limits(toy.ALL).any()
    assert "none of them had a cost" in str(limits.failure(1024))


def test_reports_say_how_long_it_will_take():
    ticks = iter(range(1000))
    search = make_search()
    search._clock = lambda: float(next(ticks))
    reports = []
    search.run(4, reports.append)
    assert [report.left_s for report in reports] == [3, 2, 1, 0]
    assert str(reports[0]).startswith("round 1/4 | 20 candidates | best loss ")
    assert str(reports[0]).endswith("| 1 s, 3 s left")


def test_a_process_that_does_not_write_still_reads(tmp_path):
    make_search(tmp_path).run(3)
    before = (tmp_path / "search_state.json").read_text()
    limits = toy.limited(9.0)
    proposer = Proposer(toy.make_operators(), np.random.default_rng(0), limits)
    reader = Search(
        Evolution(proposer, SMALL),
        [toy.Loss()],
        codec=toy.make_operators(),
        costs=limits.costs,
        folder=tmp_path,
        signature="toy",
        write=False,
    )
    assert reader.rounds_done == 3
    assert reader.run(6).trials == make_search().run(6).trials
    assert (tmp_path / "search_state.json").read_text() == before
