"""A whole search: search, measure, write the winner, compare, report, retrain."""

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import write_arch
from hat.errors import ConfigError, SearchError
from hat.files import check_writable
from hat.latency.metrics import doubt
from hat.locks import locked
from hat.measuring.devices import picked_device
from hat.measuring.devices.base import Device
from hat.nas.build import Built, build_rescoring, build_scorer, build_search, num_finalists
from hat.nas.contest import Rivals
from hat.nas.facts import write_facts
from hat.nas.finish import Finish, SearchEnd
from hat.nas.limits.base import SearchLimit, describe_limit
from hat.nas.measure import build_measure
from hat.nas.restriction import restriction_section
from hat.nas.scorers.bleu import BleuSettings
from hat.nas.settings import FREE_SCORERS, FinishSettings
from hat.nas.supernet import Supernet
from hat.numerals import number_of
from hat.progress import Progress
from hat.report.document import Section
from hat.report.search_report import write_search_report
from hat.retraining.finalists import (
    Retrained,
    RetrainSettings,
    read_training,
    retrain,
    retrain_section,
)
from hat.retraining.halving import HalvingSettings, Plan, halve, halving_section, read_plan
from hat.scoring.base import Scorer
from hat.scoring.spread import process_rank
from hat.search.base import Objective, SearchResult
from hat.search.constraints import Constraints
from hat.search.deliver import Delivery
from hat.search.loop import FACTS_FILE, STATE_FILE, TRIALS_FILE, RoundReport, Search
from hat.settings import Settings, picked
from hat.signature import signature

Arch = SubTransformerConfig
Say = Callable[[str], None]

_TRUTH = "inherited-loss"
_RIVAL_SIZES = ("params", "decoder_depth")
"""Of these the largest architecture that fits is the rival of a contest."""


@dataclass(frozen=True, kw_only=True)
class SearchOutcome:
    """What a search delivers."""

    arch: Arch
    winner: Delivery[Arch]
    result: SearchResult[Arch]
    limits: Sequence[SearchLimit]
    files: Sequence[Path]
    """The winner's YAML file and the report, in this order."""

    retrained: Sequence[Retrained]
    signature: str

    finalists: tuple[int, int] = (0, 0)
    """How many of the search's best were measured, and how many of them missed a limit."""

    @property
    def score(self) -> float:
        """Of the winner, in the scorer's own direction."""
        return _score(self.result, self.winner)

    def figures(self) -> dict[str, Any]:
        """Score and costs of the winner; ``predicted_ms`` and the like are the first device's."""
        figures: dict[str, Any] = {
            "scorer": self.result.objective_names[0],
            "score": self.score,
        }
        for first in [each for each in self.limits if each.predictor is not None][:1]:
            assert first.predictor is not None
            figures |= {
                "predicted_ms": float(first.predictor.predict_ms([self.arch])[0]),
                "measured_ms": self.winner.measured.get(first.limit.name),
                "limit_ms": first.limit.at_most,
            }
        winner = self.winner
        figures["limits"] = {
            name: {
                "predicted": winner.predicted[name],
                "measured": winner.measured.get(name),
                "measured_upper": winner.upper.get(name),
                "limit": limit,
            }
            for name, limit in winner.budget.items()
        }
        measured, missed = self.finalists
        if measured:
            figures |= {
                "finalists": measured,
                "finalists_that_missed": missed,
                "unused_percent": 100 * winner.unused,
            }
        return figures


def search(
    supernet: Supernet,
    *settings: Settings,
    write_config_path: str | Path,
    search_dir: str | Path | None = None,
    set_aside: bool = False,
    say: Say = print,
) -> SearchOutcome | None:
    """Searches the space of a supernet under limits, and goes on with a search that was stopped.

    Several threads may search with one supernet: they take turns.

    Args:
        supernet: the SuperTransformer and its data.
        settings: ``SearchSettings``, ``FinishSettings``, ``RetrainSettings`` and those of scorer,
            algorithm and limits, in any order; what is left out keeps its defaults.
        write_config_path: YAML file for the winner.
        search_dir: folder for trials, state and report; by default the winner's path with
            ``.search`` for its suffix.
        set_aside: moves another search that the folder holds to ``NAME.old``; else it is an error.
        say: takes lines of progress.

    Returns:
        The outcome; None in all but the first of several processes, which served it.

    Raises:
        ConfigError: if a setting is wrong or things do not fit together.
        SearchError: if no candidate meets the limits, or the folder holds another search.
        LockedError: if another process searches in that folder.
    """
    path = Path(write_config_path)
    folder = Path(search_dir) if search_dir else path.with_suffix(".search")
    if process_rank() > 0:  # only the first process writes
        return _search(supernet, settings, path, folder, say, set_aside=set_aside)
    check_writable(path, form="YAML")
    _check_folder(folder)
    with supernet.in_turn, locked(folder, say=say):
        return _search(supernet, settings, path, folder, say, set_aside=set_aside)


def _check_folder(folder: Path) -> None:
    """Checks that a folder which no search has begun in holds nothing else, such as data.

    Raises:
        ConfigError: naming what it holds.
    """
    if not folder.is_dir() or (folder / STATE_FILE).exists():
        return
    ours = (TRIALS_FILE, FACTS_FILE, "report", "contest", "halving", "retrained")
    others = [each.name for each in folder.iterdir() if each.name not in ours]
    strange = sorted(name for name in others if not name.startswith("."))
    if strange:
        raise ConfigError(
            f"{folder}: is no folder of a search: it holds {strange[0]}; --search-dir names another"
        )


def _search(
    supernet: Supernet,
    settings: Sequence[Settings],
    path: Path,
    folder: Path,
    say: Say,
    *,
    set_aside: bool,
) -> SearchOutcome | None:
    """Searches in a folder that nobody else searches in; see ``search``."""
    retraining, bleu = picked(settings, RetrainSettings), picked(settings, BleuSettings)
    training = read_training(
        retraining,
        beam=bleu.bleu_beam,
        lenpen=bleu.bleu_lenpen,
        target_lang=supernet.task.cfg.target_lang,
        on_cpu=supernet.device == "cpu",
        supernet=None if supernet.is_average else supernet.restore_file,
    )
    halving = read_plan(picked(settings, HalvingSettings), on_cpu=supernet.device == "cpu")
    device = picked_device(settings)  # a wrong address is said before hours of search
    built = build_search(supernet, *settings, say=say)
    if process_rank() > 0:
        built.spread.spread.serve()
        return None
    for each in built.limits:
        if each.predictor is not None and (said := doubt(each.predictor)) is not None:
            say(f"| warning: {each.limit.name}: {said}")
    rescoring = build_rescoring(supernet, settings)
    result = _searched(built, folder, say, set_aside=set_aside)
    objectives = [built.problem.objective, *built.problem.more_objectives]
    write_facts(folder, supernet.model.config, objectives, built.limits)
    parts = {**built.signature_parts, "rounds": built.problem.num_rounds}
    chooses = {"rescored": rescoring, "halving": halving}
    text = signature(
        **parts, **{name: each.digest() for name, each in chooses.items() if each is not None}
    )
    end = SearchEnd(built.problem, result, _finish(built, folder, device, say))
    deliveries = end.measure_finalists()
    firsts = [each for each in deliveries if each.repaired_from is None]
    more: list[Section] = []
    constraints = built.problem.constraints
    if rescoring is not None:
        candidates = _best(deliveries, result, constraints, rescoring.top)
        say(f"| scoring {number_of(len(candidates), 'finalist')} again by {rescoring.name}")
        candidates, section = rescoring.ordered(candidates)
        deliveries = [*candidates, *(each for each in deliveries if each not in candidates)]
        more.append(section)
    if halving is not None:
        candidates = _best(deliveries, result, constraints, halving.top)
        chosen, section = _halved(candidates, halving, folder / "halving", say)
        deliveries = [chosen, *(each for each in deliveries if each is not chosen)]
        more.append(section)
    winner = (deliveries or _unmeasured(result, constraints, 1))[0]
    write_arch(path, winner.arch, _winner_text(result, winner, text))
    if (restriction := restriction_section(built, winner.arch, say)) is not None:
        more.append(restriction)
    story = end.story(deliveries)
    story = replace(story, extra=[*more, *story.extra])
    title = "Search under " + ", ".join(describe_limit(each.limit) for each in built.limits)
    files = write_search_report(folder / "report", story, title=title)
    say(f"| the winner is in {path}, the report in {files[0]}")
    retrained: list[Retrained] = []
    if training is not None:
        top = retraining.retrain_top
        retrained = retrain(story, training, folder / "retrained", top=top)
        story = replace(story, extra=[retrain_section(retrained, training), *story.extra])
        files = write_search_report(folder / "report", story, title=title)
    return SearchOutcome(
        arch=winner.arch,
        winner=winner,
        result=result,
        limits=built.limits,
        files=(path, *files),
        retrained=retrained,
        signature=text,
        finalists=(len(firsts), sum(not each.fits for each in firsts)),
    )


def _halved(
    candidates: Sequence[Delivery[Arch]], plan: Plan, folder: Path, say: Say
) -> tuple[Delivery[Arch], Section]:
    """The candidate that successive halving chooses, and what the report says of it."""
    archs = [each.arch for each in candidates]
    found = halve(archs, plan, folder, say=say)
    return candidates[found.chosen], halving_section(archs, found)


def _searched(built: Built, folder: Path, say: Say, *, set_aside: bool) -> SearchResult[Arch]:
    """Searches, or goes on with the search in ``folder``."""

    def begin() -> Search[Arch]:
        return built.problem.search(
            np.random.default_rng(built.supernet.seed),
            folder=folder,
            signature=signature(**built.signature_parts),
        )

    try:
        run = begin()
    except SearchError:
        if not set_aside:
            raise
        old = folder.with_name(f"{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
        say(f"| its conditions have changed: {folder} is now {old}")
        run = begin()
    if run.rounds_done:
        say(f"| goes on after round {run.rounds_done}")
    rounds = built.problem.num_rounds
    progress = Progress(rounds, "rounds of the search", done=run.rounds_done)

    def on_round(report: RoundReport[Arch]) -> None:
        say(f"| {report}")
        progress.reach(report.round)

    return run.run(rounds, on_round=on_round)


def _finish(built: Built, folder: Path, device: Device, say: Say) -> Finish[Arch]:
    settings = picked(built.settings, FinishSettings)
    supernet = built.supernet
    measure = None
    keep = max(settings.delivery.keep, num_finalists(built.settings))
    if settings.measure_finalists > 0:
        measure = build_measure(
            built.limits,
            supernet.model,
            built.problem.describe,
            device=device,
            patience_s=settings.measure_patience,
            say=say,
        )
    truth, scorers = _compared(built, settings)
    margin = settings.contest_margin
    sizes = {name: build_scorer(name, supernet, ()).score for name in _RIVAL_SIZES}
    return Finish(
        measure=measure,
        delivery=replace(settings.delivery, keep=keep),
        rivals=Rivals(
            seeds=settings.seeds(supernet.seed),
            sizes=sizes,
            margin=built.scorer.margin if margin is None else margin,
            folder=folder / "contest",
        ),
        scorers=scorers,
        truth=truth,
        sample_size=settings.rank_sample,
    )


def _compared(
    built: Built, settings: FinishSettings
) -> tuple[Objective[Arch], Mapping[str, Scorer[Arch]]]:
    """The truth that scorers are compared with at the end of a search, and the scorers.

    The truth is the inherited loss of the whole validation set, or the scorer of the search where
    that is a truth itself. Without a sample to compare on there are no scorers.
    """
    exact = built.problem.objective
    if settings.rank_sample == 0:
        return exact, {}
    names = settings.rank_scorers or tuple(FREE_SCORERS)
    scorers: dict[str, Scorer[Arch]] = {
        name: build_scorer(name, built.supernet, built.settings) for name in names
    }
    if built.scorer.is_truth:
        return exact, scorers
    scorers.setdefault(built.scorer.name, exact)
    return build_scorer(_TRUTH, built.supernet, built.settings), scorers


def _best(
    deliveries: Sequence[Delivery[Arch]],
    result: SearchResult[Arch],
    constraints: Constraints[Arch],
    top: int,
) -> list[Delivery[Arch]]:
    """The best that were measured and fit; where none was, the best of the search."""
    measured = [each for each in deliveries if each.fits][:top]
    return measured or _unmeasured(result, constraints, top)


def _unmeasured(
    result: SearchResult[Arch], constraints: Constraints[Arch], top: int
) -> list[Delivery[Arch]]:
    """The best candidates, where this machine can measure nothing of what is limited."""
    result.best()  # or an error: none could be scored
    scored = [each for each in result.ranking() if not math.isnan(each.objectives[0])]
    return [
        Delivery(
            arch=trial.arch,
            objective=trial.objectives[0],
            predicted=trial.costs,
            measured={},
            upper={},
            budget={limit.name: limit.at_most for limit in constraints.limits},
            fits=True,
        )
        for trial in scored[:top]
    ]


def _winner_text(result: SearchResult[Arch], winner: Delivery[Arch], text: str) -> str:
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
    return "\n".join([*lines, text])


def _score(result: SearchResult[Arch], winner: Delivery[Arch]) -> float:
    return -winner.objective if result.higher_is_better[0] else winner.objective
