"""Is what a search hands over really under the budget?

    python bench/search_promise.py --dataset runs/quiet/quiet.csv \
        --restore-file runs/multi30k.en-de/supertransformer_cpu/checkpoint_best.pt \
        --folder runs/promise

Fits a predictor to the dataset and searches the CPU space of Multi30k as ``evo_search.py`` would,
with another seed and another budget each time, from near the latency of the smallest
architecture to that of the largest. Candidates are ranked by their number of parameters: no scorer
pushes harder against the budget. Every winner is measured again several times, right after its
search and once more when all are done, then in an order that is shuffled for each round. Each
measurement stands between two looks at the reference SubTransformer of the dataset: they tell how
fast the machine was at that moment, so that its moods can be told from broken promises. Takes about
a minute a search and wants a quiet machine. What was searched is kept in ``searches.jsonl`` and not
searched again.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from multi30k import SPACE, read_space

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping, load_arch
from hat.arrays import Floats
from hat.files import write_json
from hat.latency.fit import fit_predictor
from hat.latency.predictor import LatencyPredictor
from hat.latency.predictors.load import load_predictor
from hat.latency.workload import Workload
from hat.measuring.measure import measure
from hat.models.checkpoint import load_checkpoint
from hat.nas.limits.latency import LatencySettings
from hat.nas.run import search as run_search
from hat.nas.settings import FinishSettings, SearchSettings
from hat.nas.supernet import load_supernet


@dataclass(frozen=True)
class Search:
    """One search and what became of its winner."""

    seed: int
    budget_ms: float
    predicted_ms: float
    measured_ms: float
    arch: SubTransformerConfig
    seconds: float


@dataclass(frozen=True)
class Again:
    """Winners that were measured again."""

    times_ms: Floats
    """(S, repeats)."""

    slower: Floats
    """(S, repeats): how many times slower than usual the machine was meanwhile."""


def search(options: argparse.Namespace, seed: int, budget_ms: float) -> Search:
    """Searches once, as ``evo_search.py`` does by default."""
    winner = options.folder / f"winner{seed}.yml"
    started = time.perf_counter()
    supernet = load_supernet(SPACE, restore_file=options.restore_file, cpu=True, seed=seed)
    found = run_search(
        supernet,
        SearchSettings(scorer=options.scorer),
        LatencySettings(
            ckpt_path=(options.folder / "predictor.pt",),
            latency_constraint=(f"{budget_ms:.4f}",),
        ),
        # What comes after delivery takes minutes and does not touch it.
        FinishSettings(rank_sample=0, contest_seeds=(), measure_patience=options.patience),
        write_config_path=winner,
        say=lambda line: None,
    )
    assert found is not None, "there is one process"
    figures = found.figures()
    return Search(
        seed=seed,
        budget_ms=budget_ms,
        predicted_ms=figures["predicted_ms"],
        measured_ms=figures["measured_ms"],
        arch=found.arch,
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
) -> Again:
    """Every round measures all winners in another order."""
    rng = np.random.default_rng(0)
    again, slower = np.empty((2, len(searches), repeats))
    for repeat in range(repeats):
        before = slowness()
        for index in rng.permutation(len(searches)):
            again[index, repeat] = timed(searches[index].arch)
            after = slowness()
            slower[index, repeat] = (before + after) / 2
            before = after
    return Again(again, slower)


def report(searches: Sequence[Search], moments: Mapping[str, Again]) -> dict[str, Any]:
    """Prints a table and returns its figures."""
    columns = [f"{name}, as it was | at its usual speed" for name in moments]
    print(f"| seed | budget ms | predicted | measured | {' | '.join(columns)} |")
    print("|---:" * (4 + 2 * len(moments)) + "|")
    for index, one in enumerate(searches):
        shown = [f"{one.seed}"]
        shown += [f"{ms:.2f}" for ms in (one.budget_ms, one.predicted_ms, one.measured_ms)]
        for again in moments.values():
            raw = again.times_ms[index]
            for times in (raw, raw / again.slower[index]):
                shown.append(f"{times.mean():.2f} ± {times.std(ddof=1):.2f}")
        print(f"| {' | '.join(shown)} |")
    figures: dict[str, Any] = {
        "searches": len(searches),
        "seconds_per_search": float(np.mean([one.seconds for one in searches])),
    }
    for name, again in moments.items():
        slower = again.slower
        figures[name] = {
            "repeats": slower.shape[1],
            "machine_slower_by": [float(slower.min()), float(slower.mean()), float(slower.max())],
            "as_it_was": kept(searches, again.times_ms),
            "at_usual_speed": kept(searches, again.times_ms / slower),
        }
    print(json.dumps(figures))
    return figures


def kept(searches: Sequence[Search], times: Floats) -> dict[str, float]:
    """How the promise fared if winners took ``times`` (S, repeats) ms."""
    limits = np.array([one.budget_ms for one in searches])
    measured = np.array([one.measured_ms for one in searches])
    predicted = np.array([one.predicted_ms for one in searches])
    means = times.mean(axis=1)
    return {
        "under_budget": int((means <= limits).sum()),
        "single_under_budget": round(float((times <= limits[:, None]).mean()), 3),
        "noise_percent": round(100 * float(np.mean(times.std(axis=1, ddof=1) / means)), 1),
        "used_percent": round(100 * float(np.mean(means / limits)), 1),
        "measured_off_percent": round(100 * float(np.mean(np.abs(measured / means - 1))), 1),
        "predicted_off_percent": round(100 * float(np.mean(np.abs(predicted / means - 1))), 1),
    }


def known_searches(path: Path) -> tuple[list[Search], list[Again]]:
    """Those that were done before, and how their winners fared right after them."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    searches, again = [], []
    for line in lines:
        values = json.loads(line)
        times_ms, slower = values.pop("again_ms"), values.pop("slower")
        again.append(Again(np.array([times_ms]), np.array([slower])))
        winner = path.with_name(f"winner{values['seed']}.yml")
        searches.append(Search(arch=load_arch(winner), **values))
    return searches, again


def joined(parts: Sequence[Again]) -> Again:
    """One search after the other."""
    return Again(
        np.concatenate([part.times_ms for part in parts]),
        np.concatenate([part.slower for part in parts]),
    )


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
        fit_predictor([options.dataset]).predictor.save(path)
    predictor = load_predictor(path)
    error = predictor.facts["cv_error_percent"]
    print(f"predictor: {predictor.kind}, {error:.2f} % error", flush=True)
    workload = Workload.from_dict(predictor.facts["workload"], str(path))
    model = load_checkpoint(options.restore_file).eval()
    reference = predictor.facts["reference"]
    guard = arch_from_mapping(reference["arch"], str(path))

    def timed(arch: SubTransformerConfig) -> float:
        return measure(model, arch, workload).total_ms

    def slowness() -> float:
        return timed(guard) / float(reference["latency_ms"])

    searches, right_after = known_searches(done)
    for seed, budget_ms in enumerate(budgets(predictor, options.searches), start=1):
        if seed <= len(searches):
            continue
        one = search(options, seed, budget_ms)
        again = measure_again([one], timed, slowness, options.repeats)
        figures = {name: value for name, value in vars(one).items() if name != "arch"}
        figures |= {"again_ms": again.times_ms[0].tolist(), "slower": again.slower[0].tolist()}
        with done.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(figures) + "\n")
        searches.append(one)
        right_after.append(again)
        print(
            f"search {seed}: budget {budget_ms:.2f} ms, measured {one.measured_ms:.2f} ms, right "
            f"after {again.times_ms.mean():.2f} ms, the machine {again.slower.mean():.2f} times "
            f"slower than usual, {one.seconds:.1f} s",
            flush=True,
        )
    in_the_end = measure_again(searches, timed, slowness, options.repeats)
    moments = {"right after": joined(right_after), "in the end": in_the_end}
    figures = report(searches, moments)
    times = {
        f"{name}, {what}": values.tolist()
        for name, again in moments.items()
        for what, values in vars(again).items()
    }
    write_json(options.folder / "promise.json", {**figures, **times})


if __name__ == "__main__":
    main()
