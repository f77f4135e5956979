"""SubTransformers whose BLEU after training is known."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping
from hat.arch.space import SearchSpace
from hat.arrays import Floats
from hat.benchmarks.csv_table import CsvSettings, CsvTable
from hat.errors import ConfigError
from hat.json_reader import parse_object
from hat.report.epsinas_plots import plot_scores
from hat.scoring.collapsed.transformer import NORMS
from hat.scoring.epsinas_scorer import READ_OUTS, EpsinasScorer
from hat.scoring.proxy_stats import kendall_within, partial_kendall
from hat.scoring.rank_stats import rank_stats
from hat.scoring.static import config_that_holds, static_scorers
from hat.settings import JOINED, REPEATED, AtLeast, Shown
from hat.signature import signature
from hat.studies.epsinas import common
from hat.studies.epsinas.common import Count, FileSettings, ModelSettings, check_weights
from hat.tasks.facts import default_src_len

Archs = Sequence[SubTransformerConfig]


@dataclass(frozen=True, kw_only=True)
class SubtransformerSettings(FileSettings):
    """What is ranked, against what, and on which tokens."""

    target: Annotated[str, Shown("COLUMN")] = "scratch_test_BLEU"
    """column with what training showed"""

    column: Annotated[tuple[str, ...], REPEATED, Shown("COLUMN")] = ()
    """rank by this column, too"""

    model: ModelSettings = field(default_factory=ModelSettings)

    seed: Annotated[int, AtLeast(0)] = 0
    """draws the random tokens"""

    seeds: Annotated[int, AtLeast(1)] = 8
    """batches, to see how far scores spread"""

    sentences: Count = 16
    """sentences in the batch"""

    length: Count = 24
    """tokens of each sentence"""

    tokens: Literal["normal", "quantiles"] = "normal"
    """what tokens are: random numbers, or always the same ones in random order"""

    weights: Annotated[tuple[float, float] | None, JOINED, Shown("LOW,HIGH")] = None
    """the two constants that all weights are set to (default: by the space)"""

    variants: bool = False
    """show all norms and read-outs, too"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights is not None:
            check_weights(self.weights)


def run(settings: SubtransformerSettings) -> dict[str, Any]:
    """Ranks the architectures of each task by epsinas, by free counts and by columns.

    Returns:
        All figures.

    Raises:
        DataError: if the file is damaged or lacks a column.
    """
    table = CsvTable.build(CsvSettings(path=settings.data), parse=_parse_arch)
    for name in (settings.target, *settings.column):
        table.check_column(name)
    results = []
    for task, ids in table.groups("task").items():
        archs: list[SubTransformerConfig] = [table.arch(id) for id in ids]
        target = table.column(settings.target, ids)
        columns = {
            name: table.column(name, ids) * (1 if table.metrics[name].higher_is_better else -1)
            for name in settings.column
        }
        results.append(_rank_task(table, settings, task, archs, target, columns))
    return results[0] if len(results) == 1 else {"tasks": results}


def _rank_task(
    table: CsvTable[SubTransformerConfig],
    settings: SubtransformerSettings,
    task: str,
    archs: Archs,
    target: Floats,
    columns: dict[str, Floats],
) -> dict[str, Any]:
    space = space_of(archs)

    def scorer(seed: int, **options: Any) -> EpsinasScorer:
        chosen = {
            "weights": settings.weights,
            "sentences": settings.sentences,
            "length": settings.length,
            "tokens": settings.tokens,
            **asdict(settings.model),
        }
        return EpsinasScorer(space, seed=seed, **{**chosen, **options})

    chosen = scorer(settings.seed)
    start = time.perf_counter()
    scores = {"epsinas": chosen.score(archs)}
    elapsed = time.perf_counter() - start
    if settings.variants:
        low, high = chosen.weights
        for norm in NORMS:
            # A gain filled with zero has no output; there the authors' ratio of 100 is used.
            pair = (low or high / 100, high) if norm == "tokens-filled" else (low, high)
            for read_out in READ_OUTS:
                variant = scorer(settings.seed, norm=norm, read_out=read_out, weights=pair)
                scores[f"  {norm}, {read_out}"] = variant.score(archs)
    config = config_that_holds(archs, **asdict(settings.model))
    static = static_scorers(config, src_len=default_src_len(task))
    scores |= {name: scorer.score(archs) for name, scorer in static.items()}
    scores |= columns

    depth = np.array([arch.decoder.num_layers for arch in archs], float)
    params = scores["params"]
    rankings = [
        common.rank(
            name,
            values,
            settings.target,
            target,
            extra={
                "tau | depth": partial_kendall(values, target, depth),
                "tau | params": partial_kendall(values, target, params),
                "equal depth": kendall_within(values, target, depth),
                "tau with params": rank_stats(values, params).kendall,
            },
        )
        for name, values in scores.items()
    ]
    print(
        f"{task}: {len(archs)} architectures, constants {chosen.weights[0]:g} and "
        f"{chosen.weights[1]:.3g}"
    )
    common.print_rankings(rankings)
    batches = [scorer(settings.seed + offset).score(archs) for offset in range(settings.seeds)]
    taus = [rank_stats(values, target).kendall for values in batches]
    tau_of_mean = rank_stats(np.mean(batches, axis=0), target).kendall
    print(
        f"epsinas over {settings.seeds} batches: tau {np.mean(taus):.3f} +- {np.std(taus):.3f}; "
        f"tau of the mean score {tau_of_mean:.3f}"
    )
    if settings.variants:
        _print_spread(settings.seeds, scorer, archs, target, settings.seed)
    out, plot = settings.out, settings.plot
    common.write_scores(out, {"task": [task] * len(archs), settings.target: target, **scores})
    if plot:
        plot_scores(
            plot,
            score=scores["epsinas"],
            truth=target,
            params=params,
            labels=("epsinas", settings.target.replace("_", " "), "parameters without embeddings"),
        )
    return {
        "task": task,
        "rankings": [ranking.to_json() for ranking in rankings],
        "kendall_of_mean_score": common.rounded(tau_of_mean),
        "kendall_over_batches": [common.rounded(tau) for tau in taus],
        "architectures": len(archs),
        "ms_per_architecture": round(1e3 * elapsed / len(archs), 3),
        "signature": signature(
            **table.signature(), task=task, target=settings.target, **chosen.signature_parts
        ),
    }


def _print_spread(
    count: int,
    scorer: Callable[..., EpsinasScorer],
    archs: Archs,
    target: Floats,
    seed: int,
) -> None:
    """Prints tau over several batches for the variants that compete with the default."""
    for options in (
        {"tokens": "quantiles"},
        {"read_out": "geometric"},
        {"encoder_normalize_before": True, "decoder_normalize_before": True},
    ):
        taus = [
            rank_stats(scorer(seed + offset, **options).score(archs), target).kendall
            for offset in range(count)
        ]
        named = ", ".join(f"{name} {value}" for name, value in options.items())
        print(f"  {named}: tau {np.mean(taus):.3f} +- {np.std(taus):.3f}")


def space_of(archs: Archs) -> SearchSpace:
    """The smallest space that holds ``archs``: every choice that occurs in one of them."""

    def choices(*values: int) -> tuple[int, ...]:
        return tuple(sorted(set(values), reverse=True))

    encoders = [arch.encoder for arch in archs]
    decoders = [arch.decoder for arch in archs]
    return SearchSpace(
        encoder_embed_dims=choices(*(e.embed_dim for e in encoders)),
        decoder_embed_dims=choices(*(d.embed_dim for d in decoders)),
        encoder_layer_nums=choices(*(e.num_layers for e in encoders)),
        decoder_layer_nums=choices(*(d.num_layers for d in decoders)),
        encoder_ffn_dims=choices(*(ffn for e in encoders for ffn in e.ffn_dims)),
        decoder_ffn_dims=choices(*(ffn for d in decoders for ffn in d.ffn_dims)),
        encoder_self_heads=choices(*(heads for e in encoders for heads in e.self_heads)),
        decoder_self_heads=choices(*(heads for d in decoders for heads in d.self_heads)),
        decoder_ende_heads=choices(*(heads for d in decoders for heads in d.ende_heads)),
        decoder_ende_spans=choices(*(span for d in decoders for span in d.ende_spans)),
    )


def _parse_arch(text: str, where: str) -> SubTransformerConfig:
    return arch_from_mapping(parse_object(text, where, "a SubTransformer", ConfigError), where)
