"""Measuring one SubTransformer: ``hat latency measure`` and ``train.py --latcpu``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping, arch_to_mapping
from hat.conditions import mapping_digest
from hat.latency.samples import LatencySample
from hat.latency.workload import Workload
from hat.measuring.devices.base import Device
from hat.measuring.devices.local import LocalDevice
from hat.measuring.settings import WorkloadSettings
from hat.models.config import SuperTransformerConfig
from hat.models.network import NetworkSettings, network_config
from hat.models.super_transformer import SuperTransformer
from hat.signature import signature


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The latency of one SubTransformer, and what it is the latency of."""

    sample: LatencySample
    config: SuperTransformerConfig
    workload: Workload
    device: str
    """Its name."""

    def __str__(self) -> str:
        sample = self.sample
        more = "".join(
            f", {value:.4g} {unit}"
            for value, unit in ((sample.memory_mib, "MiB"), (sample.energy_mj, "mJ"))
            if value is not None
        )
        return (
            f"Latency on {self.device}: {sample.total_ms:.2f} ms ({sample.encoder_ms:.2f} "
            f"encoder, {sample.decoder_ms:.2f} decoder){more}, {self.workload.tag()}"
        )

    def figures(self) -> dict[str, Any]:
        """The figures for programs, ready for JSON."""
        sample = self.sample
        assert sample.arch is not None, "what was measured here is known"
        return {
            "latency_ms": sample.total_ms,
            "encoder_ms": sample.encoder_ms,
            "decoder_ms": sample.decoder_ms,
            "encoder_std_ms": sample.encoder_std_ms or None,
            "decoder_std_ms": sample.decoder_std_ms or None,
            "settled": None if self.workload.ci_percent is None else not sample.is_cut_off,
            "peak_memory_mib": sample.memory_mib,
            "energy_mj": sample.energy_mj,
            "signature": signature(
                stage="latency",
                subtransformer=mapping_digest(arch_to_mapping(sample.arch)),
                model=mapping_digest(vars(self.config)),
                workload=self.workload.tag(),
                device=self.device.replace(" ", "_"),
            ),
        }


def measure_subtransformer(
    config: SuperTransformerConfig,
    arch: SubTransformerConfig,
    workload: Workload | None = None,
    *,
    device: Device | None = None,
    say: Callable[[str], None] = print,
) -> Measured:
    """Times ``arch`` on a device, with random weights: latency does not depend on them.

    Args:
        config: a SuperTransformer that holds ``arch``.
        arch: what to time.
        workload: on which device, what and how often; one sentence on the CPU if None.
        device: where to measure; this machine if None.
        say: takes a line for the encoder and one for the decoder.

    Raises:
        ConfigError: if the sizes do not fit, the device is not there or the precision is wrong
            for it.
        HatError: if the device is gone.
    """
    device = device or LocalDevice(LocalDevice.Settings())
    model = SuperTransformer(config).eval()
    with device.open(model, workload or Workload()) as opened:
        return Measured(
            sample=opened.measure(arch, say),
            config=config,
            workload=opened.workload,
            device=opened.facts["name"],
        )


def measure_options(
    network: NetworkSettings,
    timing: WorkloadSettings,
    options: Mapping[str, Any],
    *,
    device: Device | None = None,
    where: str = "the options",
    say: Callable[[str], None] = print,
) -> Measured:
    """Times the SubTransformer that HAT's options describe.

    Args:
        network: named architecture and dictionaries.
        timing: device and workload.
        options: HAT's options of SuperTransformer and SubTransformer, with underscores.
        device: where to measure; this machine if None.
        where: the place to name in errors.
        say: takes lines of progress.

    Raises:
        ConfigError: if an option is missing or wrong, or the device cannot do the work.
        DataError: if a dictionary is damaged or missing.
    """
    device = device or LocalDevice(LocalDevice.Settings())
    workload = timing.workload(network.arch, is_here=device.is_here)
    arch = arch_from_mapping(options, where)
    config = network_config(network, options, say=say)
    return measure_subtransformer(config, arch, workload, device=device, say=say)
