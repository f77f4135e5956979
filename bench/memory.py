"""How the memory of a training grows with its updates.

    python bench/memory.py [--updates 2000] [--out docs/results/memory.png]

Trains the SuperTransformer of ``configs/multi30k.en-de`` in processes of their own that take turns:
in fp32 and, where there is hardware for it, in bf16, with the bounded caches of
``hat/machine/shape_caches.py`` and with the libraries' own sizes. Prints the machine's rates, then
the resident memory as updates go on, and what came after the 200th. Every update draws another
architecture and every batch has other lengths, so shapes hardly ever come back.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

from pictures import picture
from training import Contender, contenders, write_corpus

from hat.cli.console import set_up_logging
from hat.machine.instructions import in_hardware
from hat.machine.rates import rates

LIBRARIES_OWN = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "1024", "LRU_CACHE_CAPACITY": "1024"}
SETTLED = 200
"""Updates after which memory should not grow."""


def started(data: Path, precisions: list[str]) -> list[Contender]:
    """A process for each precision and size of the caches, ready to train."""
    found = []
    for caches, variables in (("bounded caches", {}), ("libraries' own caches", LIBRARIES_OWN)):
        options = argparse.Namespace(precisions=precisions, threads=[1], only="supernet")
        for one in contenders(options, data, None):
            one.name = f"{one.precision}, {caches}"
            one.start(variables)
            found.append(one)
    return found


def plot(series: dict[str, list[tuple[int, float]]], path: Path) -> None:
    """Draws resident memory against updates."""
    with picture(path, figsize=(7, 4)) as (figure, axes):
        for name, points in series.items():
            style = "-" if "bounded" in name else "--"
            axes.plot(*zip(*points, strict=True), style, label=name)
        axes.set_xlabel("updates")
        axes.set_ylabel("resident memory, MB")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        figure.legend(loc="outside right upper")


def main() -> None:
    """Trains and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--updates", type=int, default=2000)
    parser.add_argument("--every", type=int, default=20, help="updates between two looks")
    parser.add_argument("--out", type=Path, help="PNG file to draw")
    args = parser.parse_args()
    set_up_logging("WARNING")
    os.environ["OMP_NUM_THREADS"] = "1"
    print(rates())
    precisions = ["fp32", "bf16"] if in_hardware("bf16") else ["fp32"]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        write_corpus(data)
        everyone = started(data, precisions)
        series: dict[str, list[tuple[int, float]]] = {one.name: [] for one in everyone}
        for update in range(args.every, args.updates + 1, args.every):
            for one in everyone:
                series[one.name].append((update, one.turn(args.every)["rss_mb"]))
            if update % (10 * args.every) == 0:
                now = ", ".join(f"{name} {points[-1][1]:.0f}" for name, points in series.items())
                print(f"{update:5} updates, MB: {now}", flush=True)
                if args.out:
                    plot(series, args.out)
        for one in everyone:
            one.process.stdin.close()
    grown = {}
    for name, points in series.items():
        settled = [value for update, value in points if update >= min(SETTLED, args.updates)]
        grown[name] = round(settled[-1] - settled[0], 1)
        print(f"{name}: {settled[-1]:.0f} MB at the end, {grown[name]:+.0f} MB since {SETTLED}")
    print(json.dumps({"updates": args.updates, "grown_mb": grown}))


if __name__ == "__main__":
    main()
