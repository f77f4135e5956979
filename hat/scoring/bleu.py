"""BLEU of what SubTransformers translate with the weights they inherit.

``bleu`` translates by beam search, ``bleu-greedy`` takes the likeliest token at every step, which
is several times as fast. Both are sacreBLEU (Post, 2018) of plain text.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU

from hat.arch.config import SubTransformerConfig
from hat.models.decoder import DecoderCache
from hat.models.encoder import EncoderOutput
from hat.models.super_transformer import SuperTransformer
from hat.scoring.batches import Batch
from hat.translation.beam import BeamSearch, BeamSettings
from hat.translation.torch_runner import TorchRunner

Tokens = list[int]
"""One sentence without padding and without its end."""

Translate = Callable[[Sequence[SubTransformerConfig]], list[list[Tokens]]]
"""For each of N architectures its translations, in the order of the sentences."""

ToText = Callable[[Sequence[Tokens]], list[str]]
"""Plain text of sentences."""

MAX_LEN_A, MAX_LEN_B = 2.0, 10
"""No translation is longer than ``a`` times the source plus ``b`` tokens: an architecture that
inherits badly may never end a sentence."""

_SHRINK_BELOW = 0.75
"""Finished sentences leave the batch when no more than this part of it goes on."""


class InheritedBleu:
    """Scores SubTransformers by BLEU, 0..100. Higher is better."""

    higher_is_better = True

    def __init__(
        self, name: str, translate: Translate, references: Sequence[Tokens], to_text: ToText
    ) -> None:
        """Prepares the scoring.

        Args:
            name: for reports.
            translate: does the work.
            references: one for each sentence.
            to_text: what it takes to make plain text of tokens.
        """
        self.name = name
        self._translate = translate
        self._to_text = to_text
        self._bleu = BLEU(references=[to_text(references)])
        self.num_sentences = len(references)

    def score(self, archs: Sequence[SubTransformerConfig]) -> NDArray[np.float64]:
        """Translates with N architectures: BLEU, float64 (N,)."""
        texts = (self._to_text(found) for found in self._translate(archs))
        scores = [self._bleu.corpus_score(text, None).score for text in texts]
        return np.array(scores, dtype=np.float64)


class GreedyTranslator:
    """Translates by the likeliest token at every step. Shared encoders are run once."""

    def __init__(self, model: SuperTransformer, batches: Sequence[Batch], *, eos_idx: int) -> None:
        """Args: model: on the device of the batches; eos_idx: ends and begins a sentence."""
        self._model = model.eval()
        self._batches = batches
        self._eos_idx = eos_idx

    @torch.inference_mode()
    def __call__(self, archs: Sequence[SubTransformerConfig]) -> list[list[Tokens]]:
        """Translates all sentences with each architecture."""
        by_encoder: dict[object, list[int]] = {}
        for index, arch in enumerate(archs):
            by_encoder.setdefault(arch.encoder, []).append(index)
        found: list[list[Tokens]] = [[] for _ in archs]
        for members in by_encoder.values():
            for batch in self._batches:
                self._model.set_sample_config(archs[members[0]])
                encoder_out = self._model.encoder(batch.src_tokens, batch.src_lengths)
                for index in members:
                    self._model.set_sample_config(archs[index])
                    found[index] += greedy_decode(
                        self._model,
                        encoder_out,
                        max_len=self._max_len(batch),
                        eos_idx=self._eos_idx,
                    )
        return found

    def _max_len(self, batch: Batch) -> int:
        most = int(MAX_LEN_A * batch.src_tokens.size(1) + MAX_LEN_B)
        return min(most, self._model.config.max_target_positions - 1)


class BeamTranslator:
    """Translates by beam search."""

    def __init__(
        self,
        model: SuperTransformer,
        batches: Sequence[Batch],
        settings: BeamSettings,
        *,
        eos_idx: int,
        unk_idx: int,
    ) -> None:
        """Prepares the translation.

        Args:
            model: on the device of the batches.
            batches: the sentences.
            settings: of the search.
            eos_idx: ends and begins a sentence.
            unk_idx: the unknown word.
        """
        self._model = model.eval()
        self._batches = batches
        self._settings = settings
        self._eos_idx, self._unk_idx = eos_idx, unk_idx

    def __call__(self, archs: Sequence[SubTransformerConfig]) -> list[list[Tokens]]:
        """Translates all sentences with each architecture."""
        return [self._translated(arch) for arch in archs]

    def _translated(self, arch: SubTransformerConfig) -> list[Tokens]:
        self._model.set_sample_config(arch)
        runner, settings = TorchRunner(self._model), self._settings
        search = BeamSearch(runner, settings, eos_idx=self._eos_idx, unk_idx=self._unk_idx)
        found = (best[0] for batch in self._batches for best in search(batch.src_tokens))
        return [list(hypothesis.tokens[:-1]) for hypothesis in found]


def greedy_decode(
    model: SuperTransformer, encoder_out: EncoderOutput, *, max_len: int, eos_idx: int
) -> list[Tokens]:
    """Decodes a batch with the decoder's cache, each sentence until its end or ``max_len`` tokens.

    The same as fairseq's beam search with a single beam: no padding, no empty sentence.

    Args:
        model: set to the architecture; only its decoder runs.
        encoder_out: of B sentences.
        max_len: tokens without the end.
        eos_idx: the end of a sentence; also what decoding starts from.

    Returns:
        B sentences.
    """
    decoder, padding_idx = model.decoder, model.config.padding_idx
    memory = encoder_out.states[0]
    tokens = memory.new_full((memory.size(0), max_len + 1), padding_idx, dtype=torch.int64)
    tokens[:, 0] = eos_idx
    sentence_of = list(range(len(tokens)))
    going = torch.ones(len(tokens), dtype=torch.bool, device=tokens.device)
    found: list[Tokens] = [[] for _ in sentence_of]
    cache = DecoderCache()
    for step in range(max_len):
        first = encoder_out if step == 0 else None
        logits = decoder(tokens[:, : step + 1], first, cache)[:, -1].float()
        logits[:, padding_idx] = -torch.inf
        if step == 0:
            logits[:, eos_idx] = -torch.inf
        chosen = logits.argmax(dim=-1)
        tokens[:, step + 1] = chosen
        for row in (going & chosen.eq(eos_idx)).nonzero()[:, 0].tolist():
            found[sentence_of[row]] = tokens[row, 1 : step + 1].tolist()
        going &= chosen.ne(eos_idx)
        left = going.nonzero()[:, 0]
        if not len(left):
            return found
        if len(left) <= _SHRINK_BELOW * len(going):
            cache.reorder(left)
            tokens, going = tokens[left], going[left]
            sentence_of = [sentence_of[row] for row in left.tolist()]
    for row in going.nonzero()[:, 0].tolist():
        found[sentence_of[row]] = tokens[row, 1:].tolist()
    return found


def references_of(batches: Sequence[Batch], *, padding_idx: int, eos_idx: int) -> list[Tokens]:
    """Returns the target sentences in the order of the batches."""
    special = {padding_idx, eos_idx}
    return [
        [token for token in row if token not in special]
        for batch in batches
        for row in batch.target.tolist()
    ]
