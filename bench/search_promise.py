"""Is what a search hands over really under the budget?

    python bench/search_promise.py --dataset runs/quiet/quiet.csv \
        --restore-file runs/multi30k.en-de/supertransformer/checkpoint_best.pt --folder runs/promise

Fits a predictor to the dataset and runs ``evo_search.py`` with its own settings over Multi30k's CPU
space, with another seed and another budget each time, from near the latency of the smallest
architecture to that of the largest. Candidates are ranked by their number of parameters: no scorer
pushes harder against the budget. Then every winner is measured again, several times, in an order
that is shuffled for each round, each time between two looks at the reference SubTransformer of the
dataset: they tell how fast the machine was at that moment, so that its moods can be told from
broken promises. Takes about a minute a search and wants a quiet machine. What was searched is kept
in ``searches.jsonl`` and not searched again.
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
from multi30k import SPACE, read_space
from numpy.typing import NDArray

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping, load_arch
from hat.files import write_json
from hat.latency.measure import measure
from hat.latency.predictor import LatencyPredictor, load_predictor
from hat.latency.workload import Workload
from hat.models.checkpoint import load_checkpoint
from hat.stages import evo_search, latency_predictor

Floats = NDArray[np.float64]


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


def budgets(predictor: LatencyPredictor, count: int) -> list[float]:
    """From a tenth above the smallest architecture's upper bound to the largest's latency."""
    space = read_space()
    low = 1.1 * predictor.upper_ms([space.smallest()])[0]
    high = predictor.predict_ms([space.largest()])[0]
    return [float(limit) for limit in np.linspace(low, high, count)]


def measure_again(
    searches: Sequence[Search],
    timed: Callable[[SubTransformerConfig], float],
    slowness: Callable[[], float],
    repeats: int,
) -> tuple[Floats, Floats]:
    """Every round measures all winners in another order.

    Returns:
        Milliseconds (S, repeats), and how many times slower than usual the machine was, likewise.
    """
    rng = np.random.default_rng(0)
    again, slower = np.empty((2, len(searches), repeats))
    for repeat in range(repeats):
        before = slowness()
        for index in rng.permutation(len(searches)):
            again[index, repeat] = timed(searches[index].arch)
            after = slowness()
            slower[index, repeat] = (before + after) / 2
            before = after
    return again, slower


def report(searches: Sequence[Search], again: Floats, slower: Floats) -> dict[str, Any]:
    """Prints a table and returns its figures."""
    usual = again / slower
    print(
        "| seed | budget ms | predicted | measured | again, as it was | at its usual speed | room |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for one, raw, times in zip(searches, again, usual, strict=True):
        room = 100 * (1 - times.mean() / one.budget_ms)
        print(
            f"| {one.seed} | {one.budget_ms:.2f} | {one.predicted_ms:.2f} | {one.measured_ms:.2f} "
            f"| {raw.mean():.2f} ± {raw.std(ddof=1):.2f} "
            f"| {times.mean():.2f} ± {times.std(ddof=1):.2f} | {room:.1f} % |"
        )
    limits = np.array([one.budget_ms for one in searches])
    measured = np.array([one.measured_ms for one in searches])
    predicted = np.array([one.predicted_ms for one in searches])
    figures: dict[str, Any] = {
        "searches": len(searches),
        "repeats": again.shape[1],
        "machine_slower_by": [float(slower.min()), float(slower.mean()), float(slower.max())],
        "seconds_per_search": float(np.mean([one.seconds for one in searches])),
    }
    for name, times in (("as_it_was", again), ("at_usual_speed", usual)):
        means = times.mean(axis=1)
        figures[name] = {
            "under_budget": int((means <= limits).sum()),
            "single_under_budget": round(float((times <= limits[:, None]).mean()), 3),
            "noise_percent": round(100 * float(np.mean(times.std(axis=1, ddof=1) / means)), 1),
            "used_percent": round(100 * float(np.mean(means / limits)), 1),
            "measured_off_percent": round(100 * float(np.mean(np.abs(measured / means - 1))), 1),
            "predicted_off_percent": round(100 * float(np.mean(np.abs(predicted / means - 1))), 1),
        }
    print(json.dumps(figures))
    return figures


def known_searches(path: Path) -> list[Search]:
    """Those that were done before."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = []
    for line in lines:
        values = json.loads(line)
        winner = path.with_name(f"winner{values['seed']}.yml")
        found.append(Search(arch=load_arch(winner), **values))
    return found


def main() -> None:
    """Fits, searches, measures again and reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, help="latency dataset of this machine")
    parser.add_argument("--restore-file", required=True, help="SuperTransformer checkpoint")
    parser.add_argument("--folder", type=Path, required=True, help="of this benchmark")
    parser.add_argument("--searches", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each winner")
    parser.add_argument("--scorer", default="params")
    parser.add_argument(
        "--patience", type=float, default=60.0, help="seconds that each search may wait"
    )
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    path, done = options.folder / "predictor.pt", options.folder / "searches.jsonl"
    if not path.exists():
        argv = ["--lat-dataset-path", options.dataset, "--ckpt-path", str(path)]
        run_stage(latency_predictor.main, argv)
    predictor = load_predictor(path)
    error = predictor.facts["cv_error_percent"]
    print(f"predictor: {predictor.kind}, {error:.2f} % error", flush=True)
    searches = known_searches(done)
    for seed, budget_ms in enumerate(budgets(predictor, options.searches), start=1):
        if seed <= len(searches):
            continue
        one = search(options, seed, budget_ms)
        searches.append(one)
        figures = {name: value for name, value in vars(one).items() if name != "arch"}
        with done.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(figures) + "\n")
        print(
            f"search {seed}: budget {budget_ms:.2f} ms, measured {one.measured_ms:.2f} ms, "
            f"{one.seconds:.1f} s",
            flush=True,
        )
    workload = Workload.from_dict(predictor.facts["workload"], str(path))
    model = load_checkpoint(options.restore_file).eval()
    reference = predictor.facts["reference"]
    guard = arch_from_mapping(reference["arch"], str(path))

    def timed(arch: SubTransformerConfig) -> float:
        return measure(model, arch, workload).total_ms

    def slowness() -> float:
        return timed(guard) / float(reference["latency_ms"])

    again, slower = measure_again(searches, timed, slowness, options.repeats)
    figures = report(searches, again, slower)
    times = {"again_ms": again.tolist(), "slower": slower.tolist()}
    write_json(options.folder / "promise.json", {**figures, **times})


if __name__ == "__main__":
    main()
