import numpy as np

from hat.arch.space import SearchSpace
from hat.latency.fit import fit_auto
from hat.latency.predictor import LatencyPredictor, Lesson
from hat.latency.samples import LatencySample
from hat.measuring.active import FIRST_ROWS, UntilError
from tests.latency.conftest import arrays, simulated, simulated_sample


def collect(plan: UntilError, noise: float) -> list[LatencySample]:
    rng = np.random.default_rng(0)
    samples: list[LatencySample] = []
    while archs := plan(samples):
        assert len({*archs} | {sample.arch for sample in samples}) == len(archs) + len(samples)
        samples += [simulated_sample(arch, rng, noise) for arch in archs]
    return samples


def plan(
    space: SearchSpace, target: float, max_rows: int = 200, prior: LatencyPredictor | None = None
) -> UntilError:
    return UntilError(
        space, target_percent=target, max_rows=max_rows, batch=10, seed=0, prior=prior
    )


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


def test_a_prior_that_knows_better_is_asked(tiny_space: SearchSpace) -> None:
    table, latency_ms = arrays(simulated(tiny_space, 400, seed=7))
    prior = fit_auto(Lesson.of(table, 3 * latency_ms), kinds=["per-layer"]).predictor
    prior.source = "old.pt"
    alone, started = plan(tiny_space, 0.8), plan(tiny_space, 0.8, prior=prior)
    rows = collect(started, noise=0.01)
    assert len(rows) <= 60 and len(collect(alone, noise=0.01)) == 200
    assert started.error_percent is not None and started.error_percent <= 0.8
    said = started.verdict() or ""
    assert said.startswith("cross-validated error of a predictor that starts from old.pt ")
    lesson = Lesson.of(*arrays(rows), prior=prior)
    predictor = fit_auto(lesson, kinds=["from-prior"]).predictor
    table, latency_ms = arrays(simulated(tiny_space, 200, seed=8, noise=0.0))
    error = np.abs(predictor.predict_table(table) / latency_ms - 1).mean()
    assert 100 * error <= 0.8, "what stopped the measuring is true of other architectures"


def test_it_begins_with_the_extremes_and_is_repeatable(tiny_space: SearchSpace) -> None:
    first = plan(tiny_space, 2.0)([])
    assert first[:2] == [tiny_space.largest(), tiny_space.smallest()]
    assert len(first) == FIRST_ROWS
    assert first == plan(tiny_space, 2.0)([])
