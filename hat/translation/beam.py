"""Beam search over anything that encodes and decodes step by step.

The hypotheses are those of fairseq's ``SequenceGenerator`` (0.12), word for word, and so are
their scores and their order. Its rules, all of them kept here:

- **Start.** A sentence starts as one hypothesis that holds the end token only. (fairseq makes
  ``beam`` copies of it and looks at the first; here it is one, which saves the others' work.)
- **Width.** The beam is never wider than the dictionary without padding: ``min(beam, V - 1)``.
- **What may follow.** Padding never. The end not within the first ``min_len`` tokens. Nothing but
  the end once there are ``max_len`` tokens. ``unkpen`` is taken off the score of an unknown word.
  Probabilities are those of the whole dictionary and are not renormalised over what may follow.
- **Candidates.** The ``2 * beam`` best continuations of all hypotheses of a sentence together, by
  summed log-probability; at most all there are but one.
- **Ending.** A candidate that ends and is among the first ``beam`` becomes a finished hypothesis.
  One that ends and ranks behind is dropped. The first ``beam`` candidates that do not end go on.
- **Score.** Summed log-probability, the end's included, over ``(tokens + 1) ** lenpen``, the end
  counted.
- **Stop.** A sentence is finished as soon as ``beam`` hypotheses are, even if one that still goes
  on could become better; those found first stay, and of those found in the same step the likelier.
- **Limit.** ``max_len`` is ``int(max_len_a * S + max_len_b)``, and at most one less than the target
  positions of the model, where S is the number of source tokens of the *longest sentence in the
  batch*, its end included. At the limit every hypothesis that still goes on is ended, with the
  log-probability of the end token there added to its score like any other, and joins the finished
  ones, best first, until there are ``beam`` of them.
- **Order.** The finished hypotheses of a sentence by score, best first; equal ones as found.

The limit is the one rule by which a sentence's neighbours matter. HAT's fairseq of 2019 has the
same rules, so that two runs agree where their batches do, or where ``max_len_a`` is 0. With
``max_len_a`` above 0 and other batches, a sentence that runs into its limit runs into another one,
and the two have other endings and scores. Both are right by fairseq's rule.

Ties and rounding are all that is left: two candidates whose sums differ by less than the rounding
of a sum of log-probabilities may change places, and what follows is then another sentence. That is
1e-6 at a sum of -10, and 6e-5 at the -600 that 200 tokens of random weights add up to.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Protocol

import torch
from torch import Tensor

from hat.errors import ConfigError, DataError
from hat.settings import AtLeast, AtMost, Between, Settings
from hat.translation.candidates import Candidates, best_continuations
from hat.translation.shortlist import Shortlist


@dataclass(frozen=True, kw_only=True)
class BeamSettings(Settings):
    """How a sentence is searched for; names and meanings are fairseq's."""

    beam: Annotated[int, AtLeast(1), AtMost(10_000)] = 5
    """hypotheses that are followed at a time"""

    nbest: Annotated[int, AtLeast(1)] = 1
    """hypotheses that are returned, best first; at most --beam"""

    lenpen: Annotated[float, Between(-100, 100)] = 1.0
    """exponent of the length by which a score is divided: below 1 favours short translations"""

    unkpen: Annotated[float, Between(-1e6, 1e6)] = 0.0
    """what an unknown word costs: below 0 favours them"""

    min_len: Annotated[int, AtLeast(0)] = 1
    """a translation has at least so many tokens"""

    max_len_a: Annotated[float, Between(0, 1e6)] = 0.0
    """a translation has at most A times the tokens of the longest source of the batch ..."""

    max_len_b: Annotated[int, AtLeast(0)] = 200
    """... plus B"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nbest > self.beam:
            raise ConfigError(f"nbest must be at most beam ({self.beam}), but found {self.nbest}")


@dataclass(frozen=True)
class Hypothesis:
    """One translation of a sentence."""

    tokens: tuple[int, ...]
    """With the end token."""

    score: float
    """Log-probability over the power of the length."""

    token_scores: tuple[float, ...]
    """Log-probability of each token; none where the engine does not say."""


def longest_translation(settings: BeamSettings, src_len: int, max_target_positions: int) -> int:
    """Returns how many tokens a translation has at most, without its end.

    Args:
        settings: of the search.
        src_len: tokens of the longest sentence of the batch, with its end.
        max_target_positions: of the model.

    Raises:
        ConfigError: if that is less than ``min_len``.
    """
    wanted = int(settings.max_len_a * src_len + settings.max_len_b)
    longest = min(wanted, max_target_positions - 1)
    if longest < settings.min_len:
        raise ConfigError(
            f"min-len ({settings.min_len}) must be at most the longest translation, which is "
            f"{longest} tokens for {src_len} source tokens"
        )
    return longest


class Decoding(Protocol):
    """A batch of B sentences being decoded, with the same number of hypotheses each."""

    def step(self, tokens: Tensor) -> Iterable[Tensor]:
        """Appends a token to every hypothesis.

        Args:
            tokens: (B, n) int64, of n hypotheses of each sentence.

        Returns:
            Log-probabilities of what may come next, (rows, V or W) float32: several sentences in
            each part, all their hypotheses together, in order. The caller may overwrite a part and
            is done with it when it asks for the next one.
        """

    def move(self, beams: Tensor) -> None:
        """Lets hypotheses branch and end.

        Args:
            beams: (B, m) int64: hypothesis i continues what was hypothesis ``beams[:, i]``.
        """

    def keep(self, order: Tensor) -> None:
        """Lets sentences leave the batch.

        Args:
            order: (B_new,) int64: sentence i is now what was sentence ``order[i]``. Most stay
                where they were.
        """


class Runner(Protocol):
    """What can be searched: a model in an engine."""

    vocab_size: int
    padding_idx: int
    max_target_positions: int

    def encode(self, src_tokens: Tensor) -> Any:
        """Returns what decoding needs of B sentences, (B, S) int64, padded on either side."""

    def decode(self, encoded: Any, max_steps: int, words: Tensor | None = None) -> Decoding:
        """Begins to decode.

        Args:
            encoded: what ``encode`` gave. It may be decoded again, unless sentences left.
            max_steps: no more steps than this will be taken.
            words: (W,) int64, ascending: the only words that may follow; None: all.
        """


class BeamSearch:
    """Translates batches with one model by the rules above."""

    def __init__(
        self,
        runner: Runner,
        settings: BeamSettings,
        *,
        shortlist: Shortlist | None = None,
        eos_idx: int = 2,
        unk_idx: int = 3,
    ) -> None:
        """Prepares the search.

        Args:
            runner: the model.
            settings: how.
            shortlist: the words that translations are made of; None: all.
            eos_idx: the end of a sentence; also what decoding starts from.
            unk_idx: the unknown word.
        """
        self._runner = runner
        self._settings = settings
        self._shortlist = shortlist
        self._eos_idx = eos_idx
        self._unk_idx = unk_idx

    def max_len(self, src_len: int) -> int:
        """Most tokens of a translation, without its end.

        Args:
            src_len: tokens of the longest sentence of the batch, with its end.

        Raises:
            ConfigError: if that is less than ``min_len``.
        """
        return longest_translation(self._settings, src_len, self._runner.max_target_positions)

    @torch.inference_mode()
    def __call__(self, src_tokens: Tensor) -> list[list[Hypothesis]]:
        """Translates a batch.

        Args:
            src_tokens: (B, S) int64 with the end of each sentence, padded on either side.

        Returns:
            The ``nbest`` hypotheses of each sentence, best first.

        Raises:
            ConfigError: if ``min_len`` is more than what ``max_len_a`` and ``max_len_b`` allow.
            DataError: if the model's output is not numbers.
        """
        if not len(src_tokens):
            return []
        max_len = self.max_len(src_tokens.size(1))
        words = None if self._shortlist is None else self._shortlist.words(src_tokens)
        columns = self._columns(words)
        beam = min(self._settings.beam, columns.count - 1)
        # A runner without an output layer of its own need not take words.
        given = () if words is None else (words,)
        decoding = self._runner.decode(self._runner.encode(src_tokens), max_len + 1, *given)
        batch = _Batch(src_tokens, beam, max_len, self._eos_idx, self._settings)
        for step in range(max_len + 1):
            found = self._candidates(decoding.step(batch.last), batch, step, max_len, columns)
            finished = batch.end(found, step)
            if len(finished) == len(batch.last):
                return [hypotheses[: self._settings.nbest] for hypotheses in batch.sorted()]
            if step == max_len:
                break
            decoding.move(batch.advance(found, step))
            if finished:
                order = batch.without(finished)
                decoding.keep(order)
                batch.keep(order)
        raise DataError("a sentence has no translation: the model's output is not numbers")

    def _candidates(
        self,
        parts: Iterable[Tensor],
        batch: "_Batch",
        step: int,
        max_len: int,
        columns: "_Columns",
    ) -> Candidates:
        barred = list(columns.padding)
        if step < self._settings.min_len:
            barred.append(columns.eos)
        found = best_continuations(
            parts,
            batch.sums,
            count=min(2 * batch.beam, batch.last.size(1) * columns.count - 1),
            barred=barred,
            only=columns.eos if step >= max_len else None,
            penalty=(columns.unk, self._settings.unkpen),
        )
        if columns.words is None:
            return found
        return replace(found, tokens=columns.words[found.tokens])

    def _columns(self, words: Tensor | None) -> "_Columns":
        padding = self._runner.padding_idx
        if words is None:
            return _Columns(None, self._runner.vocab_size, (padding,), self._eos_idx, self._unk_idx)
        eos, unk = torch.searchsorted(words, words.new_tensor([self._eos_idx, self._unk_idx]))
        at_padding = words.eq(padding).nonzero().flatten().tolist()
        return _Columns(words, len(words), tuple(at_padding), int(eos), int(unk))


@dataclass(frozen=True)
class _Columns:
    """What the columns of log-probabilities stand for, and where some words are among them."""

    words: Tensor | None
    """(count,) int64; None: all words by number."""

    count: int
    padding: tuple[int, ...]
    eos: int
    unk: int


class _Batch:
    """The sentences that are not finished, their hypotheses, and what has been found so far."""

    def __init__(
        self, src_tokens: Tensor, beam: int, max_len: int, eos_idx: int, settings: BeamSettings
    ) -> None:
        count = len(src_tokens)
        self.beam = beam
        self._eos_idx = eos_idx
        self._max_len = max_len
        self._lenpen = settings.lenpen
        self._sentence_of = list(range(count))
        self._found: list[list[Hypothesis]] = [[] for _ in range(count)]
        self._tokens = src_tokens.new_empty(count, beam, max_len + 1)
        self._sums = torch.empty(count, beam, max_len + 1, device=src_tokens.device)
        self._ranks = torch.arange(2 * beam, device=src_tokens.device)
        self.last = src_tokens.new_full((count, 1), eos_idx)
        """(B, n): the newest token of each hypothesis."""
        self.sums = torch.zeros(count, 1, device=src_tokens.device)
        """(B, n): its summed log-probabilities."""

    def end(self, found: Candidates, step: int) -> list[int]:
        """Takes the candidates that end; returns the sentences that are finished thereby."""
        self._ends = found.tokens.eq(self._eos_idx)
        self._any_ends = bool(self._ends.any())
        if self._any_ends:  # most steps have none and are spared this
            self._any_ends = bool(self._ends.logical_and_(found.sums.gt(-torch.inf)).any())
        return self._finish(found, step) if self._any_ends else []

    def _finish(self, found: Candidates, step: int) -> list[int]:
        width = min(self.beam, found.tokens.size(1))
        sentence, rank = self._ends[:, :width].nonzero(as_tuple=True)
        beams = found.beams[sentence, rank]
        totals = found.sums[sentence, rank]
        tokens = self._tokens[sentence, beams, :step].tolist()
        sums = torch.cat((self._sums[sentence, beams, :step], totals[:, None]), dim=1)
        token_scores = sums.clone()
        token_scores[:, 1:] -= sums[:, :-1]
        scores = (totals / (step + 1) ** self._lenpen).tolist()
        finished = []
        for row, line, score, each in zip(
            sentence.tolist(), tokens, scores, token_scores.tolist(), strict=True
        ):
            mine = self._found[self._sentence_of[row]]
            if len(mine) < self.beam:
                mine.append(Hypothesis((*line, self._eos_idx), score, tuple(each)))
                if len(mine) == self.beam:
                    finished.append(row)
        if step == self._max_len:
            return [row for row, of in enumerate(self._sentence_of) if self._found[of]]
        return finished

    def advance(self, found: Candidates, step: int) -> Tensor:
        """Appends the candidates that go on; returns the hypothesis that each continues, (B, n)."""
        tokens, sums, beams = found.tokens, found.sums, found.beams
        width = min(self.beam, tokens.size(1))
        if self._any_ends:
            candidates = tokens.size(1)
            ranks = self._ranks[:candidates]
            key = torch.add(ranks, self._ends, alpha=candidates)
            going = key.topk(width, dim=1, largest=False).indices
            tokens, beams = tokens.gather(1, going), beams.gather(1, going)
            # Where fewer go on than the beam is wide, what has ended does not go on in their place.
            ended = self._ends.gather(1, going)
            sums = sums.gather(1, going).masked_fill_(ended, -torch.inf)
        else:
            tokens, sums, beams = tokens[:, :width], sums[:, :width], beams[:, :width]
        if step:
            past = beams[:, :, None].expand(-1, -1, step)
            self._tokens[:, :width, :step] = self._tokens[:, :, :step].gather(1, past)
            self._sums[:, :width, :step] = self._sums[:, :, :step].gather(1, past)
        self._tokens[:, :width, step] = tokens
        self._sums[:, :width, step] = sums
        self.last, self.sums = tokens, sums
        return beams

    def without(self, finished: Sequence[int]) -> Tensor:
        """The order in which the other sentences go on, (B_new,) int64.

        Sentences from the back fill the gaps, so that most need not move.
        """
        count, gone = len(self._sentence_of), set(finished)
        left = count - len(finished)
        order = list(range(left))
        back = (index for index in range(left, count) if index not in gone)
        for gap in sorted(gone):
            if gap < left:
                order[gap] = next(back)
        return torch.tensor(order, device=self._tokens.device)

    def keep(self, order: Tensor) -> None:
        """See ``Decoding.keep``."""
        self._sentence_of = [self._sentence_of[index] for index in order.tolist()]
        self._tokens, self._sums = self._tokens[order], self._sums[order]
        self.last, self.sums = self.last[order], self.sums[order]

    def sorted(self) -> Sequence[list[Hypothesis]]:
        """The hypotheses of all sentences, best first."""
        return [sorted(found, key=lambda each: -each.score) for found in self._found]
