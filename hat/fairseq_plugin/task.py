"""fairseq's translation task for SuperTransformers: nothing dropped, both extremes validated."""

import logging
from collections.abc import Sequence
from typing import Any

import torch
from fairseq.logging import metrics
from fairseq.tasks import register_task
from fairseq.tasks.translation import TranslationConfig, TranslationTask

logger = logging.getLogger(__name__)


@register_task("hat_translation", dataclass=TranslationConfig)
class HatTranslationTask(TranslationTask):
    """Translation for SuperTransformers.

    Validation runs the smallest and the largest SubTransformer; ``loss``, and with it
    ``checkpoint_best.pt``, is the largest one's. Batches never need to be multiples of a
    number: fairseq's default of 8 silently discards the sentences of the last batch.
    """

    def get_batch_iterator(self, dataset: Any, *, epoch: int = 1, **settings: Any) -> Any:
        """Returns fairseq's iterator over every sentence of ``dataset``.

        fairseq puts batches together once, by a seed that depends on the epoch it starts in, and
        shuffles them anew in each epoch. So a training that is resumed in a later epoch would
        see other batches than one that never stopped; here both get those of the first epoch.
        """
        settings["required_batch_size_multiple"] = 1
        is_known = dataset in self.dataset_to_epoch_iter
        iterator = super().get_batch_iterator(dataset, epoch=1, **settings)
        if not is_known:
            iterator.epoch = max(epoch, 1)
        return iterator

    def valid_step(
        self, sample: dict[str, Any], model: Any, criterion: Any
    ) -> tuple[torch.Tensor, int, dict[str, Any]]:
        """Validates the smallest and the largest SubTransformer on one batch."""
        space = getattr(model, "space", None)
        if space is None:
            result: tuple[torch.Tensor, int, dict[str, Any]] = super().valid_step(
                sample, model, criterion
            )
            return result
        model.eval()
        model.set_sample_config(space.smallest())
        with torch.no_grad():
            _, _, smallest = criterion(model, sample)
        model.set_sample_config(space.largest())
        loss, sample_size, logging_output = super().valid_step(sample, model, criterion)
        logging_output["smallest_loss"] = smallest["loss"]
        logging_output["largest_loss"] = logging_output["loss"]
        return loss, sample_size, logging_output

    def reduce_metrics(self, logging_outputs: Sequence[dict[str, Any]], criterion: Any) -> None:
        """Adds the losses of both extremes, in bits per token as fairseq reports losses."""
        super().reduce_metrics(logging_outputs, criterion)
        for name in ("smallest_loss", "largest_loss"):
            if any(name in log for log in logging_outputs):
                total = sum(log.get(name, 0) for log in logging_outputs)
                tokens = sum(log["sample_size"] for log in logging_outputs)
                bits = total / tokens / torch.log(torch.tensor(2.0)).item()
                metrics.log_scalar(name, bits, tokens, round=3)
