"""Our own beam search over a split of the data, in fairseq's log format."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from fairseq import utils
from fairseq.dataclass.configs import GenerationConfig
from tqdm import tqdm

from hat.errors import ConfigError
from hat.fairseq_plugin.loading import iterate, load_subset
from hat.fairseq_plugin.model import TransformerSuperModel
from hat.progress import Progress
from hat.tasks.pieces import POST_PROCESS
from hat.tasks.units import joining
from hat.text.moses import detokenise
from hat.translation.beam import BeamSearch, BeamSettings
from hat.translation.torch_runner import TorchRunner


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


_KNOWN = ("beam", "nbest", "max_len_a", "max_len_b", "min_len", "lenpen", "unkpen", "unnormalized")

_WITHOUT_EFFECT = ("sacrebleu", "no_beamable_mm", "no_early_stop", "print_step", "no_seed_provided")
"""On the hypotheses that are printed."""


def beam_settings(generation: Any) -> BeamSettings:
    """Returns fairseq's generation options as settings of our search.

    Raises:
        ConfigError: if one is given that it does not have.
    """
    plain = GenerationConfig()
    for option in fields(plain):
        name = option.name
        is_given = getattr(generation, name, None) not in (None, getattr(plain, name))
        if is_given and name not in (*_KNOWN, *_WITHOUT_EFFECT):
            raise ConfigError(
                f"--{name.replace('_', '-')} is not done here: fairseq-generate does it, with "
                "--user-dir hat/fairseq_plugin and what hat export --format fairseq writes"
            )
    return BeamSettings(
        beam=generation.beam,
        nbest=min(generation.nbest, generation.beam),
        lenpen=0.0 if generation.unnormalized else float(generation.lenpen),
        unkpen=float(generation.unkpen),
        min_len=generation.min_len,
        max_len_a=float(generation.max_len_a),
        max_len_b=generation.max_len_b,
    )


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
        generation: fairseq's generation options (``beam``, ``lenpen``, ``nbest``, ...), of which
            ours has those of ``BeamSettings``.
        max_tokens: source tokens of a batch; 12,000 if both limits are None.
        max_sentences: sentences of a batch.
        post_process: the BPE marking to remove, for example ``"@@ "``.
        show_progress: draw a progress bar with the time left on standard error.

    Yields:
        The translations, batch by batch; similar lengths stand together.

    Raises:
        ConfigError: if an option is given that our search does not have.
    """
    settings = beam_settings(generation)
    if max_tokens is None and max_sentences is None:
        max_tokens = 12_000
    dataset = load_subset(task, subset)
    model.eval()
    device = next(model.parameters()).device
    source_words, target_words = task.source_dictionary, task.target_dictionary
    ignored = {target_words.eos()}
    search = BeamSearch(
        TorchRunner(model), settings, eos_idx=target_words.eos(), unk_idx=target_words.unk()
    )
    batches = iterate(
        task, subset, model.config, max_tokens=max_tokens, max_sentences=max_sentences
    )
    told = Progress(len(dataset), "sentences")
    with tqdm(total=len(dataset), unit="sentence", disable=not show_progress) as progress:
        for sample in batches:
            if device.type == "cuda":
                sample = utils.move_to_cuda(sample)
            n_best = search(sample["net_input"]["src_tokens"])
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
                                torch.tensor(hypothesis.tokens),
                                post_process,
                                extra_symbols_to_ignore=ignored,
                            ),
                            score=hypothesis.score / math.log(2),
                            token_scores=tuple(s / math.log(2) for s in hypothesis.token_scores),
                        )
                        for hypothesis in n_best[row]
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
