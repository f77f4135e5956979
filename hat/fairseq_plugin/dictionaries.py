"""The dictionaries of fairseq's tasks by content; see ``hat.text.dictionaries``."""

import argparse
from typing import Any

from hat.text.dictionaries import SIDES, digest_option, words_digest


def task_words(task: Any) -> dict[str, list[str]]:
    """Returns the words of a translation task's dictionaries in their order, by side."""
    return {side: getattr(task, f"{side}_dictionary").symbols for side in SIDES}


def task_digests(task: Any) -> dict[str, str]:
    """Returns the digests of a translation task's dictionaries, by side."""
    return {side: words_digest(words) for side, words in task_words(task).items()}


def note_dictionaries(args: argparse.Namespace, task: Any) -> None:
    """Adds the digests of the task's dictionaries to the options that a checkpoint will hold."""
    for side, digest in task_digests(task).items():
        setattr(args, digest_option(side), digest)
