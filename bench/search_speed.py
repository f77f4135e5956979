"""Times a whole search by inherited loss, with HAT's population and rounds, and says where it went.

    OMP_NUM_THREADS=2 python bench/search_speed.py

Multi30k's validation set (1,014 sentences), under 60 % of the largest SubTransformer's latency. HAT
scores its whole population in each round, the parents again too: 125 times 30. Its own code,
patched only to run, was timed on two kinds of machine (``HAT``); the ratios are to the figure of
the kind that torch's instructions name, and to what it would be at this machine's rate of fp32
products, in which HAT computes. Under ``torchrun`` the population is spread over processes, and the
breakdown is that of the process that drives. Rates are measured before and after the search,
because shared cores change their speed.

When the clock has stopped, the 100 best by score are scored on everything: was one of them better
than the winner, and how far off were the estimates?
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from multi30k import CHECKPOINT, MAX_TOKENS, inherited_loss, read_space

from hat.arch.config import SubTransformerConfig
from hat.latency.predictors.load import load_predictor
from hat.scoring.shared_encoder import SharedEncoder, layer_genes
from hat.scoring.spread import Spread, num_processes, process_rank, processes
from hat.search.algorithms.evolution import Evolution
from hat.search.algorithms.generation import GenerationSettings
from hat.search.base import ranked
from hat.search.constraints import Constraints, Limit
from hat.search.loop import RoundReport, Search
from hat.search.operators import GeneOperators
from hat.search.proposer import Proposer
from hat.search.racing import RaceSettings
from hat.search.racing_scorer import RacingScorer, geometric_blocks


@dataclass(frozen=True)
class HatFigures:
    """What HAT's own code does on one kind of machine."""

    machine: str
    fp32_gflops: float
    """Of its matrix products, on two threads."""
    per_second: Mapping[int, float]
    """Candidates scored, by threads."""


HAT = {
    "AVX512": HatFigures("EPYC with AVX-512 and bf16", 210, {1: 0.313, 2: 0.561}),
    "AVX2": HatFigures("EPYC (Zen 3) with AVX2", 160, {2: 0.250}),
}
"""By what ``torch.backends.cpu.get_cpu_capability()`` says; ``ATEN_CPU_CAPABILITY`` cuts it."""

CHECKED = 100
"""Candidates that are scored on everything in the end."""


class Clock:
    """Adds up the seconds that functions take."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def watch(self, owner: Any, method: str, label: str) -> None:
        """Replaces a method by itself with a stopwatch."""
        inner: Callable[..., Any] = getattr(owner, method)

        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return inner(*args, **kwargs)
            finally:
                took = time.perf_counter() - started
                self.seconds[label] = self.seconds.get(label, 0.0) + took

        setattr(owner, method, timed)


def matrix_rate(dtype: torch.dtype) -> int:
    """What this machine's products do in GFLOP/s: the median of twenty."""
    a, b = torch.randn(2048, 1024, dtype=dtype), torch.randn(1024, 1024, dtype=dtype)
    times = []
    for _ in range(20):
        started = time.perf_counter()
        torch.mm(a, b)
        times.append(time.perf_counter() - started)
    return round(2 * 2048 * 1024 * 1024 / float(np.median(times)) / 1e9)


def main() -> None:
    """Runs one search and prints a line of JSON."""
    with processes():
        run()


def run() -> None:
    """The same, in one of the processes there are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restore-file", default=CHECKPOINT)
    parser.add_argument("--ckpt-path", default="runs/multi30k.en-de/predictor_cpu.pt")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--keep", type=int, default=25)
    parser.add_argument("--race-error", type=float, default=0.05, help="0: no race")
    parser.add_argument("--race-tolerance", type=float, default=0.004, help="bits")
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    dtype = torch.bfloat16 if options.precision == "bf16" else torch.float32
    space = read_space()
    loss = inherited_loss(options.restore_file, dtype)
    started = time.perf_counter()
    model = loss.model
    sizes = geometric_blocks(loss.num_sentences) if options.race_error else [loss.num_sentences]
    rng = np.random.default_rng(options.seed)
    evaluate = loss.in_blocks(sizes, max_tokens=MAX_TOKENS, rng=rng)
    clock = Clock()
    clock.watch(SharedEncoder, "output", "encoder")
    clock.watch(model.decoder, "extract_features", "decoder")
    clock.watch(model.decoder, "output_layer", "output layer")
    clock.watch(loss, "sentence_losses", "scoring")

    operators = GeneOperators(space)
    spread = Spread(evaluate, operators, neighbours=lambda arch: layer_genes(arch.encoder))
    if process_rank():
        spread.serve()
        return
    scorer: RacingScorer[SubTransformerConfig] = RacingScorer(
        spread,
        name=loss.name,
        block_sizes=sizes,
        num_units=loss.num_units,
        settings=RaceSettings(
            keep=options.keep,
            error=options.race_error or 0.5,
            tolerance=options.race_tolerance,
        ),
        features=operators.one_hot,
    )
    # What is not in the hardware takes minutes to measure, and nobody asked for it.
    rates = [{str(each): matrix_rate(each) for each in dict.fromkeys((torch.float32, dtype))}]
    predictor = load_predictor(options.ckpt_path)
    at_most = 0.6 * float(predictor.predict_ms([space.largest()])[0])
    constraints: Constraints[SubTransformerConfig] = Constraints(
        [Limit("latency_ms", at_most, lambda a: predictor.upper_ms(a, confidence=0.95))]
    )
    algorithm = Evolution(
        Proposer(operators, np.random.default_rng(options.seed), constraints), GenerationSettings()
    )
    clock.watch(algorithm, "ask", "proposing")
    search = Search(algorithm, [scorer], codec=operators)

    def report(line: RoundReport[SubTransformerConfig]) -> None:
        share = scorer.sentences_scored / loss.num_sentences
        print(f"{time.perf_counter() - started:.1f} s, {share:.1f} scored | {line}", flush=True)

    result = search.run(options.rounds, on_round=report)
    seconds = time.perf_counter() - started
    rates.append({name: matrix_rate(getattr(torch, name[6:])) for name in rates[0]})
    threads = torch.get_num_threads() * num_processes()
    as_hat = 125 * options.rounds / seconds
    hat = HAT.get(torch.backends.cpu.get_cpu_capability(), HAT["AVX2"])
    hat_per_s = hat.per_second.get(threads, math.nan)
    here = float(np.mean([each["torch.float32"] for each in rates])) / hat.fp32_gflops
    best = result.best()
    shares = scorer.sentences_scored / loss.num_sentences / result.num_evaluated
    breakdown = {name: round(value, 1) for name, value in clock.seconds.items()}
    top = [result.trials[index] for index in ranked(result.trials)]
    archs = list(dict.fromkeys(trial.arch for trial in top))[:CHECKED]
    scored = {trial.arch: result.score(trial) for trial in top}
    errors = np.array([scored[arch] for arch in archs]) - scorer.exact.score(archs)
    exact = np.array([scored[arch] for arch in archs]) - errors
    print(
        json.dumps(
            {
                "processes": num_processes(),
                "threads": threads,
                "precision": options.precision,
                "matrix_gflops": rates,
                "race": [options.keep, options.race_error, options.race_tolerance],
                "seconds": round(seconds, 1),
                "candidates": result.num_evaluated,
                "candidates_per_s": round(result.num_evaluated / seconds, 2),
                "hat_candidates_per_s": round(as_hat, 2),
                "hat_was_timed_on": f"{hat.machine}, {hat.fp32_gflops:.0f} GFLOP/s in fp32",
                "times_hat_there": round(as_hat / hat_per_s, 1),
                "times_hat_at_this_rate": round(as_hat / (hat_per_s * here), 1),
                "share_of_sentences": round(shares, 3),
                "breakdown_s": breakdown,
                "best_loss": round(result.score(best), 5),
                "checked": {
                    "candidates": len(archs),
                    "better_than_the_best": int((exact < exact[0]).sum()),
                    "by_bits": round(float(exact[0] - exact.min()), 5),
                    "rms_error_of_scores": round(float(np.sqrt(np.mean(errors**2))), 5),
                    "mean_error_of_parents": round(float(errors[: options.keep].mean()), 5),
                },
                "best": operators.to_json(best.arch),
            }
        )
    )


if __name__ == "__main__":
    main()
