"""The wall between hat and fairseq: only this folder imports fairseq.

Importing it registers the architectures ``transformersuper*`` and the task ``hat_translation``,
so that ``fairseq-train --user-dir hat/fairseq_plugin`` knows them too.
"""

from hat.fairseq_plugin import model, safe_loading, task

__all__ = ["model", "safe_loading", "task"]
