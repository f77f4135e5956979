"""The limits of a search: latency on any number of devices, parameters, FLOPs and bytes.

Each is a number with a unit, or a percentage of what the largest SubTransformer has or is
predicted to take.
"""

import argparse
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.errors import ConfigError, suggestion
from hat.latency.predictor import LatencyPredictor
from hat.latency.predictors.load import load_predictor
from hat.latency.samples import FEATURE_COLUMNS
from hat.latency.table import table_of_archs
from hat.models.config import SuperTransformerConfig
from hat.models.flops import cost
from hat.nas.options import BYTES_PER_PARAMETER
from hat.search.constraints import Limit
from hat.tasks.facts import default_src_len

Arch = SubTransformerConfig
Count = Callable[[Sequence[Arch]], NDArray[np.float64]]
"""What N architectures cost, (N,)."""

_AMOUNT = re.compile(r"([+-]?(?!0[0-9])[0-9.]+(?:e[+-]?[0-9]+)?) *([a-z%]*)", re.IGNORECASE)
_COUNTS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
_UNITS = {
    "latency": {"": 1.0, "ms": 1.0, "s": 1e3},
    "params": _COUNTS,
    "flops": _COUNTS,
    "bytes": _COUNTS
    | {"kB": 1e3, "MB": 1e6, "GB": 1e9}
    | {"KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30},
}
_WHAT = {
    "latency": "a number of milliseconds",
    "params": "a number of parameters",
    "flops": "a number of FLOPs",
    "bytes": "a number of bytes",
}


@dataclass(frozen=True)
class LatencyLimit:
    """A limit on one device, with the predictor that speaks for the device."""

    limit: Limit[Arch]
    predictor: LatencyPredictor


def latency_limits(args: argparse.Namespace, space: SearchSpace) -> list[LatencyLimit]:
    """Loads the predictors and reads the limit for each.

    A single limit is called ``latency_ms``; of several, each is called ``latency_ms@`` and the
    name of its predictor's file.

    Raises:
        ConfigError: if there are more of one than of the other, a limit is wrong or a predictor
            was made for another space.
        CheckpointError: if a predictor cannot be read.
    """
    paths, texts = list(args.ckpt_path or []), list(args.latency_constraint or [])
    if len(paths) != len(texts):
        raise ConfigError(
            "every latency predictor needs its limit: --ckpt-path names "
            f"{_number_of(len(paths), 'predictor')}, but --latency-constraint "
            f"{_number_of(len(texts), 'limit')}"
        )
    names = [f"@{name}" for name in _distinct_names(paths)] if len(paths) > 1 else [""] * len(paths)
    norms = _norms(args, len(paths))
    found = []
    for path, text, name, (feature_norm, lat_norm) in zip(paths, texts, names, norms, strict=True):
        predictor = load_predictor(path, feature_norm=feature_norm, lat_norm=lat_norm)
        predictor.check_space(space)
        at_most = read_amount(text, "latency", predictor.predict_ms, space)
        limit = Limit(
            f"latency_ms{name}", at_most, _upper_bound(predictor, args.latency_confidence)
        )
        found.append(LatencyLimit(limit, predictor))
    return found


def count_limits(
    args: argparse.Namespace, space: SearchSpace, config: SuperTransformerConfig
) -> list[Limit[Arch]]:
    """Reads the limits on parameters, FLOPs and bytes; none where none is given.

    Parameters are all that have to be stored, embeddings and output layer included, and bytes
    are as many times 4 (fp32) or 2 (bf16, fp16). FLOPs are of one sentence, the output layer
    included, with as many tokens on both sides as in HAT's table (IWSLT 23, else 30).

    Raises:
        ConfigError: if a limit is wrong.
    """
    src_len = default_src_len(args.arch)
    params = FeatureCount(
        lambda arch: cost(config, arch, src_len=src_len, tgt_len=src_len).params, _SIZE_FEATURES
    )
    flops = FeatureCount(
        lambda arch: cost(config, arch, src_len=src_len, tgt_len=src_len).flops,
        (*_SIZE_FEATURES, *_SPAN_FEATURES),
    )
    bytes_each = BYTES_PER_PARAMETER[args.bytes_precision]
    counts: dict[str, tuple[str, Count]] = {
        "params": ("params", params),
        "bytes": (f"bytes@{args.bytes_precision}", lambda archs: bytes_each * params(archs)),
        "flops": ("flops", flops),
    }
    limits = []
    for kind, (name, count) in counts.items():
        text = getattr(args, f"{kind}_constraint")
        if text is not None:
            at_most = read_amount(text, kind, count, space)
            limits.append(Limit(name, at_most, count))
    return limits


def read_amount(text: str, kind: str, count: Count, space: SearchSpace) -> float:
    """Reads ``200``, ``5M``, ``20MiB`` or ``60%``.

    Args:
        text: a positive number with a unit or without one.
        kind: ``latency``, ``params``, ``flops`` or ``bytes``; decides which units there are.
        count: of the largest architecture it gives what 100% is.
        space: whose largest architecture.

    Raises:
        ConfigError: if it is none of these.
    """
    option, units = f"--{kind}-constraint", _UNITS[kind]
    match = _AMOUNT.fullmatch(str(text).strip())
    try:
        number = float(match[1]) if match else math.nan
    except ValueError:
        number = math.nan
    if match is None or not math.isfinite(number):
        raise ConfigError(f"{option} is {_WHAT[kind]} or a percentage, not {text!r}")
    if number <= 0:
        raise ConfigError(f"{option} must be positive, but found {text!r}")
    unit = match[2]
    if unit == "%":
        return float(count([space.largest()])[0]) * number / 100
    if unit not in units:
        known = [name for name in units if name]
        hint = suggestion(unit, known) or f"; there are {', '.join(known)} and %"
        raise ConfigError(f"{option}: unknown unit {unit!r} in {text!r}{hint}")
    return number * units[unit]


def describe_limit(limit: Limit[Arch]) -> str:
    """Returns the limit in words, such as ``19.79 ms`` (per sentence) or ``params 4,200,000``."""
    name, _, where = limit.name.partition("@")
    if name == "latency_ms":
        return f"{limit.at_most:.2f} ms" + (f" on {where}" if where else "")
    return f"{limit.name} {limit.at_most:,.0f}"


class FeatureCount:
    """A count of N architectures at once, for counts that few features of HAT's ten decide.

    It counts one architecture for each combination of features that has not been met yet and
    looks up all others, so that a batch of genes need not be turned into architectures.
    """

    def __init__(self, count: Callable[[Arch], float], features: Sequence[str]) -> None:
        """Args: count: of one architecture; features: what decides it, of ``FEATURE_COLUMNS``."""
        self._count = count
        self._columns = [FEATURE_COLUMNS.index(name) for name in features]
        self._known: dict[bytes, float] = {}

    def __call__(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Returns float64 (N,)."""
        if not len(archs):
            return np.empty(0)
        table = table_of_archs(archs, layers=False).features[:, self._columns]
        rows = np.ascontiguousarray(table).view(f"V{table.shape[1] * table.itemsize}").ravel()
        keys = rows.tolist()
        for index, key in enumerate(keys):
            if key not in self._known:
                self._known[key] = float(self._count(archs[index]))
        return np.array([self._known[key] for key in keys], dtype=np.float64)


_SIZE_FEATURES = tuple(
    f"{side}_{name}"
    for side in ("encoder", "decoder")
    for name in ("embed_dim", "layer_num", "ffn_embed_dim_avg")
)
_SPAN_FEATURES = ("decoder_arbitrary_ende_attn_avg",)


def _upper_bound(predictor: LatencyPredictor, confidence: float) -> Count:
    """The predictor's upper bound, or its prediction if it has none."""
    if len(predictor.residuals) == 0:
        print(f"| {predictor.source} has no calibrated bound: its prediction itself is the limit")
        return predictor.predict_ms
    return lambda archs: predictor.upper_ms(archs, confidence=confidence)


def _norms(
    args: argparse.Namespace, count: int
) -> list[tuple[Sequence[float] | None, float | None]]:
    """The scales of each predictor; those given once hold for all.

    Raises:
        ConfigError: if there are neither scales for one predictor nor for each.
    """
    size = len(FEATURE_COLUMNS)
    numbers = [float(number) for number in args.feature_norm or []]
    features = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    latencies = [float(number) for number in args.lat_norm or []]
    if len(numbers) not in (0, size, size * count):
        each = f", or {size} for each of {count} predictors" if count > 1 else ""
        raise ConfigError(f"--feature-norm needs {size} numbers{each}, but found {len(numbers)}")
    if len(latencies) not in (0, 1, count):
        each = f", or one for each of {count} predictors" if count > 1 else ""
        raise ConfigError(f"--lat-norm needs one number{each}, but found {len(latencies)}")
    return [
        (
            features[min(index, len(features) - 1)] if features else None,
            latencies[min(index, len(latencies) - 1)] if latencies else None,
        )
        for index in range(count)
    ]


def _distinct_names(paths: Sequence[str]) -> list[str]:
    """File names without their ending, with as much of the folders as tells them apart.

    Raises:
        ConfigError: if a file stands twice.
    """
    parts = [Path(path).with_suffix("").parts for path in paths]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(each[-length:]) for each in parts]
        if len(set(names)) == len(names):
            return names
    twice = Counter(paths).most_common(1)[0][0]
    raise ConfigError(f"--ckpt-path names {twice} twice")


def _number_of(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
