"""Sentences that share a row, and architectures that share layers, get what they get alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.models.encoder import SuperEncoder
from hat.models.super_transformer import SuperTransformer
from hat.modules.encoder_layer import EncoderLayerSuper
from hat.scoring import batches as batches_module
from hat.scoring.batches import Batch, deal_into_blocks
from hat.scoring.inherited_loss import InheritedLoss
from tests.models.conftest import KINDS, randomise, tiny_config

PAD = 1
LENGTHS = [(3, 5), (9, 2), (4, 4), (12, 11), (1, 1), (2, 7), (6, 3), (5, 5), (3, 2)]


@pytest.fixture(params=KINDS)
def model(request: pytest.FixtureRequest) -> SuperTransformer:
    return randomise(SuperTransformer(tiny_config(**KINDS[request.param])))


@pytest.fixture
def sentences() -> list[Batch]:
    """Every sentence is a batch of its own, without padding."""
    rng = np.random.default_rng(0)
    batches = []
    for source, target in LENGTHS:
        words = torch.from_numpy(rng.integers(4, 50, target + 1))
        batches.append(
            Batch(
                src_tokens=torch.from_numpy(rng.integers(4, 50, (1, source))),
                src_lengths=torch.tensor([source]),
                prev_output_tokens=words[None, :-1],
                target=words[None, 1:],
            )
        )
    return batches


def dealt(
    sentences: list[Batch],
    monkeypatch: pytest.MonkeyPatch,
    packed: torch.dtype | None,
    max_tokens: int = 30,
) -> list[Batch]:
    monkeypatch.setattr(batches_module, "ROW_TOKENS", 14)
    [block] = deal_into_blocks(
        sentences,
        [len(sentences)],
        padding_idx=PAD,
        max_tokens=max_tokens,
        rng=np.random.default_rng(1),
        packed=packed,
    )
    return block


def some(space: SearchSpace) -> list[SubTransformerConfig]:
    rng = np.random.default_rng(0)
    return [space.largest(), space.smallest(), *(space.sample(rng) for _ in range(6))]


def test_rows_with_several_sentences_score_as_each_alone(
    model: SuperTransformer,
    sentences: list[Batch],
    tiny_space: SearchSpace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    block = dealt(sentences, monkeypatch, torch.float32)
    assert [batch.num_sentences for batch in block] != [len(batch.target) for batch in block]
    assert all(batch.target.size(1) <= 14 and batch.src_tokens.size(1) <= 14 for batch in block)
    assert sum(batch.num_sentences for batch in block) == len(sentences)
    assert any(batch.target.eq(PAD).any() for batch in block)
    archs = some(tiny_space)
    loss = InheritedLoss(model, sentences)
    alone, together = loss.sentence_losses(archs), loss.sentence_losses(archs, block)
    np.testing.assert_allclose(np.sort(together), np.sort(alone), rtol=2e-5)


def test_packing_leaves_less_padding(
    sentences: list[Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = sentences * 4
    plain, packed = (dealt(many, monkeypatch, dtype, 300) for dtype in (None, torch.float32))
    used = [
        sum(int(batch.target.ne(PAD).sum()) for batch in block)
        / sum(batch.target.numel() for batch in block)
        for block in (plain, packed)
    ]
    assert used[0] < 0.7 < used[1]


def test_one_long_sentence_widens_no_other_row(
    sentences: list[Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = torch.arange(4, 45)[None]
    lengths = torch.tensor([words.size(1)])
    long = Batch(words, lengths, prev_output_tokens=words, target=words)
    block = dealt([*sentences * 4, long], monkeypatch, torch.float32, 60)
    assert [batch.target.size(1) for batch in block if batch.target.size(1) > 14] == [41]
    assert all(batch.target.numel() <= 60 for batch in block)


@pytest.mark.parametrize("packed", [None, torch.float32], ids=["rows", "packed"])
def test_shared_layers_change_no_bit(
    model: SuperTransformer,
    sentences: list[Batch],
    tiny_space: SearchSpace,
    monkeypatch: pytest.MonkeyPatch,
    packed: torch.dtype | None,
) -> None:
    loss = InheritedLoss(model, dealt(sentences, monkeypatch, packed))
    archs = some(tiny_space)
    together = loss.sentence_losses(archs)
    for arch, losses in zip(archs, together, strict=True):
        np.testing.assert_array_equal(loss.sentence_losses([arch])[0], losses)


def test_a_layer_runs_once_for_all_that_begin_alike(
    sentences: list[Batch], tiny_space: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = randomise(SuperTransformer(tiny_config()))
    calls = {"embed": 0, "layer": 0}
    embed, run = SuperEncoder.embed, EncoderLayerSuper.forward

    def count_embed(self: SuperEncoder, *args: object, **more: object) -> torch.Tensor:
        calls["embed"] += 1
        return embed(self, *args, **more)  # type: ignore[arg-type]

    def count_run(self: EncoderLayerSuper, *args: object) -> torch.Tensor:
        calls["layer"] += 1
        return run(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(SuperEncoder, "embed", count_embed)
    monkeypatch.setattr(EncoderLayerSuper, "forward", count_run)
    largest = tiny_space.largest()
    last = largest.encoder.num_layers - 1
    narrow = list(largest.encoder.ffn_dims)
    narrow[last] //= 2
    twin = replace(largest, encoder=replace(largest.encoder, ffn_dims=tuple(narrow)))
    InheritedLoss(model, sentences[:1]).score([largest, tiny_space.smallest(), twin, largest])
    smallest = tiny_space.smallest().encoder
    assert calls == {"embed": 2, "layer": last + 1 + smallest.num_layers + 1}
