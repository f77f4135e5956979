"""A true-size copy has the SubTransformer's logits and nothing but its weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.models.extract import extract
from hat.models.super_transformer import SuperTransformer

Batch = tuple[Tensor, Tensor, Tensor]


@torch.no_grad()
def test_extract_equals_the_slice(
    model: SuperTransformer, batch: Batch, tiny_space: SearchSpace, rng: np.random.Generator
) -> None:
    # tiny_space has every depth, so spans reach over skipped layers, and unequal widths.
    archs = [tiny_space.largest(), tiny_space.smallest()]
    archs += [tiny_space.sample(rng) for _ in range(20)]
    for arch in archs:
        small = extract(model, arch)
        model.set_sample_config(arch)
        torch.testing.assert_close(small(*batch), model(*batch), atol=2e-5, rtol=1e-4)
        held = sum(parameter.numel() for parameter in small.parameters())
        assert held == model.num_params(arch, include_embeddings=True)


@torch.no_grad()
def test_extract_of_an_extract(
    model: SuperTransformer, batch: Batch, tiny_space: SearchSpace
) -> None:
    largest = tiny_space.largest()
    middle = replace(
        largest,
        encoder=replace(largest.encoder, ffn_dims=(32, 48), self_heads=(2, 4)),
        decoder=replace(largest.decoder, embed_dim=16),
    )
    smallest = tiny_space.smallest()
    model.set_sample_config(smallest)
    expected = model(*batch)
    held = extract(model, middle)
    held.set_sample_config(smallest)
    torch.testing.assert_close(held(*batch), expected, atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(extract(held, smallest)(*batch), expected, atol=2e-5, rtol=1e-4)
    with pytest.raises(ConfigError, match=r"encoder.num_layers = 3 does not fit"):
        held.set_sample_config(largest)
    with pytest.raises(ConfigError, match=r"decoder.embed_dim = 32 does not fit: .* has 16"):
        extract(held, replace(middle, decoder=replace(middle.decoder, embed_dim=32)))


def test_extract_leaves_the_model_alone(
    model: SuperTransformer, batch: Batch, tiny_space: SearchSpace
) -> None:
    model.set_sample_config(tiny_space.largest())
    before = model(*batch)
    small = extract(model.double().train(), tiny_space.smallest())
    assert small.training
    assert next(small.parameters()).dtype == torch.float64
    assert model.arch == tiny_space.largest()
    assert small.arch == tiny_space.smallest()
    with torch.no_grad():
        for parameter in small.parameters():
            parameter.zero_()
    torch.testing.assert_close(model.float().eval()(*batch), before)
