"""A CTranslate2 model that translates token numbers by CTranslate2's own beam search."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hat.engines.base import END_IDX, UNKNOWN_IDX, Passes, told_of
from hat.engines.ctranslate2_files import Ctranslate2Network
from hat.errors import ConfigError, DataError
from hat.translation.beam import BeamSettings, Hypothesis, longest_translation
from hat.translation.shortlist import Shortlist

_ENGINE = "ctranslate2"
_PADDING_IDX = 1


class Ctranslate2Runnable:
    """See ``hat.engines.base.Runnable``.

    Args:
        network: the loaded model.
        positions: tokens of the longest sentence and of the longest translation, ends included.
        folder: of the model, for messages.
    """

    def __init__(
        self, network: Ctranslate2Network, positions: tuple[int, int], folder: Path
    ) -> None:
        self._network, self._folder = network, folder
        self._max_target_positions = positions[1]
        self.takes: tuple[int, int] | None = (len(network.source), positions[0])
        self._numbers = {word: number for number, word in enumerate(network.target)}
        self.vocab_size = len(network.target)

    def search(
        self,
        settings: BeamSettings,
        *,
        shortlist: Shortlist | None = None,
        eos_idx: int = END_IDX,
        unk_idx: int = UNKNOWN_IDX,
    ) -> Callable[[Tensor], list[list[Hypothesis]]]:
        """See ``Runnable.search``. A short-list is the one that was in the folder when it was read.

        Rules of ending and of ties are CTranslate2's. Hypotheses have no scores of single tokens.

        Raises:
            ConfigError: if CTranslate2 has no such setting. The function raises a ``DataError`` if
                the model's output is not numbers.
        """
        if settings.unkpen:
            raise ConfigError("unkpen: CTranslate2 cannot make unknown words likelier or less so")

        def search(src_tokens: Tensor) -> list[list[Hypothesis]]:
            with told_of(self._folder, _ENGINE):
                results = self._network.translator.translate_batch(
                    self._lines(src_tokens),
                    beam_size=settings.beam,
                    num_hypotheses=settings.nbest,
                    length_penalty=settings.lenpen,
                    max_input_length=0,
                    min_decoding_length=settings.min_len,
                    max_decoding_length=longest_translation(
                        settings, src_tokens.size(1), self._max_target_positions
                    ),
                    suppress_sequences=[[self._network.target[_PADDING_IDX]]],
                    return_scores=True,
                    use_vmap=shortlist is not None,
                )
            if not all(math.isfinite(score) for result in results for score in result.scores[:1]):
                raise DataError("a sentence has no translation: the model's output is not numbers")
            return [
                [
                    Hypothesis((*(self._numbers[word] for word in words), eos_idx), score, ())
                    for words, score in zip(result.hypotheses, result.scores, strict=True)
                ]
                for result in results
            ]

        return search

    def forced(self, src_tokens: Tensor, prev_output_tokens: Tensor) -> Tensor:
        """See ``Runnable.forced``. What follows an end within a target means nothing.

        Raises:
            DataError: if a source has no words, which CTranslate2 does not translate.
        """
        # A target that held an end, or was shorter than others, would leave the batch early.
        unknown = self._network.target[UNKNOWN_IDX]
        words = [unknown if index == END_IDX else w for index, w in enumerate(self._network.target)]
        targets = [
            [*(words[t] for t in row), unknown] for row in prev_output_tokens[:, 1:].tolist()
        ]
        with told_of(self._folder, _ENGINE):
            results = self._network.translator.translate_batch(
                self._lines(src_tokens),
                target_prefix=targets,
                beam_size=1,
                max_input_length=0,
                min_decoding_length=0,
                max_decoding_length=prev_output_tokens.size(1),
                return_logits_vocab=True,
            )
        if not all(result.logits for result in results):
            raise DataError("CTranslate2 does not translate sentences without words")
        logits = np.array([[np.array(step) for step in result.logits[0]] for result in results])
        return torch.from_numpy(logits).log_softmax(-1)

    def passes(self, src_tokens: Tensor, *, beam: int, steps: int) -> Passes:
        """See ``Runnable.passes``: the very calls that are made where there is no torch."""
        found = self._network.passes(src_tokens.tolist(), beam=beam, steps=steps)
        return Passes(found.encode, found.decode, found.is_whole)

    def _lines(self, src_tokens: Tensor) -> list[list[str]]:
        words = self._network.source
        return [
            [words[token] for token in row if token != _PADDING_IDX] for row in src_tokens.tolist()
        ]
