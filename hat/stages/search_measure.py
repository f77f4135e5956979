"""Measuring finalists, where this machine is a device of one of the latency predictors."""

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hat.arch.config import SubTransformerConfig
from hat.errors import ConfigError
from hat.latency.device import check_device, device_name
from hat.latency.predictor import LatencyPredictor
from hat.latency.workload import Workload
from hat.search.deliver import Measure
from hat.stages.search_limits import LatencyLimit

if TYPE_CHECKING:
    from hat.models.super_transformer import SuperTransformer

Arch = SubTransformerConfig


def build_measure(
    args: argparse.Namespace,
    on_devices: Sequence[LatencyLimit],
    model: "SuperTransformer",
    describe: Callable[[Arch], str],
) -> Measure[Arch] | None:
    """Returns what measures finalists on this machine, or None where no predictor speaks of it.

    Limits on other devices are left to their predictors; why, is printed.
    """
    from hat.latency.measure import measure

    if args.measure_finalists == 0:
        return None
    workloads: dict[str, Workload] = {}
    for each in on_devices:
        workload, reason = _here(each.predictor)
        if workload is None:
            print(f"| {each.limit.name} is not measured: {reason}")
        else:
            workloads[each.limit.name] = workload
    if not workloads:
        return None

    def measured(archs: Sequence[Arch]) -> list[dict[str, float]]:
        found = []
        for arch in archs:
            times = {name: measure(model, arch, work).total_ms for name, work in workloads.items()}
            shown = ", ".join(f"{name} {value:.2f}" for name, value in times.items())
            print(f"| measured {shown}: {describe(arch)}", flush=True)
            found.append(times)
        return found

    return measured


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
    return workload, ""
