"""``hat nasbench``: convert NAS-Bench-101, list its cells, ask any benchmark for a value."""

import argparse
import math
import time
from collections.abc import Sequence

from hat.benchmarks.load import BENCHMARKS, load_benchmark
from hat.benchmarks.nb101_convert import convert
from hat.benchmarks.nb101_enumerate import NUM_CELLS, enumerate_cells
from hat.cli.console import command, print_result
from hat.signature import signature


def _convert(args: argparse.Namespace) -> None:
    start = time.perf_counter()
    found = convert(args.source, args.target, progress=not args.quiet)
    print_result(
        {
            "written": args.target,
            "records": found.num_records,
            "architectures": found.num_architectures,
            "epochs": list(found.epochs),
            "seconds": round(time.perf_counter() - start, 2),
            "signature": signature(benchmark="nasbench101", source=args.source),
        }
    )


def _enumerate(args: argparse.Namespace) -> None:
    start = time.perf_counter()
    cells = enumerate_cells(workers=args.workers)
    if args.out:
        cells.save(args.out)
    print_result(
        {
            "cells": len(cells.hashes),
            "published": NUM_CELLS,
            "first": cells.hashes[0].decode(),
            "last": cells.hashes[-1].decode(),
            "written": args.out,
            "seconds": round(time.perf_counter() - start, 2),
            "signature": signature(space="nasbench101"),
        }
    )


def _query(args: argparse.Namespace) -> None:
    table = load_benchmark(args.benchmark)
    if args.id is None:
        print(f"{table.name}: {len(table)} architectures, {table.ids()[0]} to {table.ids()[-1]}")
        for name, metric in table.metrics.items():
            direction = "higher" if metric.higher_is_better else "lower"
            unit = f" [{metric.unit}]" if metric.unit else ""
            print(f"  {name}{unit}, {direction} is better")
        print_result(
            {
                "architectures": len(table),
                "metrics": list(table.metrics),
                "signature": signature(benchmark=table.name),
            }
        )
        return
    print(table.arch(args.id))
    metrics = [args.metric] if args.metric else list(table.metrics)
    values = {
        name: table.query(args.id, name, epochs=args.epochs, seed=args.seed) for name in metrics
    }
    print_result(
        {
            "id": args.id,
            **{name: value if math.isfinite(value) else None for name, value in values.items()},
            "signature": signature(benchmark=table.name, epochs=args.epochs, seed=args.seed),
        }
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hat nasbench", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    sub = commands.add_parser("convert", help="NAS-Bench-101's published TFRecord file to HDF5")
    sub.add_argument("source", help="nasbench_only108.tfrecord or nasbench_full.tfrecord")
    sub.add_argument("target", help="the HDF5 file to write")
    sub.add_argument("--quiet", action="store_true", help="no progress bar")
    sub.set_defaults(run=_convert)

    sub = commands.add_parser("enumerate", help="list every NAS-Bench-101 cell once")
    sub.add_argument("--out", help="write hash, adjacency and operations to this HDF5 file")
    sub.add_argument("--workers", type=int, default=1, help="processes that hash (default 1)")
    sub.set_defaults(run=_enumerate)

    sub = commands.add_parser("query", help="what a benchmark says of an architecture")
    sub.add_argument("benchmark", help=f"KIND:PATH, KIND one of {', '.join(BENCHMARKS)}")
    sub.add_argument("id", nargs="?", help="identifier; without it the table is described")
    sub.add_argument("--metric", help="default: all")
    sub.add_argument("--epochs", type=int, help="length of training; default: the longest")
    sub.add_argument("--seed", type=int, help="training run; default: the mean over all")
    sub.set_defaults(run=_query)
    return parser


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs one of the subcommands."""
    args = _parser().parse_args(argv)
    args.run(args)


if __name__ == "__main__":
    main(None)
