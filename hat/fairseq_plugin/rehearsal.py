"""Optimizer and schedule of a training tried on one number, before anything is loaded or written.

Options that are right each by itself may still divide by zero together, or lead to a learning rate
that is no number. fairseq's own classes say so here, in the fraction of a second that a thousand
of their steps take.
"""

import argparse
import logging
import math
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from fairseq import optim
from fairseq.optim import lr_scheduler

from hat.errors import ConfigError
from hat.fairseq_plugin.quiet import fairseq_config

_EPOCHS = 3
_FAR = 10**6
"""Updates that are looked at where there is no end."""


def rehearse(args: argparse.Namespace) -> None:
    """Tries the optimizer and the learning rates that ``args`` describe.

    Raises:
        ConfigError: if they cannot work with these options, and why.
    """
    if not getattr(args, "optimizer", None):
        raise ConfigError("which optimizer? give optimizer, such as adam")
    if args.lr_scheduler == "cosine" and not args.max_update and args.lr_period_updates <= 0:
        raise ConfigError("lr-scheduler cosine needs max-update or lr-period-updates above 0")
    cfg = _told(lambda: fairseq_config(args), "the training")
    parameter = torch.nn.Parameter(torch.ones(2, 2))
    optimizer = _told(
        lambda: optim.build_optimizer(cfg.optimizer, [parameter]), f"optimizer {args.optimizer}"
    )
    what = f"lr-scheduler {args.lr_scheduler}"
    schedule = _told(lambda: lr_scheduler.build_lr_scheduler(cfg.lr_scheduler, optimizer), what)
    rates = _told(lambda: list(_rates(schedule, args)), what)
    for update, rate in rates:
        if not math.isfinite(rate) or rate < 0:
            raise ConfigError(
                f"{what} with these options comes to a learning rate of {rate:g} at update {update}"
            )
    parameter.grad = torch.full_like(parameter, 0.5)
    optimizer.set_lr(1e-3)
    _told(optimizer.step, f"optimizer {args.optimizer}")
    if not torch.isfinite(parameter).all():
        raise ConfigError(
            f"optimizer {args.optimizer} with these options makes a weight of 1 "
            f"{parameter.flatten()[0].item()} in one step"
        )


def _rates(schedule: Any, args: argparse.Namespace) -> Iterator[tuple[int, float]]:
    """The learning rates of some updates, in the order of a training, and of some epochs."""
    last = args.max_update or _FAR
    warmup = int(getattr(args, "warmup_updates", 0) or 0)
    updates = {0, 1, 2, *(warmup + near for near in (-1, 0, 1)), last // 2, last - 1, last}
    for epoch in range(1, _EPOCHS + 1):
        schedule.step_begin_epoch(epoch)
        schedule.step(epoch, 1.0)
    for update in sorted(number for number in updates if 0 <= number <= last):
        yield update, float(schedule.step_update(update))


def _told(call: Any, what: str) -> Any:
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return call()
    except Exception as error:  # whatever these classes raise at options that they cannot work with
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(f"{what} does not work with these options: {reason}") from None
    finally:
        logging.disable(level)
