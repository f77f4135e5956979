"""A short-list: the words of a batch, its file, and a search among its words only."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from hat.errors import CheckpointError, ConfigError
from hat.models.extract import extract
from hat.translation.beam import BeamSearch, BeamSettings
from hat.translation.eager_runner import EagerRunner
from hat.translation.shortlist import Shortlist, read_shortlist
from hat.translation.torch_runner import TorchRunner
from tests.models.conftest import KINDS, randomise, tiny_config
from tests.translation.conftest import EOS, PAD, random_arch, random_sentences

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
WORDS = ((*SPECIAL, "one", "two", "three"), (*SPECIAL, "un", "deux", "trois", "et"))
SETTINGS = BeamSettings(beam=4, nbest=4, max_len_b=12)


def small_list() -> Shortlist:
    nothing = np.empty(0, dtype=np.int64)
    return Shortlist([7], [nothing] * 4 + [np.array([4]), np.array([5, 4]), nothing])


def test_the_words_of_a_batch_are_those_of_its_sources_and_the_common_ones() -> None:
    found = small_list()
    assert found.words(torch.tensor([[4, EOS], [PAD, EOS]])).tolist() == [2, 3, 4, 7]
    assert found.words(torch.tensor([[5, EOS], [6, EOS]])).tolist() == [2, 3, 4, 5, 7]
    assert found.words(torch.tensor([[6, EOS]])).tolist() == [2, 3, 7]


def test_the_file_is_a_vocabulary_map_and_reads_as_it_was_written(tmp_path: Path) -> None:
    small_list().write(tmp_path / "vmap.txt", WORDS)
    text = (tmp_path / "vmap.txt").read_text(encoding="utf-8")
    assert text == "\t</s> <unk> et\none\tun\ntwo\tdeux un\n"
    again = read_shortlist(tmp_path / "vmap.txt", WORDS)
    for sources in ([[4, 5, EOS]], [[6, EOS]]):
        tokens = torch.tensor(sources)
        assert again.words(tokens).tolist() == small_list().words(tokens).tolist()


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("one un", "has no tab"),
        ("one\tun\none\tdeux", ":2: tells of 'one' once more"),
        ("four\tun", "'four' is none of the 7 source words"),
        ("one\tquatre", "'quatre' is none of the 8 target words"),
        ("one\t", "'' is none of the 8 target words"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, line: str, what: str) -> None:
    path = tmp_path / "vmap.txt"
    path.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(CheckpointError) as error:
        read_shortlist(path, WORDS)
    assert str(error.value).startswith(f"{path}:") and what in str(error.value)


def test_a_word_that_the_file_would_part_is_refused(tmp_path: Path) -> None:
    target = (*WORDS[1][:4], "a b", *WORDS[1][5:])
    with pytest.raises(ConfigError, match="cannot hold the word 'a b'"):
        small_list().write(tmp_path / "vmap.txt", (WORDS[0], target))
    assert not (tmp_path / "vmap.txt").exists()


def drawn(rng: np.random.Generator, size: int) -> Shortlist:
    return Shortlist([9], [rng.choice(np.arange(4, size), 3, replace=False) for _ in range(size)])


@pytest.mark.numbers
@pytest.mark.parametrize("kind", KINDS)
def test_a_search_finds_what_the_modules_give_when_all_other_words_are_impossible(
    kind: str,
) -> None:
    config = tiny_config(**KINDS[kind])
    rng = np.random.default_rng(5)
    from hat.models.super_transformer import SuperTransformer

    model = randomise(SuperTransformer(config), 3).eval()
    small = extract(model, random_arch(rng, config))
    source = random_sentences(rng, 7, 50)
    shortlist = drawn(rng, config.tgt_vocab_size)
    found = BeamSearch(TorchRunner(small), SETTINGS, shortlist=shortlist)(source)
    allowed = shortlist.words(source)
    masked = BeamSearch(_Masked(EagerRunner(small), allowed), SETTINGS)(source)
    for ours, theirs in zip(found, masked, strict=True):
        assert [each.tokens for each in ours] == [each.tokens for each in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert one.score == pytest.approx(other.score, abs=1e-4)
            assert set(one.tokens) <= set(allowed.tolist())


@pytest.mark.numbers
def test_a_list_of_all_words_changes_nothing() -> None:
    config = tiny_config()
    from hat.models.super_transformer import SuperTransformer

    small = randomise(SuperTransformer(config), 1).eval()
    source = random_sentences(np.random.default_rng(2), 5, 50)
    everything = Shortlist(np.arange(config.tgt_vocab_size), [np.arange(0)] * 50)
    for runner in (TorchRunner(small), EagerRunner(small)):
        with_list = BeamSearch(runner, SETTINGS, shortlist=everything)(source)
        without = BeamSearch(runner, SETTINGS)(source)
        assert [[h.tokens for h in each] for each in with_list] == [
            [h.tokens for h in each] for each in without
        ]


def test_a_beam_wider_than_the_list_and_limits_keep_to_it() -> None:
    config = tiny_config()
    from hat.models.super_transformer import SuperTransformer

    small = randomise(SuperTransformer(config), 1).eval()
    shortlist = Shortlist([9], [np.arange(0)] * 50)
    settings = BeamSettings(beam=8, nbest=8, max_len_b=3, min_len=2, unkpen=1e6)
    for found in BeamSearch(TorchRunner(small), settings, shortlist=shortlist)(
        random_sentences(np.random.default_rng(2), 3, 50)
    ):
        assert found and all(set(each.tokens) <= {2, 3, 9} for each in found)
        assert all(len(each.tokens) >= 3 for each in found)
        assert set(found[0].tokens) == {2, 9}, "an unknown word costs a million"


class _Masked:
    """A runner whose words outside the list are impossible."""

    def __init__(self, runner: EagerRunner, allowed: Tensor) -> None:
        self._runner, self._allowed = runner, allowed
        self.vocab_size, self.padding_idx = runner.vocab_size, runner.padding_idx
        self.max_target_positions = runner.max_target_positions

    def encode(self, src_tokens: Tensor) -> object:
        return self._runner.encode(src_tokens)

    def decode(self, encoded: object, max_steps: int, words: Tensor | None = None) -> object:
        decoding = self._runner.decode(encoded, max_steps)  # type: ignore[arg-type]
        step, allowed = decoding.step, self._allowed

        def masked(tokens: Tensor) -> object:
            for part in step(tokens):
                whole = torch.full_like(part, -torch.inf)
                whole[:, allowed] = part[:, allowed].log_softmax(-1)
                yield whole

        decoding.step = masked  # type: ignore[assignment,method-assign]
        return decoding
