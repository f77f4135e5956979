import argparse
from pathlib import Path

import numpy as np
import pytest
import torch

from hat.arch.hat_yaml import space_from_options
from hat.arch.space import SearchSpace
from hat.models.super_transformer import SuperTransformer
from hat.scoring.bleu import (
    BeamTranslator,
    GreedyTranslator,
    InheritedBleu,
    greedy_decode,
    references_of,
)
from hat.translation.beam import BeamSettings

pytest.importorskip("fairseq")

from hat.fairseq_plugin.arguments import parse, training_parser
from hat.fairseq_plugin.generation import plain_text
from hat.fairseq_plugin.loading import build_task, load_super_transformer, validation_batches
from hat.fairseq_plugin.model import TransformerSuperModel
from tests.translation.conftest import fairseq_n_best

LENGTHS = {"max_len_a": 2.0, "max_len_b": 10}


class Setting:
    """A task, its sentences and a network."""

    def __init__(self, args: argparse.Namespace, checkpoint: Path) -> None:
        self.task = build_task(args)
        self.model: SuperTransformer = load_super_transformer(str(checkpoint), self.task)
        self.space: SearchSpace = space_from_options(vars(args), "test")
        self.batches = validation_batches(self.task, "valid", self.model.config, max_tokens=40)
        self.eos_idx = self.task.target_dictionary.eos()
        self.references = references_of(self.batches, padding_idx=1, eos_idx=self.eos_idx)


@pytest.fixture(scope="module")
def setting(space_yml: Path, supernet: Path) -> Setting:
    return Setting(parse(training_parser, [f"--configs={space_yml}"]), supernet)


@pytest.mark.parametrize("beam", [1, 4])
def test_translators_are_fairseq_s_generator(setting: Setting, beam: int) -> None:
    rng = np.random.default_rng(1)
    archs = [setting.space.largest(), *(setting.space.sample(rng) for _ in range(4))]
    settings = BeamSettings(beam=beam, **LENGTHS)
    ours = BeamTranslator(setting.model, setting.batches, settings, eos_idx=2, unk_idx=3)(archs)
    reference = TransformerSuperModel(setting.model.config).eval()
    reference.load_state_dict(setting.model.state_dict())
    for arch, found in zip(archs, ours, strict=True):
        reference.set_sample_config(arch)
        theirs = [
            list(best[0].tokens[:-1])
            for batch in setting.batches
            for best in fairseq_n_best(reference, batch.src_tokens, settings)
        ]
        assert found == theirs
    assert [len(each) for each in ours] == [13] * len(archs)
    assert len({str(each) for each in ours}) == len(archs)
    if beam == 1:
        greedy = GreedyTranslator(setting.model, setting.batches, eos_idx=setting.eos_idx)
        assert greedy(archs) == ours


class Spelling(torch.nn.Module):
    """A network whose sentence number i says i tokens and then ends; its cache counts steps."""

    def __init__(self, endings: list[int]) -> None:
        super().__init__()
        self.endings = torch.tensor(endings)
        self.decoder = self._decode
        self.config = argparse.Namespace(padding_idx=1)

    def _decode(self, tokens, encoder_out, cache):
        if encoder_out is not None:
            cache.layers, cache.rows = [], torch.arange(len(self.endings))
            cache.reorder = lambda order: setattr(cache, "rows", cache.rows[order])
        logits = torch.zeros(len(tokens), 1, 9)
        logits[:, :, 5] = 1.0
        logits[:, 0, 1] = 9.0  # padding is never chosen
        logits[self.endings[cache.rows] < tokens.size(1), 0, 2] = 2.0
        return logits


def test_sentences_end_where_they_end_however_the_batch_shrinks() -> None:
    endings = [3, 0, 1, 7, 2, 1, 5]
    memory = argparse.Namespace(states=[torch.zeros(len(endings), 1, 1)])
    found = greedy_decode(Spelling(endings), memory, max_len=6, eos_idx=2)
    # Nothing is empty and nothing longer than max_len.
    assert found == [[5] * min(max(count, 1), 6) for count in endings]


def test_bleu_of_the_references_is_100(setting: Setting) -> None:
    to_text = plain_text(setting.task)
    wrong = [tokens[::-1] for tokens in setting.references]
    scorer = InheritedBleu(
        "bleu", lambda archs: [setting.references, wrong], setting.references, to_text
    )
    best, worse = scorer.score([setting.space.largest(), setting.space.smallest()])
    assert best == pytest.approx(100)
    assert worse < 50
    assert scorer.num_sentences == 13


def test_plain_text_has_no_bpe_and_no_blanks_before_stops(setting: Setting) -> None:
    words = setting.task.target_dictionary
    for word in ("w@@", "ord", "."):
        words.add_symbol(word)
    tokens = [words.index(word) for word in ("w@@", "ord", "w1", ".")]
    assert plain_text(setting.task)([tokens]) == ["word w1."]
