"""``--scorer bleu`` and ``bleu-greedy``: what candidates translate with inherited weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hat.errors import ConfigError
from hat.nas.scorers.base import Arch, SearchScorer
from hat.nas.supernet import Supernet
from hat.report.verdict import BLEU_MARGIN
from hat.settings import AtLeast, AtMost, Between, Settings, Shown

if TYPE_CHECKING:
    from hat.scoring.batches import Batch
    from hat.scoring.bleu import InheritedBleu, Translate


@dataclass(frozen=True, kw_only=True)
class SentencesSettings(Settings):
    """What is translated."""

    bleu_sentences: Annotated[int | None, AtLeast(1), Shown("N")] = None
    """translate so many sentences of --valid-subset, drawn once (default: all)"""


@dataclass(frozen=True, kw_only=True)
class BleuSettings(SentencesSettings):
    """How it is translated by beam search."""

    bleu_beam: Annotated[int, AtLeast(1), AtMost(10_000)] = 5
    """for --scorer bleu and for --retrain-top"""

    bleu_lenpen: Annotated[float, Between(-100, 100)] = 1.0
    """for --scorer bleu and for --retrain-top"""


class GreedyBleu(SearchScorer):
    """sacreBLEU of translations by the likeliest token at every step; several times as fast."""

    Settings: ClassVar[type] = SentencesSettings
    margin: ClassVar[float] = BLEU_MARGIN
    name = "bleu-greedy"

    def __init__(self, settings: Any, bleu: "InheritedBleu") -> None:
        """Args: bleu: does the work."""
        self.settings = settings
        self._bleu = bleu

    @classmethod
    def build(cls, settings: Any, supernet: Supernet) -> Self:
        """Draws the sentences and prepares their translation.

        Raises:
            ConfigError: if there are not so many sentences.
        """
        from hat.fairseq_plugin.generation import plain_text
        from hat.scoring.bleu import InheritedBleu, references_of

        padding_idx = supernet.model.config.padding_idx
        batches = _drawn(supernet, settings.bleu_sentences, padding_idx)
        eos_idx = supernet.task.target_dictionary.eos()
        references = references_of(batches, padding_idx=padding_idx, eos_idx=eos_idx)
        translate = cls.translator(settings, supernet, batches)
        to_text = plain_text(supernet.task)
        return cls(settings, InheritedBleu(cls.name, translate, references, to_text))

    @classmethod
    def translator(
        cls, settings: Any, supernet: Supernet, batches: "Sequence[Batch]"
    ) -> "Translate":
        """Returns what translates ``batches`` with N architectures."""
        from hat.scoring.bleu import GreedyTranslator

        eos_idx = supernet.task.target_dictionary.eos()
        return GreedyTranslator(supernet.network, batches, eos_idx=eos_idx)

    def score(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Returns BLEU, 0..100, float64 (N,)."""
        return self._bleu.score(archs)


class BeamBleu(GreedyBleu):
    """sacreBLEU of translations by beam search."""

    Settings: ClassVar[type] = BleuSettings
    name = "bleu"

    @classmethod
    def translator(
        cls, settings: BleuSettings, supernet: Supernet, batches: "Sequence[Batch]"
    ) -> "Translate":
        """Returns what translates ``batches`` with N architectures."""
        from hat.scoring.bleu import MAX_LEN_A, MAX_LEN_B, BeamTranslator
        from hat.translation.beam import BeamSettings

        words = supernet.task.target_dictionary
        search = BeamSettings(
            beam=settings.bleu_beam,
            lenpen=settings.bleu_lenpen,
            max_len_a=MAX_LEN_A,
            max_len_b=MAX_LEN_B,
        )
        indices = {"eos_idx": words.eos(), "unk_idx": words.unk()}
        return BeamTranslator(supernet.network, batches, search, **indices)


def _drawn(supernet: Supernet, wanted: int | None, padding_idx: int) -> "Sequence[Batch]":
    """Draws so many sentences, always the same ones."""
    from hat.scoring.batches import deal_into_blocks

    batches = supernet.validation
    available = sum(len(batch.target) for batch in batches)
    if wanted is None or wanted == available:
        return batches
    if not 0 < wanted < available:
        raise ConfigError(
            f"--bleu-sentences must lie in 1..{available}, the sentences of "
            f"{supernet.valid_subset!r}, but found {wanted}"
        )
    drawn, _ = deal_into_blocks(
        batches,
        [wanted, available - wanted],
        padding_idx=padding_idx,
        max_tokens=supernet.max_tokens,
        rng=np.random.default_rng(0),
    )
    return drawn
