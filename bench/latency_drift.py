"""How well are shifted runs found, and how often is a clean dataset accused?

    python bench/latency_drift.py FILE.csv ... [--repeats 8] [--rows 200 1000]

Takes the rows of each dataset outside the runs that are found in it, cuts random stretches out of
them, slows a random run down by a known percentage and looks for it. A run counts as found if one
reported run overlaps it by 80 % (intersection over union) and the shift is right within a quarter.
Clean stretches, in order and shuffled, count the false accusations.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hat.latency.drift import ShiftedRun, find_shifted_runs
from hat.latency.samples import LatencySample, read_samples

SHIFTS = (12, 15, 20, 30, 40)
LENGTHS = (10, 20, 50, 100)


def slowed(
    samples: Sequence[LatencySample], first: int, length: int, percent: float
) -> list[LatencySample]:
    """Returns ``samples`` with ``length`` rows from ``first`` on slower by ``percent``."""
    factor = 1 + percent / 100
    return [
        replace(
            sample, encoder_ms=factor * sample.encoder_ms, decoder_ms=factor * sample.decoder_ms
        )
        if first <= row < first + length
        else sample
        for row, sample in enumerate(samples)
    ]


def is_found(runs: Sequence[ShiftedRun], first: int, length: int, percent: float) -> bool:
    """Says whether one of ``runs`` is the injected one."""
    wanted = set(range(first, first + length))
    for run in runs:
        rows = set(range(run.first_row, run.last_row + 1))
        overlap = len(rows & wanted) / len(rows | wanted)
        if overlap >= 0.8 and abs(run.shift_percent - percent) <= percent / 4:
            return True
    return False


def main() -> None:
    """Prints one table per dataset."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv", nargs="+")
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--rows", type=int, nargs="+", default=[200, 1000])
    options = parser.parse_args()
    for path in options.csv:
        samples = read_samples(path)
        shifted = find_shifted_runs(samples).shifted()
        clean = [sample for sample, bad in zip(samples, shifted, strict=True) if not bad]
        for count in options.rows:
            rng = np.random.default_rng(0)
            _simulate(path, clean, count, options.repeats, rng)


def _simulate(
    path: str, clean: Sequence[LatencySample], count: int, repeats: int, rng: np.random.Generator
) -> None:
    def stretch() -> list[LatencySample]:
        start = int(rng.integers(len(clean) - count + 1))
        return list(clean[start : start + count])

    accused = {"in order": 0, "shuffled": 0}
    for _ in range(repeats):
        rows = stretch()
        accused["in order"] += bool(find_shifted_runs(rows).runs)
        mixed = [rows[index] for index in rng.permutation(count)]
        accused["shuffled"] += bool(find_shifted_runs(mixed).runs)
    text = ", ".join(f"{number}/{repeats} {kind}" for kind, number in accused.items())
    print(f"\n{path}, {count} rows; clean stretches accused: {text}")
    print("| shift | " + " | ".join(f"{length} rows" for length in LENGTHS) + " |")
    print("|---" * (len(LENGTHS) + 1) + "|")
    for percent in SHIFTS:
        cells = []
        for length in LENGTHS:
            found = extra = 0
            for _ in range(repeats):
                first = int(rng.integers(count - length + 1))
                runs = find_shifted_runs(slowed(stretch(), first, length, percent)).runs
                found += is_found(runs, first, length, percent)
                extra += len(runs) > 1
            cells.append(f"{found}/{repeats}" + (f" (+{extra})" if extra else ""))
        print(f"| {percent} % | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
