"""Where CTranslate2's beam search and ours part: two rules, with which ours gives its n-best lists.

docs/results/generation.md says what they do to the translations.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hat.engines import ENGINES
from hat.translation import beam
from hat.translation.beam import BeamSearch, BeamSettings, Hypothesis
from hat.translation.candidates import Candidates
from hat.translation.torch_runner import TorchRunner
from tests.engines.conftest import random_network
from tests.translation.conftest import random_sentences

PAD, END = 1, 2


class _AllThatEnd(beam._Batch):
    """What ends in the step that finishes a sentence stays in the running, all of it."""

    def _finish(self, found: Candidates, step: int) -> list[int]:
        finished = []
        for row in range(len(found.tokens)):
            mine = self._found[self._sentence_of[row]]
            for rank in range(min(self.beam, found.tokens.size(1))):
                total = float(found.sums[row, rank])
                if found.tokens[row, rank] == END and total > -torch.inf:
                    before = self._tokens[row, found.beams[row, rank], :step].tolist()
                    score = total / (step + 1) ** self._lenpen
                    mine.append(Hypothesis((*before, END), score, ()))
            if len(mine) >= self.beam or (step == self._max_len and mine):
                finished.append(row)
        return finished


class _OfWhatMayFollow(BeamSearch):
    """Probabilities are those of what may follow: what is barred leaves its own to the others."""

    def _candidates(
        self, parts: Iterable[Tensor], batch: Any, step: int, max_len: int, columns: Any
    ) -> Any:
        barred = [PAD, END] if step < self._settings.min_len else [PAD]

        def renormalised() -> Iterator[Tensor]:
            for part in parts:
                part[:, barred] = -torch.inf
                yield part.log_softmax(-1)

        return super()._candidates(renormalised(), batch, step, max_len, columns)


def n_best(small: Any, source: Tensor, settings: BeamSettings) -> tuple[list[Any], list[Any]]:
    """The hypotheses of CTranslate2, and ours by its rules."""
    part: Any = ENGINES.load("ctranslate2")
    theirs = part.build(part.Settings(threads=1)).load(small).search(settings)(source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(beam, "_Batch", _AllThatEnd)
        ours = _OfWhatMayFollow(TorchRunner(small), settings)(source)
    return theirs, ours


def tokens(n_best: list[Hypothesis]) -> list[tuple[int, ...]]:
    return [each.tokens for each in n_best]


@pytest.mark.parametrize("lenpen", [0.6, 1.0])
def test_by_its_two_rules_we_find_what_ctranslate2_finds(lenpen: float) -> None:
    settings = BeamSettings(beam=4, nbest=4, max_len_b=18, lenpen=lenpen)
    source = random_sentences(np.random.default_rng(2), 6, 50)
    ended, as_it_is = 0, 0
    for seed in range(8):
        small = random_network("unshared", seed=seed, spans=False, ends=True)
        plain = BeamSearch(TorchRunner(small), settings)(source)
        for theirs, ours, own in zip(*n_best(small, source, settings), plain, strict=True):
            # At the limit CTranslate2 breaks off, and we end the sentence.
            if all(len(each) <= settings.max_len_b for each in tokens(ours)):
                assert tokens(theirs) == tokens(ours)
                assert theirs[0].score == pytest.approx(ours[0].score, abs=1e-5)
                ended, as_it_is = ended + 1, as_it_is + (tokens(theirs) == tokens(own))
    assert ended > 20 and as_it_is < ended


@pytest.mark.slow
@pytest.mark.parametrize(("lenpen", "lists"), [(0.6, 127), (1.0, 128)])
def test_so_we_do_with_the_network_of_the_bench(lenpen: float, lists: int) -> None:
    from bench.generation import batches, random_model, subtransformer
    from hat.models.extract import extract

    arch = subtransformer()
    small = extract(random_model(arch, 7872, 1), arch)
    settings = BeamSettings(nbest=5, max_len_b=40, lenpen=lenpen)
    found = zip(*n_best(small, batches(128, 7872, 1)[0], settings), strict=True)
    same = [(a[0].tokens == b[0].tokens, tokens(a) == tokens(b)) for a, b in found]
    assert sum(best for best, _ in same) == 128
    assert sum(of_all for _, of_all in same) >= lists - 1  # but for ties
