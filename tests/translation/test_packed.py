"""Packed layers and moving caches compute what the modules do."""

from typing import Any

import numpy as np
import pytest
import torch

from hat.models.super_transformer import SuperTransformer
from hat.translation import linear, packed
from hat.translation.caches import MovingCache
from hat.translation.linear import PackedLinear
from hat.translation.torch_runner import TorchRunner
from tests.models.conftest import KINDS, randomise, tiny_config
from tests.translation.conftest import random_arch, random_sentences


@pytest.mark.numbers
@pytest.mark.parametrize("fold", [0, 10**6], ids=["plain", "folded"])
@pytest.mark.parametrize("kind", KINDS)
def test_steps_give_the_modules_log_probabilities(
    kind: str, fold: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hypotheses branch, end, change places and leave with their sentence."""
    monkeypatch.setattr(packed, "_FOLD", fold)
    rng = np.random.default_rng(len(kind))
    config = tiny_config(**KINDS[kind])
    model = randomise(SuperTransformer(config))
    model.set_sample_config(random_arch(rng, config))
    source = random_sentences(rng, 5, 50)
    histories = torch.full((5, 1, 1), 2)
    with torch.inference_mode():
        runner = TorchRunner(model)
        decoding = runner.decode(runner.encode(source), 15)
        for step in range(15):
            rows = histories.flatten(0, 1)
            beams = histories.size(1)
            found = torch.cat([part.clone() for part in decoding.step(histories[:, :, -1])])
            logits = model(source.repeat_interleave(beams, 0), None, rows)[:, -1]
            torch.testing.assert_close(found, logits.log_softmax(-1), atol=2e-5, rtol=1e-5)
            parents = torch.from_numpy(rng.integers(0, beams, (len(source), 3)))
            decoding.move(parents)
            histories = histories.gather(1, parents[:, :, None].expand(-1, -1, step + 1))
            new = torch.from_numpy(rng.integers(4, 50, (len(source), 3, 1)))
            histories = torch.cat((histories, new), dim=2)
            if step in (3, 9):
                order = torch.tensor([0, len(source) - 1, *range(2, len(source) - 1)])
                decoding.keep(order)
                histories, source = histories[order], source[order]


@pytest.mark.parametrize("packs", [True, False])
@pytest.mark.parametrize("relu", [True, False])
def test_packed_products(packs: bool, relu: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not packs:
        monkeypatch.setattr(linear, "is_for_onednn", lambda weight: False)
    weight, bias = torch.randn(20, 12), torch.randn(20)
    x, residual = torch.randn(7, 12), torch.randn(7, 20)
    plain = x @ weight.t() + bias
    product = PackedLinear(weight, bias, relu=relu)
    torch.testing.assert_close(product(x), plain.relu() if relu else plain)
    if not relu:
        torch.testing.assert_close(product.added_to(residual, x), residual + plain)
        without = PackedLinear(weight, None)
        torch.testing.assert_close(without(x), x @ weight.t())


def test_dead_tokens_are_dropped() -> None:
    """A beam that always continues its first hypothesis needs little memory."""
    like: Any = torch.empty(0)
    cache = MovingCache(2, [2], 8, like)
    lengths, num_masked = [], 0
    for step in range(200):
        beams = 1 if step == 0 else 3
        mask = cache.append(beams)
        keys, _ = cache.store(0, torch.full((2, 2, 2, beams, 4), float(step)))
        lengths.append(keys.size(1))
        if mask is not None:
            seen = [keys[0][mask[0, 0, beam].eq(0), 0] for beam in range(beams)]
            assert all(row.tolist() == list(map(float, range(step + 1))) for row in seen)
            num_masked += 1
        cache.move(torch.zeros(2, 3, dtype=torch.int64))
    assert max(lengths) < 200 + 3 * 33
    assert num_masked == 199  # every step but the first


def test_other_types_than_float_run_too() -> None:
    config = tiny_config(share_all_embeddings=True)
    model = randomise(SuperTransformer(config)).bfloat16()
    source = random_sentences(np.random.default_rng(0), 4, 50)
    with torch.inference_mode():
        first = torch.full((4, 1), 2)
        runner = TorchRunner(model)
        found = torch.cat(list(runner.decode(runner.encode(source), 3).step(first)))
        logits = model(source, None, first)[:, -1].float()
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, logits.log_softmax(-1), atol=0.3, rtol=0.1)
