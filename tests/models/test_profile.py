"""Parameters and FLOPs from Python."""

import pytest

import hat
from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.models.flops import cost
from hat.models.profile import ProfileSettings, profile_options
from tests.models.conftest import tiny_config


def test_profile_counts_what_cost_counts(tiny_space: SearchSpace) -> None:
    config, arch = tiny_config(), tiny_space.smallest()
    found = hat.profile(config, arch, src_len=7)
    assert found.cost == cost(config, arch, src_len=7, tgt_len=7)
    figures = found.figures()
    assert (figures["src_len"], figures["tgt_len"], figures["flops"]) == (7, 7, found.cost.flops)
    assert figures["signature"].startswith("stage:profile|subtransformer:")
    larger = hat.profile(config, tiny_space.largest(), src_len=7)
    assert larger.figures()["signature"] != figures["signature"]
    assert "7 source and 7 target tokens" in found.lines()[1]


def test_an_unknown_architecture_is_an_error() -> None:
    with pytest.raises(ConfigError, match="the architecture is not known"):
        profile_options(ProfileSettings(), {}, "x.yml")
    with pytest.raises(ConfigError, match=r"x\.yml: "):
        profile_options(ProfileSettings(arch="transformersuper", vocab_size=9), {}, "x.yml")
