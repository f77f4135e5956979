r"""``hat nasbench-search``: search a benchmark on a budget of simulated training time.

    hat nasbench-search nasbench101:nasbench101.h5 --budget 1e6 --seeds 20 --out-dir runs/nb101
    hat nasbench-search nasbench201:nasbench201.csv.gz --search-metric cifar10_test_accuracy \
        --cost-per-model 1 --budget 300 --out-dir runs/nb201

Every algorithm searches on one metric (validation accuracy) and is reported by another (test
accuracy of its best so far, where the table has it). Training time is charged once per model.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hat.benchmarks.load import BENCHMARKS, load_benchmark
from hat.cli.console import command, print_result
from hat.cli.flags import add_flags, read_flags
from hat.cli.help import Parser
from hat.files import check_writable
from hat.locks import locked
from hat.report.document import REPORT_FILE
from hat.report.tables import text_table
from hat.report.verdict import sample_std
from hat.signature import signature
from hat.studies.nasbench_search import NasbenchSearchSettings, search_once
from hat.studies.nasbench_search_report import (
    SUMMARY,
    Run,
    by_algorithm,
    summary_line,
    write_report,
)


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; the last line printed is one line of JSON."""
    options = _parser().parse_args(argv)
    settings = read_flags(options, NasbenchSearchSettings)
    check_writable(options.out_dir / REPORT_FILE)
    with locked(options.out_dir / REPORT_FILE):
        _search(options, settings)


def _search(options: argparse.Namespace, settings: NasbenchSearchSettings) -> None:
    table = load_benchmark(options.benchmark)
    reported = settings.reported(table)
    print(
        f"{table.name}: {len(table)} architectures; searched on {settings.search_metric}, reported "
        f"by {reported}; {settings.seeds} seeds of {settings.budget:g} simulated seconds"
    )
    runs: list[Run] = []
    for name in settings.algorithms:
        seeds = range(settings.seed, settings.seed + settings.seeds)
        mine = [search_once(table, name, seed, settings) for seed in seeds]
        runs += mine
        print(text_table([mine], SUMMARY) if name == runs[0].algorithm else summary_line(mine))
    text = signature(**settings.signature(table))
    files = write_report(
        options.out_dir,
        runs,
        table,
        reported=reported,
        budget_s=settings.budget,
        signature=text,
    )
    print_result(
        {
            "report": str(files[0]),
            "algorithms": {
                name: {
                    "models": float(np.mean([run.num_models for run in mine])),
                    "reported_mean": float(np.mean([run.reported for run in mine])),
                    "reported_std": sample_std([run.reported for run in mine]),
                }
                for name, mine in by_algorithm(runs).items()
            },
            "signature": text,
        }
    )


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="hat nasbench-search", description=__doc__)
    kinds = ", ".join(BENCHMARKS)
    parser.add_argument("benchmark", metavar="KIND:PATH", help=f"a table; KIND one of {kinds}")
    parser.add_argument(
        "--out-dir", type=Path, required=True, help="for report.md, best_so_far.png, *.csv"
    )
    add_flags(parser, NasbenchSearchSettings)
    return parser
