from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.latency.workload import Workload
from hat.measuring.clock import CpuClock
from hat.measuring.measure import measure
from hat.measuring.subtransformer import measure_subtransformer
from hat.measuring.timing import MIN_CONVERGED_RUNS, time_runs
from hat.models.super_transformer import SuperTransformer


class FakeClock:
    """Runs what it is given and returns times from a list."""

    def __init__(self, times: Iterator[float]) -> None:
        self.times = times
        self.calls = 0

    def elapsed_ms(self, run: Callable[[], object]) -> float:
        run()
        self.calls += 1
        return next(self.times)


def endless(*times: float) -> Iterator[float]:
    while True:
        yield from times


def test_one_sample(model: SuperTransformer, tiny_space: SearchSpace) -> None:
    arch = tiny_space.sample(np.random.default_rng(0))
    clock = FakeClock(iter([5.0, 1.0, 2.0, 3.0, 50.0, 10.0, 20.0, 30.0]))
    workload = Workload(
        src_len=4, decode_steps=3, beam=2, warmup_runs=1, runs=4, trim_fraction=0.25
    )
    lines: list[str] = []
    sample = measure(model, arch, workload, clock=clock, report=lines.append)
    assert sample.arch == arch
    assert (sample.encoder_ms, sample.decoder_ms) == (2.5, 25.0)
    assert (sample.encoder_std_ms, sample.decoder_std_ms) == (0.5, 5.0)
    assert sample.measured_at is not None
    assert "Encoder latency: mean 2.500 ms, std 0.500 ms, 4 runs" in lines


def test_measuring_changes_nothing(model: SuperTransformer, tiny_space: SearchSpace) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    arch, threads = model.arch, torch.get_num_threads()
    model.train()
    workload = Workload(src_len=4, decode_steps=2, runs=1, warmup_runs=0, num_threads=1)
    measure(model, tiny_space.smallest(), workload)
    assert model.training
    assert model.arch == arch
    assert torch.get_num_threads() == threads
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("runs", [1, 2, 3, 10])
def test_trimming_never_leaves_nothing(runs: int) -> None:
    workload = Workload(runs=runs, warmup_runs=0)
    timing = time_runs(lambda: None, workload, FakeClock(endless(1.0)))
    assert (timing.mean_ms, timing.runs) == (1.0, runs)
    assert timing.std_ms == (None if runs == 1 else 0), "one run has no spread"
    assert ("std not known, 1 run" in timing.told("Encoder")) == (runs == 1)


def test_the_slowest_run_is_dropped_as_in_hat() -> None:
    timing = time_runs(
        lambda: None, Workload(runs=4, warmup_runs=0), FakeClock(iter([1.0, 2.0, 3.0, 99.0]))
    )
    assert timing.mean_ms == 2.0


def test_warm_up_is_not_timed() -> None:
    count = 0

    def run() -> None:
        nonlocal count
        count += 1

    clock = FakeClock(endless(1.0))
    time_runs(run, Workload(runs=3, warmup_runs=4), clock)
    assert (clock.calls, count) == (3, 7)


def test_steady_runs_converge_and_noisy_ones_reach_the_cap() -> None:
    workload = Workload(runs=200, ci_percent=1.0, warmup_runs=0)
    steady = time_runs(lambda: None, workload, FakeClock(endless(10.0, 10.01)))
    assert steady.runs == MIN_CONVERGED_RUNS
    noisy = time_runs(lambda: None, workload, FakeClock(endless(5.0, 15.0, 30.0)))
    assert noisy.runs == 200
    assert (steady.is_cut_off, noisy.is_cut_off) == (False, True)
    assert "cut off by --latiter" in noisy.told("Encoder")
    assert not time_runs(lambda: None, Workload(runs=3), FakeClock(endless(1.0))).is_cut_off
    few = replace(workload, runs=MIN_CONVERGED_RUNS - 1)
    assert time_runs(lambda: None, few, FakeClock(endless(1.0))).is_cut_off


def test_what_is_not_known_of_the_runs_is_told(
    model: SuperTransformer, tiny_space: SearchSpace
) -> None:
    arch, config = tiny_space.largest(), model.config
    once = Workload(src_len=2, decode_steps=2, runs=1, warmup_runs=0)
    figures = measure_subtransformer(config, arch, once, say=lambda _: None).figures()
    assert figures["encoder_std_ms"] is None and figures["settled"] is None
    strict = replace(once, runs=8, ci_percent=1e-9)
    figures = measure_subtransformer(config, arch, strict, say=lambda _: None).figures()
    assert figures["encoder_std_ms"] > 0 and figures["settled"] is False


def test_the_decoder_sees_every_beam_and_every_step(
    model: SuperTransformer, tiny_space: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes: list[tuple[int, ...]] = []
    forward = type(model.decoder).forward

    def spy(self: object, tokens: torch.Tensor, *rest: object) -> torch.Tensor:
        shapes.append(tuple(tokens.shape))
        logits: torch.Tensor = forward(self, tokens, *rest)  # type: ignore[arg-type]
        assert logits.shape[1] == 1  # incremental: one new token
        assert not torch.is_grad_enabled()
        return logits

    monkeypatch.setattr(type(model.decoder), "forward", spy)
    workload = Workload(src_len=5, decode_steps=3, batch_size=2, beam=4, runs=1, warmup_runs=0)
    measure(model, tiny_space.largest(), workload)
    assert shapes == [(8, 1), (8, 2), (8, 3)]


def test_no_gpu_is_one_sentence(
    model: SuperTransformer, tiny_space: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="--latgpu needs a CUDA GPU, but torch finds none here"):
        measure(model, tiny_space.largest(), Workload(device="cuda"))


def test_an_architecture_that_does_not_fit(
    model: SuperTransformer, tiny_space: SearchSpace
) -> None:
    from dataclasses import replace

    large = replace(tiny_space, encoder_embed_dims=(64,)).largest()
    with pytest.raises(ConfigError, match=r"encoder\.embed_dim = 64 does not fit"):
        measure(model, large, Workload(runs=1))


def test_the_cpu_clock_counts_milliseconds() -> None:
    assert 0 <= CpuClock().elapsed_ms(lambda: None) < 1000
