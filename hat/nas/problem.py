"""What is searched, by what and under which limits: all that the options of a search name."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping, space_from_options
from hat.arch.space import SearchSpace
from hat.conditions import mapping_digest
from hat.nas.limits import LatencyLimit, count_limits, describe_limit, latency_limits
from hat.nas.options import reads_data
from hat.nas.race import SpreadScorer, race_keep, spread_scorer
from hat.nas.scorers import build_scorer, device, precision, screen
from hat.nas.search_conditions import search_conditions
from hat.nas.table import search_operators
from hat.scoring.graph_encoding import encode_subtransformers
from hat.scoring.guides import guides
from hat.search.algorithms import ALGORITHMS
from hat.search.algorithms.generation import Ingredients
from hat.search.base import Objective, SearchAlgorithm
from hat.search.constraints import Constraints, CostObjective
from hat.search.operators import GeneOperators, SingleOperators
from hat.search.proposer import Proposer
from hat.search.zero_cost import Score, ScreeningProposer
from hat.settings import from_values

if TYPE_CHECKING:
    from hat.models.super_transformer import SuperTransformer

Arch = SubTransformerConfig


@dataclass(frozen=True, kw_only=True)
class SearchProblem:
    """The parts of one search, built."""

    args: argparse.Namespace
    space: SearchSpace
    task: Any
    model: "SuperTransformer"
    on_devices: Sequence[LatencyLimit]
    constraints: Constraints[Arch]
    operators: GeneOperators | SingleOperators[Arch]
    scorer: SpreadScorer
    cheap_score: Score[Arch] | None
    """Chooses what is scored for real, where ``--warm-up`` or ``--moves`` was asked for."""

    conditions: Mapping[str, Any]
    """Everything that decides the outcome but the number of rounds; files count by content."""

    @property
    def more_objectives(self) -> list[Objective[Arch]]:
        """An algorithm of two objectives minimises the first limit's cost besides."""
        if ALGORITHMS.load(self.args.search_algorithm).num_objectives == 1:
            return []
        return [CostObjective(self.constraints.limits[0])]

    def algorithm(self, rng: np.random.Generator) -> SearchAlgorithm[Arch]:
        """Builds the algorithm; all its randomness comes from ``rng``."""
        args, parts = self.args, (self.operators, rng, self.constraints)
        proposer: Proposer[Arch] = Proposer(*parts)
        if self.cheap_score is not None:
            proposer = ScreeningProposer(
                *parts, score=self.cheap_score, warmup=args.warm_up, moves=args.moves
            )
        models = guides(GeneOperators(self.space).one_hot, encode_subtransformers)
        algorithm = ALGORITHMS.load(args.search_algorithm)
        settings = from_values(algorithm.Settings, vars(args))
        ingredients = Ingredients(proposer=proposer, guides=models)
        built: SearchAlgorithm[Arch] = algorithm.build(settings, ingredients)
        return built

    def signature_parts(self) -> dict[str, object]:
        """What a reader of a result wants to know, and a digest of all conditions."""
        args, limits = self.args, self.constraints.limits
        sizes = ("population", "parent", "mutation", "crossover")
        return {
            "stage": "evo-search",
            "space": self.space.fingerprint(),
            "seed": args.seed,
            "limits": ",".join(f"{limit.name}<={limit.at_most:.6g}" for limit in limits),
            "confidence": args.latency_confidence if self.on_devices else None,
            "algorithm": args.search_algorithm,
            "sizes": "+".join(str(getattr(args, f"{name}_size")) for name in sizes),
            "mutation_prob": args.mutation_prob,
            "scorer": self.scorer.exact.name,
            "race": f"{args.race_error:g}-{args.race_tolerance:g}"
            if args.scorer == "inherited-loss"
            else None,
            "sentences": args.bleu_sentences if args.scorer.startswith("bleu") else None,
            "beam": f"{args.bleu_beam}-{args.bleu_lenpen:g}" if args.scorer == "bleu" else None,
            "screen": f"{args.screen_by}-{args.warm_up}-{args.moves}" if self.cheap_score else None,
            "precision": precision(args),
            **self._digests(),
            "conditions": mapping_digest(self.conditions),
        }

    def _digests(self) -> dict[str, object]:
        """The content of the files, by role."""
        roles = {
            "checkpoint": "content of restore-file",
            "predictor": "content of ckpt-path",
            "table": "content of scorer-table",
            "dictionaries": "content of data (dictionaries)",
            "data": f"content of data ({self.args.valid_subset})",
        }
        return {
            role: "+".join(
                digest for name, digest in self.conditions.items() if name.startswith(beginning)
            )
            or None
            for role, beginning in roles.items()
        }


def build_problem(args: argparse.Namespace) -> SearchProblem:
    """Loads and builds what the options name, and prints the limits.

    Raises:
        ConfigError: if an option is wrong or things do not fit together.
        CheckpointError: if the SuperTransformer or a predictor cannot be read.
        DataError: if the data is not there.
    """
    from hat.fairseq_plugin.arguments import check_data_folder
    from hat.fairseq_plugin.data_folder import dictionaries_digest, subset_digest
    from hat.fairseq_plugin.loading import build_task, load_super_transformer

    space = space_from_options(vars(args), "the SuperTransformer's options")
    on_devices = latency_limits(args, space)
    operators = search_operators(args, space)
    check_data_folder(vars(args))
    task = build_task(args)
    model = load_super_transformer(args.restore_file, task)
    for arch in (space.smallest(), space.largest()):
        model.set_sample_config(arch)
    limits = [*(each.limit for each in on_devices), *count_limits(args, space, model.config)]
    for limit in limits:
        print(f"| limit: {describe_limit(limit)}")
    scorer = build_scorer(args, space, model, task)
    data = {"dictionaries": dictionaries_digest(task)}
    if reads_data(args):
        data[args.valid_subset] = subset_digest(task, args.valid_subset)
    derived = {
        **{f"limit {limit.name}": float(f"{limit.at_most:.9g}") for limit in limits},
        "parents kept by a race": race_keep(args),
        "precision": precision(args),
        "device": device(args),
        "source-lang": task.cfg.source_lang,
        "target-lang": task.cfg.target_lang,
    }
    return SearchProblem(
        args=args,
        space=space,
        task=task,
        model=model,
        on_devices=on_devices,
        constraints=Constraints(limits, describe=in_words),
        operators=operators,
        scorer=spread_scorer(
            args,
            scorer,
            operators,
            GeneOperators(space).one_hot,
        ),
        cheap_score=screen(args, space, model),
        conditions=search_conditions(args, derived=derived, data=data),
    )


def in_words(arch: Arch) -> str:
    """An architecture on one line: JSON with HAT's keys."""
    return json.dumps(arch_to_mapping(arch))
