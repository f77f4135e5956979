"""The whole network: invariances, incremental decoding, precision, parameters, messages."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.models.decoder import DecoderCache, SuperDecoder
from hat.models.super_transformer import SuperTransformer
from tests.models.conftest import KINDS, randomise, tiny_config

Batch = tuple[Tensor, Tensor, Tensor]


def archs(space: SearchSpace, count: int, seed: int = 0) -> list[SubTransformerConfig]:
    rng = np.random.default_rng(seed)
    return [space.largest(), space.smallest(), *(space.sample(rng) for _ in range(count))]


@torch.no_grad()
def test_padding_does_not_matter(model: SuperTransformer, tiny_space: SearchSpace) -> None:
    short = torch.tensor([[7, 8, 2]])
    prev = torch.tensor([[2, 20, 21]])
    padded = {
        "left": torch.tensor([[1, 1, 7, 8, 2], [5, 6, 7, 8, 2]]),
        "right": torch.tensor([[7, 8, 2, 1, 1], [5, 6, 7, 8, 2]]),
    }
    for arch in archs(tiny_space, 4):
        model.set_sample_config(arch)
        alone = model(short, None, prev)
        for src_tokens in padded.values():
            together = model(src_tokens, None, prev.repeat(2, 1))
            torch.testing.assert_close(together[:1], alone, atol=2e-5, rtol=1e-4)


@torch.no_grad()
def test_a_token_does_not_see_the_future(
    model: SuperTransformer, batch: Batch, tiny_space: SearchSpace
) -> None:
    src_tokens, src_lengths, prev = batch
    model.set_sample_config(tiny_space.largest())
    changed = prev.clone()
    changed[:, 3:] = 49
    before, after = (model(src_tokens, src_lengths, p) for p in (prev, changed))
    torch.testing.assert_close(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3], after[:, 3])


@torch.no_grad()
@pytest.mark.parametrize("steps", [(1, 1, 1, 1, 1, 1), (2, 1, 3), (6,)], ids=str)
def test_incremental_equals_full(
    model: SuperTransformer, batch: Batch, tiny_space: SearchSpace, steps: tuple[int, ...]
) -> None:
    src_tokens, _, prev = batch
    for arch in archs(tiny_space, 3):
        model.set_sample_config(arch)
        encoder_out = model.encoder(src_tokens)
        full = model.decoder(prev, encoder_out)
        cache = DecoderCache()
        pieces, end = [], 0
        for step in steps:
            end += step
            pieces.append(model.decoder(prev[:, :end], encoder_out if end == step else None, cache))
            assert cache.length == end
        torch.testing.assert_close(torch.cat(pieces, dim=1), full, atol=2e-5, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("same_sources", [False, True])
def test_reordered_cache_continues_other_rows(
    model: SuperTransformer, batch: Batch, tiny_space: SearchSpace, same_sources: bool
) -> None:
    src_tokens, _, prev = batch
    if same_sources:
        src_tokens = src_tokens[[0, 0, 0]]
    order = torch.tensor([2, 0, 1] if same_sources else [2, 0, 2, 1])
    for arch in archs(tiny_space, 3):
        model.set_sample_config(arch)
        encoder_out = model.encoder(src_tokens)
        cache = DecoderCache()
        model.decoder(prev[:, :3], encoder_out, cache)
        cache.reorder(order, same_sources=same_sources)
        step = model.decoder(prev[order][:, :4], None, cache)
        full = model.decoder(prev[order][:, :4], encoder_out.index_select(order))
        torch.testing.assert_close(step[:, 0], full[:, 3], atol=2e-5, rtol=1e-4)


@torch.no_grad()
def test_encoder_output_counts_skipped_layers(tiny_space: SearchSpace) -> None:
    model = randomise(SuperTransformer(tiny_config()))
    tokens = torch.tensor([[5, 6, 2]])
    for depth, pattern in ((3, "cba"), (2, "bba"), (1, "aaa")):
        model.encoder.set_sample_config(
            replace(tiny_space.largest().encoder, ffn_dims=(48,) * depth, self_heads=(4,) * depth)
        )
        states = model.encoder(tokens).states
        assert [states[i] is states[0] for i in range(3)] == [c == pattern[0] for c in pattern]
        chosen = model.encoder(tokens).index_select(torch.tensor([0, 0]))
        assert all(state.shape == (2, 3, 32) for state in chosen.states)
        torch.testing.assert_close(chosen.states[2][1], states[2][0])


@torch.no_grad()
def test_pre_norm_normalises_the_newest_state_only() -> None:
    model = randomise(SuperTransformer(tiny_config(**KINDS["pre_norm"])))
    encoder = replace(model.config.largest_arch().encoder, ffn_dims=(48,), self_heads=(4,))
    model.encoder.set_sample_config(encoder)
    newest, second, third = model.encoder(torch.tensor([[5, 6, 2]])).states
    assert second is third
    torch.testing.assert_close(newest, model.encoder.layer_norm(second))


@torch.no_grad()
def test_spans_change_the_result(batch: Batch) -> None:
    model = randomise(SuperTransformer(tiny_config()))
    arch = model.config.largest_arch()
    results = []
    for span in (1, 2, 3):
        model.set_sample_config(
            replace(arch, decoder=replace(arch.decoder, ende_spans=(1, 1, span)))
        )
        results.append(model(*batch))
    assert not torch.allclose(results[0], results[1])
    assert not torch.allclose(results[1], results[2])


def test_gradients_reach_the_sampled_part_only(
    model: SuperTransformer, batch: Batch, tiny_space: SearchSpace
) -> None:
    arch = tiny_space.smallest()
    model.set_sample_config(arch)
    model(*batch).square().sum().backward()
    gradients = {name: p.grad for name, p in model.named_parameters()}
    unused = [g for name, g in gradients.items() if ".layers.1." in name]
    assert unused and all(g is None for g in unused)
    fc1 = gradients["encoder.layers.0.fc1.weight"]
    assert fc1[:16, :24].abs().max() > 0
    assert fc1[16:].abs().max() == fc1[:, 24:].abs().max() == 0
    tokens = gradients["encoder.embed_tokens.weight"]
    assert tokens[1].abs().max() == 0 or model.config.share_all_embeddings
    assert tokens[:, 24:].abs().max() == 0


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_precisions(model: SuperTransformer, batch: Batch, dtype: torch.dtype) -> None:
    expected = model(*batch)
    found = copy.deepcopy(model).to(dtype)(*batch)
    assert found.dtype == dtype
    tolerance = {torch.float64: 1e-4, torch.bfloat16: 0.2, torch.float16: 0.05}[dtype]
    error = (found.float() - expected).abs().max() / expected.abs().max()
    assert error < tolerance


def test_autocast_trains(model: SuperTransformer, batch: Batch) -> None:
    model.train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(*batch)
    logits.float().square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def test_dropout_shrinks_with_the_width(tiny_space: SearchSpace) -> None:
    model = SuperTransformer(tiny_config(dropout=0.4, activation_dropout=0.2))
    model.set_sample_config(tiny_space.smallest())  # encoder 24 of 32, decoder 16 of 32
    assert model.encoder.dropout_p == pytest.approx(0.3)
    assert model.decoder.dropout_p == pytest.approx(0.2)
    assert model.encoder.layer(0).dropout_scale == pytest.approx(0.75)
    assert model.decoder.layer(0).dropout_scale == pytest.approx(0.5)


def test_dropout_drops_only_in_training(batch: Batch) -> None:
    model = SuperTransformer(tiny_config(dropout=0.5, attention_dropout=0.5))
    torch.testing.assert_close(model.eval()(*batch), model(*batch))
    model.train()
    assert not torch.allclose(model(*batch), model(*batch))


def test_loads_what_fairseq_adds(model: SuperTransformer) -> None:
    state = dict(model.state_dict())
    extra = {
        f"{side}.{name}": torch.tensor([3.0])
        for side in ("encoder", "decoder")
        for name in ("version", "embed_positions._float_tensor", "embed_positions.weights")
        if model.encoder.embed_positions is not None or name == "version"
    }
    if model.config.encoder_learned_pos:
        extra = {name: value for name, value in extra.items() if "version" in name}
    model.load_state_dict({**state, **extra})
    with pytest.raises(RuntimeError, match=r"decoder\.verzion"):
        model.load_state_dict({**state, "decoder.verzion": torch.tensor([3.0])})


def test_parameter_names_are_those_of_hat() -> None:
    names = set(SuperTransformer(tiny_config(**KINDS["pre_norm"])).state_dict())
    layer = "decoder.layers.2"
    assert {
        "encoder.embed_tokens.weight",
        "encoder.layers.0.self_attn.in_proj_weight",
        "encoder.layers.0.self_attn.in_proj_bias",
        "encoder.layers.0.self_attn.out_proj.weight",
        "encoder.layers.0.self_attn_layer_norm.weight",
        "encoder.layers.0.fc1.weight",
        "encoder.layers.0.fc2.bias",
        "encoder.layers.0.final_layer_norm.bias",
        "encoder.layer_norm.weight",
        f"{layer}.encoder_attn.in_proj_weight",
        f"{layer}.encoder_attn_layer_norm.weight",
        "decoder.layer_norm.bias",
        "decoder.embed_out",
    } <= names
    unequal = set(SuperTransformer(tiny_config(**KINDS["unequal_widths"])).state_dict())
    for part in ("q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias"):
        assert f"{layer}.encoder_attn.{part}" in unequal
    assert f"{layer}.encoder_attn.in_proj_weight" not in unequal


def test_refused_architecture_changes_nothing(tiny_space: SearchSpace) -> None:
    model = SuperTransformer(tiny_config())
    model.set_sample_config(tiny_space.smallest())
    largest = tiny_space.largest()
    bad = replace(largest, decoder=replace(largest.decoder, self_heads=(4, 4, 3)))
    with pytest.raises(ConfigError, match=r"decoder.self_heads = 3 does not fit: qkv_dim is 16"):
        model.set_sample_config(bad)
    assert model.arch == tiny_space.smallest()
    assert model.encoder.arch == tiny_space.smallest().encoder


@pytest.mark.parametrize(
    ("side", "changes", "message"),
    [
        ("encoder", {"embed_dim": 33}, r"encoder.embed_dim = 33 does not fit: .* has 32"),
        ("decoder", {"ffn_dims": (49, 8, 8)}, r"decoder.ffn_dims = 49 does not fit: .* has 48"),
        (
            "encoder",
            {"ffn_dims": (8,) * 4, "self_heads": (2,) * 4},
            r"encoder.num_layers = 4 does not fit: the SuperTransformer has 3",
        ),
    ],
)
def test_architecture_beyond_the_supernet(
    tiny_space: SearchSpace, side: str, changes: dict[str, Any], message: str
) -> None:
    arch = tiny_space.largest()
    wrong = replace(arch, **{side: replace(getattr(arch, side), **changes)})
    with pytest.raises(ConfigError, match=message):
        SuperTransformer(tiny_config()).set_sample_config(wrong)


def test_span_beyond_the_encoder() -> None:
    model = SuperTransformer(tiny_config(encoder_layers=2))
    arch = model.config.largest_arch()
    wrong = replace(arch, decoder=replace(arch.decoder, ende_spans=(1, 3, 1)))
    with pytest.raises(ConfigError, match=r"ende_spans = 3 does not fit: .* encoder has 2 layers"):
        model.set_sample_config(wrong)


def test_another_decoder_can_be_built_in(batch: Batch) -> None:
    class Other(SuperDecoder):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            SuperDecoder.__init__(self, *args, **kwargs)

    class Model(SuperTransformer):
        def build_decoder(self, embed_tokens: Any, **kwargs: Any) -> SuperDecoder:
            return Other(self.config, embed_tokens, **kwargs)

    model = randomise(Model(tiny_config()))
    assert isinstance(model.decoder, Other)
    assert model(*batch).shape == (3, 6, 50)
    Other(model.config, model.encoder.embed_tokens)  # all of the config's size by default
