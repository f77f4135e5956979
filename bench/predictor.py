"""The neural predictor on NAS-Bench-101 and 201, beside baselines: tables and plots.

    OMP_NUM_THREADS=1 python bench/predictor.py --data ../shared/data --out docs/results

Finished runs are kept in ``predictor_runs.jsonl`` of ``--work`` and not repeated, so that an
interrupted benchmark goes on where it stopped.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from predictor_baselines import FlatPredictor, boosting, linear

from hat.arrays import Floats
from hat.benchmarks.base import TableBenchmark
from hat.benchmarks.load import load_benchmark
from hat.benchmarks.simulated import SimulatedTraining, Training
from hat.models.gcn_training import PredictorSettings
from hat.scoring.cross_validation import best_by_kendall, cross_validate
from hat.scoring.graph_encoding import Encoder, Graphs, encoder_for
from hat.scoring.neural_predictor import NeuralPredictor
from hat.scoring.prediction import Prediction, Predictor
from hat.scoring.rank_stats import rank_stats
from hat.scoring.selection import select
from hat.scoring.two_stage import TwoStagePredictor
from hat.search.algorithms.aging_evolution import AgingEvolution, AgingEvolutionSettings
from hat.search.algorithms.random_search import RandomSearch
from hat.search.loop import Search
from hat.search.proposer import Proposer
from hat.search.table_operators import in_table, table_operators
from hat.studies.neural_predictor import candidates, make_predictor

TABLES = {
    "nasbench101": ("nasbench101:{}/nasbench101", "validation_accuracy"),
    "nasbench201": ("nasbench201:{}/nasbench201/nasbench201.csv.gz", "cifar10_test_accuracy"),
}
"""Address and the metric to learn and search on."""

REPORTED = {"nasbench101": "validation_accuracy", "nasbench201": "cifar100_test_accuracy"}
"""What a selection is reported by; the sample of NAS-Bench-101 has no test accuracy."""

SIZES = (172, 334, 860)
METHODS = {
    "nasbench101": ("classifier", "boosting", "linear"),
    "nasbench201": ("gcn", "boosting", "linear"),
}
"""``classifier`` is judged with its first stage and without it, which is the ``gcn`` there."""

DEAR_METHODS = ("gcn ensemble", "gcn as published")
"""They rank no better than ``gcn``: one table, one size and a few seeds tell."""

ONE_NETWORK = PredictorSettings(members=1)
SELECTIONS = ((50, 25), (100, 50), (172, 100))
NUM_FOLDS = 3
NUM_CHOICES = 3
"""Training sets to cross-validate in, and seeds of what is dear."""

BAD_SHARE = 0.2
"""What the classifier throws out; the cross-validation table shows other shares."""

Job = dict[str, Any]


@cache
def table(data: str, name: str) -> tuple[TableBenchmark[Any], str, list[Any], Any]:
    """Loads a benchmark once per process: table, metric, architectures and scores."""
    torch.set_num_threads(1)
    address, metric = TABLES[name]
    loaded = load_benchmark(address.format(data))
    return loaded, metric, [loaded.arch(id) for id in loaded.ids()], loaded.column(metric)


def maker(data: str, name: str, method: str) -> Callable[[], Predictor[Any]]:
    """Returns a function that makes an untrained predictor."""
    loaded, metric, archs, _ = table(data, name)
    encoder = encoded(data, name)
    if method in ("boosting", "linear"):
        make = boosting if method == "boosting" else linear
        return lambda: FlatPredictor(encoder, make, encoder(archs[:1]).mask.shape[1])
    if method == "classifier":
        two: Any = partial(TwoStagePredictor[Any], bad_share=BAD_SHARE)
        return partial(two, encoder, higher_is_better=True, settings=ONE_NETWORK)
    if method == "gcn as published":
        return partial(make_predictor, loaded, metric, paper=True)
    settings = ONE_NETWORK if method == "gcn" else PredictorSettings()
    return partial(NeuralPredictor[Any], encoder, higher_is_better=True, settings=settings)


@cache
def encoded(data: str, name: str) -> Encoder[Any]:
    """The encoder of a table that has encoded all of it already."""
    _, _, archs, _ = table(data, name)
    graphs = encoder_for(archs[0])(archs)
    rows = {id(arch): row for row, arch in enumerate(archs)}

    def look_up(some: Sequence[Any]) -> Graphs:
        index = [rows[id(arch)] for arch in some]
        return Graphs(
            graphs.nodes[index], graphs.adjacency[index], graphs.mask[index], graphs.whole[index]
        )

    return look_up


def rank(data: str, job: Job) -> Job:
    """Trains on ``size`` architectures drawn by ``seed`` and judges on all others."""
    _, _, archs, scores = table(data, job["table"])
    order = np.random.default_rng(job["seed"]).permutation(len(archs))
    train, rest = order[: job["size"]], order[job["size"] :]
    predictor = maker(data, job["table"], job["method"])()
    start = time.process_time()
    predictor.fit(
        [archs[i] for i in train], scores[train], rng=np.random.default_rng((job["seed"], 1))
    )
    seconds = time.process_time() - start
    judged, truth = [archs[i] for i in rest], scores[rest]
    prediction = predictor.predict(judged)
    result = {**judge(prediction, truth), "fit_s": seconds}
    if isinstance(predictor, TwoStagePredictor):
        # The same training with and without its first stage, one network each.
        del result["fit_s"]
        accepted = predictor.accepts(judged)
        good = truth > predictor.threshold
        result["accepted"] = float(accepted.mean())
        result["classifier_accuracy"] = float(np.mean(accepted == good))
        result["good_share"] = float(good.mean())
        prediction = predictor.regressor.predict(judged)
        result["without"] = judge(prediction, truth)
    if job["seed"] == 0 and job["method"] in ("gcn", "classifier"):
        result["scatter"] = [np.round(column, 5).tolist() for column in (truth, prediction.mean)]
    return result


def judge(prediction: Prediction, truth: Floats) -> Job:
    """Rank correlation and error over all architectures and over those above 80 and 91 percent."""
    found = prediction.mean
    result: Job = {"std_tau": None}
    for key, floor in (("", 0.0), ("_80", 0.80), ("_91", 0.91)):
        kept = truth >= floor
        result["tau" + key] = rank_stats(found[kept], truth[kept]).kendall
        result["mse" + key] = float(np.mean((found[kept] - truth[kept]) ** 2)) * 1e4
    if prediction.std.any():
        result["std_tau"] = rank_stats(prediction.std, np.abs(found - truth)).kendall
    return result


def choose(data: str, job: Job) -> Job:
    """Cross-validation within one training set, and what its choice is worth on all others."""
    loaded, metric, archs, scores = table(data, job["table"])
    order = np.random.default_rng(job["seed"]).permutation(len(archs))
    train, rest = order[: job["size"]], order[job["size"] :]
    makers = candidates(loaded, metric)
    train_archs = [archs[i] for i in train]
    results = cross_validate(
        makers,
        train_archs,
        scores[train],
        num_folds=NUM_FOLDS,
        rng=np.random.default_rng((job["seed"], 2)),
    )
    chosen = best_by_kendall(results)
    judged: Job = {}
    for name in dict.fromkeys(("default", chosen)):
        predictor = makers[name]()
        predictor.fit(train_archs, scores[train], rng=np.random.default_rng((job["seed"], 1)))
        judged[name] = judge(predictor.predict([archs[i] for i in rest]), scores[rest])
    folds = {name: [*found.kendall.tolist(), found.mse] for name, found in results.items()}
    return {"folds": folds, "chosen": chosen, "judged": judged}


def find(data: str, job: Job) -> Job:
    """Selection by the predictor, then random search and ageing evolution for the same price."""
    loaded, metric, archs, _ = table(data, job["table"])
    has_times = "training_time" in loaded.metrics
    cost_s = None if has_times else 1.0
    training = SimulatedTraining(loaded, metric, budget_s=float("inf"), cost_s=cost_s)
    num_train, num_verified = job["size"], job["verified"]
    select(
        maker(data, job["table"], "gcn")(),
        training,
        archs,
        num_train=num_train,
        num_verified=num_verified,
        rng=np.random.default_rng((job["seed"], 3)),
    )
    budget = training.spent_s
    runs = {"predictor": training}
    operators = table_operators(loaded)
    for name, key in {"random search": 4, "ageing evolution": 5}.items():
        runs[name] = SimulatedTraining(loaded, metric, budget_s=budget, cost_s=cost_s)
        rng = np.random.default_rng((job["seed"], key))
        proposer = Proposer(operators, rng, in_table(loaded), max_tries=1000)
        size = max(10, num_train // 4)
        algorithm: Any = RandomSearch(proposer, batch_size=1)
        if name == "ageing evolution":
            sizes = AgingEvolutionSettings(population_size=size, tournament_size=10)
            algorithm = AgingEvolution(proposer, sizes)
        search = Search(algorithm, [runs[name]], codec=operators)
        while not runs[name].is_exhausted:
            done = search.rounds_done
            search.run(done + 1)
            if search.rounds_done == done:
                break
    result: Job = {"budget": budget}
    for name, run in runs.items():
        best = max(run.trainings, key=lambda trained: trained.value)
        result[name] = {
            "searched": best.value,
            "reported": loaded.query(best.id, REPORTED[job["table"]]),
            "models": len(run.trainings),
        }
        if (num_train, num_verified) == SELECTIONS[-1]:
            result[name]["curve"] = curve(loaded, REPORTED[job["table"]], run.trainings)
    return result


def curve(loaded: TableBenchmark[Any], metric: str, trainings: list[Training]) -> list[Any]:
    """When the best so far changed, and to what: [simulated seconds, metric] each."""
    steps: list[Any] = []
    best = -np.inf
    for trained in trainings:
        if trained.value > best:
            best = trained.value
            steps.append([trained.finished_s, loaded.query(trained.id, metric)])
    return steps


KINDS: dict[str, Callable[[str, Job], Job]] = {"rank": rank, "choose": choose, "find": find}


def jobs(num_seeds: int, sizes: tuple[int, ...]) -> Iterator[Job]:
    """Everything to do; seed by seed, so that an interrupted benchmark has whole columns."""
    for seed in range(num_seeds):
        for name in TABLES:
            for size in sizes:
                for method in METHODS[name]:
                    job = {"kind": "rank", "table": name, "size": size}
                    yield {**job, "method": method, "seed": seed}
            for size, verified in SELECTIONS:
                job = {"kind": "find", "table": name, "size": size}
                yield {**job, "verified": verified, "seed": seed}
    for seed in range(min(num_seeds, NUM_CHOICES)):
        smallest = {"table": "nasbench101", "size": SIZES[0]}
        yield {"kind": "choose", **smallest, "seed": 1000 + seed}
        for method in DEAR_METHODS:
            yield {"kind": "rank", **smallest, "method": method, "seed": seed}


def do(data: str, job: Job) -> Job:
    """Runs one job in a worker."""
    return {**job, "result": KINDS[job["kind"]](data, job)}


def main() -> None:
    """Runs what is missing, then writes the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder with nasbench101 and nasbench201")
    parser.add_argument("--out", type=Path, required=True, help="where report and plots go")
    parser.add_argument("--work", type=Path, default=Path("runs/predictor"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--report-only", action="store_true", help="of the runs that are finished")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    store = args.work / "predictor_runs.jsonl"
    lines = store.read_text().splitlines() if store.exists() else []
    known = {key(job): job for job in map(json.loads, lines)}
    done = list(known.values())
    todo = [job for job in jobs(args.seeds, tuple(args.sizes)) if key(job) not in known]
    todo = [] if args.report_only else todo
    with ProcessPoolExecutor(args.workers) as pool, open(store, "a") as stream:
        for number, future in enumerate(
            as_completed([pool.submit(do, args.data, job) for job in todo]), start=1
        ):
            done.append(future.result())
            stream.write(json.dumps(done[-1]) + "\n")
            stream.flush()
            print(f"{number}/{len(todo)} {key(done[-1])}", flush=True)
    from predictor_report import write_report

    write_report(args.out, done)


def key(job: Job) -> str:
    """What makes a job what it is."""
    return json.dumps({name: job[name] for name in sorted(job) if name != "result"})


if __name__ == "__main__":
    main()
