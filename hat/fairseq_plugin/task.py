"""fairseq's translation task for SuperTransformers: nothing dropped, both extremes validated."""

import logging
import math
from collections.abc import Sequence
from typing import Any

import torch
from fairseq import utils
from fairseq.logging import meters, metrics
from fairseq.tasks import register_task
from fairseq.tasks.translation import TranslationConfig, TranslationTask

from hat.fairseq_plugin.draw_step import train_on_draw
from hat.fairseq_plugin.progress import EARLY_STOPPING

logger = logging.getLogger(__name__)


@register_task("hat_translation", dataclass=TranslationConfig)
class HatTranslationTask(TranslationTask):
    """Translation for SuperTransformers.

    Validation runs the smallest and the largest SubTransformer; ``loss``, and with it
    ``checkpoint_best.pt``, is the largest one's. Batches never need to be multiples of a
    number: fairseq's default of 8 silently discards the sentences of the last batch.
    """

    uses_ema = True
    """Lets fairseq hand over the moving average of the weights, where it keeps one."""

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

    def get_checkpoint_dict(self) -> dict[str, Any]:
        """Returns what fairseq forgets of a training when it saves: its patience.

        fairseq counts the validations without gain in attributes of a function. A training that
        is resumed goes on counting instead of starting at none.
        """
        from fairseq_cli.train import should_stop_early

        return {EARLY_STOPPING: dict(vars(should_stop_early))}

    def set_checkpoint_dict(self, state: dict[str, Any]) -> None:
        """Takes up what ``get_checkpoint_dict`` returned when the checkpoint was saved."""
        from fairseq_cli.train import should_stop_early

        vars(should_stop_early).update(state)

    def train_step(
        self,
        sample: dict[str, Any],
        model: Any,
        criterion: Any,
        optimizer: Any,
        update_num: int,
        ignore_grad: bool = False,
        ema_model: Any = None,
    ) -> tuple[torch.Tensor, int, dict[str, Any]]:
        """Adds the gradients of what the model draws for this update, as its recipe says."""
        model.train()
        model.set_num_updates(update_num)
        recipe = getattr(model, "recipe", None)
        if recipe is None or (len(model.drawn) == 1 and not recipe.distills):
            result: tuple[torch.Tensor, int, dict[str, Any]] = super().train_step(
                sample, model, criterion, optimizer, update_num, ignore_grad
            )
            return result
        return train_on_draw(sample, model, criterion, optimizer, ignore_grad=ignore_grad)

    def valid_step(
        self, sample: dict[str, Any], model: Any, criterion: Any, ema_model: Any = None
    ) -> tuple[torch.Tensor, int, dict[str, Any]]:
        """Validates the smallest and the largest SubTransformer on one batch.

        Args:
            sample: the batch.
            model: the model as it is trained.
            criterion: what it is judged by.
            ema_model: its moving average, if there is one; validated in the model's place if the
                options say so.
        """
        if ema_model is not None and model.validates_average:
            model = ema_model
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
        """Adds the losses of both extremes, in bits per token as fairseq reports losses.

        The validation of a SuperTransformer is the same to the last bit with one process or many.
        """
        if any("divergence" in log for log in logging_outputs):
            found = sum(float(log.get("divergence", 0)) for log in logging_outputs)
            tokens = sum(int(log.get("ntokens", 0)) for log in logging_outputs)
            if tokens:
                metrics.log_scalar("divergence", found / tokens / math.log(2), tokens, round=3)
        is_validation = any("largest_loss" in log for log in logging_outputs)
        super().reduce_metrics(logging_outputs, _ExtremesLosses() if is_validation else criterion)


class TokenMean(meters.Meter):  # type: ignore[misc]
    """Bits per token over a whole validation set.

    fairseq averages the batches' averages in float32, so its mean depends on which batches are
    added first, those of one step of all processes. Here sums of float32 losses are added in
    float64, which has room for all their digits: no sum is rounded and no order matters.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        self.nats = 0.0
        self.tokens = 0

    def update(self, nats: float, tokens: int) -> None:
        """Adds the summed loss of some batches."""
        self.nats += float(nats)
        self.tokens += int(tokens)

    @property
    def avg(self) -> float:
        """Bits per token."""
        return self.nats / self.tokens / math.log(2) if self.tokens else math.nan

    @property
    def smoothed_value(self) -> float:
        """The mean as it is logged."""
        return round(self.avg, 3)


# A checkpoint names the classes of its meters, and fairseq looks for them in that module.
meters.TokenMean = TokenMean


class _ExtremesLosses:
    """Stands in for the criterion when the losses of a validation are summed up."""

    @staticmethod
    def reduce_metrics(logging_outputs: Sequence[dict[str, Any]]) -> None:
        def total(name: str) -> float:
            return sum(float(log.get(name, 0)) for log in logging_outputs)

        for name, per in (
            ("loss", "sample_size"),
            ("nll_loss", "ntokens"),
            ("smallest_loss", "sample_size"),
            ("largest_loss", "sample_size"),
        ):
            metrics.log_custom(TokenMean, name, total(name), int(total(per)))
        metrics.log_derived("ppl", lambda found: utils.get_perplexity(found["nll_loss"].avg))
