"""Our beam search gives fairseq's hypotheses, and each of its rules has a case of its own."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hat.errors import ConfigError, DataError
from hat.models.extract import extract
from hat.translation.beam import BeamSearch, BeamSettings
from hat.translation.torch_runner import TorchRunner
from tests.models.conftest import KINDS, tiny_config
from tests.translation.conftest import (
    EOS,
    PAD,
    assert_same,
    fairseq_model,
    fairseq_n_best,
    our_n_best,
    random_arch,
    random_sentences,
)

SETTINGS = {
    "plain": BeamSettings(beam=5, nbest=5, max_len_b=15),
    "greedy": BeamSettings(beam=1, max_len_b=15),
    "short favoured": BeamSettings(beam=4, nbest=4, max_len_b=18, lenpen=0.6),
    "long favoured": BeamSettings(beam=3, nbest=3, max_len_b=12, lenpen=1.4),
    "unknown words cost": BeamSettings(beam=4, nbest=4, max_len_b=10, unkpen=0.7),
    "unknown words favoured": BeamSettings(beam=4, nbest=4, max_len_b=10, unkpen=-4.0),
    "by source length": BeamSettings(beam=4, nbest=4, max_len_a=0.7, max_len_b=2),
    "at least six": BeamSettings(beam=4, nbest=4, max_len_b=9, min_len=6),
    "may be empty": BeamSettings(beam=4, nbest=4, max_len_b=9, min_len=0),
    "one length": BeamSettings(beam=4, nbest=4, max_len_b=5, min_len=5),
    "no room": BeamSettings(beam=4, nbest=4, max_len_b=0, min_len=0),
    "limited by positions": BeamSettings(beam=2, nbest=2, max_len_b=200),
}


@pytest.mark.numbers
@pytest.mark.parametrize("kind", KINDS)
def test_hypotheses_are_fairseq_s(kind: str) -> None:
    pytest.importorskip("fairseq")
    config = tiny_config(**KINDS[kind])
    for seed in range(3):
        rng = np.random.default_rng(seed)
        model = fairseq_model(config, random_arch(rng, config), seed)
        source = random_sentences(rng, 9, 50, left_pad=seed % 2 == 0)
        settings = SETTINGS["plain"]
        assert_same(our_n_best(model, source, settings), fairseq_n_best(model, source, settings))


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_mean_what_fairseq_means(name: str) -> None:
    pytest.importorskip("fairseq")
    rng = np.random.default_rng(7)
    config = tiny_config(share_all_embeddings=True)
    model = fairseq_model(config, random_arch(rng, config))
    source = random_sentences(rng, 8, 50)
    settings = SETTINGS[name]
    assert_same(our_n_best(model, source, settings), fairseq_n_best(model, source, settings))


@pytest.mark.parametrize(("vocab_size", "beam"), [(6, 3), (9, 5), (64, 5), (65, 7), (200, 40)])
def test_dictionaries_of_any_size(vocab_size: int, beam: int) -> None:
    pytest.importorskip("fairseq")
    rng = np.random.default_rng(1)
    config = tiny_config(src_vocab_size=vocab_size, tgt_vocab_size=vocab_size)
    model = fairseq_model(config)
    source = random_sentences(rng, 5, vocab_size)
    settings = BeamSettings(beam=beam, nbest=beam, max_len_b=9)
    assert_same(our_n_best(model, source, settings), fairseq_n_best(model, source, settings))


@pytest.mark.slow
def test_a_thousand_sentences() -> None:
    pytest.importorskip("fairseq")
    sentences = 0
    for seed in range(28):
        rng = np.random.default_rng(100 + seed)
        changes: dict[str, Any] = {**KINDS[list(KINDS)[seed % len(KINDS)]]}
        size = int(rng.choice([60, 300, 1000]))
        changes |= {"src_vocab_size": size, "tgt_vocab_size": size, "max_target_positions": 128}
        changes["activation_fn"] = str(rng.choice(["relu", "gelu", "gelu_fast", "tanh"]))
        config = tiny_config(**changes)
        model = fairseq_model(config, random_arch(rng, config), seed)
        source = random_sentences(rng, 36, size)
        settings = BeamSettings(beam=5, nbest=5, max_len_a=1.5, max_len_b=20, lenpen=0.8)
        assert_same(our_n_best(model, source, settings), fairseq_n_best(model, source, settings))
        sentences += len(source)
    assert sentences >= 1000


def test_neighbours_matter_by_their_length_only_and_only_for_the_limit() -> None:
    """The ending rule: the limit counts the tokens of the longest source of the batch."""
    rng = np.random.default_rng(3)
    config = tiny_config(share_all_embeddings=True, max_target_positions=64)
    model = fairseq_or_plain(config)
    words = rng.integers(4, 50, (12, 4)).tolist()
    short = torch.tensor([[*line, EOS] for line in words])
    longer = torch.cat((torch.full((12, 10), PAD), short), dim=1)
    longer[0] = torch.tensor([*rng.integers(4, 50, 14).tolist(), EOS])
    fixed = BeamSettings(beam=4, nbest=4, max_len_b=20)
    growing = BeamSettings(beam=4, nbest=4, max_len_a=2.0, max_len_b=2)
    search = TorchRunner(model)
    alone, beside = (BeamSearch(search, fixed)(source)[1:] for source in (short, longer))
    assert_same(alone, beside)
    alone, beside = (BeamSearch(search, growing)(source)[1:] for source in (short, longer))
    ran_into_it = [max(len(each.tokens) for each in n_best) == 13 for n_best in alone]
    assert any(ran_into_it)
    for one, other, limited in zip(alone, beside, ran_into_it, strict=True):
        if limited:
            assert one != other
        else:
            assert [each.tokens for each in one] == [each.tokens for each in other]


def fairseq_or_plain(config: Any) -> Any:
    from hat.models.super_transformer import SuperTransformer
    from tests.models.conftest import randomise

    return randomise(SuperTransformer(config))


def test_at_the_limit_the_end_is_scored_as_any_token() -> None:
    config = tiny_config(share_all_embeddings=True)
    model = fairseq_or_plain(config)
    source = random_sentences(np.random.default_rng(0), 4, 50)
    settings = BeamSettings(beam=3, nbest=3, max_len_b=4)
    checked = 0
    for row, n_best in zip(source, our_n_best(model, source, settings), strict=True):
        assert [each.score for each in n_best] == sorted((e.score for e in n_best), reverse=True)
        for hypothesis in n_best:
            tokens = torch.tensor(hypothesis.tokens)
            previous = torch.cat((tokens[-1:], tokens[:-1]))[None]
            with torch.no_grad():
                logits = model(row[row.ne(PAD)][None], None, previous)[0]
            scores = logits.log_softmax(-1).gather(1, tokens[:, None])[:, 0]
            np.testing.assert_allclose(hypothesis.token_scores, scores, atol=1e-4)
            assert hypothesis.score == pytest.approx(float(scores.sum()) / len(tokens), abs=1e-5)
            assert len(tokens) <= 5
            checked += len(tokens) == 5
    assert checked


def test_an_extract_translates_as_the_whole_does() -> None:
    rng = np.random.default_rng(4)
    config = tiny_config(encoder_embed_dim=40)
    model = fairseq_or_plain(config)
    arch = random_arch(rng, config)
    model.set_sample_config(arch)
    source = random_sentences(rng, 6, 50)
    settings = SETTINGS["plain"]
    whole = our_n_best(model, source, settings)
    assert_same(our_n_best(extract(model, arch), source, settings), whole)


def test_a_runner_keeps_what_it_was_made_of() -> None:
    config = tiny_config(share_all_embeddings=True)
    model = fairseq_or_plain(config)
    source = random_sentences(np.random.default_rng(5), 3, 50)
    search = BeamSearch(TorchRunner(model), SETTINGS["plain"])
    before = search(source)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    model.set_sample_config(random_arch(np.random.default_rng(0), config))
    assert search(source) == before


def test_only_the_best_are_returned() -> None:
    model = fairseq_or_plain(tiny_config())
    source = random_sentences(np.random.default_rng(6), 3, 50)
    five = our_n_best(model, source, SETTINGS["plain"])
    two = our_n_best(model, source, replace(SETTINGS["plain"], nbest=2))
    assert two == [n_best[:2] for n_best in five]
    assert our_n_best(model, source[:0], SETTINGS["plain"]) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"beam": 0}, "beam must be at least 1, but found 0"),
        ({"nbest": 6}, r"nbest must be at most beam \(5\), but found 6"),
        ({"max_len_b": -1}, "max_len_b must be at least 0|max-len-b must be at least 0"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BeamSettings(**changes)


def test_a_minimum_beyond_the_limit_is_refused() -> None:
    model = fairseq_or_plain(tiny_config())
    source = random_sentences(np.random.default_rng(6), 3, 50)
    with pytest.raises(ConfigError, match=r"min-len \(30\) must be at most .* 19 tokens"):
        our_n_best(model, source, BeamSettings(min_len=30))


def test_weights_that_are_no_numbers_are_refused() -> None:
    model = fairseq_or_plain(tiny_config(share_all_embeddings=True))
    with torch.no_grad():
        model.decoder.layer(2).fc2.weight.fill_(torch.nan)
    source = random_sentences(np.random.default_rng(6), 3, 50)
    with pytest.raises(DataError, match="the model's output is not numbers"):
        our_n_best(model, source, BeamSettings(max_len_b=4))


class Scripted:
    """A model whose log-probabilities are written down: one table for each step."""

    vocab_size, padding_idx, max_target_positions = 6, 1, 50

    def __init__(self, steps: Sequence[Sequence[float]]) -> None:
        self._steps = iter(steps)

    def encode(self, src_tokens: Tensor) -> None: ...

    def decode(self, encoded: None, max_steps: int) -> "Scripted":
        return self

    def step(self, tokens: Tensor) -> Iterable[Tensor]:
        return [torch.tensor([next(self._steps)] * tokens.numel())]

    def move(self, beams: Tensor) -> None: ...

    def keep(self, order: Tensor) -> None: ...


def test_an_end_behind_the_beam_is_dropped_and_the_search_stops_early() -> None:
    low = -9.0
    steps = [
        [low, low, -1.0, low, -0.5, -0.6],  # the end ranks third, behind a beam of two
        [low, low, -0.1, low, -0.3, -5.0],  # both end first and second: finished
        [low, low, 0.0, low, low, low],
    ]
    search = BeamSearch(Scripted(steps), BeamSettings(beam=2, nbest=2, max_len_b=9, min_len=0))
    found = search(torch.tensor([[4, 2]]))[0]
    assert [each.tokens for each in found] == [(4, 2), (5, 2)]
    assert found[0].score == pytest.approx(-0.3)


class Bigrams:
    """A model whose log-probabilities depend on the newest token alone: one row for each."""

    vocab_size, padding_idx, max_target_positions = 6, PAD, 50

    def __init__(self, follow: dict[int, dict[int, float]]) -> None:
        self._rows = torch.full((self.vocab_size, self.vocab_size), -20.0)
        for token, likely in follow.items():
            for next_token, value in likely.items():
                self._rows[token, next_token] = value

    def encode(self, src_tokens: Tensor) -> None: ...

    def decode(self, encoded: None, max_steps: int) -> "Bigrams":
        return self

    def step(self, tokens: Tensor) -> Iterable[Tensor]:
        return [self._rows[tokens.flatten()]]

    def move(self, beams: Tensor) -> None: ...

    def keep(self, order: Tensor) -> None: ...


A, B = 4, 5


@pytest.mark.parametrize(
    ("source", "limits"),
    [
        ([[A, EOS]], {"max_len_b": 2}),
        ([[A, B, EOS]], {"max_len_a": 0.7, "max_len_b": 0}),  # int(0.7 * 3)
        ([[PAD, A, EOS], [A, A, EOS]], {"max_len_a": 0.7, "max_len_b": 0}),  # 3, with the padding
    ],
)
@pytest.mark.parametrize("lenpen", [1.0, 0.6, 0.0])
def test_the_last_step_ends_all_and_counts_the_end(
    source: list[list[int]], limits: dict[str, Any], lenpen: float
) -> None:
    """Two tokens at most. "B end" is found before; of "A A", "A B" and "B A" two more fit."""
    follow = {
        EOS: {A: -0.1, B: -2.0},
        A: {A: -0.2, B: -0.5, EOS: -6.0},
        B: {A: -0.7, EOS: -0.4},
    }
    settings = BeamSettings(beam=3, nbest=3, lenpen=lenpen, **limits)
    for found in BeamSearch(Bigrams(follow), settings)(torch.tensor(source)):
        expected = {
            # "A A" is likelier than "A B" until the end is forced: its log-probability decides.
            (A, B, EOS): [-0.1, -0.5, -0.4],
            (B, EOS): [-2.0, -0.4],  # was finished one step before, and stays
            (A, A, EOS): [-0.1, -0.2, -6.0],  # "B A end", -8.7, comes too late: three are enough
        }
        assert [each.tokens for each in found] == list(expected)
        for hypothesis, steps in zip(found, expected.values(), strict=True):
            assert hypothesis.token_scores == pytest.approx(steps, abs=1e-5)
            score = sum(steps) / len(hypothesis.tokens) ** lenpen
            assert hypothesis.score == pytest.approx(score, abs=1e-6)
