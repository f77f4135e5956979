"""epsinas inside random search and ageing evolution on NAS-Bench-201."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from hat.arrays import Floats
from hat.benchmarks.base import TableBenchmark, TableSettings
from hat.benchmarks.nb201 import NasBench201
from hat.benchmarks.zero_cost import TableSearch, ZeroCostSettings
from hat.conditions import file_digest
from hat.csv_reader import CsvRows
from hat.errors import DataError
from hat.report.epsinas_plots import plot_searches
from hat.report.tables import Column, text_table
from hat.scoring.cell_scores import score_nb201
from hat.settings import NO_OUTCOME, PICTURE, Shown
from hat.signature import signature
from hat.studies.epsinas.common import (
    Count,
    ImageSettings,
    Progress,
    WeightSettings,
    convolution_signature,
)

NUM_CELLS = 5**6
_DATASETS = {"cifar10": "cifar10_test_accuracy", "cifar100": "cifar100_test_accuracy"}


@dataclass(frozen=True, kw_only=True)
class IntegrateSettings(WeightSettings):
    """Which searches are compared, on which scores."""

    data: Path
    """NAS-Bench-201 as CSV"""

    scores: Path | None = None
    """scores that hat epsinas nasbench201 --out wrote; saves minutes"""

    dataset: Literal["cifar10", "cifar100"] = "cifar10"
    """dataset whose accuracy is searched for"""

    no_lent_skips: bool = False
    """rank cells without a score last; without this flag a skip is lent to them, and scored"""

    rounds: Count = 100
    """searches of each kind"""

    models: Count = 300
    """cells that a search trains"""

    pictures: ImageSettings = field(default_factory=ImageSettings)

    plot: Annotated[Path | None, PICTURE, Shown("FILE"), NO_OUTCOME] = None
    """write a plot of median and quartiles to this PNG file"""


def run(settings: IntegrateSettings) -> dict[str, Any]:
    """Runs six searches ``rounds`` times each; prints and returns what they end with.

    Raises:
        DataError: if the table is not complete.
    """
    table = NasBench201.build(TableSettings(path=settings.data))
    ids = list(table.ids())
    if len(ids) != NUM_CELLS:
        raise DataError(
            f"{settings.data}: integrate needs all {NUM_CELLS} cells of NAS-Bench-201, "
            f"but the table has {len(ids)}"
        )
    cells = [table.arch(id) for id in ids]
    accuracy = 100 * table.column(_DATASETS[settings.dataset])
    place = {id: index for index, id in enumerate(ids)}
    neighbours = np.array([[place[str(other)] for other in cell.neighbours()] for cell in cells])
    lend = not settings.no_lent_skips
    if settings.scores:
        scores = _read_scores(settings.scores, ids, "epsinas_lent_skips" if lend else "epsinas")
    else:
        images = settings.pictures.draw()
        scores = score_nb201(cells, images, settings.weights, lend_skip=lend, progress=Progress())
    search = TableSearch(accuracy, scores, neighbours, ZeroCostSettings(num_models=settings.models))
    searches: dict[str, Callable[[np.random.Generator], Floats]] = {
        "random search": lambda rng: search.random_search(rng),
        "random search, warm-up": lambda rng: search.random_search(rng, warmup=True),
        "ageing evolution": lambda rng: search.ageing_evolution(rng),
        "ageing evolution, warm-up": lambda rng: search.ageing_evolution(rng, warmup=True),
        "ageing evolution, moves": lambda rng: search.ageing_evolution(rng, moves=True),
        "ageing evolution, warm-up, moves": lambda rng: search.ageing_evolution(
            rng, warmup=True, moves=True
        ),
    }
    curves = {
        name: np.stack(
            [
                run_once(np.random.default_rng((settings.pictures.seed, index)))
                for index in range(settings.rounds)
            ]
        )
        for name, run_once in searches.items()
    }
    columns: list[Column[tuple[str, Floats]]] = [
        Column("search", lambda row: row[0]),
        *(
            Column(
                f"after {count}",
                lambda row, count=count: _quartiles(row[1][:, count - 1]),  # type: ignore[misc]
            )
            for count in _checkpoints(settings.models)
        ),
    ]
    print(
        f"best {settings.dataset} test accuracy [%] after so many trained models: "
        "median (quartiles)"
    )
    print(text_table(list(curves.items()), columns))
    print(f"the best of the table has {accuracy.max():.2f}")
    if settings.plot:
        bottom = {"cifar10": 93.0, "cifar100": 69.0}[settings.dataset]
        label = f"{settings.dataset.upper().replace('CIFAR', 'CIFAR-')} test accuracy [%]"
        plot_searches(settings.plot, curves, label=label, bottom=bottom)
    return {
        "median": {
            name: {
                str(count): round(float(np.median(values[:, count - 1])), 3)
                for count in _checkpoints(settings.models)
            }
            for name, values in curves.items()
        },
        "best_of_table": round(float(accuracy.max()), 3),
        "rounds": settings.rounds,
        "signature": _score_signature(
            settings, table, models=settings.models, dataset=settings.dataset, lend_skip=lend
        ),
    }


def _score_signature(
    settings: IntegrateSettings, table: TableBenchmark[Any], **parts: object
) -> str:
    """The signature: scores from a file speak for themselves, whatever the settings say."""
    if settings.scores is None:
        return convolution_signature(table, settings.weights, settings.pictures, "pooled", **parts)
    return signature(
        **table.signature(),
        scores=file_digest(settings.scores),
        seed=settings.pictures.seed,
        **parts,
    )


def _checkpoints(models: int) -> list[int]:
    return [count for count in (10, 30, 64, 100, 200, 300) if count < models] + [models]


def _quartiles(values: Floats) -> str:
    low, median, high = np.percentile(values, [25, 50, 75])
    return f"{median:.2f} ({low:.2f}-{high:.2f})"


def _read_scores(path: Path, ids: list[str], column: str) -> Floats:
    rows = CsvRows.read(path, columns=("arch", column))
    found = dict(zip(rows.distinct("arch"), rows.numbers(column).tolist(), strict=True))
    missing = next((id for id in ids if id not in found), None)
    if missing is not None:
        raise DataError(f"{path}: is not what nasbench201 --out writes: it has no cell {missing}")
    return np.array([found[id] for id in ids])
