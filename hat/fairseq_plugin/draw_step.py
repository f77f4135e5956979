"""One update on several SubTransformers, the largest of which may teach the others."""

from typing import Any

import torch
from fairseq.optim.amp_optimizer import AMPOptimizer
from torch import Tensor

from hat.modules.vocabulary_loss import Teacher

Logged = dict[str, Any]

_OF_THE_BATCH = ("ntokens", "nsentences", "sample_size", "total")
"""What is logged of a batch whoever is trained on it."""


def train_on_draw(
    sample: dict[str, Any], model: Any, criterion: Any, optimizer: Any, *, ignore_grad: bool
) -> tuple[Tensor, int, Logged]:
    """Adds up the gradients of all SubTransformers that the model has drawn for this update.

    In-place distillation (Yu and Huang, "Universally Slimmable Networks", ICCV 2019; Yu et al.,
    "BigNAS", ECCV 2020): all but the largest learn from what the largest says of the same batch
    before the step, and no gradient flows back into it through that. Where the largest is drawn,
    its training pass is what teaches; where it is not, it is run once more, without dropout and
    without gradients.

    Returns:
        The last loss, what the sum of the gradients is to be divided by to be the mean over words
        and SubTransformers, and what to log: means over the SubTransformers.
    """
    largest = model.space.largest()
    distillation = model.recipe.distillation
    archs = sorted(model.drawn, key=lambda arch: arch != largest)  # the teacher before its students
    teacher: Teacher | None = None
    logs: list[Logged] = []
    divergences: list[Tensor] = []
    for arch in archs:
        is_student = model.recipe.distills and arch != largest
        with torch.autocast("cuda", enabled=isinstance(optimizer, AMPOptimizer)):
            if is_student and teacher is None:
                teacher = criterion.teacher(model, sample, distillation)
            model.train_as(arch)
            if model.recipe.distills:
                found, sample_size, logged = criterion.learn(
                    model, sample, teacher if is_student else None
                )
                loss = found.loss
                divergences += [found.divergence] if is_student else []
                if arch == largest:
                    teacher = Teacher(found.features, distillation)
            else:
                loss, sample_size, logged = criterion(model, sample)
        if ignore_grad:
            loss *= 0
        optimizer.backward(loss)
        logs.append(logged)
    mean = _mean(logs)
    if model.recipe.distills:
        total = sum(divergences, start=torch.zeros_like(loss.detach()))
        mean["divergence"] = total / max(1, len(divergences))
    return loss, sample_size * len(archs), mean


def _mean(logs: list[Logged]) -> Logged:
    return {
        key: value if key in _OF_THE_BATCH else sum(log[key] for log in logs) / len(logs)
        for key, value in logs[0].items()
    }
