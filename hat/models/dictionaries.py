"""How many words a network knows: the one rule for commands that do not read a task's data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from hat.errors import ConfigError
from hat.settings import LANGUAGE, Settings, Shown
from hat.tasks.facts import task_facts
from hat.text.dictionaries import vocabulary_sizes


@dataclass(frozen=True, kw_only=True)
class DictionarySettings(Settings):
    """Where the dictionaries are."""

    data: Annotated[str | None, Shown("DIR")] = None
    """data folder, which need not exist; only the sizes of its dictionaries are read"""

    source_lang: Annotated[str | None, LANGUAGE] = None
    """source language"""

    target_lang: Annotated[str | None, LANGUAGE] = None
    """target language"""


@dataclass(frozen=True, kw_only=True)
class DictionarySizes:
    """Words of both dictionaries, fairseq's own four included."""

    source: int
    target: int
    origin: str
    """Where the sizes come from, in words."""


def dictionary_sizes(
    settings: DictionarySettings,
    arch: str,
    *,
    given: Sequence[int] = (),
    guess: int | None = None,
) -> DictionarySizes:
    """Finds the sizes: those given, else those of the data, else the usual ones of the task.

    Args:
        settings: where the dictionaries are.
        arch: the named architecture, which tells the task.
        given: one size for both dictionaries, or the source's and the target's, or none.
        guess: the size where nothing tells; None: that is an error.

    Raises:
        ConfigError: if nothing tells the sizes, or dictionaries differ and no language is named.
        DataError: if a dictionary is damaged, or one of the two languages has none.
    """
    if given:
        return DictionarySizes(source=given[0], target=given[-1], origin="--vocab-size")
    data = settings.data
    if data:
        found = vocabulary_sizes(data, settings.source_lang, settings.target_lang)
        if found is not None:
            return DictionarySizes(source=found[0], target=found[1], origin=data)
    looked = f"there are no dictionaries in {data}" if data else "no data folder is named"
    facts = task_facts(arch)
    if facts is not None:
        source, target = facts.vocabulary
        origin = f"usual for {arch}, because {looked}"
        return DictionarySizes(source=source, target=target, origin=origin)
    if guess is None:
        raise ConfigError(
            f"the size of the vocabulary is not known, because {looked}: give --vocab-size"
        )
    origin = f"a guess, because {looked}: see --vocab-size"
    return DictionarySizes(source=guess, target=guess, origin=origin)
