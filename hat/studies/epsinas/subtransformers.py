"""``hat epsinas subtransformers``: SubTransformers whose BLEU after training is known."""

import argparse
import csv
import gzip
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping
from hat.arch.space import SearchSpace
from hat.arrays import Floats
from hat.benchmarks.csv_table import CsvSettings, CsvTable
from hat.cli.console import print_result
from hat.errors import ConfigError, DataError, suggestion
from hat.latency.workload import default_src_len
from hat.report.epsinas_plots import plot_scores
from hat.scoring.collapsed.transformer import NORMS
from hat.scoring.epsinas_scorer import READ_OUTS, TOKENS, EpsinasScorer
from hat.scoring.proxy_stats import kendall_within, partial_kendall
from hat.scoring.rank_stats import rank_stats
from hat.scoring.static import config_that_holds, static_scorers
from hat.signature import signature
from hat.studies.epsinas import common

Archs = Sequence[SubTransformerConfig]


def add_parser(commands: "common.Commands") -> None:
    """Adds the subcommand."""
    parser = commands.add_parser("subtransformers", help="SubTransformers with a known BLEU")
    parser.add_argument("--data", type=Path, required=True, help="CSV with a column arch")
    parser.add_argument(
        "--target", default="scratch_test_BLEU", metavar="COLUMN", help="what training showed"
    )
    parser.add_argument(
        "--column", action="append", default=[], metavar="COLUMN", help="rank by a column as well"
    )
    common.add_model_options(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the random tokens (0)")
    parser.add_argument("--seeds", type=common.positive, default=8, help="batches for the spread")
    parser.add_argument("--sentences", type=common.positive, default=16, metavar="N")
    parser.add_argument("--length", type=common.positive, default=24, metavar="N")
    parser.add_argument(
        "--tokens",
        choices=list(TOKENS),
        default="normal",
        help="random numbers (default), or always the same ones in random order",
    )
    common.add_weights(parser, None)
    parser.add_argument("--variants", action="store_true", help="all norms and read-outs as well")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write all scores as CSV")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write a scatter plot")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Ranks the architectures of each task by epsinas, by free counts and by columns."""
    table = CsvTable.build(CsvSettings(path=args.data), parse=_parse_arch)
    for name in (args.target, *args.column):
        if name not in table.metrics:
            raise DataError(
                f"{args.data}: has no column of numbers {name!r}"
                + (suggestion(name, table.metrics) or f"; it has {', '.join(table.metrics)}")
            )
    tasks = _tasks(args.data, len(table))
    results = []
    for task in dict.fromkeys(tasks):
        ids = [id for id, of in zip(table.ids(), tasks, strict=True) if of == task]
        archs: list[SubTransformerConfig] = [table.arch(id) for id in ids]
        target = np.array([table.query(id, args.target) for id in ids])
        columns = {
            name: np.array([table.query(id, name) for id in ids])
            * (1 if table.metrics[name].higher_is_better else -1)
            for name in args.column
        }
        results.append(_rank_task(args, task, archs, target, columns))
    print_result(results[0] if len(results) == 1 else {"tasks": results})


def _rank_task(
    args: argparse.Namespace,
    task: str,
    archs: Archs,
    target: Floats,
    columns: dict[str, Floats],
) -> dict[str, Any]:
    space = space_of(archs)

    def scorer(seed: int, **options: Any) -> EpsinasScorer:
        chosen = {
            "weights": args.weights,
            "sentences": args.sentences,
            "length": args.length,
            "tokens": args.tokens,
            **common.model_options(args),
        }
        return EpsinasScorer(space, seed=seed, **{**chosen, **options})

    chosen = scorer(args.seed)
    start = time.perf_counter()
    scores = {"epsinas": chosen.score(archs)}
    elapsed = time.perf_counter() - start
    if args.variants:
        low, high = chosen.weights
        for norm in NORMS:
            # A gain filled with zero has no output; there the authors' ratio of 100 is used.
            pair = (low or high / 100, high) if norm == "tokens-filled" else (low, high)
            for read_out in READ_OUTS:
                variant = scorer(args.seed, norm=norm, read_out=read_out, weights=pair)
                scores[f"  {norm}, {read_out}"] = variant.score(archs)
    config = config_that_holds(archs, **common.model_options(args))
    static = static_scorers(config, src_len=default_src_len(task))
    scores |= {name: scorer.score(archs) for name, scorer in static.items()}
    scores |= columns

    depth = np.array([arch.decoder.num_layers for arch in archs], float)
    params = scores["params"]
    rankings = [
        common.rank(
            name,
            values,
            args.target,
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
    batches = [scorer(args.seed + offset).score(archs) for offset in range(args.seeds)]
    taus = [rank_stats(values, target).kendall for values in batches]
    tau_of_mean = rank_stats(np.mean(batches, axis=0), target).kendall
    print(
        f"epsinas over {args.seeds} batches: tau {np.mean(taus):.3f} +- {np.std(taus):.3f}; "
        f"tau of the mean score {tau_of_mean:.3f}"
    )
    if args.variants:
        _print_spread(args.seeds, scorer, archs, target, args.seed)
    out, plot = args.out, args.plot
    common.write_scores(out, {"task": [task] * len(archs), args.target: target, **scores})
    if plot:
        plot_scores(
            plot,
            score=scores["epsinas"],
            truth=target,
            params=params,
            labels=("epsinas", args.target.replace("_", " "), "parameters without embeddings"),
        )
    return {
        "task": task,
        "rankings": [ranking.to_json() for ranking in rankings],
        "kendall_of_mean_score": common.rounded(tau_of_mean),
        "kendall_over_batches": [common.rounded(tau) for tau in taus],
        "architectures": len(archs),
        "ms_per_architecture": round(1e3 * elapsed / len(archs), 3),
        "signature": signature(**chosen.signature_parts),
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
    try:
        content = json.loads(text)
    except json.JSONDecodeError:
        content = None
    if not isinstance(content, dict):
        raise ConfigError(
            f"{where}: expected a SubTransformer as a JSON object, but found {text[:60]!r}"
        )
    return arch_from_mapping(content, where)


def _tasks(path: Path, count: int) -> list[str]:
    """The column ``task``, or the name of the file where there is none."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else open(path) as stream:
        reader = csv.DictReader(stream)
        if "task" not in (reader.fieldnames or []):
            return [path.name.split(".")[0]] * count
        return [row["task"] for row in reader]
