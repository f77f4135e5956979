"""Latency datasets: CSV files that begin with HAT's 14 columns and go on with the architecture.

HAT's own reader takes the first twelve columns and ignores the rest, so the files work there too.
"""

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hat.amounts import LEAST_MS, MOST_MS
from hat.arch.config import (
    MAX_LAYERS,
    MAX_WIDTH,
    DecoderConfig,
    EncoderConfig,
    SubTransformerConfig,
)
from hat.arch.features import latency_features
from hat.csv_reader import CsvRows
from hat.errors import ConfigError, DataError
from hat.files import write_text
from hat.numerals import real, whole

FEATURE_COLUMNS = (
    "encoder_embed_dim",
    "encoder_layer_num",
    "encoder_ffn_embed_dim_avg",
    "encoder_self_attention_heads_avg",
    "decoder_embed_dim",
    "decoder_layer_num",
    "decoder_ffn_embed_dim_avg",
    "decoder_self_attention_heads_avg",
    "decoder_ende_attention_heads_avg",
    "decoder_arbitrary_ende_attn_avg",
)
"""HAT's D=10 features, in order."""

LATENCY_COLUMNS = (
    "latency_mean_encoder",
    "latency_mean_decoder",
    "latency_std_encoder",
    "latency_std_decoder",
)
"""HAT's four latency columns, in ms."""

LAYER_COLUMNS: dict[str, Callable[[SubTransformerConfig], tuple[int, ...]]] = {
    "encoder_ffn_embed_dim": lambda arch: arch.encoder.ffn_dims,
    "encoder_self_attention_heads": lambda arch: arch.encoder.self_heads,
    "decoder_ffn_embed_dim": lambda arch: arch.decoder.ffn_dims,
    "decoder_self_attention_heads": lambda arch: arch.decoder.self_heads,
    "decoder_ende_attention_heads": lambda arch: arch.decoder.ende_heads,
    "decoder_ende_spans": lambda arch: arch.decoder.ende_spans,
}
"""The columns of per-layer decisions, each a list of integers joined by spaces."""

SHIFT_COLUMN = "reference_shift_percent"
"""How far the reference SubTransformer stood from its usual latency; 0 for a trusted row."""

TIME_COLUMN = "measured_at"
"""Seconds since 1970 at the end of the measurement."""

MEMORY_COLUMN = "peak_memory_mib"
"""The most memory that the network took while it was loaded and run; empty where unknown."""

ENERGY_COLUMN = "energy_mj"
"""Millijoules of one encoder pass and one decoding; empty where the machine does not tell."""

COLUMNS = (
    *FEATURE_COLUMNS,
    *LATENCY_COLUMNS,
    *LAYER_COLUMNS,
    *(SHIFT_COLUMN, TIME_COLUMN, MEMORY_COLUMN, ENERGY_COLUMN),
)


@dataclass(frozen=True, kw_only=True)
class LatencySample:
    """One measured SubTransformer."""

    features: dict[str, float]
    """HAT's D=10 features by name, in the order of ``FEATURE_COLUMNS``."""

    encoder_ms: float
    """Trimmed mean time of one encoder pass."""

    decoder_ms: float
    """Trimmed mean time of all decoding steps of one sentence batch."""

    encoder_std_ms: float
    decoder_std_ms: float
    """0 where it is not known."""

    arch: SubTransformerConfig | None = None
    """The full architecture; ``None`` for rows of HAT's files, which do not hold it."""

    shift_percent: float = 0.0
    """How far the reference SubTransformer was off when this was measured; 0: not at all."""

    measured_at: float | None = None
    """Seconds since 1970, or ``None`` where unknown."""

    memory_mib: float | None = None
    """Peak memory, or ``None`` where nobody looked."""

    energy_mj: float | None = None
    """Energy of a sentence batch, or ``None`` where the machine does not tell."""

    is_cut_off: bool = False
    """Whether timing ended before its mean had settled as was asked; no file holds it."""

    @property
    def total_ms(self) -> float:
        """Encoder and decoder together: the latency that a search limits."""
        return self.encoder_ms + self.decoder_ms

    @property
    def trusted(self) -> bool:
        """Whether the reference was where it should be when this was measured."""
        return self.shift_percent == 0.0

    @classmethod
    def of(
        cls,
        arch: SubTransformerConfig,
        *,
        encoder_ms: float,
        decoder_ms: float,
        encoder_std_ms: float = 0.0,
        decoder_std_ms: float = 0.0,
        measured_at: float | None = None,
        memory_mib: float | None = None,
        energy_mj: float | None = None,
        is_cut_off: bool = False,
    ) -> "LatencySample":
        """Builds the sample of a known architecture; its features are derived."""
        return cls(
            features=latency_features(arch),
            encoder_ms=encoder_ms,
            decoder_ms=decoder_ms,
            encoder_std_ms=encoder_std_ms,
            decoder_std_ms=decoder_std_ms,
            arch=arch,
            measured_at=measured_at,
            memory_mib=memory_mib,
            energy_mj=energy_mj,
            is_cut_off=is_cut_off,
        )


def format_rows(samples: Iterable[LatencySample], *, header: bool) -> str:
    """Returns CSV lines for ``samples``, with the header line if asked."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    if header:
        writer.writerow(COLUMNS)
    for sample in samples:
        layers = (
            [" ".join(map(str, get(sample.arch))) for get in LAYER_COLUMNS.values()]
            if sample.arch
            else [""] * len(LAYER_COLUMNS)
        )
        writer.writerow(
            [
                *(_number_text(value) for value in sample.features.values()),
                sample.encoder_ms,
                sample.decoder_ms,
                sample.encoder_std_ms,
                sample.decoder_std_ms,
                *layers,
                f"{sample.shift_percent:g}",
                "" if sample.measured_at is None else f"{sample.measured_at:.3f}",
                "" if sample.memory_mib is None else f"{sample.memory_mib:.2f}",
                "" if sample.energy_mj is None else f"{sample.energy_mj:.4g}",
            ]
        )
    return stream.getvalue()


def write_samples(path: str | Path, samples: Iterable[LatencySample]) -> None:
    """Writes a whole dataset, atomically."""
    write_text(path, format_rows(samples, header=True))


def read_samples(path: str | Path, *, was_cut_off: bool = False) -> list[LatencySample]:
    """Reads a latency dataset, ours or HAT's.

    Args:
        path: CSV file.
        was_cut_off: leaves out a last line without an end; else a line that is cut short is an
            error, which ``latency_dataset.py --resume`` repairs.

    Raises:
        DataError: naming file, line and column, if anything is missing, no number, not finite
            or impossible.
    """
    dataset = str(path).removesuffix(".meta.jsonl")  # its sidecar
    if dataset != str(path):
        raise DataError(f"{path}: holds what is known of a dataset and no rows: name {dataset}")
    rows = CsvRows.read(
        path,
        columns=(*FEATURE_COLUMNS, *LATENCY_COLUMNS),
        one_line=True,
        was_cut_off=was_cut_off,
    )
    rows.need_rows("measurements")
    samples = [_sample(row, where) for row, where in zip(rows.fields, rows.places, strict=True)]
    known = [sample.arch is not None for sample in samples]
    if any(known) and not all(known):
        # The whole dataset would be read as averages, because of a slip in one row.
        raise DataError(
            f"{rows.places[known.index(False)]}: has no decisions of its layers, as "
            f"{rows.places[known.index(True)]} has: expected them in every row or in none"
        )
    _check_distinct(samples, rows.places)
    return samples


def _check_distinct(samples: Sequence[LatencySample], places: Sequence[str]) -> None:
    """Checks that no row is there twice: one would test what its copy has taught.

    Rows that say neither when they were measured nor how much they varied may be equal by chance.
    """
    first: dict[tuple[object, ...], str] = {}
    for sample, where in zip(samples, places, strict=True):
        spread = (sample.encoder_std_ms, sample.decoder_std_ms)
        if sample.measured_at is None and not all(spread):
            continue
        means = (sample.encoder_ms, sample.decoder_ms)
        features = tuple(sample.features.values())
        key = (features, means, spread, sample.arch, sample.measured_at)
        if key in first:
            raise DataError(
                f"{where}: holds the same measurement as {first[key]}: expected each once"
            )
        first[key] = where


def _sample(row: Mapping[str, str], where: str) -> LatencySample:
    features = {name: _size(row, name, where) for name in FEATURE_COLUMNS}
    means = [_number(row, name, where, LEAST_MS, MOST_MS) for name in LATENCY_COLUMNS[:2]]
    stds = [_number(row, name, where, 0, MOST_MS) for name in LATENCY_COLUMNS[2:]]
    return LatencySample(
        features=features,
        encoder_ms=means[0],
        decoder_ms=means[1],
        encoder_std_ms=stds[0],
        decoder_std_ms=stds[1],
        arch=_arch(row, features, where),
        shift_percent=_known(row, SHIFT_COLUMN, where) or 0.0,
        measured_at=_known(row, TIME_COLUMN, where),
        memory_mib=_known(row, MEMORY_COLUMN, where),
        energy_mj=_known(row, ENERGY_COLUMN, where),
    )


def _known(row: Mapping[str, str], name: str, where: str) -> float | None:
    """A number that may be missing; none of them is ever below 0."""
    return _number(row, name, where, most=_MOST_KNOWN) if row.get(name) else None


_MOST_KNOWN = 1e12
"""Percent, seconds since 1970, mebibytes or millijoules."""

_LEAST_SIZE = 1e-6
_WHOLE = tuple(name for name in FEATURE_COLUMNS if name.endswith(("_embed_dim", "_layer_num")))


def _size(row: Mapping[str, str], name: str, where: str) -> float:
    """A width, depth or number of heads, the last two of which may be means over layers."""
    most = MAX_LAYERS if name.endswith("_layer_num") else MAX_WIDTH
    value = _number(row, name, where, _LEAST_SIZE, most)
    if name in _WHOLE and value != int(value):
        raise DataError(f"{where}: {name} must be a whole number, but is {row[name]:.60}")
    return value


def _number(
    row: Mapping[str, str], name: str, where: str, least: float = 0, most: float = math.inf
) -> float:
    try:
        value = real(row[name])
    except ValueError:
        raise DataError(
            f"{where}: {name} must be a finite number, but found {row[name]!r:.60}"
        ) from None
    if value > most:
        raise DataError(f"{where}: {name} must be at most {most:,.10g}, but is {value:,.10g}")
    if value < least:
        expected = f"be at least {least:g}"
        if value <= 0:
            expected = "be positive" if least > 0 else "not be negative"
        raise DataError(f"{where}: {name} must {expected}, but is {value:g}")
    return value


def _number_text(value: float) -> str:
    """Whole numbers without a point, as HAT writes them."""
    return str(int(value)) if value == int(value) else repr(value)


def _arch(
    row: Mapping[str, str], features: Mapping[str, float], where: str
) -> SubTransformerConfig | None:
    missing = [name for name in LAYER_COLUMNS if not row.get(name)]
    if len(missing) == len(LAYER_COLUMNS):
        return None
    if missing:
        raise DataError(f"{where}: has no {missing[0]}, but other decisions of its layers")
    lists: list[tuple[int, ...]] = []
    for name in LAYER_COLUMNS:
        try:
            lists.append(tuple(whole(word) for word in row[name].split()))
        except ValueError:
            raise DataError(
                f"{where}: {name} must hold integers joined by spaces, but found {row[name]!r:.60}"
            ) from None
    try:
        arch = SubTransformerConfig(
            encoder=EncoderConfig(
                embed_dim=int(features["encoder_embed_dim"]),
                ffn_dims=lists[0],
                self_heads=lists[1],
            ),
            decoder=DecoderConfig(
                embed_dim=int(features["decoder_embed_dim"]),
                ffn_dims=lists[2],
                self_heads=lists[3],
                ende_heads=lists[4],
                ende_spans=lists[5],
            ),
        )
    except ConfigError as error:
        raise DataError(f"{where}: {error}") from None
    for name, value in latency_features(arch).items():
        if not math.isclose(value, features[name], rel_tol=1e-6):
            raise DataError(
                f"{where}: {name} is {features[name]:g}, but the row's layers give {value:g}"
            )
    return arch


def trusted_rows(samples: Sequence[LatencySample]) -> list[int]:
    """Returns the indices of the rows that no reference measurement has marked."""
    return [index for index, sample in enumerate(samples) if sample.trusted]
