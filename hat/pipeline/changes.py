"""Settings of single steps that are given in place of those of the steps' files: ``--set``."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hat.errors import ConfigError
from hat.pipeline.named_files import named_by
from hat.pipeline.steps import Step
from hat.yaml_reader import Scalar

Changes = Sequence[tuple[str, str, str]]
"""Step, setting and value."""

OWN = (
    *("ckpt-path", "configs", "evo-configs", "lat-dataset-path", "output", "path"),
    *("restore-file", "save-dir", "sub-configs", "write-config-path"),
)
"""Settings of steps by which the pipeline ties them together."""


def changed(stage: str, name: str, changes: Changes) -> Mapping[str, Scalar]:
    """Returns what is changed for a step, by setting; of several of one the last counts."""
    return {
        setting: Scalar(value, f"--set {each}.{setting}")
        for kind in (stage, name)  # what is said of one step wins
        for each, setting, value in changes
        if each == kind
    }


def flags_of(step: Step, changes: Changes) -> tuple[str, ...]:
    """Returns the flags of what is changed for a step.

    Raises:
        ConfigError: naming a setting that is not the user's, or a value that is not closed.
    """
    words: list[str] = []
    for setting, given in changed(step.stage, step.name, changes).items():
        flag, value = f"--{setting}", given.text
        if setting in OWN and any(word.partition("=")[0] == flag for word in step.command):
            raise ConfigError(f"--set: {setting} is what the pipeline itself says")
        # A switch is a flag without a value; of a list, each value is a word.
        try:
            words += [flag, *([] if value == "True" else shlex.split(value))]
        except ValueError:
            raise ConfigError(
                f"{given.where}: a quotation mark is not closed in {value!r}"
            ) from None
    return tuple(words)


def with_words(step: Step, words: Sequence[str]) -> Step:
    """Returns a step with more words in its command, which may name files that it reads."""
    inputs = (*step.inputs, *named_by(words))
    return replace(step, command=(*step.command, *words), inputs=inputs)
