"""Dictionaries by content: two of equal size may give the same numbers to other words.

A checkpoint of ours holds a digest of the words of either side among its options. HAT's own and
those of older versions hold none; of these only the sizes can be compared.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hat.conditions import bytes_digest
from hat.errors import CheckpointError

SIDES = ("source", "target")


def words_digest(dictionary: Any) -> str:
    """Returns the digest of a fairseq dictionary's words in their order, without their counts."""
    return bytes_digest("\n".join(dictionary.symbols).encode("utf-8", "surrogatepass"))


def task_digests(task: Any) -> dict[str, str]:
    """Returns the digests of a translation task's dictionaries, by side."""
    return {side: words_digest(getattr(task, f"{side}_dictionary")) for side in SIDES}


def note_dictionaries(args: argparse.Namespace, task: Any) -> None:
    """Adds the digests of the task's dictionaries to the options that a checkpoint will hold."""
    for side, digest in task_digests(task).items():
        setattr(args, _option(side), digest)


def noted_dictionaries(options: Mapping[str, Any]) -> dict[str, str]:
    """Returns the digests that a checkpoint's options hold, by side."""
    return {side: options[_option(side)] for side in SIDES if options.get(_option(side))}


def check_dictionaries(options: Mapping[str, Any], task: Any, path: str | Path) -> None:
    """Checks that a checkpoint was trained with the words of the task's dictionaries.

    Args:
        options: the checkpoint's.
        task: a translation task.
        path: names the checkpoint in messages.

    Raises:
        CheckpointError: if a digest that the checkpoint holds is not the dictionary's.
    """
    here = task_digests(task)
    for side, digest in noted_dictionaries(options).items():
        if digest != here[side]:
            raise CheckpointError(
                f"{path}: was trained with other {side} words: the digest of its dictionary is "
                f"{digest}, but that of the data folder's is {here[side]}"
            )


def _option(side: str) -> str:
    return f"{side}_dictionary_digest"
