"""``evo_search.py``: search under limits, measure what was found, and say if it was worth it.

By default this is HAT's evolutionary search by the loss that candidates inherit. The best few are
measured on this device, if it is a predictor's; what misses a limit is repaired or dropped.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping, space_from_options, write_arch
from hat.console import command, print_result, set_up_logging
from hat.report.search_report import write_search_report
from hat.scoring.graph_encoding import encode_subtransformers
from hat.scoring.guides import guides
from hat.search.algorithms import AlgorithmBuilder
from hat.search.base import SearchAlgorithm, SearchResult
from hat.search.constraints import Constraints
from hat.search.deliver import Delivery
from hat.search.loop import Search
from hat.search.operators import GeneOperators
from hat.search.proposer import Proposer
from hat.signature import signature
from hat.stages.search_finish import Finish, SearchEnd
from hat.stages.search_limits import LatencyLimit, count_limits, describe_limit, latency_limits
from hat.stages.search_measure import build_measure
from hat.stages.search_options import (
    add_search_options,
    contest_seeds,
    delivery_settings,
    evolution_settings,
    require,
    require_limit,
)
from hat.stages.search_scorers import build_scorer, precision, static

Arch = SubTransformerConfig


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``evo_search.py``."""
    set_up_logging("WARNING")
    from hat.fairseq_plugin.arguments import check_data_folder, parse, training_parser
    from hat.fairseq_plugin.loading import build_task, load_super_transformer

    args = parse(training_parser, argv or [], add_options=add_search_options)
    require(args, "write_config_path", "max_tokens")
    require_limit(args)
    space = space_from_options(vars(args), "the SuperTransformer's options")
    on_devices = latency_limits(args, space)
    check_data_folder(vars(args))
    task = build_task(args)
    model = load_super_transformer(args.restore_file, task)
    for arch in (space.smallest(), space.largest()):
        model.set_sample_config(arch)
    limits = [*(each.limit for each in on_devices), *count_limits(args, space, model.config)]
    for limit in limits:
        print(f"| limit: {describe_limit(limit)}")
    objective = build_scorer(args, space, model, task)
    operators = GeneOperators(space, mutation_prob=args.mutation_prob)
    constraints = Constraints(limits, describe=_in_words)

    def build(rng: np.random.Generator) -> SearchAlgorithm[Arch]:
        proposer = Proposer(operators, rng, constraints)
        models = guides(operators.one_hot, encode_subtransformers)
        builder = AlgorithmBuilder(proposer, evolution_settings(args), models)
        return builder.build(args.search_algorithm)

    parts = {
        "stage": "evo-search",
        "space": space.fingerprint(),
        "seed": args.seed,
        "limits": ",".join(f"{limit.name}<={limit.at_most:.6g}" for limit in limits),
        "confidence": args.latency_confidence if on_devices else None,
        "algorithm": args.search_algorithm,
        "sizes": "+".join(
            str(getattr(args, f"{name}_size"))
            for name in ("population", "parent", "mutation", "crossover")
        ),
        "mutation_prob": args.mutation_prob,
        "scorer": objective.name,
        "precision": precision(args),
        "checkpoint": Path(args.restore_file).name,
        "predictor": "+".join(each.predictor.kind for each in on_devices) or None,
    }
    folder = Path(args.search_dir or Path(args.write_config_path).with_suffix(".search"))
    search: Search[Arch] = Search(
        build(np.random.default_rng(args.seed)),
        [objective],
        codec=operators,
        costs=constraints.costs,
        folder=folder,
        signature=signature(**parts),  # without the rounds: more of them continue a search
    )
    if search.rounds_done:
        print(f"| goes on after round {search.rounds_done}")
    result = search.run(args.evo_iter, on_round=lambda report: print(f"| {report}", flush=True))
    finish = Finish(
        operators=operators,
        codec=operators,
        constraints=constraints,
        objective=objective,
        measure=build_measure(args, on_devices, model, _in_words),
        delivery=delivery_settings(args),
        build=build,
        num_rounds=args.evo_iter,
        seeds=contest_seeds(args),
        folder=folder / "contest",
        sizes={name: s.score for name, s in static(args, model).items() if name in _SIZES},
        scorers=static(args, model),
        describe=_in_words,
        say=lambda line: print(f"| {line}", flush=True),
    )
    text = signature(**parts, rounds=args.evo_iter)
    end = SearchEnd(result, finish)
    deliveries = end.measure_finalists()
    winner = deliveries[0] if deliveries else _unmeasured(result, constraints)
    _write_winner(args, result, winner, text)
    story = end.story(deliveries)
    title = "Search under " + ", ".join(describe_limit(limit) for limit in limits)
    files = write_search_report(folder / "report", story, title=title)
    print(f"| the winner is in {args.write_config_path}, the report in {files[0]}")
    print_result(
        {
            "config": str(args.write_config_path),
            "report": str(files[0]),
            **_in_figures(result, winner, on_devices),
            "candidates": result.num_evaluated,
            "signature": text,
        }
    )


_SIZES = ("params", "decoder_depth")
"""Of these the largest architecture that fits is the rival of a contest."""


def _in_words(arch: Arch) -> str:
    return json.dumps(arch_to_mapping(arch))


def _unmeasured(result: SearchResult[Arch], constraints: Constraints[Arch]) -> Delivery[Arch]:
    """The best candidate, where this machine can measure nothing of what is limited."""
    best = result.best()
    return Delivery(
        arch=best.arch,
        objective=best.objectives[0],
        predicted=best.costs,
        measured={},
        budget={limit.name: limit.at_most for limit in constraints.limits},
        fits=True,
    )


def _write_winner(
    args: argparse.Namespace, result: SearchResult[Arch], winner: Delivery[Arch], text: str
) -> None:
    lines = [
        f"Found by hat evo-search among {result.num_evaluated} candidates: "
        f"{result.objective_names[0]} {_score(result, winner):.4f}."
    ]
    for name, budget in winner.budget.items():
        measured = winner.measured.get(name)
        found = "" if measured is None else f", measured {measured:,.6g}"
        lines.append(
            f"{name}: predicted at most {winner.predicted[name]:,.6g}{found}, limit {budget:,.6g}."
        )
    write_arch(args.write_config_path, winner.arch, "\n".join([*lines, text]))


def _score(result: SearchResult[Arch], winner: Delivery[Arch]) -> float:
    return -winner.objective if result.higher_is_better[0] else winner.objective


def _in_figures(
    result: SearchResult[Arch], winner: Delivery[Arch], on_devices: Sequence[LatencyLimit]
) -> dict[str, object]:
    """The winner's score and costs; ``predicted_ms`` and the like are those of the first device."""
    figures: dict[str, object] = {
        "scorer": result.objective_names[0],
        "score": _score(result, winner),
    }
    if on_devices:
        first = on_devices[0]
        figures |= {
            "predicted_ms": float(first.predictor.predict_ms([winner.arch])[0]),
            "measured_ms": winner.measured.get(first.limit.name),
            "limit_ms": first.limit.at_most,
        }
    figures["limits"] = {
        name: {
            "predicted": winner.predicted[name],
            "measured": winner.measured.get(name),
            "limit": limit,
        }
        for name, limit in winner.budget.items()
    }
    return figures
