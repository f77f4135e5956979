"""``evo_search.py``: HAT's evolutionary search under a latency limit, by inherited loss."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping, space_from_options, write_arch
from hat.console import command, print_result, set_up_logging
from hat.errors import ConfigError
from hat.latency.predictor import LatencyPredictor, load_predictor
from hat.search.base import SearchResult
from hat.search.constraints import Constraints, Limit
from hat.search.evolution import Evolution, EvolutionSettings
from hat.search.loop import Search
from hat.search.operators import GeneOperators
from hat.search.proposer import Proposer
from hat.signature import signature

if TYPE_CHECKING:
    from hat.scoring.inherited_loss import InheritedLoss


def add_search_options(parser: argparse.ArgumentParser) -> None:
    """Adds HAT's search options and ours."""
    group = parser.add_argument_group("search")
    group.add_argument("--evo-iter", type=int, default=30, help="rounds")
    group.add_argument("--population-size", type=int, default=125)
    group.add_argument("--parent-size", type=int, default=25)
    group.add_argument("--mutation-size", type=int, default=50)
    group.add_argument("--crossover-size", type=int, default=50)
    group.add_argument("--mutation-prob", type=float, default=0.3, help="per gene")
    group.add_argument("--ckpt-path", help="latency predictor")
    group.add_argument("--feature-norm", type=float, nargs="+", help="only for HAT's predictors")
    group.add_argument("--lat-norm", type=float, help="only for HAT's predictors")
    group.add_argument(
        "--latency-constraint",
        help="milliseconds per sentence, or a percentage of the largest one's latency: 60%%",
    )
    group.add_argument(
        "--latency-confidence",
        type=float,
        default=0.95,
        help="a candidate fits if its measured latency stays under the limit this often",
    )
    group.add_argument("--write-config-path", help="YAML file for the winner")
    group.add_argument(
        "--search-dir",
        help="folder for trials.jsonl and the state of the search; a search that was stopped "
        "goes on from there (default: the winner's path with .search for its suffix)",
    )


def _required(args: argparse.Namespace, *names: str) -> None:
    for name in names:
        if getattr(args, name) is None:
            raise ConfigError(f"--{name.replace('_', '-')} is missing")


def _limit_ms(text: str, predictor: LatencyPredictor, largest: SubTransformerConfig) -> float:
    """Reads ``200`` (milliseconds) or ``60%`` (of the largest one's predicted latency)."""
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = float("nan")
    if not 0 < number < float("inf"):
        raise ConfigError(
            f"--latency-constraint is a number of milliseconds or a percentage, not {text!r}"
        )
    if not text.endswith("%"):
        return number
    limit_ms = float(predictor.predict_ms([largest])[0]) * number / 100
    print(f"| the limit, {text} of the largest SubTransformer's latency, is {limit_ms:.2f} ms")
    return limit_ms


def _latency_limit(
    predictor: LatencyPredictor, at_most: float, confidence: float
) -> Limit[SubTransformerConfig]:
    def cost(archs: Sequence[SubTransformerConfig]) -> np.ndarray:
        return predictor.upper_ms(archs, confidence=confidence)

    if len(predictor.residuals) == 0:
        print(f"| {predictor.source} has no calibrated bound: its prediction itself is the limit")
        return Limit("latency_ms", at_most, predictor.predict_ms)
    return Limit("latency_ms", at_most, cost)


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``evo_search.py``."""
    set_up_logging("WARNING")
    from hat.fairseq_plugin.arguments import parse, training_parser

    args = parse(training_parser, argv or [], add_options=add_search_options)
    _required(args, "ckpt_path", "latency_constraint", "write_config_path", "max_tokens")
    settings = EvolutionSettings(
        population_size=args.population_size,
        parent_size=args.parent_size,
        mutation_size=args.mutation_size,
        crossover_size=args.crossover_size,
    )
    space = space_from_options(vars(args), "the SuperTransformer's options")
    predictor = load_predictor(
        args.ckpt_path, feature_norm=args.feature_norm, lat_norm=args.lat_norm
    )
    predictor.check_space(space)
    limit_ms = _limit_ms(args.latency_constraint, predictor, space.largest())
    limit = _latency_limit(predictor, limit_ms, args.latency_confidence)
    scorer = _inherited_loss(args, space.largest(), space.smallest())
    text = signature(
        stage="evo-search",
        space=space.fingerprint(),
        seed=args.seed,
        limit_ms=round(limit_ms, 3),
        rounds=args.evo_iter,
        precision="bf16" if args.bf16 else "fp16" if args.fp16 else "fp32",
        population=args.population_size,
        scorer=scorer.name,
        checkpoint=Path(args.restore_file).name,
        predictor=predictor.kind,
    )
    operators = GeneOperators(space, mutation_prob=args.mutation_prob)
    constraints = Constraints([limit], describe=lambda a: json.dumps(arch_to_mapping(a)))
    proposer = Proposer(operators, np.random.default_rng(args.seed), constraints)
    search: Search[SubTransformerConfig] = Search(
        Evolution(proposer, settings),
        [scorer],
        codec=operators,
        costs=constraints.costs,
        folder=args.search_dir or Path(args.write_config_path).with_suffix(".search"),
        signature=text,
    )
    if search.rounds_done:
        print(f"| goes on after round {search.rounds_done}")
    result = search.run(args.evo_iter, on_round=lambda report: print(f"| {report}", flush=True))
    _report(args, result, predictor, limit_ms, text)


def _inherited_loss(
    args: argparse.Namespace, largest: SubTransformerConfig, smallest: SubTransformerConfig
) -> "InheritedLoss":
    """Loads weights and validation set; both extremes must fit the SuperTransformer."""
    import torch

    from hat.fairseq_plugin.arguments import check_data_folder
    from hat.fairseq_plugin.loading import (
        build_task,
        load_super_transformer,
        validation_batches,
    )
    from hat.scoring.inherited_loss import InheritedLoss

    check_data_folder(vars(args))
    task = build_task(args)
    model = load_super_transformer(args.restore_file, task)
    for arch in (smallest, largest):
        model.set_sample_config(arch)
    device = "cuda" if torch.cuda.is_available() and not args.cpu else "cpu"
    batches = validation_batches(
        task,
        args.valid_subset,
        model.config,
        max_tokens=args.max_tokens_valid,
        device=device,
    )
    return InheritedLoss(
        model.to(device), batches, label_smoothing=getattr(args, "label_smoothing", 0.0)
    )


def _report(
    args: argparse.Namespace,
    result: SearchResult[SubTransformerConfig],
    predictor: LatencyPredictor,
    limit_ms: float,
    text: str,
) -> None:
    best = result.best()
    predicted_ms = float(predictor.predict_ms([best.arch])[0])
    comment = (
        f"Found by hat evo-search among {result.num_evaluated} candidates: validation loss "
        f"{result.score(best):.4f} with inherited weights,\npredicted latency "
        f"{predicted_ms:.2f} ms, limit {limit_ms:.2f} ms\n{text}"
    )
    write_arch(args.write_config_path, best.arch, comment)
    print(f"| the winner is in {args.write_config_path}")
    print_result(
        {
            "config": str(args.write_config_path),
            "valid_loss": result.score(best),
            "predicted_ms": predicted_ms,
            "upper_ms": best.costs["latency_ms"],
            "limit_ms": limit_ms,
            "candidates": result.num_evaluated,
            "signature": text,
        }
    )
