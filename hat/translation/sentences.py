"""Lines of text translated in batches of similar length, given back in their order."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import torch
from torch import Tensor

from hat.errors import DataError
from hat.settings import AtLeast, AtMost, Settings
from hat.translation.beam import BeamSettings, Hypothesis
from hat.translation.text import PADDING_IDX, Text


@dataclass(frozen=True, kw_only=True)
class TranslationSettings(Settings):
    """How lines are translated."""

    search: BeamSettings = field(default_factory=BeamSettings)

    batch_tokens: Annotated[int, AtLeast(1), AtMost(100_000_000)] = 4096
    """Source tokens of a batch, padding included; a longer sentence is a batch of its own."""

    pretokenised: bool = False
    """Text is taken and given as it stands in training files: tokens and BPE units."""


@dataclass(frozen=True)
class Translation:
    """A line of text and how likely the model finds it."""

    text: str

    score: float
    """Log-probability to base 2 over the power of the length, as fairseq prints it."""


class SentenceTranslator:
    """Translates lines with one model."""

    def __init__(
        self,
        search: Callable[[Tensor], list[list[Hypothesis]]],
        text: Text,
        settings: TranslationSettings,
        *,
        max_source: int,
        device: str = "cpu",
    ) -> None:
        """Prepares translating.

        Args:
            search: gives the n best hypotheses of each sentence of a batch of numbers, (B, S).
            text: the words of the model.
            settings: how large batches are.
            max_source: tokens of the longest source sentence that the model takes.
            device: where the model is.
        """
        self._search = search
        self._text = text
        self._batch_tokens = settings.batch_tokens
        self._max_source = max_source
        self._device = device

    def __call__(
        self, lines: Sequence[str], *, name: str = "line", first: int = 1
    ) -> list[list[Translation]]:
        """Translates lines.

        Args:
            lines: of text.
            name: what a line is called in messages, before its number.
            first: the number of the first line.

        Returns:
            The ``nbest`` translations of each line, best first; none of an empty one.

        Raises:
            DataError: if a line is longer than the model takes, or holds a word that cannot be
                split; then none is translated.
        """
        sources = self._encoded(lines, name, first)
        for number, source in enumerate(sources, start=first):
            if len(source) > self._max_source:
                raise DataError(
                    f"{name} {number}: has {len(source)} tokens with the end, but the model takes "
                    f"{self._max_source}"
                )
        found: list[list[Translation]] = [[] for _ in lines]
        for batch in batches(sources, self._batch_tokens):
            rows = padded([sources[index] for index in batch], PADDING_IDX, left=True)
            hypotheses = self._search(torch.tensor(rows, device=self._device))
            for index, each in zip(batch, hypotheses, strict=True):
                found[index] = [self._translation(hypothesis) for hypothesis in each]
        return found

    def _encoded(self, lines: Sequence[str], name: str, first: int) -> list[list[int]]:
        try:
            return self._text.encode(lines)
        except DataError:  # of one of them: of which?
            for number, line in enumerate(lines, start=first):
                try:
                    self._text.encode([line])
                except DataError as error:
                    raise DataError(f"{name} {number}: {error}") from None
            raise

    def _translation(self, hypothesis: Hypothesis) -> Translation:
        return Translation(self._text.decode(hypothesis.tokens), hypothesis.score / math.log(2))


def batches(sources: Sequence[Sequence[int]], tokens: int) -> Iterator[list[int]]:
    """Yields which sentences go together, the longest first; empty ones are left out.

    Args:
        sources: of all sentences.
        tokens: of a batch at most, padding included; a longer sentence is a batch of its own.
    """
    order = sorted((i for i, s in enumerate(sources) if s), key=lambda i: -len(sources[i]))
    batch: list[int] = []
    for index in order:
        if batch and (len(batch) + 1) * len(sources[batch[0]]) > tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def padded(rows: Sequence[Sequence[int]], filling: int, *, left: bool) -> list[list[int]]:
    """Makes rows equally long with ``filling``: on the left, as sources are in training, or not."""
    longest = max(map(len, rows))
    fillings = [[filling] * (longest - len(row)) for row in rows]
    return [
        [*more, *row] if left else [*row, *more] for row, more in zip(rows, fillings, strict=True)
    ]
