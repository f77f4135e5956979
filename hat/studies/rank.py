"""How well scorers rank the architectures of a table, task by task."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from hat.arrays import Floats
from hat.benchmarks.csv_table import CsvSettings, CsvTable
from hat.errors import ConfigError, suggestion
from hat.report.tables import Column
from hat.scoring.rank_stats import RankStats, rank_stats
from hat.settings import REPEATED, AtLeast, Settings, Shown
from hat.signature import signature
from hat.studies.epsinas.common import ModelSettings
from hat.studies.rank_scorers import scorers_for

_DEFAULT_TARGET = "scratch_test_BLEU"
_DEFAULT_TASK = "task"


@dataclass(frozen=True, kw_only=True)
class RankSettings(Settings):
    """What is compared with what."""

    scorer: Annotated[tuple[str, ...], REPEATED, Shown("NAME")] = ()
    """params, flops, encoder_depth, decoder_depth, decoder_depth_then_params, epsinas, for
    convolutional cells epsinas_and_params, or a column of the file; may be repeated (default: all
    but the columns)"""

    target: Annotated[str | None, Shown("COLUMN")] = None
    """column with what training showed (default: scratch_test_BLEU)"""

    arch_column: Annotated[str, Shown("COLUMN")] = "arch"
    """column with the architectures"""

    task_column: Annotated[str, Shown("COLUMN")] = _DEFAULT_TASK
    """column with the task; rows are compared with rows of the same task"""

    model: ModelSettings = field(default_factory=ModelSettings)

    src_len: Annotated[int | None, AtLeast(1)] = None
    """tokens of the sentence whose FLOPs are counted (default: 23 for IWSLT, else 30)"""

    top: Annotated[int, AtLeast(1)] = 10
    """how many count as the best"""


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


COLUMNS: tuple[Column[Row], ...] = (
    Column("task", lambda row: row.task),
    Column("scorer", lambda row: row.scorer),
    Column("n", lambda row: row.stats.n),
    Column("not scored", lambda row: row.stats.num_missing),
    Column("kendall", lambda row: row.stats.kendall, ".3f"),
    Column("spearman", lambda row: row.stats.spearman, ".3f"),
    Column("top overlap", lambda row: row.stats.top_overlap, ".2f"),
    Column("top", lambda row: row.stats.top),
)


@dataclass(frozen=True)
class Ranking:
    """How well every scorer agrees with what training showed."""

    target: str
    rows: tuple[Row, ...]
    signature: str

    def to_json(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {
            "rows": [row.to_json() for row in self.rows],
            "target": self.target,
            "signature": self.signature,
        }


def rank(path: Path, settings: RankSettings) -> Ranking:
    """Ranks the architectures of each task of a CSV file by every scorer.

    Raises:
        DataError: if the file is damaged or lacks a column.
        ConfigError: if there is no such scorer for these architectures.
    """
    table: CsvTable[Any] = CsvTable.build(CsvSettings(path=path, arch_column=settings.arch_column))
    target = settings.target or _DEFAULT_TARGET
    table.check_column(target, " (--target)" if settings.target else " (by default)")
    asked = "" if settings.task_column == _DEFAULT_TASK else "--task-column"
    tasks = table.groups(settings.task_column, asked)
    rows: list[Row] = []
    for task, ids in tasks.items():
        rows += _rows(task, ids, table, target, settings)
    text = signature(
        **table.signature(),
        tasks="+".join(tasks),
        target=target,
        scorers="+".join(dict.fromkeys(row.scorer for row in rows)),
        top=settings.top,
        **asdict(settings.model),
        src_len=settings.src_len,
    )
    return Ranking(target, tuple(rows), text)


def _rows(
    task: str, ids: Sequence[str], table: CsvTable[Any], target: str, settings: RankSettings
) -> list[Row]:
    archs = [table.arch(id) for id in ids]
    truth = table.column(target, ids)
    known = cache(lambda: scorers_for(archs, task, settings.model, settings.src_len))
    rows = []
    for name in dict.fromkeys(settings.scorer) or known():
        if name in table.metrics:
            # By identifier: an architecture may stand twice.
            scores: Floats = table.column(name, ids)
            higher_is_better = table.metrics[name].higher_is_better
        elif name.replace("-", "_") in known():
            scorer = known()[name.replace("-", "_")]
            scores, higher_is_better = scorer.score(archs), scorer.higher_is_better
        else:
            every = [*known(), *table.metrics]
            raise ConfigError(
                f"unknown scorer {name!r}"
                + (suggestion(name, every) or f"; there are {', '.join(every)}")
            )
        stats = rank_stats(
            scores,
            truth,
            higher_is_better=higher_is_better,
            truth_higher_is_better=table.metrics[target].higher_is_better,
            top=settings.top,
        )
        rows.append(Row(task, name, stats))
    return rows


def _null(value: float) -> float | None:
    return value if math.isfinite(value) else None
