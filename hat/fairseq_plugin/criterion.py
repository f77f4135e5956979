"""fairseq's label-smoothed cross-entropy, which our models compute without a tensor of logits."""

from typing import Any

import torch
from fairseq.criterions import CRITERION_REGISTRY
from fairseq.criterions import label_smoothed_cross_entropy as fairseq_s
from torch import Tensor

from hat.fairseq_plugin.model import LossOf
from hat.modules.soft_targets import DistillationSettings
from hat.modules.vocabulary_loss import Teacher, VocabularyLoss


class LabelSmoothedCrossEntropyCriterion(fairseq_s.LabelSmoothedCrossEntropyCriterion):  # type: ignore[misc]
    """Asks a SuperTransformer for its loss; does what fairseq does for every other model.

    Options, logged numbers and name are fairseq's. The name is that of the class in a checkpoint,
    so trainings that began with the one go on with the other.
    """

    def forward(
        self, model: Any, sample: dict[str, Any], reduce: bool = True
    ) -> tuple[Tensor, int, dict[str, Any]]:
        """Returns the loss summed over a batch, what to divide it by, and what to log."""
        if not reduce or not getattr(model, "gives_losses", False):
            plain: tuple[Tensor, int, dict[str, Any]] = super().forward(model, sample, reduce)
            return plain
        found, sample_size, logged = self.learn(model, sample)
        return found.loss, sample_size, logged

    def learn(
        self, model: Any, sample: dict[str, Any], teacher: Teacher | None = None
    ) -> tuple[VocabularyLoss, int, dict[str, Any]]:
        """Returns the losses of a SuperTransformer on a batch, whoever teaches it.

        What is logged as the loss is the one of the text alone, so that it means the same
        whatever the teacher's part is.
        """
        target = sample["target"]
        found: VocabularyLoss = model(
            **sample["net_input"],
            loss_of=LossOf(
                target=target,
                smoothing=self.eps,
                ignored_prefix=self.ignore_prefix_size,
                count_correct=self.report_accuracy,
                teacher=teacher,
            ),
        )
        sample_size = target.size(0) if self.sentence_avg else sample["ntokens"]
        logged = {
            "loss": found.smoothed.data,
            "nll_loss": found.nll.data,
            "ntokens": sample["ntokens"],
            "nsentences": target.size(0),
            "sample_size": sample_size,
        }
        if self.report_accuracy:
            logged |= {"n_correct": found.correct.item(), "total": found.tokens}
        return found, sample_size, logged

    def teacher(
        self, model: Any, sample: dict[str, Any], settings: DistillationSettings
    ) -> Teacher:
        """Returns the largest SubTransformer as a teacher who does not learn: without dropout."""
        model.eval()
        model.set_sample_config(model.space.largest())
        with torch.no_grad():
            features = model.features_of(
                sample["net_input"], sample["target"], self.ignore_prefix_size
            )
        model.train()
        return Teacher(features, settings)


# ``--criterion label_smoothed_cross_entropy``, HAT's, means this one.
CRITERION_REGISTRY["label_smoothed_cross_entropy"] = LabelSmoothedCrossEntropyCriterion
