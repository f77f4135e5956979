"""Beam search through fairseq's own generator, sentence by sentence in fairseq's log format."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from fairseq import utils
from fairseq.dataclass.configs import GenerationConfig
from fairseq_cli.generate import get_symbols_to_strip_from_output
from tqdm import tqdm

from hat.arch.config import SubTransformerConfig
from hat.fairseq_plugin.loading import iterate, load_subset
from hat.fairseq_plugin.model import TransformerSuperModel
from hat.models.super_transformer import SuperTransformer
from hat.scoring.batches import Batch
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


class BeamTranslator:
    """Translates the same sentences with one SubTransformer after the other, by beam search."""

    def __init__(
        self,
        model: SuperTransformer,
        task: Any,
        batches: Sequence[Batch],
        *,
        beam: int,
        lenpen: float,
        max_len_a: float,
        max_len_b: int,
    ) -> None:
        """Copies ``model`` into one that fairseq's generator accepts.

        Args:
            model: a trained SuperTransformer on the device of the batches.
            task: the translation task of the training.
            batches: the sentences.
            beam: hypotheses per sentence.
            lenpen: exponent of the length by which a hypothesis' score is divided.
            max_len_a: no translation is longer than this times the source ...
            max_len_b: ... plus so many tokens.
        """
        parameter = next(model.parameters())
        self._model = TransformerSuperModel(model.config, size=model.size)
        self._model.load_state_dict(model.state_dict())
        self._model.to(device=parameter.device, dtype=parameter.dtype).eval()
        self._task = task
        self._batches = batches
        settings = {"max_len_a": max_len_a, "max_len_b": max_len_b}
        generation = GenerationConfig(beam=beam, lenpen=lenpen, **settings)
        self._generator = task.build_generator([self._model], generation)

    @torch.inference_mode()
    def __call__(self, archs: Sequence[SubTransformerConfig]) -> list[list[list[int]]]:
        """Returns the tokens of the best hypothesis of every sentence, for each architecture."""
        return [self._translated(arch) for arch in archs]

    def _translated(self, arch: SubTransformerConfig) -> list[list[int]]:
        self._model.set_sample_config(arch)
        end = self._task.target_dictionary.eos()
        found = []
        for batch in self._batches:
            net_input = {
                "src_tokens": batch.src_tokens,
                "src_lengths": batch.src_lengths,
                "prev_output_tokens": batch.prev_output_tokens,
            }
            sample = {"net_input": net_input}
            n_best = self._task.inference_step(self._generator, [self._model], sample)
            found += [[t for t in best[0]["tokens"].tolist() if t != end] for best in n_best]
        return found


def plain_text(
    task: Any, *, post_process: str = "@@ "
) -> Callable[[Sequence[list[int]]], list[str]]:
    """Returns what makes plain text of target tokens: without BPE, detokenised by Moses' rules."""

    def to_text(sentences: Sequence[list[int]]) -> list[str]:
        words = task.target_dictionary
        lines = [words.string(torch.tensor(tokens), post_process) for tokens in sentences]
        return detokenise(lines, task.cfg.target_lang)

    return to_text
