"""Measuring finalists on the devices that the latency predictors speak of.

The reference SubTransformer of the predictor's dataset stands guard: what is measured while the
machine is slower or faster than it was then says nothing about the limit.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping
from hat.errors import ConfigError
from hat.latency.predictor import LatencyPredictor
from hat.latency.workload import Workload
from hat.measuring.device import check_device, device_name
from hat.measuring.devices.base import Device, OpenDevice
from hat.measuring.devices.local import LocalDevice
from hat.measuring.engines import engine_of, settled
from hat.measuring.precision import check_precision
from hat.measuring.reference import Baseline, Reference
from hat.measuring.steady import SteadyMeasure
from hat.nas.limits.base import SearchLimit
from hat.search.deliver import Measure

if TYPE_CHECKING:
    from hat.models.super_transformer import SuperTransformer

Arch = SubTransformerConfig
Say = Callable[[str], None]


def build_measure(
    limits: Sequence[SearchLimit],
    model: "SuperTransformer",
    describe: Callable[[Arch], str],
    *,
    device: Device | None = None,
    patience_s: float,
    say: Say = print,
) -> Measure[Arch] | None:
    """Returns what measures finalists, or None where no predictor speaks of a device at hand.

    Limits on other devices are not measured: their predictions count, and a line says why.

    Args:
        limits: of the search.
        model: holds the finalists.
        describe: an architecture in words.
        device: to measure on beside this machine, where a predictor is for it.
        patience_s: how long to wait, in total, for a device that is slower or faster than it was.
        say: takes lines of progress.

    Raises:
        ConfigError: if the device cannot be reached or lacks the engine.
    """
    here = LocalDevice(LocalDevice.Settings())
    timers: dict[str, _Timer] = {}
    for each in limits:
        if each.predictor is None:
            continue
        workload, reason = _here(each.predictor)
        where: Device = here
        if device is not None and not device.is_here:
            # What is named comes first: two machines may be of one kind.
            there, why_not = _there(each.predictor, device, model, reason)
            if there is not None:
                workload, where = there, device
            reason = why_not
        if workload is None:
            say(f"| {each.limit.name} is not measured: {reason}")
        else:
            timers[each.limit.name] = _Timer(where, model, workload, each.predictor)
    if not timers:
        return None
    for timer in timers.values():
        timer.guard(patience_s, say)

    def measured(archs: Sequence[Arch]) -> list[dict[str, float]]:
        found = []
        with ExitStack() as stack:
            for timer in timers.values():
                timer.connect(stack, archs)
            for arch in archs:
                times = {name: timer(arch) for name, timer in timers.items()}
                shown = ", ".join(f"{name} {value:.2f}" for name, value in times.items())
                say(f"| measured {shown}: {describe(arch)}")
                found.append(times)
        return found

    return measured


@dataclass
class _Timer:
    """Times architectures on the device of one predictor, for as long as a stack is open."""

    device: Device
    model: "SuperTransformer"
    workload: Workload
    predictor: LatencyPredictor
    _open: OpenDevice | None = None
    _guarded: Callable[[Arch], float] | None = None

    def guard(self, patience_s: float, say: Say) -> None:
        """Lets the reference of the predictor's dataset stand guard."""
        self._guarded = guarded(self.predictor, self.measure_ms, patience_s, say)

    def connect(self, stack: ExitStack, archs: Sequence[Arch]) -> None:
        """Opens the device, to time these, until the stack is closed."""
        self._open = stack.enter_context(self.device.open(self.model, self.workload))
        self._open.prepare(archs)

    def measure_ms(self, arch: Arch) -> float:
        """Milliseconds, whatever the device's state."""
        assert self._open is not None, "the device is open"
        return self._open.measure(arch).total_ms

    def __call__(self, arch: Arch) -> float:
        """Milliseconds with the reference on guard."""
        assert self._guarded is not None, "the guard is set"
        return self._guarded(arch)


def guarded(
    predictor: LatencyPredictor,
    measure_ms: Callable[[Arch], float],
    patience_s: float,
    say: Say = print,
) -> Callable[[Arch], float]:
    """Returns what measures one architecture in ms, guarded where the predictor knows how."""
    facts = predictor.facts.get("reference")
    if not facts:
        return measure_ms
    reference = arch_from_mapping(facts["arch"], predictor.source)
    return SteadyMeasure(
        measure_ms,
        Reference(lambda: measure_ms(reference), Baseline(facts["latency_ms"], facts["noise"])),
        patience_s=patience_s,
        say=lambda line: say(f"| {line}"),
    )


def _here(predictor: LatencyPredictor) -> tuple[Workload | None, str]:
    """The workload to measure if the predictor's device is this machine, or why it is not."""
    facts = predictor.facts
    if not facts.get("workload"):
        return None, "the predictor does not say on what work and device"
    workload = Workload.from_dict(facts["workload"], predictor.source)
    try:
        check_device(workload.device)
    except ConfigError:
        return None, "the predictor is for a GPU, and there is none here"
    here = device_name(workload.device)
    if facts.get("device") not in (None, here):
        return None, f"the predictor is for {facts['device']}, not {here}"
    try:
        check_precision(workload)
        difference = workload.difference(settled(workload))
    except ConfigError as error:
        return None, str(error)
    if difference is None:
        return workload, ""
    return None, f"the predictor's engine is another one than here: {difference}"


def _there(
    predictor: LatencyPredictor, device: Device, model: "SuperTransformer", why_not_here: str
) -> tuple[Workload | None, str]:
    """The workload to measure if the predictor is for a device elsewhere, or why it is not.

    Raises:
        ConfigError: if the device cannot be reached or lacks the engine.
    """
    if not predictor.facts.get("workload"):
        return None, why_not_here
    workload = Workload.from_dict(predictor.facts["workload"], predictor.source)
    if workload.device != "cpu" or engine_of(workload).script is None:
        return None, why_not_here
    with device.open(model, workload) as opened:
        there, difference = opened.facts["name"], workload.difference(opened.workload)
    if predictor.facts.get("device") not in (None, there):
        return None, f"{why_not_here}, and not for {there}"
    if difference is not None:
        return None, f"the predictor's engine is another one than on the device: {difference}"
    return workload, ""
