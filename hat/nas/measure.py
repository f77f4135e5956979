"""Measuring finalists, where this machine is a device of one of the latency predictors.

The reference SubTransformer of the predictor's dataset stands guard: what is measured while the
machine is slower or faster than it was then says nothing about the limit.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping
from hat.errors import ConfigError
from hat.latency.predictor import LatencyPredictor
from hat.latency.workload import Workload
from hat.measuring.device import check_device, device_name
from hat.measuring.reference import Baseline, Reference
from hat.measuring.steady import SteadyMeasure
from hat.nas.limits.base import SearchLimit
from hat.search.deliver import Measure

if TYPE_CHECKING:
    from hat.models.super_transformer import SuperTransformer

Arch = SubTransformerConfig


def build_measure(
    limits: Sequence[SearchLimit],
    model: "SuperTransformer",
    describe: Callable[[Arch], str],
    *,
    patience_s: float,
    say: Callable[[str], None] = print,
) -> Measure[Arch] | None:
    """Returns what measures finalists on this machine, or None where no predictor speaks of it.

    Limits on other devices are not measured: their predictions count, and a line says why.
    """
    timers: dict[str, Callable[[Arch], float]] = {}
    for each in limits:
        if each.predictor is None:
            continue
        workload, reason = _here(each.predictor)
        if workload is None:
            say(f"| {each.limit.name} is not measured: {reason}")
        else:
            timers[each.limit.name] = guarded(each.predictor, workload, model, patience_s, say)
    if not timers:
        return None

    def measured(archs: Sequence[Arch]) -> list[dict[str, float]]:
        found = []
        for arch in archs:
            times = {name: timer(arch) for name, timer in timers.items()}
            shown = ", ".join(f"{name} {value:.2f}" for name, value in times.items())
            say(f"| measured {shown}: {describe(arch)}")
            found.append(times)
        return found

    return measured


def guarded(
    predictor: LatencyPredictor,
    workload: Workload,
    model: "SuperTransformer",
    patience_s: float,
    say: Callable[[str], None] = print,
) -> Callable[[Arch], float]:
    """Returns what measures one architecture in ms, guarded where the predictor knows how."""
    from hat.measuring.measure import measure

    def timed(arch: Arch) -> float:
        return measure(model, arch, workload).total_ms

    facts = predictor.facts.get("reference")
    if not facts:
        return timed
    reference = arch_from_mapping(facts["arch"], predictor.source)
    return SteadyMeasure(
        timed,
        Reference(lambda: timed(reference), Baseline(facts["latency_ms"], facts["noise"])),
        patience_s=patience_s,
        say=lambda line: say(f"| {line}"),
    )


def _here(predictor: LatencyPredictor) -> tuple[Workload | None, str]:
    """The workload to measure if the predictor's device is this machine, or why it is not."""
    from hat.measuring.precision import check_precision

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
    except ConfigError as error:
        return None, str(error)
    return workload, ""
