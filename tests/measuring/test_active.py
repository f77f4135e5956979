import numpy as np

from hat.arch.space import SearchSpace
from hat.latency.samples import LatencySample
from hat.measuring.active import FIRST_ROWS, UntilError
from tests.latency.conftest import simulated_sample


def collect(plan: UntilError, noise: float) -> list[LatencySample]:
    rng = np.random.default_rng(0)
    samples: list[LatencySample] = []
    while archs := plan(samples):
        assert len({*archs} | {sample.arch for sample in samples}) == len(archs) + len(samples)
        samples += [simulated_sample(arch, rng, noise) for arch in archs]
    return samples


def plan(space: SearchSpace, target: float, max_rows: int = 200) -> UntilError:
    return UntilError(space, target_percent=target, max_rows=max_rows, batch=10, seed=0)


def test_an_easy_target_takes_few_rows(tiny_space: SearchSpace) -> None:
    chosen = plan(tiny_space, 5.0)
    samples = collect(chosen, noise=0.01)
    assert len(samples) <= 60
    assert chosen.error_percent is not None
    assert chosen.error_percent <= 5.0
    assert (chosen.verdict() or "").endswith("target 5 % reached")


def test_a_target_below_the_noise_ends_at_the_cap(tiny_space: SearchSpace) -> None:
    chosen = plan(tiny_space, 0.5, max_rows=64)
    assert len(collect(chosen, noise=0.05)) == 64
    assert chosen.error_percent is not None
    assert chosen.error_percent > 0.5
    assert (chosen.verdict() or "").endswith("target 0.5 % not reached")


def test_it_begins_with_the_extremes_and_is_repeatable(tiny_space: SearchSpace) -> None:
    first = plan(tiny_space, 2.0)([])
    assert first[:2] == [tiny_space.largest(), tiny_space.smallest()]
    assert len(first) == FIRST_ROWS
    assert first == plan(tiny_space, 2.0)([])
