"""How few rows a new device needs, with a predictor of another device to start from and without.

    OMP_NUM_THREADS=1 python bench/latency_prior.py ../shared/data/hat/latency --seeds 10

Takes HAT's published latency datasets of the Titan Xp, the Xeon and the Raspberry Pi. The prior is
fitted to all undisturbed rows of one device; some rows of the next are drawn by each seed to learn
from, and all its other undisturbed rows judge. Prints a table in Markdown.
"""

import argparse
from pathlib import Path

import numpy as np

from hat.arrays import Floats, Ints
from hat.latency.dataset import Dataset, load_datasets
from hat.latency.fit import competing, fit_auto
from hat.latency.predictor import LatencyPredictor, Lesson

FILES = {
    "Titan Xp": "wmt14ende_gpu_titanxp_all.csv",
    "Xeon": "wmt14enfr_cpu_xeon_all.csv",
    "Raspberry Pi": "wmt14ende_cpu_raspberrypi_all.csv",
}
PAIRS = (("Titan Xp", "Xeon"), ("Xeon", "Raspberry Pi"))
MORE_PAIRS = (("Xeon", "Titan Xp"), ("Raspberry Pi", "Titan Xp"))
"""On which the method was chosen; the others judged it."""

ROWS = (10, 20, 40)


def fitted(dataset: Dataset, rows: Ints, seed: int, prior: LatencyPredictor | None) -> Lesson:
    """The lesson of some rows of a dataset."""
    return Lesson.of(
        dataset.table.take(rows),
        dataset.latency_ms[rows],
        seed=seed,
        choices=dataset.choices,
        prior=prior,
    )


def compare(prior: LatencyPredictor, dataset: Dataset, count: int, seeds: int) -> dict[str, Floats]:
    """Returns mean absolute percentage errors on the rows that are left, (seeds,) by method."""
    good = dataset.good_rows()
    without = tuple(kind for kind in competing() if kind != "from-prior")
    methods = {
        "without": (without, None),
        "with": (competing(), prior),
    }
    errors: dict[str, list[float]] = {name: [] for name in methods}
    for seed in range(seeds):
        mixed = np.random.default_rng(seed).permutation(good)
        learn, rest = mixed[:count], mixed[count:]
        truth = dataset.latency_ms[rest]
        for name, (kinds, start) in methods.items():
            predictor = fit_auto(fitted(dataset, learn, seed, start), kinds=kinds).predictor
            predicted = predictor.predict_table(dataset.table.take(rest))
            errors[name].append(100 * float((np.abs(predicted - truth) / truth).mean()))
    return {name: np.array(values) for name, values in errors.items()}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where HAT's latency datasets are")
    parser.add_argument("--seeds", type=int, default=10)
    args = parser.parse_args()
    datasets = {name: load_datasets([args.folder / file]) for name, file in FILES.items()}
    priors = {}
    for name, dataset in datasets.items():
        priors[name] = fit_auto(fitted(dataset, dataset.good_rows(), 0, None)).predictor
    print("| prior | new device | rows | without | with `--prior` | difference | better |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for old, new in (*PAIRS, *MORE_PAIRS):
        for count in ROWS:
            found = compare(priors[old], datasets[new], count, args.seeds)
            gain = found["with"] - found["without"]
            shown = [
                f"{values.mean():.2f} ± {values.std(ddof=1):.2f}"
                for values in (found["without"], found["with"], gain)
            ]
            better = f"{int((gain < 0).sum())} of {args.seeds}"
            print(f"| {old} | {new} | {count} | {' | '.join(shown)} | {better} |", flush=True)


if __name__ == "__main__":
    main()
