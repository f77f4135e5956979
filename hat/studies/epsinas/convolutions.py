"""What the studies of NAS-Bench-101 and NAS-Bench-201 share: which cells, which images, the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from hat.arrays import Floats
from hat.benchmarks.base import TableBenchmark, TableSettings
from hat.report.epsinas_plots import plot_scores
from hat.scoring.epsinas import ScoringRule
from hat.settings import NO_OUTCOME, AtLeast, Shown
from hat.signature import signature
from hat.studies.epsinas.common import (
    ImageSettings,
    Ranking,
    WeightSettings,
    print_rankings,
    write_scores,
)


@dataclass(frozen=True, kw_only=True)
class ConvolutionSettings(WeightSettings):
    """Which cells are scored on what."""

    data: Path
    """The benchmark's table."""

    pictures: ImageSettings = field(default_factory=ImageSettings)

    limit: Annotated[int | None, AtLeast(1), Shown("N")] = None
    """Only N random cells."""

    out: Annotated[Path | None, Shown("FILE"), NO_OUTCOME] = None
    """Write all scores as CSV."""

    plot: Annotated[Path | None, Shown("FILE"), NO_OUTCOME] = None
    """Write a scatter plot."""


class Convolutions:
    """The cells of one study, with their columns in the table."""

    def __init__(self, benchmark: Any, settings: ConvolutionSettings) -> None:
        """Loads the table and draws cells and images.

        Args:
            benchmark: a kind of table.
            settings: of the study.
        """
        table: TableBenchmark[Any] = benchmark.build(TableSettings(path=settings.data))
        ids = list(table.ids())
        if settings.limit is not None and settings.limit < len(ids):
            rng = np.random.default_rng(settings.pictures.seed)
            picks = rng.choice(len(ids), settings.limit, replace=False)
            ids = [ids[index] for index in np.sort(picks)]
        self.table, self.ids, self._settings = table, ids, settings
        self.cells = [table.arch(id) for id in ids]
        self.images = settings.pictures.draw()

    def column(self, metric: str) -> Floats:
        """The values (N,) of a metric of the table."""
        return np.array([self.table.query(id, metric) for id in self.ids])

    def finish(
        self,
        rankings: Sequence[Ranking],
        columns: Mapping[str, Sequence[Any] | Floats],
        *,
        lent: Floats,
        accuracy: tuple[str, Floats],
        params: Floats,
    ) -> None:
        """Prints the rankings and writes the files that the settings ask for.

        Args:
            rankings: of all scores.
            columns: of the CSV file.
            lent: scores with lent skips, (N,), for the plot.
            accuracy: what is plotted against them: its name, and fractions (N,).
            params: numbers of parameters, (N,).
        """
        print_rankings(rankings)
        write_scores(self._settings.out, columns)
        if self._settings.plot:
            plot_scores(
                self._settings.plot,
                score=lent,
                truth=100 * accuracy[1],
                params=params,
                labels=("epsinas, lent skips", f"{accuracy[0]} [%]", "parameters"),
            )

    def result(
        self, rankings: Sequence[Ranking], seconds: float, read_out: str, **more: Any
    ) -> dict[str, Any]:
        """The study as JSON values, with its signature."""
        return {
            "rankings": [ranking.to_json() for ranking in rankings],
            **more,
            "architectures": len(self.ids),
            "seconds": round(seconds, 1),
            "signature": convolution_signature(
                self.table, self._settings.weights, self._settings.pictures, read_out
            ),
        }


def convolution_signature(
    table: TableBenchmark[Any],
    weights: tuple[float, float],
    pictures: ImageSettings,
    read_out: str,
    **parts: object,
) -> str:
    """Returns the signature of scores of convolutional cells."""
    low, high = weights
    return signature(
        score="epsinas",
        weights=f"{low:g},{high:g}",
        **pictures.signature(),
        readout=read_out,
        rule=ScoringRule(),
        dtype="float64",
        **table.signature(),
        **parts,
    )
