"""Is what a search hands over really under the budget?

    python bench/search_promise.py --dataset runs/quiet/quiet.csv \
        --restore-file runs/multi30k.en-de/supertransformer/checkpoint_best.pt --folder runs/promise

Fits a predictor to the dataset and runs ``evo_search.py`` with its own settings over Multi30k's CPU
space, with another seed and another budget each time, from near the latency of the smallest
architecture to that of the largest. Candidates are ranked by their number of parameters: no scorer
pushes harder against the budget. Then every winner is measured again, several times, in an order
that is shuffled for each round, under the guard of the same reference SubTransformer. Takes a few
minutes and wants a quiet machine.
"""

import argparse
import contextlib
import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import load_arch, space_from_options
from hat.arch.space import SearchSpace
from hat.files import write_json
from hat.latency.predictor import LatencyPredictor, load_predictor
from hat.latency.workload import Workload
from hat.models.checkpoint import load_checkpoint
from hat.stages import evo_search, latency_predictor
from hat.stages.search_measure import guarded

SPACE = "configs/multi30k.en-de/supertransformer/space_cpu.yml"


@dataclass(frozen=True)
class Search:
    """One search and what became of its winner."""

    seed: int
    budget_ms: float
    predicted_ms: float
    measured_ms: float
    arch: SubTransformerConfig
    seconds: float


def run_stage(main: Any, argv: Sequence[str]) -> dict[str, Any]:
    """Runs a stage in this process; returns its last line, which is JSON."""
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            main(list(argv))
    except SystemExit as stop:
        if stop.code:
            print(out.getvalue())
            raise
    result: dict[str, Any] = json.loads(out.getvalue().strip().splitlines()[-1])
    return result


def search(options: argparse.Namespace, seed: int, budget_ms: float) -> Search:
    """Runs ``evo_search.py`` once."""
    winner = options.folder / f"winner{seed}.yml"
    started = time.perf_counter()
    result = run_stage(
        evo_search.main,
        [
            *("--configs", SPACE, "--cpu", "--scorer", options.scorer, "--seed", str(seed)),
            *("--restore-file", options.restore_file, "--write-config-path", str(winner)),
            *("--ckpt-path", str(options.folder / "predictor.pt")),
            *("--latency-constraint", f"{budget_ms:.4f}"),
            # What comes after delivery takes minutes and does not touch it.
            *("--rank-sample", "0", "--contest-seeds"),
            *("--measure-patience", str(options.patience)),
        ],
    )
    return Search(
        seed=seed,
        budget_ms=budget_ms,
        predicted_ms=result["predicted_ms"],
        measured_ms=result["measured_ms"],
        arch=load_arch(winner),
        seconds=time.perf_counter() - started,
    )


def space_of_configs() -> SearchSpace:
    """The space that ``SPACE`` describes."""
    values = yaml.safe_load(Path(SPACE).read_text(encoding="utf-8"))
    return space_from_options({name.replace("-", "_"): v for name, v in values.items()}, SPACE)


def budgets(predictor: LatencyPredictor, count: int) -> list[float]:
    """From a tenth above the smallest architecture's upper bound to the largest's latency."""
    space = space_of_configs()
    low = 1.1 * predictor.upper_ms([space.smallest()])[0]
    high = predictor.predict_ms([space.largest()])[0]
    return [float(limit) for limit in np.linspace(low, high, count)]


def measure_again(
    searches: Sequence[Search], timer: Callable[[SubTransformerConfig], float], repeats: int
) -> NDArray[np.float64]:
    """Returns (S, repeats) milliseconds; every round measures all winners in another order."""
    rng = np.random.default_rng(0)
    again = np.empty((len(searches), repeats))
    for repeat in range(repeats):
        for index in rng.permutation(len(searches)):
            again[index, repeat] = timer(searches[index].arch)
    return again


def report(searches: Sequence[Search], again: NDArray[np.float64]) -> dict[str, Any]:
    """Prints a table and returns its figures."""
    print("| seed | budget ms | predicted | measured | again, mean ± std (max) | below budget |")
    print("|---|---|---|---|---|---|")
    for one, times in zip(searches, again, strict=True):
        room = 100 * (1 - times.mean() / one.budget_ms)
        print(
            f"| {one.seed} | {one.budget_ms:.2f} | {one.predicted_ms:.2f} | {one.measured_ms:.2f} "
            f"| {times.mean():.2f} ± {times.std(ddof=1):.2f} ({times.max():.2f}) | {room:.1f} % |"
        )
    limits = np.array([one.budget_ms for one in searches])
    measured = np.array([one.measured_ms for one in searches])
    predicted = np.array([one.predicted_ms for one in searches])
    means = again.mean(axis=1)
    noise = 100 * float(np.mean(again.std(axis=1, ddof=1) / means))
    figures = {
        "searches": len(searches),
        "under_budget": int((means <= limits).sum()),
        "single_measurements_under_budget": float((again <= limits[:, None]).mean()),
        "noise_percent": noise,
        "used_percent": 100 * float(np.mean(means / limits)),
        "measured_off_percent": 100 * float(np.mean(np.abs(measured / means - 1))),
        "predicted_off_percent": 100 * float(np.mean(np.abs(predicted / means - 1))),
        "seconds_per_search": float(np.mean([one.seconds for one in searches])),
    }
    print(
        f"\n{figures['under_budget']} of {len(searches)} delivered architectures are under their "
        f"budget (mean of {again.shape[1]} measurements), and "
        f"{100 * figures['single_measurements_under_budget']:.0f} % of the single measurements; "
        f"a measurement varies by {noise:.1f} % (standard deviation).\n"
        f"They use {figures['used_percent']:.1f} % of the budget; the search's own measurement is "
        f"{figures['measured_off_percent']:.1f} % off the mean, the prediction "
        f"{figures['predicted_off_percent']:.1f} %. "
        f"{figures['seconds_per_search']:.1f} s per search."
    )
    return figures


def main() -> None:
    """Fits, searches, measures again and reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, help="latency dataset of this machine")
    parser.add_argument("--restore-file", required=True, help="SuperTransformer checkpoint")
    parser.add_argument("--folder", type=Path, required=True, help="must not exist")
    parser.add_argument("--searches", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each winner")
    parser.add_argument("--scorer", default="params")
    parser.add_argument(
        "--patience", type=float, default=60.0, help="seconds, when measuring again"
    )
    options = parser.parse_args()
    options.folder.mkdir(parents=True)
    path = options.folder / "predictor.pt"
    run_stage(
        latency_predictor.main, ["--lat-dataset-path", options.dataset, "--ckpt-path", str(path)]
    )
    predictor = load_predictor(path)
    print(
        f"predictor: {predictor.kind}, {predictor.facts['cv_error_percent']:.2f} % error",
        flush=True,
    )
    searches = []
    for seed, budget_ms in enumerate(budgets(predictor, options.searches), start=1):
        searches.append(search(options, seed, budget_ms))
        one = searches[-1]
        print(
            f"search {seed}: budget {budget_ms:.2f} ms, measured {one.measured_ms:.2f} ms, "
            f"{one.seconds:.1f} s",
            flush=True,
        )
    workload = Workload.from_dict(predictor.facts["workload"], str(path))
    model = load_checkpoint(options.restore_file).eval()
    timer = guarded(predictor, workload, model, options.patience)
    again = measure_again(searches, timer, options.repeats)
    figures = report(searches, again)
    write_json(options.folder / "promise.json", {**figures, "again_ms": again.tolist()})


if __name__ == "__main__":
    main()
