"""Turning raw text into the parallel, tokenised, BPE-split files that fairseq binarises."""

from typing import Any

from hat.parts import Parts

_HERE = "hat.tasks"

TASKS: Parts[Any] = Parts(
    "task",
    "hat.tasks",
    {
        "numbers": f"{_HERE}.numbers:Numbers",
        "multi30k": f"{_HERE}.multi30k:Multi30k",
        "bpe": f"{_HERE}.tokenised:Tokenised",
    },
    needs=("about", "changes", "write", "signature"),
)
"""Each is a ``hat.tasks.base.Task``; ``hat prepare NAME`` makes it."""
