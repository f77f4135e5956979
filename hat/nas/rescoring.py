"""Finalists scored again: a score too dear for every candidate chooses among the search's best."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from hat.arch.config import SubTransformerConfig
from hat.conditions import mapping_digest
from hat.errors import ConfigError
from hat.nas.scorers import SCORERS
from hat.nas.scorers.base import SearchScorer
from hat.report.document import Section
from hat.report.tables import Column, csv_table, markdown_table
from hat.search.deliver import Delivery
from hat.settings import NO_OUTCOME, AtLeast, AtMost, Needs, OneOf, Settings, Shown

Arch = SubTransformerConfig


@dataclass(frozen=True, kw_only=True)
class RescoreSettings(Settings):
    """Whether and by what the search's best are scored again."""

    rescore_top: Annotated[int, AtLeast(0), AtMost(10_000), Shown("K"), NO_OUTCOME] = 0
    """score the best K of the search once more, by --rescore-by; the best of these is the winner"""

    rescore_by: Annotated[str, OneOf(SCORERS), NO_OUTCOME, Needs("rescore-top")] = "tuned-loss"
    """a score that is too dear for every candidate, such as tuned-loss or bleu"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rescore_top == 1:
            raise ConfigError("--rescore-top must be 0 or at least 2: of one nothing is chosen")


@dataclass(frozen=True, kw_only=True)
class Rescoring:
    """How many are scored again, and by what."""

    top: int
    name: str
    scorer: SearchScorer

    def digest(self) -> str:
        """Of what decides the winner among given candidates."""
        return mapping_digest({"top": self.top, "by": self.name, **self.scorer.signature()})

    def ordered(self, candidates: Sequence[Delivery[Arch]]) -> tuple[list[Delivery[Arch]], Section]:
        """Returns the candidates, the best first, and what the report says of it.

        Those without a score come last. Equal ones stay in the order of the search.
        """
        scores = self.scorer.score([each.arch for each in candidates])
        keys = -scores if self.scorer.higher_is_better else scores
        order = np.argsort(np.where(np.isnan(keys), np.inf, keys), kind="stable")
        section = _section(candidates, scores, int(order[0]), self.name)
        return [candidates[index] for index in order], section


def _section(
    candidates: Sequence[Delivery[Arch]], scores: NDArray[np.float64], chosen: int, name: str
) -> Section:
    columns: list[Column[int]] = [
        Column("candidate", lambda index: index + 1),
        Column("decoder layers", lambda index: candidates[index].arch.decoder.num_layers),
        Column("encoder layers", lambda index: candidates[index].arch.encoder.num_layers),
        Column(name, lambda index: float(scores[index]), ".4f"),
        Column("chosen", lambda index: "yes" if index == chosen else ""),
    ]
    rows = range(len(candidates))
    text = (
        f"The {len(candidates)} best of the search that fit, in its order, were scored once more, "
        f"by {name}. The best of them is the winner."
    )
    table, kept = markdown_table(rows, columns), csv_table(rows, columns)
    return Section(
        title="Which finalist is best by a dearer score?",
        text=text,
        table=table,
        csv=("rescored.csv", kept),
    )
