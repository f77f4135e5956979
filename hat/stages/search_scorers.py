"""The scorer that ``--scorer`` names."""

import argparse
import copy
from typing import TYPE_CHECKING, Any

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.latency.workload import default_src_len
from hat.search.base import Objective

if TYPE_CHECKING:
    from hat.models.super_transformer import SuperTransformer
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
    """
    if args.scorer == "epsinas":
        from hat.scoring.epsinas_scorer import EpsinasScorer

        return EpsinasScorer.of_model(space, model.config, seed=args.seed)
    if args.scorer == "inherited-loss":
        return _inherited_loss(args, model, task)
    return static(args, model)[args.scorer]


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


def _inherited_loss(
    args: argparse.Namespace, model: "SuperTransformer", task: Any
) -> Objective[Arch]:
    from hat.fairseq_plugin.loading import validation_batches
    from hat.scoring.inherited_loss import InheritedLoss

    batches = validation_batches(
        task,
        args.valid_subset,
        model.config,
        max_tokens=args.max_tokens_valid,
        device=device(args),
    )
    smoothing = getattr(args, "label_smoothing", 0.0)
    return InheritedLoss(network(args, model), batches, label_smoothing=smoothing)
