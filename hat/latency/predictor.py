"""What every latency predictor can do: predict, say how sure it is, be saved and be checked."""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.arrays import Floats, Rows
from hat.conditions import bytes_digest
from hat.errors import ConfigError
from hat.files import writing
from hat.latency.choices import observed_choices, space_choices
from hat.latency.samples import FEATURE_COLUMNS, LAYER_COLUMNS
from hat.latency.table import ArchTable, table_of_archs
from hat.latency.workload import HATS_ENGINE
from hat.settings import NoSettings

FORMAT = "hat-latency-predictor-1"

CHUNK = 8192
"""Architectures predicted at once: what is computed of them stays in the processor's cache."""


@dataclass(frozen=True)
class Scales:
    """What features and latency are divided by before a model sees them."""

    feature_norm: tuple[float, ...]
    """D=10 positive numbers, HAT's ``--feature-norm``."""

    lat_norm: float
    """Milliseconds, HAT's ``--lat-norm``."""

    def __post_init__(self) -> None:
        count = len(FEATURE_COLUMNS)
        if len(self.feature_norm) != count:
            raise ConfigError(
                f"feature-norm needs {count} numbers, one per feature, "
                f"but found {len(self.feature_norm)}"
            )
        for name, value in (
            *(("feature-norm", value) for value in self.feature_norm),
            ("lat-norm", self.lat_norm),
        ):
            if not (math.isfinite(value) and value > 0):
                raise ConfigError(f"{name} must be positive, but found {value:g}")

    @classmethod
    def of(cls, features: Floats, latency_ms: Floats) -> "Scales":
        """Chooses scales from data: the largest value per feature and the mean latency."""
        return cls(tuple(float(value) for value in features.max(axis=0)), float(latency_ms.mean()))


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What a predictor is fitted to."""

    table: ArchTable
    """N architectures."""

    latency_ms: Floats
    """(N,) their latency."""

    valid: Rows
    """Rows held back by those kinds that want them; the others learn from all."""

    choices: Mapping[str, list[int]]
    """The values that each decision can take."""

    scales: Scales
    seed: int
    """Draws folds, weights and batches."""

    report: Callable[[str], None] = print
    """Takes lines of progress."""

    prior: "LatencyPredictor | None" = None
    """A predictor of another device or engine, to start from."""

    @classmethod
    def of(
        cls,
        table: ArchTable,
        latency_ms: Floats,
        *,
        seed: int = 0,
        choices: Mapping[str, list[int]] | None = None,
        prior: "LatencyPredictor | None" = None,
    ) -> "Lesson":
        """Returns a lesson of all rows, with the scales and the choices that they show."""
        return cls(
            table=table,
            latency_ms=latency_ms,
            valid=np.empty(0, dtype=np.intp),
            choices=observed_choices(table) if choices is None else choices,
            scales=Scales.of(table.features, latency_ms),
            seed=seed,
            prior=prior,
        )


@dataclass(frozen=True)
class Fitted:
    """A fitted predictor and what cross-validation says of it."""

    predictor: "LatencyPredictor"
    cv_error_percent: float | None
    """Mean absolute percentage error on rows left out; None where nothing was."""


@dataclass(kw_only=True)
class LatencyPredictor(ABC):
    """Predicts the latency of architectures on one device for one workload.

    Attributes:
        scales: what features and latency are divided by.
        residuals: relative errors ``(measured - predicted) / predicted`` on rows that the model
            was not fitted on, sorted; the intervals come from them. Empty: not calibrated.
        choices: the values of each decision that the predictor is meant for.
        facts: where it comes from: ``dataset``, ``workload``, ``device``, ``seed``, ``split``
            and the like; JSON values only.
    """

    Settings: ClassVar[type] = NoSettings
    kind: ClassVar[str]
    needs_layers: ClassVar[bool] = False
    competes: ClassVar[bool] = False
    """Whether ``--predictor auto`` tries it."""

    learns_average: ClassVar[bool] = False
    """Whether it can be fitted to the quiet machine and then stand for the average one."""

    takes_prior: ClassVar[bool] = False
    """Whether it starts from a predictor of another device."""

    scales: Scales
    residuals: Floats = field(default_factory=lambda: np.empty(0))
    choices: dict[str, list[int]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    source: str = "this predictor"

    @classmethod
    @abstractmethod
    def build(cls, settings: Any, lesson: Lesson) -> Fitted:
        """Fits a predictor to a dataset."""

    @classmethod
    def suits(cls, lesson: Lesson) -> bool:
        """Whether a lesson holds enough to learn from."""
        return not cls.needs_layers or lesson.table.layers is not None

    def scaled(self, factor: float) -> "LatencyPredictor":
        """Returns a predictor of a machine that takes ``factor`` times as long.

        Raises:
            ConfigError: if the kind cannot be scaled (``learns_average`` says so).
        """
        raise ConfigError(f"the latency predictor {self.kind!r} cannot be scaled by {factor:g}")

    def signature(self) -> dict[str, Any]:
        """Returns what decides its predictions: the kind and a digest of everything saved."""
        held = [self.signed_state(), vars(self.scales), self.residuals.tolist(), self.choices]
        digest = bytes_digest(json.dumps(held, sort_keys=True, default=_plain).encode())
        return {"predictor": self.kind, "predictor-content": digest}

    def signed_state(self) -> dict[str, Any]:
        """Returns what ``signature`` holds of the state."""
        return {name: np.asarray(value).tolist() for name, value in self.state().items()}

    @abstractmethod
    def predict_table(self, table: ArchTable) -> Floats:
        """Returns (N,) milliseconds for N architectures as arrays: the fast way."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Returns what ``from_state`` needs: tensors and plain values, no common attributes."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: Mapping[str, Any], scales: Scales) -> "LatencyPredictor":
        """Rebuilds the predictor from ``state()``."""

    def predict_ms(self, archs: Sequence[SubTransformerConfig]) -> Floats:
        """Returns (N,) predicted milliseconds, encoder and decoder together, none below 0.

        A line through few or disturbed rows goes below 0 for the smallest architectures.
        """
        return np.maximum(self._predicted(archs), 0.0)

    def _predicted(self, archs: Sequence[SubTransformerConfig]) -> Floats:
        """Returns (N,) milliseconds as the model has them, which may be below 0."""
        predicted = np.empty(len(archs))
        for start in range(0, len(archs), CHUNK):
            table = table_of_archs(archs[start : start + CHUNK], layers=self.needs_layers)
            predicted[start : start + CHUNK] = self.predict_table(table)
        return predicted

    def interval_ms(
        self, archs: Sequence[SubTransformerConfig], *, coverage: float = 0.9
    ) -> tuple[Floats, Floats]:
        """Returns (N,) lower and (N,) upper ends that hold the measured latency so often.

        Args:
            archs: N architectures.
            coverage: the share of measurements that shall fall inside, in 0..1.

        Raises:
            ConfigError: if the predictor was saved without calibration, as HAT's are.
        """
        predicted = self.predict_ms(archs)
        low, high = self.relative_interval(coverage)
        return predicted * (1 + low), predicted * (1 + high)

    def upper_ms(
        self, archs: Sequence[SubTransformerConfig], *, confidence: float = 0.95
    ) -> Floats:
        """Returns (N,) milliseconds that the measured latency stays under so often."""
        return self.predict_ms(archs) * (1 + self._quantile(confidence))

    def relative_interval(self, coverage: float = 0.9) -> tuple[float, float]:
        """Returns the interval's ends relative to the prediction, such as (-0.02, 0.03).

        Conformal: the ends are order statistics of errors on rows that the model did not see, with
        the finite-sample rank (n + 1) of Vovk et al., interpolated. Cross-validation gives those
        rows (the CV+ idea of Barber et al., Annals of Statistics 2021, without its per-fold
        models).
        """
        tail = (1 - coverage) / 2
        return self._quantile(tail), self._quantile(1 - tail)

    def _quantile(self, probability: float) -> float:
        if not 0 < probability < 1:
            raise ConfigError(f"a coverage must lie between 0 and 1, but found {probability:g}")
        count = len(self.residuals)
        if count == 0:
            raise ConfigError(
                f"{self.source} holds no calibration, so it has no interval: train it again "
                "with latency_predictor.py"
            )
        # The k-th of n errors covers k / (n + 1) of new ones on average; between two ranks it is
        # interpolated, since rounding outwards would make 40 rows cover 95 % instead of 90 %.
        rank = min(max((count + 1) * probability, 1.0), float(count)) - 1
        low = math.floor(rank)
        high = min(low + 1, count - 1)
        step = self.residuals[high] - self.residuals[low]
        return max(float(self.residuals[low] + (rank - low) * step), -1.0)

    def check_space(self, space: SearchSpace) -> None:
        """Checks that the predictor knows every choice of ``space``.

        Raises:
            ConfigError: naming the first decision with a value outside what it was made from.
        """
        self.check_choices(space_choices(space), "this space")

    @property
    def target(self) -> str:
        """What it predicts: ``latency`` in milliseconds, or ``memory`` in mebibytes."""
        return str(self.facts.get("target") or "latency")

    @property
    def unit(self) -> str:
        """Of what it predicts."""
        return {"latency": "ms", "memory": "MiB"}[self.target]

    def check_target(self, target: str) -> None:
        """Checks that the predictor speaks of ``latency`` or of ``memory``.

        Raises:
            ConfigError: if it speaks of the other.
        """
        if self.target != target:
            raise ConfigError(f"{self.source} predicts {self.target}, not {target}")

    def check_engine(self, engine: str | None) -> None:
        """Checks that the predictor is for an engine; None: for any.

        Raises:
            ConfigError: if it is for another one.
        """
        workload = self.facts.get("workload") or {}
        own = workload.get("engine", HATS_ENGINE)
        if engine not in (None, own):
            raise ConfigError(
                f"{self.source} is for the engine {own}, not for {engine}: what is fast in one "
                "engine may be slow in another, so measure a dataset with "
                f"--lat-engine {engine} and fit a predictor to it"
            )

    def check_choices(self, choices: Mapping[str, Sequence[int]], what: str) -> None:
        """Checks that the predictor knows every choice of ``choices``, sorted, by name of decision.

        Raises:
            ConfigError: naming the first decision with a value outside what it was made from, and
                ``what`` has it.
        """
        for name, wanted in choices.items():
            known = self.choices.get(name)
            if known and wanted and (wanted[0] < known[0] or wanted[-1] > known[-1]):
                raise ConfigError(
                    f"{self.source} was made for another search space: it knows {name} in "
                    f"{known}, but {what} has {list(wanted)}"
                )

    def check_archs(
        self, archs: Sequence[SubTransformerConfig], where: str = "this architecture"
    ) -> None:
        """Checks that each architecture lies within what the predictor was made from.

        Args:
            archs: to be predicted.
            where: they stand, for the sentence.

        Raises:
            ConfigError: naming the first value outside.
        """
        for arch in archs:
            for name, value in _values(arch):
                known = self.choices.get(name)
                if known and not known[0] <= value <= known[-1]:
                    raise ConfigError(
                        f"{self.source} was made for another search space: it knows {name} in "
                        f"{known}, but {where} has {value}"
                    )

    def check_scales(
        self, feature_norm: Sequence[float] | None = None, lat_norm: float | None = None
    ) -> None:
        """Checks retyped scales against the stored ones; ``None`` means not given.

        Raises:
            ConfigError: if they differ.
        """
        if feature_norm is not None and not _same(feature_norm, self.scales.feature_norm):
            raise ConfigError(
                f"feature-norm is {_listed(feature_norm)}, but {self.source} was trained with "
                f"{_listed(self.scales.feature_norm)}: leave the option out"
            )
        if lat_norm is not None and not _same([lat_norm], [self.scales.lat_norm]):
            raise ConfigError(
                f"lat-norm is {lat_norm:g}, but {self.source} was trained with "
                f"{self.scales.lat_norm:g}: leave the option out"
            )

    def save(self, path: str | Path) -> None:
        """Writes the predictor, atomically; ``predictors.load.load_predictor`` reads it."""
        import torch

        with writing(path) as stream:
            torch.save(self.content(), stream)

    def content(self) -> dict[str, Any]:
        """Returns what a file holds of it: tensors and plain values."""
        import torch

        return {
            "format": FORMAT,
            "kind": self.kind,
            "state": self.state(),
            "feature_norm": list(self.scales.feature_norm),
            "lat_norm": self.scales.lat_norm,
            "residuals": torch.from_numpy(np.ascontiguousarray(self.residuals)),
            "choices": self.choices,
            "facts": json.dumps(self.facts, allow_nan=False),
        }


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else str(value)


def _values(arch: SubTransformerConfig) -> list[tuple[str, int]]:
    """Every decision of ``arch`` with the name of its column."""
    values = [
        ("encoder_embed_dim", arch.encoder.embed_dim),
        ("encoder_layer_num", arch.encoder.num_layers),
        ("decoder_embed_dim", arch.decoder.embed_dim),
        ("decoder_layer_num", arch.decoder.num_layers),
    ]
    for name, get in LAYER_COLUMNS.items():
        values += [(name, value) for value in get(arch)]
    return values


def _same(left: Sequence[float], right: Sequence[float]) -> bool:
    return len(left) == len(right) and all(
        math.isclose(a, b, rel_tol=1e-6) for a, b in zip(left, right, strict=True)
    )


def _listed(values: Sequence[float]) -> str:
    return " ".join(f"{value:g}" for value in values)
