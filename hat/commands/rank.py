"""``hat rank``: how well scorers rank the architectures of a table, task by task.

    hat rank seed_arch_bleu.csv --scorer params --scorer decoder_depth_then_params
    hat rank seed_arch_bleu.csv --scorer HAT_test_BLEU --target scratch_test_BLEU --json

The table is CSV with a column ``arch`` (JSON with HAT's keys, or a cell of a NAS benchmark), a
column of what training showed, and perhaps a column ``task``. A scorer is one that needs no
training (sizes and depths, where more is taken to be better, and epsinas), or a column of the file
in its own direction: BLEU up, loss, latency and size down.
"""

import argparse
import csv
import gzip
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hat.benchmarks.base import Metric, TableBenchmark
from hat.benchmarks.csv_table import CsvSettings, CsvTable
from hat.cli.console import command, print_result
from hat.errors import ConfigError, DataError, suggestion
from hat.report.tables import Column, text_table
from hat.scoring.base import Scorer
from hat.scoring.rank_stats import RankStats, rank_stats
from hat.scoring.table import BenchmarkScorer
from hat.signature import signature
from hat.studies.epsinas import common
from hat.studies.rank_scorers import scorers_for

_DEFAULT_TARGET = "scratch_test_BLEU"


@dataclass(frozen=True)
class Row:
    """One scorer on one task."""

    task: str
    scorer: str
    stats: RankStats

    def to_json(self) -> dict[str, Any]:
        """The row as printed by ``--json``; ``null`` where a correlation does not exist."""
        return {
            "task": self.task,
            "scorer": self.scorer,
            "n": self.stats.n,
            "kendall": _null(self.stats.kendall),
            "spearman": _null(self.stats.spearman),
        }


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; with ``--json`` the last line printed is one line of JSON."""
    options = _parser().parse_args(argv)
    table: TableBenchmark[Any] = CsvTable.build(
        CsvSettings(path=options.file, arch_column=options.arch_column)
    )
    target = _target(options, table)
    tasks = _tasks(options.file, len(table), options.task_column)
    rows: list[Row] = []
    for task in dict.fromkeys(tasks):
        ids = [id for id, of in zip(table.ids(), tasks, strict=True) if of == task]
        rows += _rows(task, ids, table, target, options)
    print(f"{options.file}: agreement with {target}, 1 is the same order")
    print(text_table(rows, _COLUMNS))
    if options.json:
        print_result(
            {
                "rows": [row.to_json() for row in rows],
                "target": target,
                "signature": signature(
                    table=table.name, target=target, **common.model_options(options)
                ),
            }
        )


_COLUMNS: tuple[Column[Row], ...] = (
    Column("task", lambda row: row.task),
    Column("scorer", lambda row: row.scorer),
    Column("n", lambda row: row.stats.n),
    Column("not scored", lambda row: row.stats.num_missing),
    Column("kendall", lambda row: row.stats.kendall, ".3f"),
    Column("spearman", lambda row: row.stats.spearman, ".3f"),
    Column("top overlap", lambda row: row.stats.top_overlap, ".2f"),
    Column("top", lambda row: row.stats.top),
)


def _rows(
    task: str,
    ids: Sequence[str],
    table: TableBenchmark[Any],
    target: str,
    options: argparse.Namespace,
) -> list[Row]:
    archs = [table.arch(id) for id in ids]
    truth = np.array([table.query(id, target) for id in ids])
    better_high = table.metrics[target].higher_is_better
    rows = []
    for name in options.scorer or scorers_for(archs, task, options):
        scores, higher_is_better = _scores(name, task, ids, archs, table, options)
        stats = rank_stats(
            scores,
            truth,
            higher_is_better=higher_is_better,
            truth_higher_is_better=better_high,
            top=options.top,
        )
        rows.append(Row(task, name, stats))
    return rows


def _scores(
    name: str,
    task: str,
    ids: Sequence[str],
    archs: Sequence[Any],
    table: TableBenchmark[Any],
    options: argparse.Namespace,
) -> tuple[NDArray[np.float64], bool]:
    """Scores and direction. Rows are scored by identifier: an architecture may stand twice."""
    metric: Metric | None = table.metrics.get(name)
    if metric is not None:
        scorer: Scorer[Any] = BenchmarkScorer(table, name)
        return np.array([table.query(id, name) for id in ids]), scorer.higher_is_better
    known = scorers_for(archs, task, options)
    if name.replace("-", "_") not in known:
        every = [*known, *table.metrics]
        raise ConfigError(
            f"unknown scorer {name!r}"
            + (suggestion(name, every) or f"; there are {', '.join(every)}")
        )
    scorer = known[name.replace("-", "_")]
    return scorer.score(archs), scorer.higher_is_better


def _target(options: argparse.Namespace, table: TableBenchmark[Any]) -> str:
    target = str(options.target or _DEFAULT_TARGET)
    if target not in table.metrics:
        asked = "--target" if options.target else "by default"
        raise DataError(
            f"{options.file}: has no column of numbers {target!r} ({asked})"
            + (suggestion(target, table.metrics) or f"; it has {', '.join(table.metrics)}")
        )
    return target


def _tasks(path: Path, count: int, column: str) -> list[str]:
    """The task of each row; the file's name where there is no such column."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if column not in (reader.fieldnames or []):
        return [path.name.split(".")[0]] * count
    return [str(row[column]) for row in reader]


def _null(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hat rank", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="CSV, gzipped or not")
    parser.add_argument(
        "--scorer",
        action="append",
        metavar="NAME",
        help="params, flops, encoder_depth, decoder_depth, decoder_depth_then_params, epsinas or a "
        "column of the file; may be repeated (default: all but the columns)",
    )
    parser.add_argument(
        "--target", metavar="COLUMN", help=f"what training showed (default: {_DEFAULT_TARGET})"
    )
    parser.add_argument("--arch-column", default="arch", metavar="COLUMN")
    parser.add_argument("--task-column", default="task", metavar="COLUMN")
    common.add_model_options(parser)
    parser.add_argument(
        "--src-len", type=int, help="tokens of the sentence behind FLOPs (IWSLT: 23, else 30)"
    )
    parser.add_argument("--top", type=int, default=10, help="how many count as the best")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    return parser
