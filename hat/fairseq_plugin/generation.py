"""Beam search through fairseq's own generator, sentence by sentence in fairseq's log format."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from fairseq import utils
from fairseq_cli.generate import get_symbols_to_strip_from_output
from tqdm import tqdm

from hat.fairseq_plugin.loading import iterate, load_subset
from hat.fairseq_plugin.model import TransformerSuperModel
from hat.progress import Progress
from hat.tasks.pieces import POST_PROCESS
from hat.tasks.units import joining
from hat.text.moses import detokenise


@dataclass(frozen=True)
class Hypothesis:
    """One translation of the n-best list of a sentence."""

    text: str
    score: float
    """Length-normalised log-probability to base 2."""

    token_scores: tuple[float, ...]
    """Log-probability of each token to base 2."""


@dataclass(frozen=True)
class Translation:
    """A sentence of the data and what the model made of it."""

    index: int
    """The sentence's line in the data, counted from 0."""

    source: str
    target: str | None
    hypotheses: tuple[Hypothesis, ...]
    """Best first."""

    def log_lines(self) -> Iterator[str]:
        """Yields the S, T, H, D and P lines that fairseq-generate prints."""
        yield f"S-{self.index}\t{self.source}"
        if self.target is not None:
            yield f"T-{self.index}\t{self.target}"
        for hypothesis in self.hypotheses:
            yield f"H-{self.index}\t{hypothesis.score}\t{hypothesis.text}"
            yield f"D-{self.index}\t{hypothesis.score}\t{hypothesis.text}"
            yield f"P-{self.index}\t" + " ".join(f"{s:.4f}" for s in hypothesis.token_scores)


@torch.inference_mode()
def translate(
    model: TransformerSuperModel,
    task: Any,
    subset: str,
    *,
    generation: Any,
    max_tokens: int | None = None,
    max_sentences: int | None = None,
    post_process: str | None = None,
    show_progress: bool = True,
) -> Iterator[Translation]:
    """Translates every sentence of a split with the SubTransformer that ``model`` is set to.

    Args:
        model: the model, on its device.
        task: the translation task of the training.
        subset: name of the split.
        generation: fairseq's generation options (``beam``, ``lenpen``, ``nbest``, ...).
        max_tokens: source tokens of a batch; 12,000 if both limits are None.
        max_sentences: sentences of a batch.
        post_process: the BPE marking to remove, for example ``"@@ "``.
        show_progress: draw a progress bar with the time left on standard error.

    Yields:
        The translations, batch by batch; similar lengths stand together.
    """
    if max_tokens is None and max_sentences is None:
        max_tokens = 12_000
    dataset = load_subset(task, subset)
    model.eval()
    device = next(model.parameters()).device
    generator = task.build_generator([model], generation)
    ignored = get_symbols_to_strip_from_output(generator)
    source_words, target_words = task.source_dictionary, task.target_dictionary
    batches = iterate(
        task, subset, model.config, max_tokens=max_tokens, max_sentences=max_sentences
    )
    told = Progress(len(dataset), "sentences")
    with tqdm(total=len(dataset), unit="sentence", disable=not show_progress) as progress:
        for sample in batches:
            if device.type == "cuda":
                sample = utils.move_to_cuda(sample)
            n_best = task.inference_step(generator, [model], sample)
            for row, index in enumerate(sample["id"].tolist()):
                source = utils.strip_pad(sample["net_input"]["src_tokens"][row], source_words.pad())
                target = None
                if sample.get("target") is not None:
                    target = target_words.string(
                        utils.strip_pad(sample["target"][row], target_words.pad()),
                        post_process,
                        escape_unk=True,
                        extra_symbols_to_ignore=ignored,
                    )
                yield Translation(
                    index=index,
                    source=source_words.string(source, post_process),
                    target=target,
                    hypotheses=tuple(
                        Hypothesis(
                            text=target_words.string(
                                hypothesis["tokens"].int().cpu(),
                                post_process,
                                extra_symbols_to_ignore=ignored,
                            ),
                            score=float(hypothesis["score"]) / math.log(2),
                            token_scores=tuple(
                                (hypothesis["positional_scores"] / math.log(2)).tolist()
                            ),
                        )
                        for hypothesis in n_best[row][: generation.nbest]
                    ),
                )
            progress.update(len(sample["id"]))
            told.advance(len(sample["id"]))


def plain_text(task: Any) -> Callable[[Sequence[list[int]]], list[str]]:
    """Returns what makes plain text of target tokens.

    Units are joined. SentencePiece's are text then; others are tokens, detokenised by Moses' rules.
    """
    words = task.target_dictionary
    post_process = joining(words.symbols)

    def to_text(sentences: Sequence[list[int]]) -> list[str]:
        lines = [words.string(torch.tensor(tokens), post_process) for tokens in sentences]
        if post_process == POST_PROCESS:
            return lines
        return detokenise(lines, task.cfg.target_lang)

    return to_text
