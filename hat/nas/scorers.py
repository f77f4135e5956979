"""The scorers of a search: the one that ``--scorer`` names, and those it is compared with."""

import argparse
import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.nas.table import read_table
from hat.scoring.base import Scorer
from hat.scoring.table import BenchmarkScorer
from hat.search.base import Objective
from hat.search.zero_cost import Score
from hat.tasks.facts import default_src_len

if TYPE_CHECKING:
    from hat.models.super_transformer import SuperTransformer
    from hat.scoring.batches import Batch
    from hat.scoring.static import StaticScorer

Arch = SubTransformerConfig


def build_scorer(
    args: argparse.Namespace, space: SearchSpace, model: "SuperTransformer", task: Any
) -> Objective[Arch]:
    """Returns the scorer that ``--scorer`` names.

    Args:
        args: the options of the search.
        space: where the architectures come from.
        model: the SuperTransformer; only scorers of inherited weights read its weights.
        task: fairseq's task; only those scorers read its data.

    Raises:
        ConfigError: if an option of the scorer is missing or wrong.
    """
    return named_scorer(args.scorer, args, space, model, task)


def named_scorer(
    name: str, args: argparse.Namespace, space: SearchSpace, model: "SuperTransformer", task: Any
) -> Scorer[Arch]:
    """Returns the scorer called ``name``; see ``build_scorer``."""
    if name == "epsinas":
        from hat.scoring.epsinas_scorer import EpsinasScorer

        return EpsinasScorer.of_model(space, model.config, seed=args.seed)
    if name == "inherited-loss":
        return _inherited_loss(args, model, task)
    if name in ("bleu", "bleu-greedy"):
        return _bleu(name, args, model, task)
    if name == "table":
        return BenchmarkScorer(read_table(args, space), args.scorer_column)
    return static(args, model)[name]


def screen(
    args: argparse.Namespace, space: SearchSpace, model: "SuperTransformer"
) -> Score[Arch] | None:
    """Returns the score without training that ``--warm-up`` and ``--moves`` choose by.

    Returns:
        None if neither was asked for.
    """
    if args.warm_up == 0 and args.moves == 1:
        return None
    scorer = named_scorer(args.screen_by, args, space, model, None)
    return scorer.score  # of all of these more is better


def compared_scorers(
    args: argparse.Namespace,
    space: SearchSpace,
    model: "SuperTransformer",
    task: Any,
    objective: Objective[Arch],
) -> tuple[Objective[Arch], Mapping[str, Scorer[Arch]]]:
    """Returns the truth that scorers are compared with at the end of a search, and the scorers.

    The truth is the inherited loss of the whole validation set; for a table it is the table.
    Without a sample to compare on (``--rank-sample 0``) there are no scorers.
    """
    if args.rank_sample <= 0:
        return objective, {}
    scorers: dict[str, Scorer[Arch]] = {
        name: named_scorer(name, args, space, model, task) for name in args.rank_scorers
    }
    if args.scorer in ("inherited-loss", "table"):
        return objective, scorers
    scorers.setdefault(args.scorer, objective)
    return _inherited_loss(args, model, task), scorers


def static(args: argparse.Namespace, model: "SuperTransformer") -> "dict[str, StaticScorer]":
    """Returns the scorers that only count, by name."""
    from hat.scoring.static import static_scorers

    return static_scorers(model.config, src_len=default_src_len(args.arch))


def precision(args: argparse.Namespace) -> str:
    """The number format in which inherited weights are run."""
    return "bf16" if args.bf16 else "fp16" if args.fp16 else "fp32"


def network(args: argparse.Namespace, model: "SuperTransformer") -> "SuperTransformer":
    """Returns a copy of ``model`` on the device and in the precision that the options ask for."""
    import torch

    # Losses are summed in float32 whatever the precision of the network.
    dtypes = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
    return copy.deepcopy(model).to(device(args), dtypes[precision(args)])


def device(args: argparse.Namespace) -> str:
    """Where inherited weights are run: a GPU if there is one and ``--cpu`` is not given."""
    import torch

    return "cuda" if torch.cuda.is_available() and not args.cpu else "cpu"


def _validation(
    args: argparse.Namespace, model: "SuperTransformer", task: Any
) -> "Sequence[Batch]":
    from hat.fairseq_plugin.loading import validation_batches

    return validation_batches(
        task,
        args.valid_subset,
        model.config,
        max_tokens=args.max_tokens_valid,
        device=device(args),
    )


def _inherited_loss(
    args: argparse.Namespace, model: "SuperTransformer", task: Any
) -> Objective[Arch]:
    from hat.scoring.inherited_loss import InheritedLoss

    smoothing = getattr(args, "label_smoothing", 0.0)
    return InheritedLoss(
        network(args, model), _validation(args, model, task), label_smoothing=smoothing
    )


def _bleu(
    name: str, args: argparse.Namespace, model: "SuperTransformer", task: Any
) -> Scorer[Arch]:
    from hat.fairseq_plugin.generation import BeamTranslator, plain_text
    from hat.scoring.bleu import (
        MAX_LEN_A,
        MAX_LEN_B,
        GreedyTranslator,
        InheritedBleu,
        Translate,
        references_of,
    )

    batches = _some_sentences(args, _validation(args, model, task), model.config.padding_idx)
    eos_idx = task.target_dictionary.eos()
    translate: Translate
    if name == "bleu-greedy":
        translate = GreedyTranslator(network(args, model), batches, eos_idx=eos_idx)
    else:
        translate = BeamTranslator(
            network(args, model),
            task,
            batches,
            beam=args.bleu_beam,
            lenpen=args.bleu_lenpen,
            max_len_a=MAX_LEN_A,
            max_len_b=MAX_LEN_B,
        )
    references = references_of(batches, padding_idx=model.config.padding_idx, eos_idx=eos_idx)
    return InheritedBleu(name, translate, references, plain_text(task))


def _some_sentences(
    args: argparse.Namespace, batches: "Sequence[Batch]", padding_idx: int
) -> "Sequence[Batch]":
    """Draws ``--bleu-sentences`` sentences, always the same ones.

    Raises:
        ConfigError: if there are not so many.
    """
    from hat.scoring.batches import deal_into_blocks

    wanted, available = args.bleu_sentences, sum(len(batch.target) for batch in batches)
    if wanted is None or wanted == available:
        return batches
    if not 0 < wanted < available:
        raise ConfigError(
            f"--bleu-sentences must lie in 1..{available}, the sentences of "
            f"{args.valid_subset!r}, but found {wanted}"
        )
    drawn, _ = deal_into_blocks(
        batches,
        [wanted, available - wanted],
        padding_idx=padding_idx,
        max_tokens=args.max_tokens_valid,
        rng=np.random.default_rng(0),
    )
    return drawn
