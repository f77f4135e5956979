"""The wall between hat and fairseq: only this folder imports fairseq.

Importing it registers the architectures ``transformersuper*`` and the task ``hat_translation``,
so that ``fairseq-train --user-dir hat/fairseq_plugin`` knows them too.
"""

from hat.fairseq_plugin import atomic_copies, model, safe_loading, task

__all__ = ["atomic_copies", "model", "safe_loading", "task"]
