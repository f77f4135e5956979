"""The errors that a user can cause. Each carries one sentence: where, what, what was expected.

Command line tools print the sentence and exit with code 2. Any other exception is a bug in hat:
they say so in one sentence, write its traceback into a file and exit with code 1.
"""

import difflib
from collections.abc import Iterable
from itertools import islice


class HatError(Exception):
    """Base of every error that is the input's fault and not the program's."""


class ConfigError(HatError):
    """A configuration, flag or architecture breaks a rule."""


class CheckpointError(HatError):
    """A checkpoint is missing, damaged, unsafe to read or made for something else."""


class DataError(HatError):
    """A data file is missing, damaged or does not fit the other inputs."""


class TrainingError(HatError):
    """A training cannot go on: its loss is no number any more, or a process of it is lost."""


class SearchError(HatError):
    """A search cannot deliver, for example because no candidate meets the constraints."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """Returns ``"; did you mean 'x'?"`` for the closest known word, or an empty string."""
    if not isinstance(word, str):  # a call from Python may hold anything
        return ""
    # Of a file that holds a million names, all would take minutes.
    close = difflib.get_close_matches(word, list(islice(known, 2000)), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
