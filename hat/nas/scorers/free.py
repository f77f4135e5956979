"""Scorers that need neither trained weights nor data: sizes, depths and epsinas."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hat.nas.scorers.base import Arch, SearchScorer
from hat.nas.supernet import Supernet
from hat.scoring.base import Scorer
from hat.settings import NoSettings


class Free(SearchScorer):
    """A scorer that is made of the space and the network's configuration. More is better."""

    is_free: ClassVar[bool] = True
    reads_data: ClassVar[bool] = False

    def __init__(self, scorer: Scorer[Arch], parts: dict[str, Any]) -> None:
        """Args: scorer: does the work; parts: what decides its scores."""
        self.settings = NoSettings()
        self._scorer = scorer
        self._parts = parts

    @classmethod
    def build(cls, settings: Any, supernet: Supernet) -> Self:
        """Makes the scorer that ``hat.scoring.static`` has under this name."""
        from hat.scoring.static import static_scorer

        scorer = static_scorer(cls.name, supernet.model.config, src_len=supernet.src_len)
        return cls(scorer, {"score": cls.name, "src-len": supernet.src_len})

    def score(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Returns float64 (N,)."""
        return self._scorer.score(archs)

    def signature(self) -> dict[str, Any]:
        """Returns what decides the scores."""
        return self._parts


class Params(Free):
    """Parameters without embeddings and the last projection."""

    name = "params"


class Flops(Free):
    """FLOPs of a sentence without the last projection."""

    name = "flops"


class EncoderDepth(Free):
    """Encoder layers."""

    name = "encoder_depth"


class DecoderDepth(Free):
    """Decoder layers."""

    name = "decoder_depth"


class DecoderDepthThenParams(Free):
    """Decoder layers, and parameters where those are equal."""

    name = "decoder_depth_then_params"


class Epsinas(Free):
    """The zero-cost score of ``hat.scoring.epsinas_scorer``."""

    name = "epsinas"

    @classmethod
    def build(cls, settings: Any, supernet: Supernet) -> Self:
        """Draws the batch by the search's seed."""
        from hat.scoring.epsinas_scorer import EpsinasScorer

        config = supernet.model.config
        scorer = EpsinasScorer.of_model(supernet.space, config, seed=supernet.seed)
        return cls(scorer, {"score": cls.name, **scorer.signature_parts})
