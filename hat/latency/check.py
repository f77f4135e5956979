"""Checking a latency dataset: which of its rows were measured while the machine was disturbed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from hat.errors import DataError
from hat.latency.drift import MIN_SHIFT_PERCENT, DriftReport, find_shifted_runs
from hat.latency.plots import plot_shifts, runs_text
from hat.latency.samples import LatencySample, read_samples
from hat.settings import Above, Below, Settings, Shown


@dataclass(frozen=True, kw_only=True)
class CheckSettings(Settings):
    """What counts as shifted."""

    min_shift: Annotated[float, Above(0), Below(1000), Shown("PERCENT")] = MIN_SHIFT_PERCENT
    """steps that are smaller are not reported"""


@dataclass(frozen=True, kw_only=True)
class CheckedDataset:
    """The rows of a dataset and what is wrong with them."""

    path: str
    samples: Sequence[LatencySample]
    report: DriftReport

    def lines(self) -> list[str]:
        """What was found, for readers."""
        report, rows = self.report, len(self.samples)
        marked = sum(not sample.trusted for sample in self.samples)
        return [
            f"{self.path}: {rows} rows, noise between neighbours {report.noise_percent:.1f} %, "
            f"{len(report.runs)} shifted run{'' if len(report.runs) == 1 else 's'}",
            *(f"  {line}" for line in runs_text(report)),
            *([f"  {marked} rows were marked while they were measured"] if marked else []),
        ]

    def figures(self) -> dict[str, Any]:
        """What was found, for programs."""
        return {
            "shifted_runs": [
                {
                    "first_row": run.first_row,
                    "last_row": run.last_row,
                    "shift_percent": round(run.shift_percent, 1),
                }
                for run in self.report.runs
            ]
        }

    def clean(self) -> list[LatencySample]:
        """Returns the rows that are neither in a shifted run nor marked."""
        rows = zip(self.samples, self.report.shifted(), strict=True)
        return [sample for sample, is_shifted in rows if not is_shifted and sample.trusted]

    def plot(self, path: str | Path) -> None:
        """Draws rows and runs to a PNG file.

        Raises:
            DataError: if it cannot be written.
        """
        latency_ms = np.array([sample.total_ms for sample in self.samples])
        plot_shifts(path, latency_ms, self.report, Path(self.path).name)


def check_dataset(path: str | Path, settings: CheckSettings | None = None) -> CheckedDataset:
    """Finds the shifted runs of a dataset, ours or HAT's.

    Raises:
        DataError: if it is damaged or has too few rows.
    """
    settings = settings or CheckSettings()
    samples = read_samples(path)
    try:
        report = find_shifted_runs(samples, min_shift_percent=settings.min_shift)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    return CheckedDataset(path=str(path), samples=samples, report=report)
