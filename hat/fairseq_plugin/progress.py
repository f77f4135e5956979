"""How far a training has come by its checkpoint, and whether it is over by fairseq's rules.

fairseq asks whether it shall stop only after an update. So a training that is over would train on
when it is started again; here the same rules are applied to what its last checkpoint holds.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EARLY_STOPPING = "HatTranslationTask"
"""Where fairseq keeps and looks for what ``HatTranslationTask`` adds to a checkpoint's state."""

_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What fairseq's rules for stopping go by."""

    updates: int = 0
    epoch: int = 1
    """The one under way or, between two, the next."""

    seconds: float = 0.0
    """Of training so far, all runs together."""

    validations_without_gain: int = 0
    learning_rate: float | None = None
    """At the begin of an epoch; None in its midst, where fairseq does not ask for it."""

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Progress":
        """Reads the state of a training from the content of a checkpoint.

        What the file does not hold counts as not begun.
        """
        history = content.get("optimizer_history") or [{}]
        state = content.get("extra_state") or {}
        iterator = state.get("train_iterator") or {}
        groups = (content.get("last_optimizer_state") or {}).get("param_groups") or [{}]
        in_midst = iterator.get("iterations_in_epoch", 0) > 0
        return cls(
            updates=int(history[-1].get("num_updates", 0)),
            epoch=int(iterator.get("epoch", 1)),
            seconds=float(state.get("previous_training_time", 0.0)),
            validations_without_gain=int((state.get(EARLY_STOPPING) or {}).get("num_runs", 0)),
            learning_rate=None if in_midst else groups[0].get("lr"),
        )

    def after_resets(self, args: argparse.Namespace) -> "Progress":
        """Returns what is left of it when fairseq begins with the ``--reset-*`` that are set."""
        new = Progress()
        keeps_optimizer = not args.reset_optimizer
        keeps_data = not args.reset_dataloader
        return Progress(
            updates=self.updates if keeps_optimizer else new.updates,
            epoch=self.epoch if keeps_data else new.epoch,
            seconds=self.seconds,
            validations_without_gain=(
                self.validations_without_gain if keeps_data else new.validations_without_gain
            ),
            learning_rate=self.learning_rate if keeps_optimizer else new.learning_rate,
        )

    def why_over(self, args: argparse.Namespace) -> str | None:
        """Says which of fairseq's rules ends the training here; None if none does.

        The rules are those of ``fairseq_cli.train``. A limit of 0 or below is no limit, except
        for the learning rate.
        """
        rate, hours = self.learning_rate, self.seconds / _SECONDS_PER_HOUR
        if args.max_update and self.updates >= args.max_update:
            return f"{self.updates} updates are done, and max-update is {args.max_update}"
        if args.max_epoch and self.epoch > args.max_epoch:
            return f"{self.epoch - 1} epochs are done, and max-epoch is {args.max_epoch}"
        if args.stop_time_hours > 0 and hours > args.stop_time_hours:
            return f"it took {hours:.2f} hours, and stop-time-hours is {args.stop_time_hours}"
        if 0 < args.patience <= self.validations_without_gain:
            return (
                f"{self.validations_without_gain} validations brought no gain, "
                f"and patience is {args.patience}"
            )
        if rate is not None and rate <= args.stop_min_lr:
            return f"the learning rate is {rate:g}, and stop-min-lr is {args.stop_min_lr:g}"
        return None
