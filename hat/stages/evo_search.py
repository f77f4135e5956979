"""``evo_search.py``: search under a latency limit, then measure what was found.

By default this is HAT's evolutionary search by the loss that candidates inherit. The best few are
measured on this device, if it is the predictor's; what misses the limit is repaired or dropped.
"""

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
from hat.report.search_report import SearchStory, write_search_report
from hat.search.algorithms import AlgorithmBuilder
from hat.search.base import SearchAlgorithm, SearchResult
from hat.search.constraints import Constraints
from hat.search.deliver import Measure
from hat.search.loop import Search
from hat.search.operators import GeneOperators
from hat.search.proposer import Proposer
from hat.signature import signature
from hat.stages.search_finish import Finish, finish_search
from hat.stages.search_limits import build_limits
from hat.stages.search_options import (
    add_search_options,
    delivery_settings,
    evolution_settings,
    require,
)
from hat.stages.search_scorers import build_scorer, precision, static

if TYPE_CHECKING:
    from hat.models.super_transformer import SuperTransformer

Arch = SubTransformerConfig


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``evo_search.py``."""
    set_up_logging("WARNING")
    from hat.fairseq_plugin.arguments import check_data_folder, parse, training_parser
    from hat.fairseq_plugin.loading import build_task, load_super_transformer

    args = parse(training_parser, argv or [], add_options=add_search_options)
    require(args, "ckpt_path", "latency_constraint", "write_config_path", "max_tokens")
    space = space_from_options(vars(args), "the SuperTransformer's options")
    predictor = load_predictor(
        args.ckpt_path, feature_norm=args.feature_norm, lat_norm=args.lat_norm
    )
    [limit] = build_limits(args, space, predictor)
    at_most = limit.at_most
    check_data_folder(vars(args))
    task = build_task(args)
    model = load_super_transformer(args.restore_file, task)
    for arch in (space.smallest(), space.largest()):
        model.set_sample_config(arch)
    objective = build_scorer(args, space, model, task)
    parts = {
        "stage": "evo-search",
        "space": space.fingerprint(),
        "seed": args.seed,
        "limit_ms": round(at_most, 3),
        "algorithm": args.search_algorithm,
        "population": args.population_size,
        "scorer": objective.name,
        "precision": precision(args),
        "checkpoint": Path(args.restore_file).name,
        "predictor": predictor.kind,
    }
    text = signature(**parts, rounds=args.evo_iter)
    operators = GeneOperators(space, mutation_prob=args.mutation_prob)
    constraints = Constraints([limit], describe=_in_words)

    def build(proposer: Proposer[Arch]) -> SearchAlgorithm[Arch]:
        builder = AlgorithmBuilder(proposer, evolution_settings(args), operators.one_hot)
        return builder.build(args.search_algorithm)

    folder = Path(args.search_dir or Path(args.write_config_path).with_suffix(".search"))
    search: Search[Arch] = Search(
        build(Proposer(operators, np.random.default_rng(args.seed), constraints)),
        [objective],
        codec=operators,
        costs=constraints.costs,
        folder=folder,
        signature=signature(**parts),  # without the rounds: more of them continue a search
    )
    if search.rounds_done:
        print(f"| goes on after round {search.rounds_done}")
    result = search.run(args.evo_iter, on_round=lambda report: print(f"| {report}", flush=True))
    measure = _measure_here(args, predictor, model)
    winner, measured_ms = result.best().arch, None
    title = f"Search under {at_most:.2f} ms"
    if measure is None:
        story = SearchStory(result=result, budgets={limit.name: at_most}, describe=_in_words)
        files = write_search_report(folder / "report", story, title=title)
    else:
        finish = Finish(
            operators=operators,
            codec=operators,
            constraints=constraints,
            objective=objective,
            measure=measure,
            delivery=delivery_settings(args),
            build=build,
            num_rounds=args.evo_iter,
            seeds=(args.seed, *args.contest_seeds) if args.contest_seeds else (),
            sizes={name: s.score for name, s in static(args, model).items() if name in _SIZES},
            scorers=static(args, model),
            describe=_in_words,
        )
        deliveries, files = finish_search(result, finish, folder / "report", title=title)
        winner = deliveries[0].arch
        measured_ms = float(deliveries[0].measured[limit.name])
    _write_winner(args, result, winner, predictor, at_most, measured_ms, files[0], text)


_SIZES = ("params", "decoder_depth")
"""Of these the largest architecture that fits is the rival of a contest."""


def _in_words(arch: Arch) -> str:
    return json.dumps(arch_to_mapping(arch))


def _measure_here(
    args: argparse.Namespace, predictor: LatencyPredictor, model: "SuperTransformer"
) -> Measure[Arch] | None:
    """Returns what measures finalists, or None, and why, where this is not their device."""
    from hat.latency.device import check_device, device_name
    from hat.latency.measure import measure
    from hat.latency.workload import Workload

    if args.measure_finalists == 0:
        return None
    facts = predictor.facts
    if not facts.get("workload"):
        print("| finalists are not measured: the predictor does not say on what work and device")
        return None
    workload = Workload.from_dict(facts["workload"], predictor.source)
    try:
        check_device(workload.device)
    except ConfigError:
        print("| finalists are not measured: the predictor is for a GPU, and there is none here")
        return None
    here = device_name(workload.device)
    if facts.get("device") not in (None, here):
        print(f"| finalists are not measured: the predictor is for {facts['device']}, not {here}")
        return None

    def measured(archs: Sequence[Arch]) -> list[dict[str, float]]:
        found = []
        for arch in archs:
            sample = measure(model, arch, workload)
            print(f"| measured {sample.total_ms:.2f} ms: {_in_words(arch)}", flush=True)
            found.append({"latency_ms": sample.total_ms})
        return found

    return measured


def _write_winner(
    args: argparse.Namespace,
    result: SearchResult[Arch],
    winner: Arch,
    predictor: LatencyPredictor,
    at_most: float,
    measured_ms: float | None,
    report: Path,
    text: str,
) -> None:
    predicted_ms = float(predictor.predict_ms([winner])[0])
    scores = {trial.arch: result.score(trial) for trial in result.trials}
    name, score = result.objective_names[0], scores.get(winner)
    found = "" if score is None else f": {name} {score:.4f}"
    measured = "" if measured_ms is None else f", measured {measured_ms:.2f} ms"
    comment = (
        f"Found by hat evo-search among {result.num_evaluated} candidates{found}.\n"
        f"Latency: predicted {predicted_ms:.2f} ms{measured}, limit {at_most:.2f} ms.\n{text}"
    )
    write_arch(args.write_config_path, winner, comment)
    print(f"| the winner is in {args.write_config_path}, the report in {report}")
    print_result(
        {
            "config": str(args.write_config_path),
            "report": str(report),
            "scorer": name,
            "score": score,
            "predicted_ms": predicted_ms,
            "measured_ms": measured_ms,
            "limit_ms": at_most,
            "candidates": result.num_evaluated,
            "signature": text,
        }
    )
