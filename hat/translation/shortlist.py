"""A vocabulary short-list: the target words that are looked at when a batch is translated.

The output layer is the largest product of a step, though hardly any of its words can follow. With
a short-list it has the commonest words and those that go with the words of the batch's sources, as
in Jean et al. (2015, https://aclanthology.org/P15-1001) and in Marian. Probabilities are those
among the words that are left, so scores are a little higher than without.

The file is what CTranslate2 calls a vocabulary map: a line for each source word, then a tab, then
target words with blanks between them; those of the line that begins with the tab always count.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hat.errors import CheckpointError, ConfigError
from hat.files import write_text
from hat.reading import read_text
from hat.text.dictionaries import SPECIAL_SYMBOLS

SHORTLIST_FILE = "vmap.txt"
"""CTranslate2 looks for it by this name."""

_SPECIAL = [SPECIAL_SYMBOLS.index(name) for name in ("</s>", "<unk>")]
"""What may follow whatever the sources are."""

_APART = frozenset(" \t\r\n")
"""What parts words in the file."""


class Shortlist:
    """Target words by the source words that they go with.

    Args:
        always: numbers of target words that always count.
        candidates: for each source word by number, those of the target words that go with it.
    """

    def __init__(self, always: npt.ArrayLike, candidates: Sequence[npt.NDArray[np.int64]]) -> None:
        own = np.unique(np.concatenate((np.asarray(always, dtype=np.int64), _SPECIAL)))
        self._always = torch.from_numpy(own)
        self._candidates = [torch.from_numpy(each.astype(np.int64)) for each in candidates]

    def words(self, src_tokens: Tensor) -> Tensor:
        """src_tokens: (B, S) int64 -> (W,) int64, the target words of the batch, ascending."""
        parts = [self._candidates[token] for token in set(src_tokens.flatten().tolist())]
        found: Tensor = torch.unique(torch.cat((self._always, *parts)))  # type: ignore[no-untyped-call]
        return found.to(src_tokens.device)

    def write(self, path: Path, words: tuple[Sequence[str], Sequence[str]]) -> None:
        """Writes the file.

        Args:
            path: the file.
            words: of both dictionaries, by number.

        Raises:
            ConfigError: if a word holds what parts words in the file.
        """
        lines = []
        for word, numbers in zip(("", *words[0]), (self._always, *self._candidates), strict=True):
            parts = [word, *(words[1][number] for number in numbers.tolist())]
            if len(parts) == 1:
                continue
            odd = next((each for each in parts if not _APART.isdisjoint(each)), None)
            if odd is not None:
                raise ConfigError(f"shortlist: its file cannot hold the word {odd!r:.40}")
            lines.append(f"{parts[0]}\t{' '.join(parts[1:])}\n")
        write_text(path, "".join(lines))


def read_shortlist(path: Path, words: tuple[Sequence[str], Sequence[str]]) -> Shortlist:
    """Reads what ``Shortlist.write`` wrote.

    Args:
        path: the file.
        words: of both dictionaries, by number.

    Raises:
        CheckpointError: naming the line that is none of such a file or holds an unknown word.
    """
    source, target = ({word: number for number, word in enumerate(side)} for side in words)
    found: dict[str, npt.NDArray[np.int64]] = {}
    for number, line in enumerate(read_text(path, CheckpointError).split("\n"), start=1):
        if not line:
            continue
        word, tab, rest = line.partition("\t")
        where = f"{path}:{number}"
        if not tab or word in found:
            what = "has no tab" if not tab else f"tells of {word!r:.40} once more"
            raise CheckpointError(f"{where}: {what}: expected a source word, a tab, target words")
        if word:
            _number(source, word, where, "source")
        numbers = [_number(target, each, where, "target") for each in rest.split(" ")]
        found[word] = np.array(numbers, dtype=np.int64)
    nothing = np.empty(0, dtype=np.int64)
    return Shortlist(found.get("", nothing), [found.get(word, nothing) for word in words[0]])


def _number(numbers: Mapping[str, int], word: str, where: str, side: str) -> int:
    if word not in numbers:
        raise CheckpointError(f"{where}: {word!r:.40} is none of the {len(numbers)} {side} words")
    return numbers[word]
