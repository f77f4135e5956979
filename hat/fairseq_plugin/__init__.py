"""The wall between hat and fairseq: only this folder imports fairseq.

Importing it registers the architectures ``transformersuper*`` and the task ``hat_translation``,
so that ``fairseq-train --user-dir hat/fairseq_plugin`` knows them too.
"""

from hat.fairseq_plugin.quiet import collecting_paused, logging_left_alone

with logging_left_alone(), collecting_paused():
    from hat.fairseq_plugin import (
        adam,
        atomic_files,
        criterion,
        model,
        moving_average,
        safe_loading,
        task,
        update_checkpoints,
    )

__all__ = [
    "adam",
    "atomic_files",
    "criterion",
    "model",
    "moving_average",
    "safe_loading",
    "task",
    "update_checkpoints",
]
