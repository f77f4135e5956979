"""The exponential moving average of the weights: fairseq's options, our arithmetic.

After update t the average is a <- d * a + (1 - d) * w, with d the ``--ema-decay``; before
``--ema-start-update`` it is w. It stands in the checkpoint as fairseq puts it, under
``extra_state``, so whoever reads the weights under ``model`` reads those of the last update.
"""

from typing import Any

import torch
from fairseq import trainer
from fairseq.models.ema.ema import EMA


class MovingAverage(EMA):  # type: ignore[misc]
    """fairseq's, made right in three points.

    fairseq counts weights that two modules share twice, so a shared embedding forgets twice as
    fast; averages in bf16, where steps of a ten-thousandth are lost, unless ``--ema-fp32`` says
    otherwise; and forgets, when a training is resumed, how many updates it has skipped by
    ``--ema-update-freq``.
    """

    def __init__(self, model: Any, config: Any, device: Any = None) -> None:
        super().__init__(model, config, device)
        self.model.float()

    def build_fp32_params(self, state_dict: Any = None) -> None:
        """Does nothing: the average is in float32 already."""

    def step(self, new_model: Any, updates: int | None = None) -> None:
        """Takes in the weights after ``updates`` updates."""
        count = int(updates or 0)
        is_before = count < self.config.ema_start_update
        self._set_decay(0.0 if is_before else self.config.ema_decay)
        if count % max(1, self.config.ema_update_freq) == 0 or is_before:
            self._take_in(new_model)

    @torch.no_grad()
    def _take_in(self, new_model: Any) -> None:
        average = list(self.model.parameters())
        weights = [weight.detach().float() for weight in new_model.parameters()]
        torch._foreach_lerp_(average, weights, 1 - self.get_decay())


def build(model: Any, config: Any, device: Any) -> MovingAverage:
    """Makes what fairseq's trainer keeps."""
    return MovingAverage(model, config, device)


trainer.build_ema = build
