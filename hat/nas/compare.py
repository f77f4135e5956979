"""Several SubTransformers measured in turn, in one go, beside what was predicted of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from scipy.stats import t as student_t

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping, load_arch
from hat.conditions import file_digest, mapping_digest
from hat.errors import ConfigError
from hat.latency.predictor import LatencyPredictor
from hat.latency.workload import Workload
from hat.measuring.device import check_device
from hat.measuring.devices.base import Device
from hat.measuring.devices.local import LocalDevice
from hat.measuring.engines import settled
from hat.measuring.steady import SteadyMeasure
from hat.models.config import SuperTransformerConfig
from hat.nas.measure import guarded
from hat.progress import Progress
from hat.settings import Above, AtLeast, AtMost, Below, Settings, Shown
from hat.signature import signature

_CONFIDENCE = 0.95
"""Of the interval of a mean."""


@dataclass(frozen=True, kw_only=True)
class CompareSettings(Settings):
    """How often, and by which predictor."""

    ckpt_path: Annotated[Path, Shown("FILE")]
    """latency predictor; the reference of its dataset vouches for the machine"""

    compare_rounds: Annotated[int, AtLeast(2), AtMost(1_000_000), Shown("N")] = 7
    """measure each N times, in turn"""

    compare_patience: Annotated[float, AtLeast(0), Shown("SECONDS")] = 60.0
    """how long to wait, in total, while the machine is slower or faster than it was for the
    predictor's dataset"""

    latency_confidence: Annotated[float, Above(0), Below(1)] = 0.95
    """of the upper bounds of predictions, as in the search"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One SubTransformer."""

    arch: SubTransformerConfig
    predicted_ms: float
    predicted_upper_ms: float | None
    """None where the predictor holds no calibration."""

    times_ms: tuple[float, ...]
    """One for each round."""

    slower: float = 0.0
    """By which part of its usual time the machine was slower then, and stayed so."""

    def figures(self) -> dict[str, Any]:
        """Ready for JSON. ``error_ms`` is half of the 95 % interval of the mean (Student's t)."""
        count, std = len(self.times_ms), float(np.std(self.times_ms, ddof=1))
        quantile = float(student_t.ppf((1 + _CONFIDENCE) / 2, count - 1))
        return {
            "predicted_ms": self.predicted_ms,
            "predicted_upper_ms": self.predicted_upper_ms,
            "latency_ms": float(np.mean(self.times_ms)),
            "std_ms": std,
            "error_ms": quantile * std / count**0.5,
            "rounds": count,
            "slower_percent": round(100 * self.slower, 1),
        }


@dataclass(frozen=True, kw_only=True)
class Compared:
    """SubTransformers that were measured in turn."""

    rows: tuple[Row, ...]
    workload: Workload
    """With what the device adds, such as the version of its engine."""

    device: str
    """Its name."""


def compare(
    config: SuperTransformerConfig,
    archs: Sequence[SubTransformerConfig],
    workload: Workload,
    predictor: LatencyPredictor,
    settings: CompareSettings,
    say: Callable[[str], None] = print,
    *,
    device: Device | None = None,
) -> Compared:
    """Measures each architecture once a round, every other round backwards.

    So what the machine does over minutes meets all alike, and ratios are sounder than those of
    figures from different times.

    Args:
        config: the SuperTransformer that holds them.
        archs: what to measure.
        workload: on which kind of device, what and how often.
        predictor: whose dataset's reference vouches for the machine.
        settings: see there.
        say: takes lines of progress.
        device: where to measure; this machine if None.

    Raises:
        ConfigError: if the predictor was made for another space, sizes do not fit, or the device
            cannot do the work.
        HatError: if the device is gone.
    """
    from hat.models.super_transformer import SuperTransformer

    predictor.check_archs(archs)
    model = SuperTransformer(config).eval()
    times: list[list[float]] = [[] for _ in archs]
    progress = Progress(settings.compare_rounds * len(archs), "measurements")
    with (device or LocalDevice(LocalDevice.Settings())).open(model, workload) as opened:
        workload, name = opened.workload, str(opened.facts["name"])
        timed = guarded(
            predictor,
            lambda arch: opened.measure(arch).total_ms,
            settings.compare_patience,
            say,
        )
        opened.prepare(archs)
        for number in range(settings.compare_rounds):
            order = range(len(archs)) if number % 2 == 0 else range(len(archs) - 1, -1, -1)
            for place in order:
                times[place].append(timed(archs[place]))
                progress.advance()
            say(f"| round {number + 1} of {settings.compare_rounds}")
    predicted = predictor.predict_ms(archs)
    upper: list[float | None] = [None] * len(archs)
    if len(predictor.residuals):
        upper = predictor.upper_ms(archs, confidence=settings.latency_confidence).tolist()
    rows = tuple(
        Row(
            arch=arch,
            predicted_ms=float(predicted[place]),
            predicted_upper_ms=upper[place],
            times_ms=tuple(times[place]),
            slower=timed.slower if isinstance(timed, SteadyMeasure) else 0.0,
        )
        for place, arch in enumerate(archs)
    )
    return Compared(rows=rows, workload=workload, device=name)


def compare_files(
    paths: Sequence[str],
    config: SuperTransformerConfig,
    workload: Workload,
    settings: CompareSettings,
    say: Callable[[str], None] = print,
    *,
    device: Device | None = None,
) -> dict[str, Any]:
    """Compares the SubTransformers in files with HAT's keys.

    Returns:
        Rows by the names of the files, workload, device and a signature, ready for JSON.

    Raises:
        HatError: if a file cannot be read, or things do not fit together.
    """
    from hat.latency.predictors.load import load_predictor

    if device is None or device.is_here:
        check_device(workload.device)
    for place, path in enumerate(paths):
        if path in paths[:place]:
            raise ConfigError(f"{path}: is named twice")
    archs = [load_arch(path) for path in paths]
    predictor = load_predictor(settings.ckpt_path)
    if predictor.facts.get("workload"):
        predicted = Workload.from_dict(predictor.facts["workload"], predictor.source)
        difference = predicted.difference(settled(workload))
        if difference is not None:
            say(f"| not to be compared: {predictor.source} predicts another workload: {difference}")
    done = compare(config, archs, workload, predictor, settings, say, device=device)
    archs_by_path = {p: arch_to_mapping(row.arch) for p, row in zip(paths, done.rows, strict=True)}
    rows = {
        path: {**row.figures(), "subtransformer": mapping_digest(archs_by_path[path])}
        for path, row in zip(paths, done.rows, strict=True)
    }
    for path, one in rows.items():
        say(f"{path}: {one['latency_ms']:.2f} ± {one['error_ms']:.2f} ms")
    return {
        "rows": rows,
        "workload": done.workload.tag(),
        "device": done.device,
        "signature": signature(
            stage="compare",
            subtransformers=mapping_digest(archs_by_path),
            predictor=file_digest(settings.ckpt_path),
            workload=done.workload.tag(),
            rounds=settings.compare_rounds,
            device=done.device.replace(" ", "_"),
        ),
    }
