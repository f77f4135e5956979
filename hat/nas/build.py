"""From settings to a problem: the named parts are looked up, built and put together."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping
from hat.conditions import mapping_digest
from hat.errors import ConfigError
from hat.measuring.devices import DEVICES, scheme_of
from hat.nas.limits import LIMITS
from hat.nas.limits.base import Ground, SearchLimit, describe_limit
from hat.nas.limits.latency import LatencySettings
from hat.nas.problem import Problem
from hat.nas.race import SpreadScorer, spread_scorer
from hat.nas.rescoring import RescoreSettings, Rescoring
from hat.nas.scorers import SCORERS
from hat.nas.scorers.base import SearchScorer
from hat.nas.settings import FinishSettings, SearchSettings
from hat.nas.supernet import Supernet
from hat.retraining.finalists import RetrainSettings
from hat.retraining.halving import HalvingSettings
from hat.scoring.graph_encoding import encode_subtransformers
from hat.scoring.guides import guides
from hat.search.algorithms import ALGORITHMS
from hat.search.algorithms.generation import GenerationSettings, Ingredients
from hat.search.base import SearchAlgorithm
from hat.search.constraints import Constraints, CostObjective
from hat.search.operators import GeneOperators
from hat.search.proposer import Proposer
from hat.search.zero_cost import ScreeningProposer
from hat.settings import Settings, check_kinds, picked, settings_signature

Arch = SubTransformerConfig
Say = Callable[[str], None]

_ALWAYS = "inherited-loss"
"""The scorer that the others are compared with."""

_RETRAINED = "bleu"
"""The scorer by whose settings a retrained SubTransformer translates."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """A search, ready to run."""

    supernet: Supernet
    settings: tuple[Settings, ...]
    problem: Problem[Arch]
    limits: list[SearchLimit]
    scorer: SearchScorer
    spread: SpreadScorer
    """The scorer over all processes."""

    signature_parts: Mapping[str, Any]
    """What a reader of a result wants to know, and a digest of all conditions."""


def settings_classes() -> tuple[type, ...]:
    """Returns every class of settings that a search and what follows it read."""
    parts = (*ALGORITHMS.settings(), *SCORERS.settings(), *LIMITS.settings(), *DEVICES.settings())
    ends = (FinishSettings, RescoreSettings, HalvingSettings, RetrainSettings)
    return tuple(dict.fromkeys((SearchSettings, *parts, *ends)))


def check_settings(settings: Iterable[Settings]) -> None:
    """Checks what settings mean together, before anything is loaded.

    Raises:
        ConfigError: if no limit is asked for, or something is set about a scorer that is not used.
    """
    given = tuple(settings)
    parts = [LIMITS.load(name) for name in LIMITS]
    if not any(getattr(picked(given, part.Settings), part.asked_by) for part in parts):
        *flags, last = (f"--{part.asked_by.replace('_', '-')}" for part in parts)
        raise ConfigError(f"a search needs a limit: {', '.join(flags)} or {last}")
    search, finish = picked(given, SearchSettings), picked(given, FinishSettings)
    used = [search.scorer, _ALWAYS, *finish.rank_scorers]
    used += [search.screen_by] if search.screens else []
    rescoring = picked(given, RescoreSettings)
    used += [rescoring.rescore_by] if rescoring.rescore_top else []
    used += [_RETRAINED] if picked(given, RetrainSettings).retrain_top else []
    values = {field: value for each in given for field, value in vars(each).items()}
    SCORERS.check_others(used, values, "--scorer")
    DEVICES.check_others([scheme_of(values.get("device", "local"))], values, "--device")


def build_search(supernet: Supernet, *settings: Settings, say: Say = print) -> Built:
    """Builds what the settings name, and says the limits.

    Args:
        supernet: the SuperTransformer and its data.
        settings: ``SearchSettings``, ``FinishSettings`` and those of parts, in any order; what is
            left out keeps its defaults.
        say: takes lines of progress.

    Raises:
        ConfigError: if a setting is wrong or things do not fit together.
        CheckpointError: if a predictor cannot be read.
        DataError: if data is not there or damaged.
    """
    check_kinds(settings, settings_classes(), "hat.search")
    check_settings(settings)
    search = picked(settings, SearchSettings)
    finish = picked(settings, FinishSettings)
    model, space = supernet.model, supernet.space
    for arch in (space.smallest(), space.largest()):
        model.set_sample_config(arch)
    ground = Ground(
        space=space,
        config=model.config,
        src_len=supernet.src_len,
        say=say,
        engine=picked(settings, LatencySettings).lat_engine,
    )
    limits: list[SearchLimit] = []
    origins: dict[str, str] = {}
    for name in LIMITS:
        part = LIMITS.load(name)
        built_limits = part.build(picked(settings, part.Settings), ground)
        origins |= LIMITS.origin(name) if built_limits else {}
        limits += built_limits
    for each in limits:
        kept = each.limit.cost([space.largest()])[0] <= each.limit.at_most
        more = ", which the largest SubTransformer keeps, too" if kept else ""
        say(f"| limit: {describe_limit(each.limit)}{more}")
    scorer = build_scorer(search.scorer, supernet, settings)
    genes = GeneOperators(space, mutation_prob=search.mutation_prob)
    operators = scorer.operators(genes)
    constraints = Constraints([each.limit for each in limits], describe=in_words)
    algorithm = ALGORITHMS.load(search.search_algorithm)
    sizes = picked(settings, algorithm.Settings)
    has_front = algorithm.num_objectives > 1
    parents = picked(settings, GenerationSettings).parent_size
    # A race must not drop the parents, nor who will be measured.
    keep = max(parents, finish.measure_finalists, num_finalists(settings))
    features = GeneOperators(space).one_hot
    spread = spread_scorer(
        scorer, operators, features, keep=keep, has_front=has_front, seed=supernet.seed
    )
    screen = build_scorer(search.screen_by, supernet, settings) if search.screens else None

    def build(rng: np.random.Generator) -> SearchAlgorithm[Arch]:
        parts = (operators, rng, constraints)
        proposer: Proposer[Arch] = Proposer(*parts)
        if screen is not None:
            proposer = ScreeningProposer(
                *parts, score=screen.score, warmup=search.warm_up, moves=search.moves
            )
        models = guides(features, encode_subtransformers)
        ingredients = Ingredients(proposer=proposer, guides=models)
        built: SearchAlgorithm[Arch] = algorithm.build(sizes, ingredients)
        return built

    conditions = {
        **supernet.signature(reads_data=scorer.reads_data),
        **settings_signature(search),
        **ALGORITHMS.origin(search.search_algorithm),
        **settings_signature(sizes),
        **SCORERS.origin(search.scorer),
        **scorer.signature(),
        **(SCORERS.origin(search.screen_by) | screen.signature() if screen is not None else {}),
        **{f"limit {each.limit.name}": float(f"{each.limit.at_most:.9g}") for each in limits},
        **{key: value for each in limits for key, value in each.signature.items()},
        **origins,
        "parents kept by a race": keep,
    }
    problem = Problem(
        operators=operators,
        codec=operators,
        constraints=constraints,
        build=build,
        objective=spread.exact,
        race=spread.race,
        more_objectives=[CostObjective(limits[0].limit)] if has_front else [],
        num_rounds=search.evo_iter,
        conditions=conditions,
        describe=in_words,
        say=say,
    )
    return Built(
        supernet=supernet,
        settings=tuple(settings),
        problem=problem,
        limits=limits,
        scorer=scorer,
        spread=spread,
        signature_parts=_signature_parts(supernet, conditions, limits),
    )


def num_finalists(settings: Iterable[Settings]) -> int:
    """How many of the search's best what follows it chooses among."""
    given = tuple(settings)
    rescored: int = picked(given, RescoreSettings).rescore_top
    halved: int = picked(given, HalvingSettings).halve_top
    return max(rescored, halved)


def build_rescoring(supernet: Supernet, settings: Iterable[Settings]) -> Rescoring | None:
    """Builds what scores the search's best again; None where nothing is to.

    Raises:
        ConfigError: if a setting is wrong.
    """
    given = tuple(settings)
    chosen = picked(given, RescoreSettings)
    if not chosen.rescore_top:
        return None
    scorer = build_scorer(chosen.rescore_by, supernet, given)
    return Rescoring(top=chosen.rescore_top, name=chosen.rescore_by, scorer=scorer)


def build_scorer(name: str, supernet: Supernet, settings: Iterable[Settings]) -> SearchScorer:
    """Builds the scorer called ``name`` with its settings among ``settings``.

    Raises:
        ConfigError: if there is none, or a setting is wrong.
    """
    part = SCORERS.load(name)
    built: SearchScorer = part.build(picked(settings, part.Settings), supernet)
    return built


def in_words(arch: Arch) -> str:
    """An architecture on one line: JSON with HAT's keys."""
    return json.dumps(arch_to_mapping(arch))


def _signature_parts(
    supernet: Supernet, conditions: Mapping[str, Any], limits: list[SearchLimit]
) -> dict[str, Any]:
    shown = ("seed", "search-algorithm", "scorer", "precision")
    contents = {
        "checkpoint": "content of restore-file",
        "predictor": "content of ckpt-path",
        "table": "content of scorer-table",
        "dictionaries": "content of data (dictionaries)",
        "data": f"content of data ({supernet.valid_subset})",
    }
    workloads = dict.fromkeys(each.workload for each in limits if each.workload is not None)
    return {
        "stage": "evo-search",
        "space": supernet.space.fingerprint(),
        **{name: conditions.get(name) for name in shown},
        "limits": ",".join(f"{each.limit.name}<={each.limit.at_most:.6g}" for each in limits),
        "workload": ",".join(workloads) or None,
        **{role: conditions.get(name) for role, name in contents.items()},
        "conditions": mapping_digest(conditions),
    }
