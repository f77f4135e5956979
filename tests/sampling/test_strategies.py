"""What each strategy draws: how often, and the same again from seed and update alone."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.sampling import SAMPLINGS
from hat.sampling.balanced import Balanced
from hat.sampling.base import Ground, Sampling
from hat.settings import NoSettings
from tests.models.conftest import tiny_config

MAX_UPDATE = 1000
Arch = SubTransformerConfig


def build(name: str, space: SearchSpace, **settings: Any) -> Any:
    part: Any = SAMPLINGS.load(name)
    ground = Ground(space=space, config=tiny_config(), max_update=MAX_UPDATE)
    return part.build(part.Settings(**settings), ground)


def draws(sampling: Sampling, updates: range = range(MAX_UPDATE)) -> list[tuple[Arch, ...]]:
    return [sampling.draw(update, np.random.default_rng((3, update))) for update in updates]


every_strategy = pytest.mark.parametrize("name", SAMPLINGS.names())


@every_strategy
def test_draws_lie_in_the_space_and_depend_on_the_update_alone(
    name: str, tiny_space: SearchSpace
) -> None:
    sampling = build(name, tiny_space)
    found = draws(sampling, range(0, MAX_UPDATE, 37))
    assert all(drawn for drawn in found)
    for drawn in found:
        for arch in drawn:
            tiny_space.check(arch)
    # Backwards and by another object: nothing is remembered.
    again = draws(build(name, tiny_space), range(0, MAX_UPDATE, 37)[::-1])
    assert again[::-1] == found


def test_uniform_is_the_space_s_own_stream(tiny_space: SearchSpace) -> None:
    for update, (arch,) in enumerate(draws(build("uniform", tiny_space), range(50))):
        assert arch == tiny_space.sample(np.random.default_rng((3, update)))


@pytest.mark.parametrize("between", [0, 3])
def test_a_sandwich_has_both_extremes_and_k_random_ones(
    between: int, tiny_space: SearchSpace
) -> None:
    found = draws(build("sandwich", tiny_space, sandwich_random=between), range(300))
    assert {len(drawn) for drawn in found} == {2 + between}
    assert {drawn[0] for drawn in found} == {tiny_space.largest()}
    assert {drawn[1] for drawn in found} == {tiny_space.smallest()}
    depths = Counter(arch.decoder.num_layers for drawn in found for arch in drawn[2:])
    if between:  # 900 draws of 3 depths: 300 each, standard deviation 14
        assert set(depths) == {1, 2, 3} and max(abs(n - 300) for n in depths.values()) < 60


def test_balanced_gives_every_depth_its_turn_and_every_cost_its_share(
    tiny_space: SearchSpace,
) -> None:
    balanced: Balanced = build("balanced", tiny_space)
    found = [arch for (arch,) in draws(balanced, range(900))]
    assert Counter(arch.decoder.num_layers for arch in found) == {1: 300, 2: 300, 3: 300}
    for start in range(0, 900, 3):  # exactly, over every cycle
        assert {arch.decoder.num_layers for arch in found[start : start + 3]} == {1, 2, 3}
    uniform = [arch for (arch,) in draws(build("uniform", tiny_space), range(2700))]
    ours, theirs = (_distance_from_flat(balanced, archs) for archs in (found, uniform))
    # Kolmogorov's distance; 1.63 / sqrt(n) is passed by chance once in a hundred times, and the
    # steps of a space of three layers add a little.
    assert ours < 0.15
    assert theirs > 2 * ours


def _distance_from_flat(balanced: Balanced, archs: list[Arch]) -> float:
    """How far the costs at encoder and decoder depth 3 are from flat between their ends."""
    costs = np.sort(
        [
            balanced.cost(arch)
            for arch in archs
            if (arch.encoder.num_layers, arch.decoder.num_layers) == (3, 3)
        ]
    )
    assert len(costs) > 60
    everything = [balanced.cost(arch) for arch in _ends()]
    flat = (costs - everything[0]) / (everything[1] - everything[0])
    return float(np.abs(flat - (np.arange(len(flat)) + 0.5) / len(flat)).max())


def _ends() -> tuple[Arch, Arch]:
    deep = SearchSpace(
        encoder_embed_dims=(32, 24),
        decoder_embed_dims=(32, 16),
        encoder_layer_nums=(3,),
        decoder_layer_nums=(3,),
        encoder_ffn_dims=(48, 32, 16),
        decoder_ffn_dims=(48, 32, 16),
        encoder_self_heads=(4, 2),
        decoder_self_heads=(4, 2),
        decoder_ende_heads=(4, 2),
        decoder_ende_spans=(3, 2, 1),
    )
    return deep.smallest(), deep.largest()


def test_progressive_widens_at_the_stated_fractions(tiny_space: SearchSpace) -> None:
    sampling = build("progressive", tiny_space, widen_at=(0.25, 0.5))
    found = [arch for (arch,) in draws(sampling)]
    assert set(found[:250]) == {tiny_space.largest()}
    second, third = found[250:500], found[500:]
    # Of three choices the largest two are open in the second stage; of two choices both.
    assert {arch.decoder.num_layers for arch in second} == {3, 2}
    assert {ffn for arch in second for ffn in arch.decoder.ffn_dims} == {48, 32}
    assert {arch.decoder.embed_dim for arch in second} == {32, 16}
    assert {arch.decoder.num_layers for arch in third} == {3, 2, 1}
    assert {span for arch in third for span in arch.decoder.ende_spans} == {3, 2, 1}
    # From then on it is HAT's own stream.
    assert third[7] == tiny_space.sample(np.random.default_rng((3, 507)))


@pytest.mark.parametrize("fractions", [(), (0.5, 0.2), (0.3, 0.3), (0.0,), (1.0,)])
def test_fractions_that_do_not_rise_are_refused(fractions: tuple[float, ...]) -> None:
    part: Any = SAMPLINGS.load("progressive")
    with pytest.raises(ConfigError, match="widen-at must"):
        part.Settings(widen_at=fractions)


def test_progressive_needs_an_end(tiny_space: SearchSpace) -> None:
    part: Any = SAMPLINGS.load("progressive")
    ground = Ground(space=tiny_space, config=tiny_config())
    with pytest.raises(ConfigError, match="needs max-update"):
        part.build(part.Settings(), ground)


def test_signatures_hold_the_settings(tiny_space: SearchSpace) -> None:
    assert build("sandwich", tiny_space, sandwich_random=4).signature() == {"sandwich-random": 4}
    assert build("progressive", tiny_space).signature() == {"widen-at": (0.2, 0.4, 0.6)}
    assert build("uniform", tiny_space).settings == NoSettings()
