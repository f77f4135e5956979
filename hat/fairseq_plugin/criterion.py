"""fairseq's label-smoothed cross-entropy, which our models compute without a tensor of logits."""

from typing import Any

from fairseq.criterions import CRITERION_REGISTRY
from fairseq.criterions import label_smoothed_cross_entropy as fairseq_s
from torch import Tensor

from hat.fairseq_plugin.model import LossOf
from hat.modules.vocabulary_loss import VocabularyLoss


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
        target = sample["target"]
        found: VocabularyLoss = model(
            **sample["net_input"],
            loss_of=LossOf(
                target=target,
                smoothing=self.eps,
                ignored_prefix=self.ignore_prefix_size,
                count_correct=self.report_accuracy,
            ),
        )
        sample_size = target.size(0) if self.sentence_avg else sample["ntokens"]
        logged = {
            "loss": found.loss.data,
            "nll_loss": found.nll.data,
            "ntokens": sample["ntokens"],
            "nsentences": target.size(0),
            "sample_size": sample_size,
        }
        if self.report_accuracy:
            logged |= {"n_correct": found.correct.item(), "total": found.tokens}
        return found.loss, sample_size, logged


# ``--criterion label_smoothed_cross_entropy``, HAT's, means this one.
CRITERION_REGISTRY["label_smoothed_cross_entropy"] = LabelSmoothedCrossEntropyCriterion
