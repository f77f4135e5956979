"""One test of everything that any algorithm must do, on a space that can be enumerated."""

import itertools
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hat.errors import ConfigError
from hat.scoring.ridge import RidgeEnsemble
from hat.search import loop
from hat.search.algorithms import ALGORITHMS
from hat.search.algorithms.aging_evolution import AgingEvolution, AgingEvolutionSettings
from hat.search.algorithms.generation import GenerationSettings, Ingredients
from hat.search.algorithms.guided_evolution import GuidedEvolutionSettings
from hat.search.algorithms.local_search import LocalSearch
from hat.search.algorithms.nsga2 import NSGA2
from hat.search.algorithms.tournament_evolution import TournamentEvolution, TournamentSettings
from hat.search.base import SearchAlgorithm
from hat.search.constraints import Constraints, CostObjective, InfeasibleError, Limit
from hat.search.loop import Search
from hat.search.proposer import Proposer
from tests.search import toy

EVOLUTION = GenerationSettings(
    population_size=20, parent_size=6, mutation_size=10, crossover_size=4
)
TOURNAMENT = TournamentSettings(population_size=20, tournament_size=6, num_parents=3)

GUIDES = {name: lambda: RidgeEnsemble(toy.features) for name in ("guided", "guided-gcn")}


def build(name: str, proposer: Proposer[toy.Digits]) -> SearchAlgorithm[toy.Digits]:
    ingredients = Ingredients(proposer=proposer, guides=GUIDES)
    algorithm: SearchAlgorithm[toy.Digits] = ALGORITHMS.load(name).build(EVOLUTION, ingredients)
    return algorithm


ROUNDS = {"random": 60, "aging": 60, "local": 60, "tournament": 90}
AT_MOST = 7.0


def make_search(name, folder=None, *, seed=0, at_most=AT_MOST, loss=None, max_tries=400):
    limits = toy.limited(at_most)
    proposer = Proposer(
        toy.make_operators(), np.random.default_rng(seed), limits, max_tries=max_tries
    )
    objectives = [loss or toy.Loss(), *([toy.Size()] if name == "nsga2" else [])]
    return Search(
        build(name, proposer),
        objectives,
        codec=toy.make_operators(),
        costs=limits.costs,
        folder=folder,
        signature=f"{name}|seed:{seed}",
    )


every_algorithm = pytest.mark.parametrize("name", ALGORITHMS.names())


@every_algorithm
def test_finds_the_optimum(name):
    result = make_search(name).run(ROUNDS.get(name, 30))
    assert result.best().arch == toy.optimum(AT_MOST)


@every_algorithm
def test_asks_for_feasible_new_candidates_only(name):
    loss = toy.Loss()
    result = make_search(name, loss=loss).run(10)
    assert len(loss.seen) == len(set(loss.seen)) == len(result.trials)
    assert all(sum(arch) <= AT_MOST for arch in loss.seen)


@every_algorithm
def test_same_seed_same_history_other_seed_other(name):
    def history(seed):
        return make_search(name, seed=seed).run(6).trials

    assert history(3) == history(3)
    assert history(3) != history(4)


@every_algorithm
def test_state_is_json_and_resumes_to_the_same_end(name, tmp_path):
    for rounds in range(1, 9):
        part = make_search(name, tmp_path).run(rounds)
        json.loads((tmp_path / "search_state.json").read_text())
    assert part.trials == make_search(name).run(8).trials


@every_algorithm
def test_unscored_candidates_do_not_stop_it(name):
    class Sometimes(toy.Loss):
        def score(self, archs):
            losses = super().score(archs)
            losses[:: 2 if self.seen[len(archs) :] else 1] = np.nan
            return losses

    result = make_search(name, loss=Sometimes()).run(12)
    assert 0 < result.num_unscored < len(result.trials)
    assert result.best().is_scored


@every_algorithm
def test_an_impossible_limit_ends_with_the_fastest(name):
    with pytest.raises(InfeasibleError, match="the fastest seen took 0 ms"):
        make_search(name, at_most=-1).run(1)


def test_what_a_cost_means_stands_in_the_error():
    limit = Limit("latency_ms", -1, lambda archs: [7.0] * len(archs), "predicted; 27 % off")
    constraints = Constraints([limit], describe=lambda _: "A")
    assert not constraints(["a"]).any()
    with pytest.raises(InfeasibleError, match=r"is at 7 ms \(predicted; 27 % off\): A"):
        raise constraints.failure(1)


@every_algorithm
def test_a_space_that_is_used_up_ends_the_search(name):
    result = make_search(name, at_most=1).run(200)
    assert result.num_evaluated == 1 + toy.LENGTH


class Killed(BaseException):
    """Not an Exception, so that nothing between here and the test can swallow it."""


@pytest.mark.parametrize("name", ["evolution", "nsga2", "guided"])
def test_twenty_kills_one_winner(name, tmp_path, monkeypatch):
    """Kills the search 20 times: in scoring, before, between and after its two writes."""
    rng = np.random.default_rng(5)
    steps = {"left": 0}

    def step():
        steps["left"] -= 1
        if steps["left"] == 0:
            raise Killed

    def fragile(write):
        def call(*args):
            step()
            write(*args)
            step()

        return call

    class FragileLoss(toy.Loss):
        def score(self, archs):
            step()
            return super().score(archs)

    reference = make_search(name).run(25)
    monkeypatch.setattr(loop, "write_text", fragile(loop.write_text))
    monkeypatch.setattr(loop, "write_json", fragile(loop.write_json))
    num_kills = 0
    for _ in itertools.count():
        steps["left"] = int(rng.integers(2, 12)) if num_kills < 20 else -1
        try:
            result = make_search(name, tmp_path, loss=FragileLoss()).run(25)
        except Killed:
            num_kills += 1
            continue
        break
    assert num_kills == 20
    assert result.trials == reference.trials
    assert result.best() == reference.best()
    lines = (tmp_path / "trials.jsonl").read_text().splitlines()
    assert len(lines) == len(reference.trials)


def test_nsga2_finds_the_front_of_loss_and_size():
    cost = CostObjective(Limit("size", 0.0, toy.sizes))
    proposer = Proposer(toy.make_operators(), np.random.default_rng(0))
    nsga2 = NSGA2(proposer, population_size=16)
    result = Search(nsga2, [toy.Loss(), cost], codec=toy.make_operators()).run(60)
    assert result.objective_names == ("loss", "size")
    points = np.array([[toy.loss_of(arch), float(sum(arch))] for arch in toy.ALL])
    best = {size: min(p[0] for p in points if p[1] == size) for size in set(points[:, 1])}
    truth = {
        (loss, size)
        for size, loss in best.items()
        if all(loss < best[other] for other in best if other < size)
    }
    found = {trial.objectives for trial in result.pareto_front()}
    assert len(truth & found) >= 0.8 * len(truth)


def test_aging_forgets_the_oldest_however_good():
    proposer = Proposer(toy.make_operators(), np.random.default_rng(0))
    settings = AgingEvolutionSettings(population_size=5, tournament_size=5)
    search = Search(AgingEvolution(proposer, settings), [toy.Loss()], codec=toy.make_operators())
    mutated = []
    mutations = proposer.mutations
    proposer.mutations = lambda parents, count: mutated.extend(parents) or mutations(parents, count)
    search.run(30)
    for step, parent in enumerate(mutated):
        alive = [trial.arch for trial in proposer.trials[step : step + 5]]
        assert parent == min(alive, key=toy.loss_of)


def test_tournament_evolution_drops_the_worst():
    proposer = Proposer(toy.make_operators(), np.random.default_rng(0))
    evolution = TournamentEvolution(proposer, TOURNAMENT)
    result = Search(evolution, [toy.Loss()], codec=toy.make_operators()).run(15)
    alive = proposer.archs(evolution.state_dict()["alive"])
    best = sorted(toy.loss_of(trial.arch) for trial in result.trials)[:20]
    assert sorted(map(toy.loss_of, alive)) == best


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AgingEvolutionSettings(tournament_size=101), "tournament-size 101 is larger than"),
        (
            lambda: AgingEvolutionSettings(batch_size=0),
            "must be at least 1, but found 100, 10 and 0",
        ),
        (lambda: TournamentSettings(num_parents=11), "found 11, 10 and 50"),
        (lambda: GuidedEvolutionSettings(pool_size=5), "pool-size at least batch-size"),
        (lambda: GuidedEvolutionSettings(random_share=2), r"random-share must lie in \[0, 1\]"),
        (lambda: LocalSearch(None, batch_size=0), "must be at least 1, but found 50 and 0"),
        (lambda: NSGA2(None, population_size=1), "population-size must be at least 2"),
    ],
)
def test_settings_check_themselves(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize("name", ALGORITHMS.names())
def test_algorithms_by_name_cost_the_same(name):
    proposer = Proposer(toy.make_operators(), np.random.default_rng(0))
    settings = GenerationSettings(
        population_size=30, parent_size=10, mutation_size=14, crossover_size=6
    )
    models = {guided: lambda: RidgeEnsemble(toy.features) for guided in ("guided", "guided-gcn")}
    ingredients = Ingredients(proposer=proposer, guides=models)
    algorithm = ALGORITHMS.load(name).build(settings, ingredients)
    search = Search(algorithm, [toy.Loss(), toy.Size()], codec=toy.make_operators())
    rounds = [trial.round for trial in search.run(3).trials]
    counts = [rounds.count(i) for i in range(3)]
    # An architecture of the toy space has 15 neighbours, so local search cannot fill a round.
    assert counts == [30, 20, 20] or (name == "local" and 0 < max(counts[1:]) <= 20)


def test_unknown_algorithm_names():
    with pytest.raises(
        ConfigError, match="unknown search algorithm 'ageing'; did you mean 'aging'"
    ):
        ALGORITHMS.load("ageing")
    ingredients = Ingredients(proposer=Proposer(toy.make_operators(), np.random.default_rng(0)))
    with pytest.raises(ConfigError, match="'guided-gcn' needs a model to be guided by"):
        ALGORITHMS.load("guided-gcn").build(GenerationSettings(), ingredients)


@pytest.mark.slow
def test_twenty_real_kills_one_winner(tmp_path):
    """SIGKILL at random moments, the writing of files included."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "tests.search.killed_search", str(tmp_path), "0.02"]
    rng = np.random.default_rng(0)
    num_kills, rounds = 0, []
    while num_kills < 20:
        process = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL)
        state = tmp_path / "search_state.json"
        before = state.read_text() if state.exists() else ""
        while process.poll() is None and (not state.exists() or state.read_text() == before):
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.03))
        if process.poll() is None:
            process.kill()
            num_kills += 1
        process.wait()
        rounds.append(json.loads(state.read_text())["rounds"])
        if rounds[-1] == 40:
            break
    subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)
    assert num_kills >= 15 and rounds == sorted(rounds)
    resumed = make_search("evolution", tmp_path).run(40)
    assert resumed.trials == make_search("evolution").run(40).trials
