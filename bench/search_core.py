"""Times the search without its scorer: latency checks per second, and what one search costs.

HAT's own code makes 10,951 latency checks per second on two cores of an AMD EPYC. A check is here:
draw or mutate a candidate, predict its latency and compare that with the limit. The predictors
are fitted on invented latencies of the given space; their speed does not depend on the values.

    OMP_NUM_THREADS=2 python bench/search_core.py [--space configs/.../space0.yml]
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch

from hat.arch.config import SubTransformerConfig
from hat.arch.gene_batch import GeneBatch
from hat.arch.hat_yaml import load_space
from hat.arch.space import SearchSpace
from hat.latency.choices import space_choices
from hat.latency.predictor import LatencyPredictor, Scales
from hat.latency.predictors.linear import fit_linear
from hat.latency.predictors.mlp import MlpSettings, fit_mlp
from hat.latency.table import table_of_archs
from hat.search.algorithms.evolution import Evolution
from hat.search.constraints import Constraints, Limit
from hat.search.loop import Search
from hat.search.operators import GeneOperators
from hat.search.proposer import Proposer

BATCH = 8192


def invented_ms(archs: Sequence[SubTransformerConfig], rng: np.random.Generator) -> np.ndarray:
    """Latency that grows with layers and widths, with 2 % noise: (N,)."""
    x = table_of_archs(archs).features
    clean = 2 + x[:, 1] * (x[:, 0] + x[:, 2]) / 1000 + x[:, 5] * (8 + (x[:, 4] + x[:, 6]) / 500)
    return np.asarray(clean * rng.normal(1, 0.02, len(clean)))


def predictors(space: SearchSpace, rng: np.random.Generator) -> dict[str, LatencyPredictor]:
    """HAT's perceptron and the linear predictors, calibrated."""
    archs = [space.sample(rng) for _ in range(2000)]
    table, latency = table_of_archs(archs), invented_ms(archs, rng)
    scales = Scales.of(table.features, latency)
    found: dict[str, LatencyPredictor] = {
        kind: fit_linear(
            kind, table, latency, choices=space_choices(space), scales=scales, rng=rng
        ).predictor
        for kind in ("additive", "per-layer")
    }
    rows = np.arange(2000)
    found["mlp"] = fit_mlp(
        table.take(rows[:1800]),
        latency[:1800],
        table.take(rows[1800:]),
        latency[1800:],
        scales=scales,
        rng=rng,
        settings=MlpSettings(train_steps=200),
    )
    return found


def rate(work: Callable[[], int], seconds: float = 2.0) -> float:
    """Candidates per second of ``work``, which returns how many it handled."""
    work()
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        done += work()
    return done / (time.perf_counter() - started)


class FreeScore:
    """Scores by invented latency plus depth, at no cost worth mentioning."""

    name, higher_is_better = "free", False

    def score(self, archs: Sequence[SubTransformerConfig]) -> np.ndarray:
        """Returns (N,)."""
        x = table_of_archs(archs, layers=False).features
        return np.asarray(-x[:, 0] - x[:, 2] - x[:, 4] - x[:, 6] - 500 * x[:, 5])


def one_search(
    operators: GeneOperators, predictor: LatencyPredictor, at_most: float, seed: int
) -> dict[str, float]:
    """HAT's population and rounds with a free scorer."""
    checks, spent = 0, 0.0

    def cost(archs: Sequence[SubTransformerConfig]) -> np.ndarray:
        nonlocal checks, spent
        started = time.perf_counter()
        upper = predictor.upper_ms(archs)
        spent += time.perf_counter() - started
        checks += len(archs)
        return upper

    limits = Constraints([Limit("latency_ms", at_most, cost)])
    proposer = Proposer(operators, np.random.default_rng(seed), limits)
    search: Search[SubTransformerConfig] = Search(
        Evolution(proposer), [FreeScore()], codec=operators
    )
    started = time.perf_counter()
    result = search.run(30)
    wall = time.perf_counter() - started
    return {
        "candidates": result.num_evaluated,
        "checks": checks,
        "wall_s": round(wall, 3),
        "predicting_s": round(spent, 3),
    }


def main() -> None:
    """Prints one table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--space", default="configs/wmt14.en-de/supertransformer/space0.yml")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    space = load_space(options.space)
    rng = np.random.default_rng(options.seed)
    operators = GeneOperators(space)
    parents = [space.sample(rng) for _ in range(25)]
    batch = operators.sample(rng, BATCH)
    steps: dict[str, Callable[[], GeneBatch]] = {
        "sample": lambda: operators.sample(rng, BATCH),
        "mutate": lambda: operators.mutate(parents, rng, BATCH),
        "crossover": lambda: operators.crossover(parents, rng, BATCH),
    }
    found: dict[str, float] = {}
    for name, draw in steps.items():
        found[f"{name} alone"] = rate(partial(lambda draw: len(draw()), draw))
    searches = {}
    for kind, predictor in predictors(space, rng).items():
        upper = predictor.upper_ms(batch)
        at_most = float(np.quantile(upper, 0.2))
        limits = Constraints([Limit("latency_ms", at_most, predictor.upper_ms)])
        found[f"{kind}: check alone"] = rate(partial(lambda check: len(check(batch)), limits))
        for name, draw in steps.items():
            both = partial(lambda check, draw: len(check(draw())), limits, draw)
            found[f"{kind}: {name} and check"] = rate(both)
        searches[kind] = one_search(operators, predictor, at_most, options.seed)
    for name, value in found.items():
        print(f"{name:<30} {value:>12,.0f} per second")
    for kind, facts in searches.items():
        print(f"{kind}: a search of 30 rounds without scoring: {facts}")
    rounded = {name: round(value) for name, value in found.items()}
    threads = torch.get_num_threads()
    print(json.dumps({"threads": threads, "per_second": rounded, "searches": searches}))


if __name__ == "__main__":
    main()
