"""A device that needs no clock, whose latency is a formula plus noise."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.latency.choices import observed_choices
from hat.latency.predictor import Scales
from hat.latency.predictors.linear import LinearFit, fit_linear
from hat.latency.samples import LatencySample
from hat.latency.table import ArchTable, table_of_samples

Simulate = Callable[..., list[LatencySample]]


def formula_ms(arch: SubTransformerConfig) -> float:
    """A price for every part of every layer; not linear in heads and spans."""
    encoder = sum(
        0.2 + 4e-3 * ffn * arch.encoder.embed_dim / 32 + 0.3 / heads
        for ffn, heads in zip(arch.encoder.ffn_dims, arch.encoder.self_heads, strict=True)
    )
    decoder = sum(
        3.0 + 0.04 * ffn * arch.decoder.embed_dim / 32 + 1.0 / heads + 0.5 * span**1.5
        for ffn, heads, span in zip(
            arch.decoder.ffn_dims, arch.decoder.self_heads, arch.decoder.ende_spans, strict=True
        )
    )
    return float(encoder + decoder)


def simulated_sample(
    arch: SubTransformerConfig, rng: np.random.Generator, noise: float = 0.01
) -> LatencySample:
    total = formula_ms(arch) * float(np.exp(noise * rng.standard_normal()))
    return LatencySample.of(arch, encoder_ms=0.2 * total, decoder_ms=0.8 * total, measured_at=1.5)


def simulated(
    space: SearchSpace, count: int, seed: int = 0, noise: float = 0.01
) -> list[LatencySample]:
    rng = np.random.default_rng(seed)
    return [simulated_sample(space.sample(rng), rng, noise) for _ in range(count)]


@pytest.fixture
def simulate(tiny_space: SearchSpace) -> Callable[..., list[LatencySample]]:
    """``simulate(count, seed=0, noise=0.01)`` measures random architectures of the tiny space."""
    return partial(simulated, tiny_space)


def arrays(samples: list[LatencySample]) -> tuple[ArchTable, np.ndarray]:
    return table_of_samples(samples), np.array([sample.total_ms for sample in samples])


def fitted(kind: str, samples: list[LatencySample], seed: int = 0) -> LinearFit:
    table, latency_ms = arrays(samples)
    return fit_linear(
        kind,
        table,
        latency_ms,
        choices=observed_choices(table),
        scales=Scales.of(table.features, latency_ms),
        rng=np.random.default_rng(seed),
    )


def disturbed(simulate: Simulate, count: int = 200) -> list[LatencySample]:
    samples = simulate(count)
    for row in range(20, 60):
        samples[row] = replace(samples[row], decoder_ms=1.5 * samples[row].decoder_ms)
    return samples
