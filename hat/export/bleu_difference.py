"""What rounded weights and a short-list cost in BLEU, on the validation set."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from hat.engines.base import Runnable
from hat.engines.torch_engine import TorchEngine, TorchSettings
from hat.export.trained import Trained
from hat.numerals import number_of
from hat.tasks.binary_data import read_pairs
from hat.tasks.bpe import remove_bpe
from hat.translation.beam import BeamSettings
from hat.translation.sentences import batches, padded
from hat.translation.shortlist import Shortlist
from hat.translation.text import PADDING_IDX, units_of

_SEARCH = BeamSettings()
_BATCH_TOKENS = 4096
_ROUNDED, _SHORTLIST = "rounded weights", "a short-list"


@dataclass(frozen=True)
class BleuDifference:
    """BLEU of what was written and of the checkpoint."""

    exported: float
    exact: float
    """In float32, of all words."""

    sentences: int
    split: str
    signature: str
    """sacrebleu's, and the beam."""

    of: str = _ROUNDED
    """What the two differ in."""

    @property
    def difference(self) -> float:
        """What that adds; negative where it costs."""
        return self.exported - self.exact

    def __str__(self) -> str:
        plain = "with all words" if self.of == _SHORTLIST else "in float32"
        return (
            f"BLEU {self.exported:.2f} with {self.of}, {self.exact:.2f} {plain}: "
            f"{self.difference:+.2f} ({number_of(self.sentences, 'sentence')} of {self.split})"
        )


def bleu_difference(
    written: Runnable,
    trained: Trained,
    count: int,
    *,
    shortlist: Shortlist | None = None,
    is_rounded: bool = True,
) -> BleuDifference | None:
    """Translates the validation set with both and compares them.

    BLEU is that of tokenised text, as ``hat score`` computes it for ``normal``.

    Args:
        written: what was exported.
        trained: what it was made of.
        count: how many sentences at most.
        shortlist: the words of the exported model's translations; None: all.
        is_rounded: whether its weights are rounded.

    Returns:
        None if the data folder has no validation data.
    """
    from hat.text.scores import score_translations

    longest = trained.model.config.max_source_positions
    pairs = [
        pair
        for pair in read_pairs(trained.data, trained.languages, ["valid"], count)
        if len(pair[0]) <= longest
    ]
    if not pairs:
        return None
    words = trained.words[1]

    def text(tokens: Sequence[int]) -> str:
        return remove_bpe(units_of(tokens, words))

    references = [text(target) for _, target in pairs]
    sources = [source for source, _ in pairs]
    scores = []
    exact = TorchEngine(TorchSettings()).load(trained.model).search(_SEARCH)
    for search in (written.search(_SEARCH, shortlist=shortlist), exact):
        found = [""] * len(sources)
        for batch in batches(sources, _BATCH_TOKENS):
            rows = padded([sources[index] for index in batch], PADDING_IDX, left=True)
            for index, nbest in zip(batch, search(torch.tensor(rows)), strict=True):
                found[index] = text(nbest[0].tokens)
        scores.append(score_translations(found, references))
    return BleuDifference(
        exported=scores[0].bleu,
        exact=scores[1].bleu,
        sentences=len(pairs),
        split="valid",
        signature=f"{scores[0].signature}|beam:{_SEARCH.beam}",
        of=" and ".join(
            [*([_ROUNDED] if is_rounded else []), *([_SHORTLIST] if shortlist else [])]
        ),
    )
