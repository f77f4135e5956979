"""What a checkpoint notes of its training: its conditions, and other ones before them.

The note stands among the options of the checkpoint, so it is written with the weights, in the same
moment and by the same rename. Averaging keeps it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hat.conditions import mapping_digest

OPTION = "training_record"
"""The option of a checkpoint that holds the note."""


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A first part of a training, under conditions that were given up by ``--resume-anyway``."""

    updates: int
    """The update at which it ended."""

    conditions: Mapping[str, Any] | None
    """None if nobody noted them."""


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """The conditions of a training, by the names that users know."""

    conditions: Mapping[str, Any]
    earlier: tuple[Stretch, ...] = ()
    """Oldest first; empty for a training that kept its conditions."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "TrainingRecord | None":
        """Reads the note among a checkpoint's options.

        Returns:
            None if there is none: an older version of hat wrote the file, HAT, or plain fairseq.
        """
        try:
            note = options[OPTION]
            earlier = tuple(
                Stretch(updates=int(part["updates"]), conditions=part["conditions"])
                for part in note["earlier"]
            )
            return cls(conditions=dict(note["conditions"]), earlier=earlier)
        except (KeyError, TypeError, ValueError):
            return None

    def to_plain(self) -> dict[str, Any]:
        """Returns the note as plain containers, which every reader of checkpoints accepts."""
        return {
            "conditions": dict(self.conditions),
            "earlier": [
                {"updates": part.updates, "conditions": part.conditions} for part in self.earlier
            ],
        }

    def after(self, stretch: Stretch) -> "TrainingRecord":
        """Returns the record with one more stretch before its conditions."""
        return TrainingRecord(conditions=self.conditions, earlier=(*self.earlier, stretch))

    def signature_parts(self) -> dict[str, object]:
        """What the training was, for its signature.

        ``conditions`` is a digest over all of them, earlier ones included; ``earlier`` says how
        they differed from those of the end.
        """
        return {
            "data": self.conditions.get("training data"),
            "arch": self.conditions.get("arch"),
            "seed": self.conditions.get("seed"),
            "conditions": mapping_digest(self.to_plain()),
            "earlier": ";".join(self._in_words(part) for part in self.earlier) or None,
        }

    def _in_words(self, part: Stretch) -> str:
        if part.conditions is None:
            return f"until update {part.updates} unknown"
        names = [*part.conditions, *(n for n in self.conditions if n not in part.conditions)]
        changed = [
            f"{name} {part.conditions.get(name, 'nothing')}"
            for name in names
            if part.conditions.get(name) != self.conditions.get(name)
        ]
        return f"until update {part.updates} {', '.join(changed)}".rstrip()
