"""One choice at a time changed, and what it does to the ranking."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.nb201_cell import Nb201Cell
from hat.arrays import Floats
from hat.benchmarks.base import A, TableBenchmark, TableSettings
from hat.benchmarks.csv_table import CsvSettings, CsvTable
from hat.benchmarks.images import image_batch, kinds_for, varied_images
from hat.benchmarks.nb101 import NasBench101
from hat.benchmarks.nb201 import NasBench201
from hat.benchmarks.nb_nlp import NasBenchNlp, NlpSettings
from hat.conditions import file_digest
from hat.errors import ConfigError, suggestion
from hat.report.tables import Column, text_table
from hat.scoring.cell_scores import (
    IMAGE_WEIGHTS,
    NB101_WEIGHTS,
    RECURRENT_WEIGHTS,
    Nb101Scores,
    score_nb101,
    score_nb201,
    score_recipes,
)
from hat.scoring.collapsed.transformer import balanced_weights
from hat.scoring.epsinas import ScoringRule, epsinas
from hat.scoring.epsinas_scorer import EpsinasScorer
from hat.scoring.proxy_stats import ProxyStats, proxy_stats
from hat.settings import REPEATED, AtLeast, Settings, Shown
from hat.signature import signature
from hat.studies.epsinas.common import Count, File, ModelSettings
from hat.studies.epsinas.subtransformers import space_of


@dataclass(frozen=True, kw_only=True)
class AblateSettings(Settings):
    """What is changed, and on which architectures."""

    data: Path
    """the same table as for the space's own command"""

    limit: Count = 500
    """architectures at most"""

    seed: Annotated[int, AtLeast(0)] = 0
    """draws the architectures and the batches"""

    choice: Annotated[tuple[str, ...], REPEATED, Shown("NAME")] = ()
    """only this choice; may be repeated (default: all)"""

    cifar10: File = None
    """file of CIFAR-10; its images are another input"""

    initialisations: bool = False
    """nasbench201 only: random weights instead of constants, in the real networks; slow"""

    model: ModelSettings = field(default_factory=ModelSettings)


@dataclass(frozen=True)
class Variant:
    """One changed choice, before it is scored."""

    choice: str
    value: str
    score: Callable[[], ProxyStats]


def run(space: str, settings: AblateSettings) -> dict[str, Any]:
    """Prints one row per changed choice, and returns all.

    Args:
        space: one of ``SPACES``.
        settings: what is changed.

    Raises:
        ConfigError: if there is no such choice.
    """
    if settings.cifar10 is not None:  # before hours of scoring
        image_batch("cifar10", 1, np.random.default_rng(0), cifar10=settings.cifar10)
    variants = list(SPACES[space](settings))
    choices = list(dict.fromkeys(variant.choice for variant in variants))
    for choice in settings.choice:
        if choice not in choices:
            raise ConfigError(
                f"unknown choice {choice!r}"
                + (suggestion(choice, choices) or f"; {space} has {', '.join(choices)}")
            )
    outcomes: list[tuple[Variant, ProxyStats]] = []
    for variant in variants:
        if not settings.choice or variant.choice in settings.choice:
            stats = variant.score()
            outcomes.append((variant, stats))
            print(f"{variant.choice} {variant.value}: Spearman {stats.spearman:.3f}", flush=True)
    columns: list[Column[tuple[Variant, ProxyStats]]] = [
        Column("choice", lambda row: row[0].choice),
        Column("value", lambda row: row[0].value),
        Column("coverage", lambda row: row[1].coverage, ".1%"),
        Column("n", lambda row: row[1].num_scored),
        Column("spearman", lambda row: row[1].spearman, ".3f"),
        Column("kendall", lambda row: row[1].kendall, ".3f"),
        Column("top10%/top10%", lambda row: row[1].top_overlap, ".1%"),
    ]
    print(text_table(outcomes, columns))
    return {
        "outcomes": [
            {"choice": variant.choice, "value": variant.value, **stats.as_row()}
            for variant, stats in outcomes
        ],
        "signature": signature(
            ablation=space,
            data=file_digest(settings.data),
            cifar10=settings.cifar10 and file_digest(settings.cifar10),
            limit=settings.limit,
            seed=settings.seed,
            rule=ScoringRule(),
            **(asdict(settings.model) if space == "subtransformers" else {}),
        ),
    }


def _drawn(
    table: TableBenchmark[A], settings: AblateSettings, metric: str
) -> tuple[list[A], Floats]:
    """Some architectures of a table, in random order, and what training showed of them, (N,)."""
    rng = np.random.default_rng(settings.seed)
    picks = rng.choice(len(table), min(settings.limit, len(table)), replace=False)
    ids = [table.ids()[index] for index in picks]
    return [table.arch(id) for id in ids], table.column(metric, ids)


def _images(settings: AblateSettings, kind: str, count: int) -> Floats:
    """A batch of images, (count, 3, 32, 32), the same one at every call."""
    rng = np.random.default_rng(settings.seed)
    return image_batch(kind, count, rng, cifar10=settings.cifar10)


def _nasbench201(settings: AblateSettings) -> Iterator[Variant]:
    table = NasBench201.build(TableSettings(path=settings.data))
    cells, accuracy = _drawn(table, settings, "cifar10_test_accuracy")

    def trial(
        choice: str, value: str, *, kind: str = "photographs", count: int = 64, **options: Any
    ) -> Variant:
        return Variant(
            choice,
            value,
            lambda: proxy_stats(
                score_nb201(cells, _images(settings, kind, count), **options), accuracy
            ),
        )

    for low in (1e-7, 1e-5, 1e-3):
        for high in (1e-2, 1e-1, 1.0):
            yield trial("weights", f"{low:g},{high:g}", weights=(low, high))
    yield trial("lent skips", "yes", lend_skip=True)
    unlimited = ScoringRule(min_magnitude=0.0)
    yield trial("rule", f"{unlimited}", rule=unlimited)
    for count in (8, 16, 32, 64, 128, 256):
        yield trial("batch", str(count), count=count)
    for kind in kinds_for(64, cifar10=settings.cifar10):
        yield trial("images", kind, kind=kind)
    if settings.initialisations:
        few = cells[:_DIRECT_CELLS]

        def by_real_networks(draw: str) -> ProxyStats:
            batch = _images(settings, "photographs", 16)
            scores = _direct_scores(few, batch, draw, settings.seed)
            return proxy_stats(scores, accuracy[: len(few)])

        for name, draw in _INITIALISATIONS.items():
            yield Variant("initialisation", name, partial(by_real_networks, draw))


_DIRECT_CELLS = 100
"""How many cells the real networks score: they take a third of a second each."""

_INITIALISATIONS: dict[str, str] = {
    "constant": "constant_",
    "uniform in [0, w]": "uniform_",
    "normal, deviation w": "normal_",
}
"""Name -> function of ``torch.nn.init`` that fills a weight on the scale w."""


def _direct_scores(cells: Sequence[Nb201Cell], images: Floats, draw: str, seed: int) -> Floats:
    """Scores by the real networks, whose weights are drawn on the scale of each constant."""
    import torch
    from torch import nn

    from hat.models.cells.constant import fill_with_constant
    from hat.models.cells.nb201 import Nb201Network

    batch = torch.from_numpy(images)
    scores = []
    for cell in cells:
        model = Nb201Network(cell).double()
        outputs = []
        for weight in IMAGE_WEIGHTS:
            torch.manual_seed(seed)  # the same draw on two scales
            fill_with_constant(model, weight)
            for name, parameter in model.named_parameters():
                if name.endswith("bias"):
                    continue
                if draw == "uniform_":
                    nn.init.uniform_(parameter, 0.0, weight)
                elif draw == "normal_":
                    nn.init.normal_(parameter, 0.0, weight)
            with torch.no_grad():
                outputs.append(model(batch).flatten().numpy())
        scores.append(float(epsinas(outputs[0], outputs[1], ScoringRule())))
    return np.array(scores)


def _nasbench101(settings: AblateSettings) -> Iterator[Variant]:
    table = NasBench101.build(TableSettings(path=settings.data))
    cells, accuracy = _drawn(table, settings, "validation_accuracy")

    @cache
    def scores(weights: tuple[float, float], kind: str, count: int) -> Nb101Scores:
        return score_nb101(cells, _images(settings, kind, count), weights)

    def trials(
        choice: str,
        value: str,
        *,
        weights: tuple[float, float] = NB101_WEIGHTS,
        kind: str | None = None,
        count: int = 64,
    ) -> Iterator[Variant]:
        drawn = kind or varied_images()
        yield Variant(
            choice,
            value,
            lambda: proxy_stats(scores(weights, drawn, count).published, accuracy),
        )
        yield Variant(
            choice,
            f"{value}, all cells",
            lambda: proxy_stats(scores(weights, drawn, count).all_cells, accuracy),
        )

    for pair in ((1e-7, 1.0), (1e-4, 1.0), (1e-4, 10.0), (1e-3, 10.0), (1e-1, 10.0)):
        yield from trials("weights", f"{pair[0]:g},{pair[1]:g}", weights=pair)
    for count in (16, 32, 64, 128, 256):
        yield from trials("batch", str(count), count=count)
    for kind in kinds_for(40, cifar10=settings.cifar10):
        yield from trials("images", f"{kind}-40", kind=kind, count=40)


def _nasbench_nlp(settings: AblateSettings) -> Iterator[Variant]:
    table = NasBenchNlp.build(NlpSettings(path=settings.data))
    ids = list(table.ids())[: settings.limit]
    recipes = [table.arch(id) for id in ids]
    loss = table.column("ptb_test_loss", ids)
    embeddings: dict[str, Callable[[np.random.Generator], Floats]] = {
        "uniform in [0, 1]": lambda rng: rng.uniform(0, 1, (10_000, 400)),
        "uniform in [-1, 1]": lambda rng: rng.uniform(-1, 1, (10_000, 400)),
        "normal": lambda rng: rng.standard_normal((10_000, 400)),
        "uniform in [0, 0.1]": lambda rng: rng.uniform(0, 0.1, (10_000, 400)),
    }

    def score(
        *,
        weights: tuple[float, float] = RECURRENT_WEIGHTS,
        sentences: int = 256,
        embedding: str = "uniform in [0, 1]",
    ) -> ProxyStats:
        rng = np.random.default_rng(settings.seed)
        sums = embeddings[embedding](rng).sum(axis=1)[rng.integers(10_000, size=(70, sentences))]
        scores = score_recipes(recipes, sums, weights)
        return proxy_stats(scores, loss, truth_higher_is_better=False)

    for low in (1e-7, 1e-6, 1e-5, 1e-4):
        for high in (1e-4, 1e-3, 1e-2, 1e-1, 1.0):
            if low < high:
                weights = (low, high)
                yield Variant("weights", f"{low:g},{high:g}", partial(score, weights=weights))
    for sentences in (16, 64, 256):
        yield Variant("batch", str(sentences), partial(score, sentences=sentences))
    for name in embeddings:
        yield Variant("embedding", name, partial(score, embedding=name))


def _subtransformers(settings: AblateSettings) -> Iterator[Variant]:
    table: TableBenchmark[SubTransformerConfig] = CsvTable.build(CsvSettings(path=settings.data))
    archs = [table.arch(id) for id in table.ids()]
    bleu = table.column("scratch_test_BLEU")
    space = space_of(archs)
    _, high = balanced_weights(space)

    def score(**options: Any) -> ProxyStats:
        scores = np.mean(
            [
                EpsinasScorer(
                    space, seed=settings.seed + offset, **asdict(settings.model), **options
                ).score(archs)
                for offset in range(4)
            ],
            axis=0,
        )
        return proxy_stats(scores, bleu)

    def trial(choice: str, value: str, **options: Any) -> Variant:
        return Variant(choice, value, partial(score, **options))

    for factor in (0.1, 0.3, 1.0, 3.0, 10.0):
        yield trial("large constant", f"{factor:g} x balanced", weights=(0.0, factor * high))
    for low in (1e-1, 1e-2, 1e-4):
        yield trial("small constant", f"{low:g} x large", weights=(low * high, high))
    for sentences, length in ((1, 24), (4, 24), (16, 8), (16, 24), (16, 48), (64, 24)):
        yield trial("batch", f"{sentences}x{length}", sentences=sentences, length=length)


SPACES: dict[str, Callable[[AblateSettings], Iterator[Variant]]] = {
    "nasbench101": _nasbench101,
    "nasbench201": _nasbench201,
    "nasbench-nlp": _nasbench_nlp,
    "subtransformers": _subtransformers,
}
