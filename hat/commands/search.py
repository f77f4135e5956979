"""``hat search`` and ``evo_search.py``: search under limits and say whether it was worth it.

By default this is HAT's evolutionary search by the loss that candidates inherit. The best few are
measured on this device, if it is a predictor's; what misses a limit is repaired or dropped.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import write_arch
from hat.cli.console import command, print_result, set_up_logging
from hat.nas.finish import Finish, SearchEnd
from hat.nas.limits import LatencyLimit, describe_limit
from hat.nas.measure import build_measure
from hat.nas.options import (
    add_search_options,
    contest_seeds,
    delivery_settings,
    require,
    require_limit,
)
from hat.nas.problem import SearchProblem, build_problem, in_words
from hat.nas.retrain import (
    Retrained,
    RetrainSettings,
    add_retrain_options,
    retrain,
    retrain_section,
    retrain_settings,
)
from hat.nas.scorers import compared_scorers, static
from hat.report.search_report import write_search_report
from hat.scoring.spread import process_rank, processes
from hat.search.base import SearchResult
from hat.search.constraints import Constraints
from hat.search.deliver import Delivery
from hat.search.loop import Search
from hat.signature import signature

Arch = SubTransformerConfig


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``evo_search.py``; ``torchrun`` may start several of it."""
    set_up_logging("WARNING")
    from hat.fairseq_plugin.arguments import parse, training_parser

    with processes():
        args = parse(training_parser, argv or [], add_options=_add_options)
        require(args, "write_config_path", "max_tokens")
        require_limit(args)
        retraining = retrain_settings(args)
        problem = build_problem(args)
        if process_rank() > 0:
            problem.scorer.spread.serve()
            return
        folder = Path(args.search_dir or Path(args.write_config_path).with_suffix(".search"))
        result = _search(problem, folder)
        _finish(problem, result, retraining, folder)


def _add_options(parser: argparse.ArgumentParser) -> None:
    add_search_options(parser)
    add_retrain_options(parser)


def _search(problem: SearchProblem, folder: Path) -> SearchResult[Arch]:
    """Searches, or goes on with the search in ``folder``."""
    args = problem.args
    search: Search[Arch] = Search(
        problem.algorithm(np.random.default_rng(args.seed)),
        [problem.scorer.race, *problem.more_objectives],
        codec=problem.operators,
        costs=problem.constraints.costs,
        folder=folder,
        signature=signature(**problem.signature_parts()),
        conditions=problem.conditions,  # more rounds continue a search
    )
    if search.rounds_done:
        print(f"| goes on after round {search.rounds_done}")
    return search.run(args.evo_iter, on_round=_say)


def _finish(
    problem: SearchProblem,
    result: SearchResult[Arch],
    retraining: RetrainSettings | None,
    folder: Path,
) -> None:
    """Measures, writes the winner, compares, reports and retrains, in this order."""
    args, limits = problem.args, problem.constraints.limits
    text = signature(**problem.signature_parts(), rounds=args.evo_iter)
    end = SearchEnd(result, _finish_of(problem, folder))
    deliveries = end.measure_finalists()
    winner = deliveries[0] if deliveries else _unmeasured(result, problem.constraints)
    _write_winner(args, result, winner, text)
    story = end.story(deliveries)
    title = "Search under " + ", ".join(describe_limit(limit) for limit in limits)
    files = write_search_report(folder / "report", story, title=title)
    print(f"| the winner is in {args.write_config_path}, the report in {files[0]}")
    retrained: list[Retrained] = []
    if retraining is not None:
        retrained = retrain(story, retraining, folder / "retrained")
        story = replace(story, extra=[retrain_section(retrained, retraining), *story.extra])
        files = write_search_report(folder / "report", story, title=title)
    print_result(
        {
            "config": str(args.write_config_path),
            "report": str(files[0]),
            **_in_figures(result, winner, problem.on_devices),
            "candidates": result.num_evaluated,
            **({"retrained": {row.name: row.bleu for row in retrained}} if retrained else {}),
            "signature": text,
        }
    )


def _finish_of(problem: SearchProblem, folder: Path) -> Finish[Arch]:
    args, model = problem.args, problem.model
    exact = problem.scorer.exact
    truth, scorers = compared_scorers(args, problem.space, model, problem.task, exact)
    return Finish(
        operators=problem.operators,
        codec=problem.operators,
        constraints=problem.constraints,
        objective=exact,
        race=problem.scorer.race,
        measure=build_measure(args, problem.on_devices, model, in_words),
        delivery=delivery_settings(args),
        build=problem.algorithm,
        more_objectives=problem.more_objectives,
        num_rounds=args.evo_iter,
        seeds=contest_seeds(args),
        folder=folder / "contest",
        conditions=problem.conditions,
        sizes={name: s.score for name, s in static(args, model).items() if name in _SIZES},
        scorers=scorers,
        truth=truth,
        sample_size=args.rank_sample,
        describe=in_words,
        say=_say,
    )


_SIZES = ("params", "decoder_depth")
"""Of these the largest architecture that fits is the rival of a contest."""


def _say(line: object) -> None:
    print(f"| {line}", flush=True)


def _unmeasured(result: SearchResult[Arch], constraints: Constraints[Arch]) -> Delivery[Arch]:
    """The best candidate, where this machine can measure nothing of what is limited."""
    best = result.best()
    return Delivery(
        arch=best.arch,
        objective=best.objectives[0],
        predicted=best.costs,
        measured={},
        upper={},
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
        found = ""
        if name in winner.measured:
            measured, upper = winner.measured[name], winner.upper[name]
            found = f", measured {measured:,.6g} (at most {upper:,.6g})"
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
    for first in on_devices[:1]:
        figures |= {
            "predicted_ms": float(first.predictor.predict_ms([winner.arch])[0]),
            "measured_ms": winner.measured.get(first.limit.name),
            "limit_ms": first.limit.at_most,
        }
    figures["limits"] = {
        name: {
            "predicted": winner.predicted[name],
            "measured": winner.measured.get(name),
            "measured_upper": winner.upper.get(name),
            "limit": limit,
        }
        for name, limit in winner.budget.items()
    }
    return figures
