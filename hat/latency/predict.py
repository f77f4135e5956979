"""Predicting the latency of SubTransformers that stand in files, with a predictor from a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import load_arch
from hat.conditions import content_digest, file_digest
from hat.latency.predictors.load import load_predictor
from hat.latency.workload import tag_of
from hat.settings import Above, Below, Settings
from hat.signature import signature


@dataclass(frozen=True, kw_only=True)
class PredictSettings(Settings):
    """Which predictor, and how sure."""

    ckpt_path: Path
    """latency predictor, ours or HAT's"""

    feature_norm: Annotated[tuple[float, ...], Above(0)] = ()
    """only for HAT's predictors"""

    lat_norm: Annotated[float | None, Above(0)] = None
    """only for HAT's predictors"""

    lat_engine: str | None = None
    """engine that the predictor has to be for"""

    coverage: Annotated[float, Above(0), Below(1)] = 0.9
    """share of measurements in the interval, in 0..1"""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The latency of one SubTransformer."""

    path: str
    latency_ms: float
    """Or mebibytes, if the predictor is one of memory. 0: it is not known, since a line through few
    or disturbed rows goes below 0 there."""

    interval_ms: tuple[float, float] | None
    """None where the predictor holds no calibration, as HAT's do."""

    unit: str = "ms"

    workload: str | None = None
    """What the predictor is for, engine and version too, where it says so."""

    def __str__(self) -> str:
        if not self.latency_ms:
            no_time = f"the predictor comes to no more than 0 {self.unit} there"
            return f"{self.path}: not known: {no_time}"
        ends = self.interval_ms
        text = f" [{ends[0]:.2f}, {ends[1]:.2f}]" if ends else ""
        return f"{self.path}: {self.latency_ms:.2f} {self.unit}{text}"


def predict_files(paths: Sequence[str | Path], settings: PredictSettings) -> list[Prediction]:
    """Predicts the latency of the SubTransformers in files with HAT's keys.

    Raises:
        ConfigError: if a file is wrong, or no SubTransformer of the predictor's space.
        CheckpointError: if the predictor cannot be read.
    """
    archs: list[SubTransformerConfig] = [load_arch(path) for path in paths]
    predictor = load_predictor(
        settings.ckpt_path,
        feature_norm=settings.feature_norm or None,
        lat_norm=settings.lat_norm,
    )
    predictor.check_engine(settings.lat_engine)
    for path, arch in zip(paths, archs, strict=True):
        predictor.check_archs([arch], str(path))
    workload = tag_of(predictor.facts, predictor.source)
    calibrated = len(predictor.residuals) > 0
    low, high = predictor.relative_interval(settings.coverage) if calibrated else (0.0, 0.0)
    return [
        Prediction(
            path=str(path),
            latency_ms=value,
            unit=predictor.unit,
            workload=workload,
            interval_ms=(value * (1 + low), value * (1 + high)) if calibrated else None,
        )
        for path, value in zip(paths, predictor.predict_ms(archs).tolist(), strict=True)
    ]


def predictions_result(
    predictions: Sequence[Prediction], settings: PredictSettings
) -> dict[str, Any]:
    """Returns predictions for programs, ready for JSON."""
    return {
        "predictions": [
            {
                "subtransformer": each.path,
                "latency_ms" if each.unit == "ms" else "memory_mib": each.latency_ms or None,
                "interval_ms" if each.unit == "ms" else "interval_mib": each.interval_ms
                if each.latency_ms
                else None,
            }
            for each in predictions
        ],
        "signature": signature(
            stage="latency-predict",
            predictor=file_digest(settings.ckpt_path),
            subtransformers=content_digest([each.path for each in predictions]),
            workload=predictions[0].workload if predictions else None,
        ),
    }
