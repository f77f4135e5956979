"""Making a latency dataset: ``latency_dataset.py``, and the same from Python."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping
from hat.arch.space import SearchSpace
from hat.conditions import file_digest, mapping_digest
from hat.errors import HatError
from hat.latency.choices import space_choices
from hat.latency.samples import LatencySample
from hat.latency.workload import Workload
from hat.locks import locked
from hat.measuring.collect import Collector
from hat.measuring.devices.base import Device, DeviceGoneError, OpenDevice
from hat.measuring.devices.local import LocalDevice
from hat.measuring.plans import Plan, plan_of, reference_arch
from hat.measuring.reference import Baseline, Reference
from hat.measuring.resuming import beginning, check_path, last_baseline, unchecked_rows
from hat.measuring.settings import DatasetSettings
from hat.models.config import SuperTransformerConfig
from hat.models.super_transformer import SuperTransformer
from hat.numerals import number_of
from hat.progress import Progress
from hat.signature import signature
from hat.version import __version__


@dataclass(frozen=True, kw_only=True)
class MeasuredDataset:
    """A latency dataset, written to its file, and how it came about."""

    path: Path
    samples: Sequence[LatencySample]
    baseline: Baseline
    """Of the reference SubTransformer."""

    error_percent: float | None
    """Cross-validated, of a predictor of the rows; None where rows were drawn by chance."""

    verdict: str | None
    """Whether that is as small as was asked for, in words."""

    seconds: float
    signature: str

    def lines(self) -> list[str]:
        """The figures for readers."""
        totals = np.array([sample.total_ms for sample in self.samples])
        rows = (
            f"| {len(totals)} rows in {self.path}: {totals.min():.2f} to {totals.max():.2f} ms, "
            f"median {np.median(totals):.2f} ms"
        )
        cut_off = f"| {number_of(self._cut_off, 'row')} cut off by --latiter before the mean had "
        more = [f"{cut_off}settled as --lat-ci asks"] if self._cut_off else []
        return [rows, *more] if self.verdict is None else [rows, *more, f"| {self.verdict}"]

    @property
    def _cut_off(self) -> int:
        """Rows of this run whose timing ended before they had settled."""
        return sum(sample.is_cut_off for sample in self.samples)

    def figures(self) -> dict[str, Any]:
        """The figures for programs, ready for JSON."""
        return {
            "lat_dataset_path": str(self.path),
            "rows": len(self.samples),
            "marked_rows": sum(not sample.trusted for sample in self.samples),
            "cut_off_rows": self._cut_off,
            "cv_error_percent": self.error_percent,
            "reference_ms": self.baseline.latency_ms,
            "reference_noise_percent": 100 * self.baseline.noise,
            "seconds": round(self.seconds, 1),
            "signature": self.signature,
        }


def _advance(bar: "tqdm[Any]", progress: Progress) -> None:
    bar.update()
    progress.advance()


def measure_dataset(
    space: SearchSpace,
    config: SuperTransformerConfig,
    workload: Workload | None = None,
    settings: DatasetSettings | None = None,
    *,
    device: Device | None = None,
    say: Callable[[str], None] = print,
    say_row: Callable[[str], None] | None = None,
    show_progress: bool = False,
) -> MeasuredDataset:
    """Measures SubTransformers of a space on a device; goes on with a dataset if asked to.

    Args:
        space: where they are from.
        config: the SuperTransformer that holds them.
        workload: on which device, what and how often; one sentence on the CPU if None.
        settings: where to write, how many, chosen how.
        device: where to measure; this machine if None.
        say: takes lines of progress.
        say_row: takes a line for each row.
        show_progress: draw a progress bar on standard error.

    Raises:
        ConfigError: if the space does not fit the network or has too few architectures, or the
            device cannot do the work.
        DataError: if the dataset to go on with is missing, damaged or of other conditions; or if
            one is there and nobody said what becomes of it.
        LockedError: if another process measures the same dataset.
        HatError: if the device is gone; what was measured is in the file.
    """
    workload, settings = workload or Workload(), settings or DatasetSettings()
    config.check(space.largest())
    device = device or LocalDevice(LocalDevice.Settings())
    started = time.monotonic()
    check_path(settings)
    plan = plan_of(settings, space)
    try:
        with (
            locked(settings.lat_dataset_path, say=say),
            device.open(SuperTransformer(config).eval(), workload) as opened,
        ):
            collector = _collected(
                *(opened, space, config, settings, plan),
                say=say,
                say_row=say_row,
                show_progress=show_progress,
            )
            workload = opened.workload
    except DeviceGoneError as error:
        raise HatError(f"{error}; what was measured is kept: go on with --resume") from None
    return MeasuredDataset(
        path=collector.path,
        samples=collector.samples,
        baseline=collector.reference.baseline,
        error_percent=plan.error_percent,
        verdict=plan.verdict(),
        seconds=time.monotonic() - started,
        signature=signature(
            stage="latency-dataset",
            space=space.fingerprint(),
            seed=settings.seed,
            workload=workload.tag(),
            model=mapping_digest(vars(config)),
            **device.signature(),
        ),
    )


def _collected(
    device: OpenDevice,
    space: SearchSpace,
    config: SuperTransformerConfig,
    settings: DatasetSettings,
    plan: Plan,
    *,
    say: Callable[[str], None],
    say_row: Callable[[str], None] | None,
    show_progress: bool,
) -> Collector:
    """Measures everything on an open device."""
    workload, reference = device.workload, reference_arch(space)
    facts = {
        "hat": __version__,
        "workload": workload.to_dict(),
        "device": device.facts,
        "space": space_choices(space),
        "space_fingerprint": space.fingerprint(),
        "model": vars(config),
        "seed": settings.seed,
        "until_error": settings.until_error,
        "prior": None if settings.prior is None else file_digest(settings.prior),
        "reference_every": settings.lat_reference_every,
        "reference": arch_to_mapping(reference),
    }
    path = Path(settings.lat_dataset_path)
    begun = beginning(settings, facts)
    plan.check(path, begun.samples)
    samples, sidecar = begun.opened(facts, say=say)
    say(f"| workload: {workload.tag()} on {device.facts['name']}")

    def timed(arch: SubTransformerConfig) -> LatencySample:
        sample = device.measure(arch)
        if say_row is not None:
            say_row(f"| encoder {sample.encoder_ms:.2f} ms, decoder {sample.decoder_ms:.2f} ms")
        return sample

    def next_rows(samples: Sequence[LatencySample]) -> Sequence[SubTransformerConfig]:
        archs = plan(samples)
        if archs and (known := plan.verdict()) is not None:
            say(f"| {len(samples)} rows: {known}")
        return archs

    progress = Progress(settings.lat_dataset_size, "SubTransformers", done=len(samples))
    with tqdm(
        total=settings.lat_dataset_size,
        initial=len(samples),
        unit="row",
        mininterval=1.0,
        disable=not show_progress,
    ) as bar:
        collector = Collector(
            path=path,
            sidecar=sidecar,
            measure=timed,
            reference=Reference(lambda: device.measure(reference).total_ms, last_baseline(sidecar)),
            prepare=device.prepare,
            every=settings.lat_reference_every,
            patience_s=settings.lat_patience,
            say=lambda text: say(f"| {text}"),
            on_row=lambda: _advance(bar, progress),
            samples=samples,
        )
        if samples:
            # Nobody has vouched for rows after the last look at the reference.
            collector.check(unchecked_rows(sidecar, len(samples)))
        else:
            baseline = collector.reference.baseline
            sidecar.append(event="baseline", baseline_ms=baseline.latency_ms, noise=baseline.noise)
        try:
            collector.run(next_rows)
        except (KeyboardInterrupt, SystemExit):  # Ctrl-C, SIGTERM
            bar.close()
            say(f"| {path} holds {len(collector.samples)} rows: --resume goes on there")
            raise
    return collector
