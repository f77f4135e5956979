"""The recurrent cells of NAS-Bench-NLP with what training showed, from either kind of source.

One is a table of recipes with their losses. The other is the training logs as they are published,
alone: recipe, sizes and parameters of each network stand in its log, and so does its loss.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hat.arch.recipe import Recipe, awd_layer_sizes, awd_num_params
from hat.arrays import Floats
from hat.benchmarks.nb_nlp import NasBenchNlp, NlpSettings
from hat.benchmarks.nb_nlp_logs import (
    LayerSizes,
    TrainingLog,
    corpus_folders,
    group_runs,
    read_training_logs,
)
from hat.benchmarks.reference_scores import Architectures
from hat.conditions import file_digest
from hat.studies.epsinas.nlp_batch import STEPS, VOCABULARY

_TABLE_TRUTHS = {
    "PTB test loss": "ptb_test_loss",
    "WikiText-2 best test loss": "wt2_best_test_loss",
}


@dataclass(frozen=True, kw_only=True)
class RecurrentNetwork:
    """What decides a score besides the batch's words."""

    recipe: Recipe
    layer_sizes: LayerSizes = field(default_factory=awd_layer_sizes)
    steps: int = STEPS

    @property
    def embed_dim(self) -> int:
        """Width of the embedding, which is the input of the first layer."""
        return self.layer_sizes[0][0]

    @property
    def tied(self) -> bool:
        """Whether the last layer is as wide as the embedding, as weights that both share need."""
        return self.layer_sizes[-1][1] == self.embed_dim


@dataclass(frozen=True, kw_only=True)
class RecurrentCells:
    """N architectures, by column."""

    ids: Sequence[Sequence[str]]
    """All identifiers of each: its trainings with several seeds have several."""

    networks: Sequence[RecurrentNetwork]
    num_params: Floats
    truths: Mapping[str, Floats]
    """Losses in nats per token; the first is what plots show."""

    last_loss: tuple[Floats, Floats]
    """Least and greatest last test loss of each."""

    details: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """More columns of the file of scores."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """What was found besides, for the last line."""

    signature: Mapping[str, Any]
    corpora: Sequence[str] = ()
    """The folders that the logs name as their corpus."""

    def __len__(self) -> int:
        return len(self.networks)

    @property
    def known_by(self) -> Architectures:
        """By what a file of scores can know them."""
        least, greatest = self.last_loss
        return Architectures(
            ids=self.ids, num_params=self.num_params, least_loss=least, greatest_loss=greatest
        )


def cells_of_table(
    data: Path, logs: Path | None, limit: int | None, steps: int | None
) -> RecurrentCells:
    """Reads recipes with their losses; see ``NasBenchNlp.build``."""
    table = NasBenchNlp.build(NlpSettings(path=data, logs=logs))
    ids = list(table.ids())[:limit]
    recipes = [table.arch(id) for id in ids]
    truths = {name: table.column(metric, ids) for name, metric in _TABLE_TRUTHS.items()}
    losses = truths["PTB test loss"]
    return RecurrentCells(
        ids=[(id,) for id in ids],
        networks=[RecurrentNetwork(recipe=recipe, steps=steps or STEPS) for recipe in recipes],
        num_params=np.array([awd_num_params(recipe, VOCABULARY) for recipe in recipes], float),
        truths=truths,
        last_loss=(losses, losses),
        signature=table.signature(),
    )


def cells_of_logs(
    path: Path, *, multi: bool, limit: int | None, steps: int | None
) -> RecurrentCells:
    """Reads training logs: an architecture a log, or, for ``multi``, a recipe with all its seeds.

    Trainings without a loss are left out of the mean, the least and the greatest of their recipe.

    Raises:
        HatError: see ``read_training_logs``.
    """
    if multi:
        groups = group_runs(read_training_logs(path))[:limit]
    else:
        groups = [(log,) for log in read_training_logs(path, limit)]
    logs = [log for group in groups for log in group]
    without_loss = sum(math.isnan(log.last_test_loss) for log in logs)
    if without_loss:
        print(f"{path}: {without_loss} of {len(logs)} logs have no last test loss")
    least, greatest = _over_runs(np.min, groups), _over_runs(np.max, groups)
    first = [group[0] for group in groups]
    if multi:
        truths = {
            "mean last test loss": _over_runs(np.mean, groups),
            "least last test loss": least,
            "greatest last test loss": greatest,
        }
        details: dict[str, Sequence[Any]] = {
            "ids": [" ".join(log.id for log in group) for group in groups],
            "runs": [len(group) for group in groups],
            "runs_with_loss": [
                sum(not math.isnan(log.last_test_loss) for log in group) for group in groups
            ],
        }
    else:
        truths = {"last test loss": least}
        details = {"log": [log.file for log in first]}
        _name_repeated(path, logs)
    return RecurrentCells(
        ids=[tuple(log.id for log in group) for group in groups],
        networks=[
            RecurrentNetwork(
                recipe=log.recipe, layer_sizes=log.layer_sizes, steps=steps or log.bptt
            )
            for log in first
        ],
        num_params=np.array([log.num_params for log in first], float),
        truths=truths,
        last_loss=(least, greatest),
        details=details,
        counts={"logs": len(logs), "logs_without_loss": without_loss},
        signature={
            "benchmark": "nasbench_nlp_logs",
            "data": file_digest(path),
            "multi": multi or None,
        },
        corpora=corpus_folders(logs),
    )


def _over_runs(statistic: Callable[[Any], Any], groups: Sequence[Sequence[TrainingLog]]) -> Floats:
    """A statistic of the losses of each group; NaN where no training has one."""
    results = []
    for group in groups:
        losses = [log.last_test_loss for log in group if not math.isnan(log.last_test_loss)]
        results.append(float(statistic(losses)) if losses else math.nan)
    return np.array(results)


def _name_repeated(path: Path, logs: Sequence[TrainingLog]) -> None:
    """Says that recipes were trained more than once, where each log counts by itself."""
    recipes = len(group_runs(logs))
    if recipes < len(logs):
        print(f"{path}: {len(logs)} logs of {recipes} recipes; --multi puts the seeds together")
