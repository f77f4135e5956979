"""What the studies of epsinas share: settings, tables, files."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from hat.arrays import Floats
from hat.benchmarks.base import TableBenchmark
from hat.benchmarks.images import ImageKind, image_batch
from hat.conditions import file_digest
from hat.errors import ConfigError
from hat.files import write_text
from hat.report.tables import Column, csv_table, places, text_table
from hat.scoring.cell_scores import IMAGE_WEIGHTS
from hat.scoring.epsinas import ScoringRule
from hat.scoring.proxy_stats import ProxyStats, proxy_stats
from hat.settings import JOINED, NO_OUTCOME, PICTURE, AtLeast, Settings, Shown
from hat.signature import signature

Count = Annotated[int, AtLeast(1), Shown("N")]
OptionalCount = Annotated[int | None, AtLeast(1), Shown("N")]
File = Annotated[Path | None, Shown("FILE")]
WeightPair = Annotated[tuple[float, float], JOINED, Shown("LOW,HIGH")]

PROGRESS_SECONDS = 30.0
"""Longest time without a line of progress, while there is progress."""


def check_weights(weights: tuple[float, ...]) -> None:
    """Checks two constants. Negative ones are allowed: a public notebook uses -1 and 1.

    Raises:
        ConfigError: unless there are two, in ascending order.
    """
    if len(weights) != 2 or not weights[0] < weights[1]:
        found = ",".join(f"{weight:g}" for weight in weights)
        raise ConfigError(f"weights must be LOW,HIGH with LOW < HIGH, but found {found}")


@dataclass(frozen=True, kw_only=True)
class WeightSettings(Settings):
    """The constants that all weights of a network are set to."""

    weights: WeightPair = IMAGE_WEIGHTS
    """the two constants that all weights are set to"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_weights(self.weights)


@dataclass(frozen=True, kw_only=True)
class OutSettings(Settings):
    """What is written."""

    out: Annotated[Path | None, Shown("FILE"), NO_OUTCOME] = None
    """write all scores to this CSV file"""

    plot: Annotated[Path | None, PICTURE, Shown("FILE"), NO_OUTCOME] = None
    """write a scatter plot to this PNG file"""


@dataclass(frozen=True, kw_only=True)
class FileSettings(OutSettings):
    """What is read and written."""

    data: Path
    """The table of architectures and what training showed."""


@dataclass(frozen=True, kw_only=True)
class CellSettings(FileSettings, WeightSettings):
    """Which cells are scored, by which constants."""

    limit: OptionalCount = None
    """Only N cells."""


@dataclass(frozen=True, kw_only=True)
class ImageSettings(Settings):
    """A batch of images."""

    images: ImageKind = "photographs"
    """Crops of photographs (default) or of foolbox's pictures, CIFAR samples or file, noise."""

    cifar10: File = None
    """file of CIFAR-10, such as data_batch_1.bin or, of its version for Python, data_batch_1"""

    batch: Count = 64
    """images in the batch"""

    seed: Annotated[int, AtLeast(0)] = 0
    """draws the batch"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cifar10 is not None and self.images != "cifar10":
            raise ConfigError(f"cifar10 is read for images cifar10 alone, not for {self.images}")

    def draw(self) -> Floats:
        """Returns the batch, (B, 3, 32, 32)."""
        rng = np.random.default_rng(self.seed)
        return image_batch(self.images, self.batch, rng, cifar10=self.cifar10)

    def signature(self) -> dict[str, object]:
        """What decides the batch."""
        file = self.cifar10 if self.images == "cifar10" else None
        return {
            "batch": f"{self.images}-{self.batch}",
            "cifar10": file and file_digest(file),
            "seed": self.seed,
        }


@dataclass(frozen=True, kw_only=True)
class ModelSettings(Settings):
    """What a table of SubTransformers does not say about their SuperTransformer."""

    qkv_dim: Annotated[int, AtLeast(1)] = 512
    """joint width of all attention heads"""

    encoder_normalize_before: bool = False
    """the encoder is pre-norm"""

    decoder_normalize_before: bool = False
    """the decoder is pre-norm"""


@dataclass(frozen=True)
class Ranking:
    """How one score ranks the architectures of one benchmark by one truth."""

    score: str
    truth: str
    stats: ProxyStats
    extra: Mapping[str, float | None]

    def to_json(self) -> dict[str, Any]:
        """All figures on one level; None where one does not exist."""
        return {"score": self.score, "truth": self.truth, **self.stats.as_row(), **self.extra}


def rank(
    score: str,
    values: Floats,
    truth: str,
    truths: Floats,
    *,
    higher_is_better: bool = True,
    truth_higher_is_better: bool = True,
    extra: Mapping[str, float] | None = None,
) -> Ranking:
    """Compares one score with one truth; ``extra`` adds named figures."""
    stats = proxy_stats(
        values,
        truths,
        higher_is_better=higher_is_better,
        truth_higher_is_better=truth_higher_is_better,
    )
    named = {name: rounded(value) for name, value in (extra or {}).items()}
    return Ranking(score, truth, stats, named)


def rounded(value: float) -> float | None:
    """Four digits for JSON; None where the figure does not exist."""
    return round(float(value), 4) if np.isfinite(value) else None


def print_rankings(rankings: Sequence[Ranking]) -> None:
    """Prints the table of the paper, with coverage beside every correlation."""
    columns: list[Column[Ranking]] = [
        Column("score", lambda row: row.score),
        Column("truth", lambda row: row.truth),
        Column("coverage", lambda row: row.stats.coverage, ".1%"),
        Column("n", lambda row: row.stats.num_scored),
        Column("spearman", lambda row: row.stats.spearman, ".3f"),
        Column("kendall", lambda row: row.stats.kendall, ".3f"),
        Column("spearman top10%", lambda row: row.stats.spearman_top, ".3f"),
        Column("kendall top10%", lambda row: row.stats.kendall_top, ".3f"),
        Column("top10%/top10%", lambda row: row.stats.top_overlap, ".1%"),
        Column("top64/top5%", lambda row: row.stats.top64),
    ]
    for name in dict.fromkeys(name for row in rankings for name in row.extra):
        columns.append(Column(name, lambda row, name=name: row.extra.get(name), ".3f"))  # type: ignore[misc]
    print(text_table(rankings, columns))


class Progress:
    """Prints a line whenever another tenth is done, or much time has passed, with the time left."""

    def __init__(self, done: int = 0) -> None:
        """Starts the clock when ``done`` architectures are done already."""
        self._first = done
        self._start = self._last = time.monotonic()
        self._tenths: int | None = None

    def __call__(self, done: int, total: int) -> None:
        """Takes how many architectures are done and how many there are."""
        now = time.monotonic()
        tenths = done * 10 // total
        if self._tenths is None:
            self._tenths = self._first * 10 // total
        if tenths > self._tenths or now - self._last > PROGRESS_SECONDS:
            self._tenths, self._last = tenths, now
            seconds = (now - self._start) * (total - done) / max(done - self._first, 1)
            left = f", about {duration(seconds)} left" if done < total else ""
            print(f"{done}/{total} architectures{left}", flush=True)


def duration(seconds: float) -> str:
    """Returns a time to read, such as ``40 s``, ``3 min`` or ``2.5 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def write_scores(path: Path | None, columns: Mapping[str, Sequence[Any] | Floats]) -> None:
    """Writes one row per architecture as CSV; a score that does not exist is an empty field."""
    if path is None:
        return
    plain = [
        values.tolist() if isinstance(values, np.ndarray) else values for values in columns.values()
    ]
    write_text(path, csv_table(list(zip(*plain, strict=True)), places(*columns)))


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
