"""How well do some rows of a dataset predict the others?

    python bench/latency_here.py FILE.csv [--train 100] [--plot scatter.png]

Uses the rows as the run left them: marked rows are left out. Where rows were measured again, it
also shows what the first attempts alone, without the reference SubTransformer's guard, would have
given.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hat.arrays import Floats
from hat.latency.choices import observed_choices
from hat.latency.drift import find_shifted_runs
from hat.latency.fit import competing, fit_auto
from hat.latency.metrics import Metrics, evaluate
from hat.latency.plots import plot_predictions, runs_text
from hat.latency.predictor import LatencyPredictor, Lesson
from hat.latency.samples import LatencySample, read_samples, trusted_rows
from hat.latency.sidecar import read_sidecar
from hat.latency.table import ArchTable, table_of_samples
from hat.studies.latency_bench_report import figure_cells

SEEDS = range(6)


def arrays(samples: Sequence[LatencySample]) -> tuple[ArchTable, Floats]:
    """The rows as arrays."""
    return table_of_samples(samples), np.array([sample.total_ms for sample in samples])


def one_split(
    train_set: Sequence[LatencySample],
    test_set: Sequence[LatencySample],
    count: int,
    seed: int,
    kinds: Sequence[str],
) -> tuple[LatencyPredictor, Metrics, Floats, Floats]:
    """Fits on ``count`` random rows and tests on the rest, taken from ``test_set``."""
    mixed = np.random.default_rng(seed).permutation(len(train_set))
    table, latency_ms = arrays([train_set[row] for row in mixed[:count]])
    choices = observed_choices(arrays(train_set)[0])
    lesson = Lesson.of(table, latency_ms, seed=seed, choices=choices)
    predictor = fit_auto(lesson, kinds=kinds).predictor
    test, measured = arrays([test_set[row] for row in mixed[count:]])
    return predictor, evaluate(predictor, test, measured), measured, predictor.predict_table(test)


def table(
    train_set: Sequence[LatencySample], test_set: Sequence[LatencySample], count: int
) -> None:
    """Prints mean and deviation over the seeds for each kind of predictor."""
    print("| predictor | RMSE ms | MAPE % | tau | coverage % |\n|---|---|---|---|---|")
    for name, kinds in (*((kind, [kind]) for kind in competing()), ("auto", competing())):
        found = [one_split(train_set, test_set, count, seed, kinds)[1] for seed in SEEDS]
        print(f"| {name} | {' | '.join(figure_cells(found))} |")


def first_attempts(path: str, samples: Sequence[LatencySample]) -> list[LatencySample]:
    """The rows as an unguarded run would have left them, from the events in the sidecar."""
    sidecar = read_sidecar(path)
    first: dict[int, dict[str, float]] = {}
    for event in sidecar.events if sidecar else []:
        if event.get("event") == "row":
            first.setdefault(event["row"], event)
    return [
        replace(
            sample,
            encoder_ms=first[row]["encoder_ms"],
            decoder_ms=first[row]["decoder_ms"],
            shift_percent=0.0,
        )
        if row in first
        else sample
        for row, sample in enumerate(samples)
    ]


def main() -> None:
    """Prints the tables and draws the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv")
    parser.add_argument("--train", type=int, default=100)
    parser.add_argument("--plot", help="scatter plot of seed 0")
    options = parser.parse_args()
    samples = read_samples(options.csv)
    kept = trusted_rows(samples)
    good = [samples[row] for row in kept]
    totals = np.array([sample.total_ms for sample in good])
    within = np.array([s.decoder_std_ms / s.decoder_ms for s in good])
    print(
        f"{len(samples)} rows, {len(samples) - len(good)} of them marked; "
        f"{totals.min():.1f} to {totals.max():.1f} ms; within a row the decoder's runs vary by "
        f"{100 * np.median(within):.1f} % (median standard deviation); "
        f"{options.train} rows to learn, {len(good) - options.train} to predict"
    )
    table(good, good, options.train)
    raw = [first_attempts(options.csv, samples)[row] for row in kept]
    again = sum(a.total_ms != b.total_ms for a, b in zip(raw, good, strict=True))
    if again:
        runs = "; ".join(runs_text(find_shifted_runs(raw))) or "none"
        print(f"\n{again} rows were measured again. In the first attempts, hat latency check finds")
        print(f"shifted runs: {runs}.\nLearnt from the first attempts, tested on the final rows:")
        table(raw, good, options.train)
    if options.plot:
        predictor, metrics, measured, predicted = one_split(
            good, good, options.train, 0, competing()
        )
        title = (
            f"{len(measured)} architectures predicted from {options.train}: "
            f"error {metrics.mape_percent:.1f} %"
        )
        plot_predictions(options.plot, measured, predicted, predictor.relative_interval(0.9), title)


if __name__ == "__main__":
    main()
