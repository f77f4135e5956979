"""``hat nasbench``: convert published files, list NAS-Bench-101's cells, ask any benchmark."""

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from hat.benchmarks.load import BENCHMARKS, load_benchmark
from hat.benchmarks.nb101_convert import convert
from hat.benchmarks.nb101_enumerate import NUM_CELLS, enumerate_cells
from hat.benchmarks.nb201_convert import convert_nb201
from hat.benchmarks.nb201_files import check_unpacked, is_published_nb201
from hat.cli.console import command, print_result
from hat.cli.flags import add_flags, read_flags
from hat.cli.help import Parser, sentence
from hat.cli.outputs import check_apart
from hat.conditions import file_digest, files_digest
from hat.errors import ConfigError
from hat.file_kinds import Kind
from hat.files import check_writable
from hat.locks import locked
from hat.settings import NO_OUTCOME, AtLeast, AtMost, Settings, own_settings
from hat.signature import signature


@dataclass(frozen=True, kw_only=True)
class _Convert(Settings):
    quiet: bool = False
    """no progress bar"""


@dataclass(frozen=True, kw_only=True)
class _Enumerate(Settings):
    out: Annotated[Path | None, NO_OUTCOME] = None
    """write hash, adjacency and operations to this HDF5 file"""

    workers: Annotated[int, AtLeast(1), AtMost(4096), NO_OUTCOME] = 1
    """processes that hash"""


@dataclass(frozen=True, kw_only=True)
class _Query(Settings):
    metric: str | None = None
    """metric to ask for (default: all)"""

    epochs: Annotated[int | None, AtLeast(1)] = None
    """length of training (default: the longest)"""

    seed: Annotated[int | None, AtLeast(0)] = None
    """the training run of this seed (default: the mean over all)"""


def _convert(words: argparse.Namespace, settings: _Convert) -> dict[str, Any]:
    start = time.perf_counter()
    check_apart(words, "target")
    source = Path(words.source)
    found: dict[str, Any]
    check_unpacked(source)
    is_nb201 = is_published_nb201(source)
    kind: Kind = "text" if is_nb201 and words.target.endswith(".csv") else "archive"
    check_writable(words.target, kind=kind, form=None if is_nb201 else "HDF5")
    with locked(words.target):
        if is_nb201:
            cells = convert_nb201(source, words.target, progress=not settings.quiet)
            digest = files_digest(source.iterdir()) if source.is_dir() else file_digest(source)
            name, found = "nasbench201", cells.summary()
        else:
            records = convert(source, words.target, progress=not settings.quiet)
            name, digest = "nasbench101", file_digest(source)
            found = {
                "records": records.num_records,
                "architectures": records.num_architectures,
                "epochs": list(records.epochs),
            }
    return {
        "written": words.target,
        **found,
        "seconds": round(time.perf_counter() - start, 2),
        "signature": signature(benchmark=name, source=digest),
    }


def _enumerate(words: argparse.Namespace, settings: _Enumerate) -> dict[str, Any]:
    check_writable(settings.out, kind="archive", form="HDF5")
    start = time.perf_counter()
    cells = enumerate_cells(workers=settings.workers)
    if settings.out:
        cells.save(settings.out)
    return {
        "cells": len(cells.hashes),
        "published": NUM_CELLS,
        "first": cells.hashes[0].decode(),
        "last": cells.hashes[-1].decode(),
        "written": settings.out and str(settings.out),
        "seconds": round(time.perf_counter() - start, 2),
        "signature": signature(space="nasbench101"),
    }


def _query(words: argparse.Namespace, settings: _Query) -> dict[str, Any]:
    asked = [one.key for one in own_settings(_Query) if getattr(settings, one.field) is not None]
    if words.id is None and asked:
        raise ConfigError(f"--{asked[0]} is of one architecture: give its identifier, too")
    table = load_benchmark(words.benchmark)
    if words.id is None:
        print(f"{table.name}: {len(table)} architectures, {table.ids()[0]} to {table.ids()[-1]}")
        for name, metric in table.metrics.items():
            direction = "higher" if metric.higher_is_better else "lower"
            unit = f" [{metric.unit}]" if metric.unit else ""
            print(f"  {name}{unit}, {direction} is better")
        return {
            "architectures": len(table),
            "metrics": list(table.metrics),
            "signature": signature(**table.signature()),
        }
    print(table.arch(words.id))
    epochs = settings.epochs
    names = [name for name in table.metrics if table.is_known(name, epochs)] or list(table.metrics)
    values = {
        name: table.query(words.id, name, epochs=epochs, seed=settings.seed)
        for name in ([settings.metric] if settings.metric else names)
    }
    return {
        "id": words.id,
        **{name: value if math.isfinite(value) else None for name, value in values.items()},
        "signature": signature(**table.signature(), epochs=settings.epochs, seed=settings.seed),
    }


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs one of the subcommands; the last line printed is one line of JSON."""
    parser = Parser(prog="hat nasbench", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="TOOL")

    sub = commands.add_parser("convert", help="a published file to the table that is read here")
    sub.add_argument(
        "source",
        help="nasbench_only108.tfrecord, nasbench_full.tfrecord, NAS-Bench-201-v1_1-096897.pth, "
        "NATS-tss-v1_0-3ffb9.pickle.pbz2 or the folder NATS-tss-v1_0-3ffb9-simple",
    )
    sub.add_argument(
        "target", help="the file to write: HDF5 for NAS-Bench-101, else .csv or .csv.gz"
    )
    sub.set_defaults(run=_convert, settings=_Convert)

    sub = commands.add_parser("enumerate", help="list every NAS-Bench-101 cell once")
    sub.set_defaults(run=_enumerate, settings=_Enumerate)

    sub = commands.add_parser("query", help="values of one architecture in a benchmark")
    sub.add_argument("benchmark", help=f"KIND:PATH, KIND one of {', '.join(BENCHMARKS)}")
    sub.add_argument(
        "id",
        nargs="?",
        help="of the architecture: a cell's hash in nasbench101, "
        "its string in nasbench201; without it the table is described",
    )
    sub.set_defaults(run=_query, settings=_Query)

    about = {choice.dest: choice.help for choice in commands._choices_actions}
    for name, sub in commands.choices.items():
        sub.description = sentence(str(about[name]))
        add_flags(sub, sub.get_default("settings"))
    words = parser.parse_args(argv)
    print_result(words.run(words, read_flags(words, words.settings)))
