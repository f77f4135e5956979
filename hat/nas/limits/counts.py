"""Limits on what can be counted: parameters, bytes and FLOPs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hat.arch.config import SubTransformerConfig
from hat.latency.samples import FEATURE_COLUMNS
from hat.latency.table import table_of_archs
from hat.nas.limits.base import COUNT_UNITS, Amount, Count, Ground, SearchLimit
from hat.search.constraints import Limit
from hat.settings import Needs, Settings, Shown

Arch = SubTransformerConfig

BYTES_PER_PARAMETER = {"fp32": 4, "bf16": 2, "fp16": 2}

_PARAMS = Amount("--params-constraint", "a number of parameters", COUNT_UNITS)
_FLOPS = Amount("--flops-constraint", "a number of FLOPs", COUNT_UNITS)
_BYTES = Amount(
    "--bytes-constraint",
    "a number of bytes",
    {
        **COUNT_UNITS,
        "kB": 1e3,
        "MB": 1e6,
        "GB": 1e9,
        "KiB": 2.0**10,
        "MiB": 2.0**20,
        "GiB": 2.0**30,
    },
)


@dataclass(frozen=True, kw_only=True)
class ParamsSettings(Settings):
    """A limit on parameters."""

    params_constraint: Annotated[str | None, Shown("LIMIT")] = None
    """parameters, embeddings included: 20M, or a percentage of the largest one's"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.params_constraint is not None:
            _PARAMS.check(self.params_constraint)


@dataclass(frozen=True, kw_only=True)
class FlopsSettings(Settings):
    """A limit on work."""

    flops_constraint: Annotated[str | None, Shown("LIMIT")] = None
    """FLOPs of one sentence, the output layer included: 1.5G or 60%"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.flops_constraint is not None:
            _FLOPS.check(self.flops_constraint)


@dataclass(frozen=True, kw_only=True)
class BytesSettings(Settings):
    """A limit on what has to be stored."""

    bytes_constraint: Annotated[str | None, Shown("LIMIT")] = None
    """bytes of the weights: 40MB, 20MiB or 60%"""

    bytes_precision: Annotated[Literal["bf16", "fp16", "fp32"], Needs("bytes-constraint")] = "fp32"
    """what a weight is stored in: fp32 takes 4 bytes, the others 2"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bytes_constraint is not None:
            _BYTES.check(self.bytes_constraint)


class Params:
    """All parameters that have to be stored, embeddings and output layer included."""

    Settings: ClassVar = ParamsSettings
    asked_by: ClassVar = "params_constraint"

    @classmethod
    def build(cls, settings: ParamsSettings, ground: Ground) -> list[SearchLimit]:
        """Reads the limit; none where none is given."""
        return _built(settings.params_constraint, _PARAMS, "params", params_of(ground), ground)


class Bytes:
    """As many times 4 (fp32) or 2 (bf16, fp16) as there are parameters."""

    Settings: ClassVar = BytesSettings
    asked_by: ClassVar = "bytes_constraint"

    @classmethod
    def build(cls, settings: BytesSettings, ground: Ground) -> list[SearchLimit]:
        """Reads the limit; none where none is given."""
        params, each = params_of(ground), BYTES_PER_PARAMETER[settings.bytes_precision]
        name = f"bytes@{settings.bytes_precision}"
        return _built(
            settings.bytes_constraint, _BYTES, name, lambda archs: each * params(archs), ground
        )


class Flops:
    """FLOPs of one sentence, the output layer included, with as many tokens on both sides."""

    Settings: ClassVar = FlopsSettings
    asked_by: ClassVar = "flops_constraint"

    @classmethod
    def build(cls, settings: FlopsSettings, ground: Ground) -> list[SearchLimit]:
        """Reads the limit; none where none is given."""
        from hat.models.flops import cost

        length = ground.src_len
        count = FeatureCount(
            lambda arch: cost(ground.config, arch, src_len=length, tgt_len=length).flops,
            (*_SIZE_FEATURES, *_SPAN_FEATURES),
        )
        return _built(settings.flops_constraint, _FLOPS, "flops", count, ground)


def params_of(ground: Ground) -> "FeatureCount":
    """Returns what counts the parameters of N architectures."""
    from hat.models.flops import cost

    length = ground.src_len
    return FeatureCount(
        lambda arch: cost(ground.config, arch, src_len=length, tgt_len=length).params,
        _SIZE_FEATURES,
    )


def _built(
    text: str | None, amount: Amount, name: str, count: Count, ground: Ground
) -> list[SearchLimit]:
    if text is None:
        return []
    at_most = amount.read(text, count, ground.space)
    return [SearchLimit(limit=Limit(name, at_most, count))]


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
