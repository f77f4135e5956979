"""Multi30k's SuperTransformer and its validation loss, for the scripts beside this one."""

import torch

from hat.arch.hat_yaml import load_space
from hat.arch.space import SearchSpace
from hat.fairseq_plugin.arguments import parse, training_parser
from hat.fairseq_plugin.loading import build_task, load_super_transformer, validation_batches
from hat.scoring.inherited_loss import InheritedLoss

SPACE = "configs/multi30k.en-de/supertransformer/space_cpu.yml"
CHECKPOINT = "runs/multi30k.en-de/supertransformer_cpu/checkpoint_best.pt"
MAX_TOKENS = 2048


def read_space(path: str = SPACE) -> SearchSpace:
    """Reads a search space."""
    return load_space(path)


def inherited_loss(
    checkpoint: str = CHECKPOINT, dtype: torch.dtype = torch.bfloat16
) -> InheritedLoss:
    """The loss of the whole validation set, in batches of ``MAX_TOKENS``."""
    task = build_task(parse(training_parser, [f"--configs={SPACE}"]))
    model = load_super_transformer(checkpoint, task).to(dtype)
    batches = validation_batches(task, "valid", model.config, max_tokens=MAX_TOKENS)
    return InheritedLoss(model, batches)
