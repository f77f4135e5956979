"""What the subcommands of ``hat epsinas`` share: options, tables, files."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hat.arrays import Floats
from hat.benchmarks.images import IMAGE_KINDS, image_batch
from hat.errors import ConfigError
from hat.files import write_text
from hat.report.tables import Column, csv_table, text_table
from hat.scoring.epsinas import ScoringRule
from hat.scoring.proxy_stats import ProxyStats, proxy_stats

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


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


def add_image_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that describe a batch of images."""
    parser.add_argument(
        "--images",
        choices=IMAGE_KINDS,
        default="photographs",
        help="crops of two photographs (default), the same scaled, a CIFAR-10 file, noise",
    )
    parser.add_argument("--cifar10", type=Path, metavar="FILE", help="such as data_batch_1.bin")
    parser.add_argument("--batch", type=positive, default=64, metavar="N", help="images (64)")
    parser.add_argument("--seed", type=int, default=0, help="of the batch (0)")


def images_of(args: argparse.Namespace) -> Floats:
    """The batch that the options describe."""
    rng = np.random.default_rng(args.seed)
    return image_batch(args.images, args.batch, rng, cifar10=args.cifar10)


def add_weights(parser: argparse.ArgumentParser, default: tuple[float, float] | None) -> None:
    """Adds ``--weights``."""
    shown = "set by the space" if default is None else f"{default[0]:g},{default[1]:g}"
    parser.add_argument(
        "--weights",
        type=weight_pair,
        default=default,
        metavar="LOW,HIGH",
        help=f"the two constants ({shown})",
    )


def weight_pair(text: str) -> tuple[float, float]:
    """Reads ``LOW,HIGH``. Negative constants are allowed: a public notebook uses -1 and 1."""
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--weights must look like 1e-7,1 but found {text!r}") from None
    if not -np.inf < low < high < np.inf:
        raise ConfigError(f"--weights must be finite with LOW < HIGH, but found {text!r}")
    return low, high


def positive(text: str) -> int:
    """Reads a positive integer."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a positive integer, but found {text!r}")
    return int(text)


def add_model_options(parser: argparse._ActionsContainer) -> None:
    """Adds what a table of SubTransformers does not say about their SuperTransformer."""
    parser.add_argument(
        "--qkv-dim", type=positive, default=512, help="joint width of all heads (HAT: 512)"
    )
    for side in ("encoder", "decoder"):
        parser.add_argument(
            f"--{side}-normalize-before", action="store_true", help=f"the {side} is pre-norm"
        )


def model_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of ``add_model_options`` under the names that scorers and models know."""
    return {
        "qkv_dim": args.qkv_dim,
        "encoder_normalize_before": args.encoder_normalize_before,
        "decoder_normalize_before": args.decoder_normalize_before,
    }


class Progress:
    """Prints a line whenever another tenth is done."""

    def __init__(self) -> None:
        self._tenths = 0

    def __call__(self, done: int, total: int) -> None:
        """Takes how many architectures are done and how many there are."""
        if done * 10 // total > self._tenths:
            self._tenths = done * 10 // total
            print(f"{done}/{total} architectures", flush=True)


def write_scores(path: Path | None, columns: Mapping[str, Sequence[Any] | Floats]) -> None:
    """Writes one row per architecture as CSV; a score that does not exist is an empty field."""
    if path is None:
        return
    rows = list(zip(*columns.values(), strict=True))
    table: list[Column[tuple[Any, ...]]] = [
        Column(name, lambda row, index=index: _plain(row[index]))  # type: ignore[misc]
        for index, name in enumerate(columns)
    ]
    write_text(path, csv_table(rows, table))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def signature_parts(
    args: argparse.Namespace, rule: ScoringRule, read_out: str
) -> dict[str, object]:
    """The parts of a signature that the convolutional spaces share."""
    low, high = args.weights
    return {
        "score": "epsinas",
        "weights": f"{low:g},{high:g}",
        "batch": f"{args.images}-{args.batch}",
        "seed": args.seed,
        "readout": read_out,
        "rule": rule,
        "dtype": "float64",
    }
