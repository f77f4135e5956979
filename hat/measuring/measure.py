"""Timing one SubTransformer: the one place where latency is measured."""

import time
from collections.abc import Callable

import torch

from hat.arch.config import SubTransformerConfig
from hat.latency.samples import LatencySample
from hat.latency.workload import Workload
from hat.machine.energy import energy_meter
from hat.machine.threads import limited_to
from hat.measuring.clock import clock_for
from hat.measuring.device import check_device
from hat.measuring.engines import engine_of, source_tokens
from hat.measuring.memory import cuda_peak_mib, peak_mib
from hat.measuring.precision import check_precision
from hat.measuring.timing import Clock, time_passes
from hat.models.extract import extract
from hat.models.super_transformer import SuperTransformer


def measure(
    model: SuperTransformer,
    arch: SubTransformerConfig,
    workload: Workload,
    *,
    clock: Clock | None = None,
    report: Callable[[str], None] | None = None,
) -> LatencySample:
    """Times one SubTransformer, encoder and decoder apart, in milliseconds.

    What is timed is a true-size copy, as it would be delivered, in eval mode and without
    gradients, in the workload's engine. The decoder runs ``workload.decode_steps`` incremental
    steps on ``workload.beam`` hypotheses per sentence, with a cache of keys and values that is
    reordered after each step, as beam search does. The slowest and fastest ``trim_fraction`` of
    the runs are dropped before mean and deviation.

    Args:
        model: any model that holds ``arch``. Its weights and device do not change.
        arch: what to time.
        workload: device, sizes, precision and repeats.
        clock: the stopwatch; by default the one for the device.
        report: called with a line for the encoder and for the decoder.

    Raises:
        ConfigError: if the model does not hold ``arch``, the device is not there, the engine is
            not installed or cannot run the network, or the range of int8 products is too large
            for this machine.
    """
    check_device(workload.device)
    check_precision(workload)
    clock = clock or clock_for(workload.device)
    with limited_to(workload.num_threads):
        small = extract(model, arch)
        engine = engine_of(workload)
        engine.check(small.config, arch)
        cuda_mib = cuda_peak_mib(workload.device)
        runnable = engine.load(small, device=workload.device)
        source = torch.tensor(source_tokens(workload), device=workload.device)
        passes = runnable.passes(source, beam=workload.beam, steps=workload.decode_steps)
        meter = energy_meter(workload.device)
        encoder, decoder = time_passes(passes, workload, clock, meter)
    memory_mib = None
    if workload.memory:
        del runnable, passes
        memory_mib = peak_mib(small, workload) if workload.device == "cpu" else cuda_mib()
    if report:
        for name, timing in (("Encoder", encoder), ("Decoder", decoder)):
            report(timing.told(name))
    energy_mj = None
    if encoder.joules is not None and decoder.joules is not None:
        energy_mj = 1e3 * (encoder.joules + decoder.joules)
    return LatencySample.of(
        arch,
        encoder_ms=encoder.mean_ms,
        decoder_ms=decoder.mean_ms,
        encoder_std_ms=encoder.std_ms or 0.0,
        decoder_std_ms=decoder.std_ms or 0.0,
        measured_at=time.time(),
        memory_mib=memory_mib,
        energy_mj=energy_mj,
        is_cut_off=encoder.is_cut_off or decoder.is_cut_off,
    )
