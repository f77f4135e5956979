"""What epsinas knows beyond a free count, and whether the two together rank better than either.

The plan, written before the figures, is in docs/results/epsinas_mixtures.md.

    python bench/epsinas_mixtures.py --data DATA

``--table FILE:COLUMN`` adds a table of SubTransformers, a CSV file as ``hat rank`` reads it; every
task in it is a table of its own. The last line printed is JSON.
"""

import argparse
import csv
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mixtures import Figure, Table, study, transferred_weights

from hat.arch.cell import CellGraph
from hat.arch.cell_widths import nb101_num_params
from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import load_arch
from hat.arch.nb201_cell import Nb201Cell
from hat.arrays import Floats
from hat.benchmarks.csv_table import CsvSettings, CsvTable
from hat.benchmarks.images import image_batch, varied_images
from hat.benchmarks.load import load_benchmark
from hat.machine.rates import rates
from hat.report.tables import Column, markdown_table
from hat.scoring.cell_scores import mean_over_batches, score_nb101, score_nb201, score_recipes
from hat.scoring.epsinas_scorer import EpsinasScorer
from hat.scoring.static import config_that_holds, static_scorers
from hat.studies.epsinas.nlp_batch import random_sums
from hat.studies.epsinas.subtransformers import space_of
from hat.tasks.facts import default_src_len

FEWEST = 10
"""Architectures that make a table."""


def subtransformers(
    source: str, task: str, archs: Sequence[SubTransformerConfig], truth: Floats, **model: Any
) -> Table:
    """A table of SubTransformers, scored on eight batches."""
    config = config_that_holds(archs, **model)
    free = static_scorers(config, src_len=default_src_len(task))
    space = space_of(archs)
    batches = [EpsinasScorer(space, seed=seed, **model).score(archs) for seed in range(8)]
    return Table(
        family="SubTransformers",
        source=f"{source} {task}",
        name=f"{source}, {task}",
        scores=np.array(batches),
        count=free["decoder_depth_then_params"].score(archs),
        truth=truth,
        fixed=np.array([free[name].score(archs) for name in ("decoder_depth", "params")]),
    )


def trained(path: Path, column: str, **model: Any) -> Iterator[Table]:
    """Every task of a CSV file; architectures without a truth are left out."""
    table: CsvTable[Any] = CsvTable.build(CsvSettings(path=path))
    table.check_column(column)
    sign = 1.0 if table.metrics[column].higher_is_better else -1.0
    for task, ids in table.groups("task").items():
        truth = sign * table.column(column, ids)
        known = np.flatnonzero(np.isfinite(truth))
        archs = [table.arch(ids[index]) for index in known]
        yield subtransformers(path.name.split(".")[0], task, archs, truth[known], **model)


def published(folder: Path) -> Iterator[Table]:
    """The architectures that HAT published, by task."""
    tasks: dict[str, list[tuple[SubTransformerConfig, float]]] = {}
    with open(folder / "published_subtransformers.csv", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            task = "wmt14.en-de" if "wmt14ende" in row["name"] else "iwslt14.de-en"
            file = folder / "configs" / task / "subtransformer" / f"{row['name']}.yml"
            tasks.setdefault(task, []).append((load_arch(file), float(row["bleu"])))
    for task, rows in tasks.items():
        truth = np.array([bleu for _, bleu in rows])
        yield subtransformers("published", task, [arch for arch, _ in rows], truth, qkv_dim=512)


def nasbench101(folder: Path) -> Iterator[Table]:
    """Cells that had no part in the choice of the score for all cells."""
    for file, picks in (("sample_1k", slice(500, None)), ("sample", 1000)):
        bench = load_benchmark(f"nasbench101:{folder / f'{file}.jsonl.gz'}")
        ids = list(bench.ids())
        if isinstance(picks, int):
            rng = np.random.default_rng(0)
            ids = [ids[row] for row in np.sort(rng.choice(len(ids), picks, replace=False))]
        else:
            ids = ids[picks]
        cells: list[CellGraph] = [bench.arch(id) for id in ids]
        images = (image_batch(varied_images(), 64, np.random.default_rng(s)) for s in range(4))
        mean = mean_over_batches([score_nb101(cells, batch) for batch in images])
        params = np.array([nb101_num_params(cell) for cell in cells], float)
        yield Table(
            family="cells",
            source="NAS-Bench-101",
            name=f"NAS-Bench-101, {file}",
            scores=mean.all_cells[None],
            count=params,
            truth=bench.column("validation_accuracy", ids),
            fixed=np.array([params, [longest_path(cell) for cell in cells]]),
        )


def longest_path(cell: CellGraph) -> float:
    """Edges of the longest path from input to output."""
    cell = cell.pruned()
    length = np.zeros(cell.num_vertices)
    for source, row in enumerate(cell.adjacency):
        for target in np.flatnonzero(row):
            length[target] = max(length[target], length[source] + 1)
    return float(length[-1])


def nasbench201(path: Path, functions: int, *, unseen: bool) -> Iterator[Table]:
    """One cell of each of some functions, with lent skips, on three batches of photographs.

    ``unseen`` leaves out the functions of the 500 cells on which lent skips were chosen.
    """
    bench = load_benchmark(f"nasbench201:{path}")
    rng = np.random.default_rng(0)
    first: dict[Any, str] = {}
    for id in rng.permutation(list(bench.ids())).tolist():
        first.setdefault(bench.arch(id).expression, id)
    seen: set[Any] = set()
    if unseen:  # as ``hat epsinas nasbench201 --limit 500 --seed 0`` draws them
        picks = np.random.default_rng(0).choice(len(bench), 500, replace=False)
        seen = {bench.arch(bench.ids()[row]).expression for row in picks}
    ids = [id for expression, id in list(first.items())[:functions] if expression not in seen]
    cells: list[Nb201Cell] = [bench.arch(id) for id in ids]
    batches = []
    for seed in range(3):
        images = image_batch("photographs", 64, np.random.default_rng(seed))
        scores = score_nb201(cells, images)
        lent = score_nb201(cells, images, lend_skip=True)
        batches.append(np.where(np.isfinite(scores), scores, lent))
    params = np.array([cell.num_params() for cell in cells], float)
    for data in ("cifar10", "cifar100"):
        yield Table(
            family="cells",
            source="NAS-Bench-201",
            name=f"NAS-Bench-201, {data}",
            scores=np.array(batches),
            count=params,
            truth=bench.column(f"{data}_test_accuracy", ids),
            fixed=np.array([params, [convolutions_in_a_row(cell) for cell in cells]]),
        )


def convolutions_in_a_row(cell: Nb201Cell) -> float:
    """Most convolutions on a path from input to output; -1 where there is no path."""
    longest = [0.0, -1.0, -1.0, -1.0]
    for node in (1, 2, 3):
        for source, operation in cell.incoming(node):
            if operation != "none" and longest[source] >= 0:
                here = longest[source] + operation.startswith("nor_conv")
                longest[node] = max(longest[node], here)
    return longest[3]


def nasbench_nlp(path: Path) -> Iterator[Table]:
    """Recurrent cells on random words."""
    bench = load_benchmark(f"nasbench-nlp:{path}")
    ids = list(bench.ids())
    recipes = [bench.arch(id) for id in ids]
    scores = score_recipes(recipes, random_sums())
    params = bench.column("wt2_num_params", ids)
    for metric in ("ptb_test_loss", "wt2_best_test_loss"):
        yield Table(
            family="cells",
            source="NAS-Bench-NLP",
            name=f"NAS-Bench-NLP, {metric.split('_')[0].upper()}",
            scores=scores[None],
            count=params,
            truth=-bench.column(metric, ids),
            fixed=np.array([params, [len(recipe.nodes) for recipe in recipes]]),
        )


def main() -> None:
    """Makes all tables and prints what they say."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--table", action="append", default=[], help="FILE:COLUMN, BLEU by default")
    parser.add_argument("--qkv-dim", type=int, default=512, help="of the tables of --table")
    parser.add_argument("--pre-norm", action="store_true", help="what --table holds is pre-norm")
    parser.add_argument("--only", choices=("SubTransformers", "cells"), help="one family")
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--functions", type=int, default=1500, help="of NAS-Bench-201")
    parser.add_argument("--unseen", action="store_true", help="what chose lent skips is left out")
    parser.add_argument("--seed", type=int, default=0, help="of resamples and cuts")
    args = parser.parse_args()
    start = time.process_time()
    tables: list[Table] = []
    if args.only != "cells":
        for path in sorted((args.data / "llmas").glob("*.csv")):
            tables += trained(path, "scratch_test_BLEU", qkv_dim=512)
        tables += published(args.data / "hat")
        for text in args.table:
            name, _, column = text.partition(":")
            tables += trained(
                Path(name),
                column or "scratch_test_BLEU",
                qkv_dim=args.qkv_dim,
                encoder_normalize_before=args.pre_norm,
                decoder_normalize_before=args.pre_norm,
            )
    if args.only != "SubTransformers":
        tables += nasbench101(args.data / "nasbench101")
        tables += nasbench201(
            args.data / "nasbench201" / "nasbench201.csv.gz", args.functions, unseen=args.unseen
        )
        tables += nasbench_nlp(args.data / "nasbench_nlp" / "recepie_loss_pairs.json")
    found = judge([table for table in tables if table.size >= FEWEST], args.resamples, args.seed)
    result = {
        "tables": found,
        "resamples": args.resamples,
        "seed": args.seed,
        "cpu_seconds": round(time.process_time() - start),
        "machine": str(rates()),
    }
    print(json.dumps(result))


def judge(tables: Sequence[Table], resamples: int, seed: int) -> dict[str, Any]:
    """Prints both questions' tables; returns all figures."""
    sources = {family: {t.source for t in tables if t.family == family} for family in FAMILIES}
    found: dict[str, dict[str, Figure]] = {}
    for table in tables:
        family = [other for other in tables if other.family == table.family]
        mixtures = 3 if len(sources[table.family]) > 1 else 2
        comparisons = {"partial": len(family), "gain": mixtures * len(family)}
        rng = np.random.default_rng([seed, *table.name.encode()])  # the same beside other tables
        found[table.name] = study(
            table, family, resamples=resamples, comparisons=comparisons, rng=rng
        )
    rows = [(table, found[table.name]) for table in tables]
    print(markdown_table(rows, _COLUMNS), "\n")
    gains = [
        (table, name.removeprefix("gain "), figures)
        for table, figures in rows
        for name in figures
        if name.startswith("gain ")
    ]
    print(markdown_table(gains, _GAINS))
    for table in tables:
        weights = transferred_weights(table, tables)
        if weights is not None:
            score, count = weights / np.abs(weights).sum()
            print(
                f"{table.name}: taught by others, {score:.3f} of epsinas, {count:.3f} of the count"
            )
    return {
        name: {figure: [value.value, *value.interval, *value.strict] for figure, value in row}
        for name, row in ((name, figures.items()) for name, figures in found.items())
    }


FAMILIES = ("SubTransformers", "cells")


def _interval(figure: tuple[float, float]) -> str:
    return f"{figure[0]:+.3f} to {figure[1]:+.3f}"


def _gain(row: tuple[Table, str, dict[str, Figure]]) -> Figure:
    return row[2][f"gain {row[1]}"]


_COLUMNS: list[Column[tuple[Table, dict[str, Figure]]]] = [
    Column("table", lambda row: row[0].name),
    Column("n", lambda row: row[0].size),
    Column("tau of epsinas", lambda row: row[1]["epsinas"].value, ".3f"),
    Column("tau of the count", lambda row: row[1]["count"].value, ".3f"),
    Column("partial correlation", lambda row: row[1]["partial"].value, "+.3f"),
    Column("95 %", lambda row: _interval(row[1]["partial"].interval)),
    Column("corrected", lambda row: _interval(row[1]["partial"].strict)),
]

_GAINS: list[Column[tuple[Table, str, dict[str, Figure]]]] = [
    Column("table", lambda row: row[0].name),
    Column("mixture", lambda row: row[1]),
    Column("tau", lambda row: row[2][row[1]].value, ".3f"),
    Column("over the better", lambda row: _gain(row).value, "+.3f"),
    Column("95 %", lambda row: _interval(_gain(row).interval)),
    Column("corrected", lambda row: _interval(_gain(row).strict)),
    Column("over epsinas, 95 %", lambda row: _interval(row[2][f"ours {row[1]}"].interval)),
    Column("over the count, 95 %", lambda row: _interval(row[2][f"free {row[1]}"].interval)),
    Column("beats both", lambda row: "yes" if _gain(row).beats_zero else "no"),
]


if __name__ == "__main__":
    main()
