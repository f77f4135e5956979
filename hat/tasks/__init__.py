"""Turning raw text into the parallel, tokenised, BPE-split files that fairseq binarises.

``TASKS`` has every task by the name that ``hat prepare`` gives it. A task is a class with
``Settings``, ``about`` (what it makes, in words), ``build(settings)``, ``prepare(say)``, which
writes the text, and ``signature()``.
"""

from typing import Any

from hat.parts import Parts

TASKS: Parts[Any] = Parts(
    "task",
    "hat.tasks",
    {
        "numbers": "hat.tasks.numbers:Numbers",
        "conlang": "hat.tasks.conlang:Conlang",
        "multi30k": "hat.tasks.multi30k:Multi30k",
        "bpe": "hat.tasks.tokenised:Tokenised",
        "corpus": "hat.tasks.own_corpus:OwnCorpus",
    },
)
