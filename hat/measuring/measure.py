"""Timing one SubTransformer: the one place where latency is measured."""

import gc
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from hat.arch.config import SubTransformerConfig
from hat.latency.samples import LatencySample
from hat.latency.workload import Workload
from hat.measuring.clock import Clock, clock_for
from hat.measuring.device import check_device
from hat.measuring.precision import check_precision
from hat.models.decoder import DecoderCache
from hat.models.extract import extract
from hat.models.precision import at_precision
from hat.models.super_transformer import SuperTransformer

MIN_CONVERGED_RUNS = 8
"""Fewer runs say nothing about their own spread."""

_Z95 = 1.96
_BOS, _WORD = 2, 7
"""HAT's dummy sentence: an end-of-sentence token and words; which ones does not matter."""


@dataclass(frozen=True)
class Timing:
    """Times of repeated runs after trimming."""

    mean_ms: float
    std_ms: float
    runs: int
    """How many were timed, before trimming."""


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
    gradients. The decoder runs ``workload.decode_steps`` incremental steps on
    ``workload.beam`` hypotheses per sentence, with a cache of keys and values that is reordered
    after each step, as beam search does. The slowest and fastest ``trim_fraction`` of the runs
    are dropped before mean and deviation.

    Args:
        model: any model that holds ``arch``. Its weights and device do not change.
        arch: what to time.
        workload: device, sizes, precision and repeats.
        clock: the stopwatch; by default the one for the device.
        report: called with a line for the encoder and for the decoder.

    Raises:
        ConfigError: if the model does not hold ``arch``, the device is not there, or the range
            of int8 products is too large for this machine.
    """
    check_device(workload.device)
    check_precision(workload)
    clock = clock or clock_for(workload.device)
    device = torch.device(workload.device)
    with _threads(workload.num_threads), torch.inference_mode():
        small = at_precision(extract(model, arch), workload.precision, workload.int8_range)
        small = small.to(device).eval()
        source = torch.full((workload.batch_size, workload.src_len), _WORD, device=device)
        source[:, 0] = _BOS
        lengths = torch.full((workload.batch_size,), workload.src_len, device=device)
        hypotheses = workload.batch_size * workload.beam
        target = torch.full((hypotheses, workload.decode_steps), _WORD, device=device)
        target[:, 0] = _BOS
        sentence = torch.arange(workload.batch_size, device=device)
        beams = sentence.repeat_interleave(workload.beam)
        order = torch.arange(hypotheses, device=device)

        def encode() -> None:
            small.encoder(source, lengths)

        memory = small.encoder(source, lengths).index_select(beams)

        def decode() -> None:
            cache = DecoderCache()
            for step in range(1, workload.decode_steps + 1):
                small.decoder(target[:, :step], memory, cache)
                cache.reorder(order, same_sources=True)

        encoder = time_runs(encode, workload, clock)
        decoder = time_runs(decode, workload, clock)
    if report:
        for name, timing in (("Encoder", encoder), ("Decoder", decoder)):
            report(
                f"{name} latency: mean {timing.mean_ms:.3f} ms, std {timing.std_ms:.3f} ms, "
                f"{timing.runs} runs"
            )
    return LatencySample.of(
        arch,
        encoder_ms=encoder.mean_ms,
        decoder_ms=decoder.mean_ms,
        encoder_std_ms=encoder.std_ms,
        decoder_std_ms=decoder.std_ms,
        measured_at=time.time(),
    )


def time_runs(run: Callable[[], object], workload: Workload, clock: Clock) -> Timing:
    """Warms up and times ``run`` as often as the workload says, or until the mean has settled.

    Settled means that the 95 % confidence interval of the trimmed mean is within
    ``workload.ci_percent``. It takes runs for independent of each other; slow changes of the
    machine are the business of the reference SubTransformer, not of more runs.
    """
    for _ in range(workload.warmup_runs):
        run()
    times: list[float] = []
    with _no_garbage_collection():
        while len(times) < workload.runs:
            times.append(clock.elapsed_ms(run))
            if workload.ci_percent is None or len(times) < MIN_CONVERGED_RUNS:
                continue
            kept = _trimmed(times, workload.trim_fraction)
            margin = _Z95 * float(np.std(kept, ddof=1)) / math.sqrt(len(kept))
            if margin <= workload.ci_percent / 100 * float(np.mean(kept)):
                break
    kept = _trimmed(times, workload.trim_fraction)
    return Timing(float(np.mean(kept)), float(np.std(kept)), len(times))


def _trimmed(times: list[float], fraction: float) -> list[float]:
    """Drops ``fraction`` at each end; from three runs on at least the slowest one, as HAT does."""
    drop = int(len(times) * fraction)
    ordered = sorted(times)
    slowest = max(drop, 1) if fraction > 0 and len(times) > 2 else drop
    return ordered[drop : len(times) - slowest]


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
