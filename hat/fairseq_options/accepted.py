"""What the toolkit takes of fairseq: no part and no option of it that could run code.

fairseq evaluates many options as Python code, and its data formats and tasks do more of the kind.
So only what trains and translates with a SuperTransformer may be chosen, whether a file or a flag
names it, and what is evaluated all the same takes numbers only.
"""

import argparse
from collections.abc import Mapping, Sequence

from hat.arch.model_options import ARCHITECTURES
from hat.cli.options import NumbersOnly, actions_by_key
from hat.cli.refusals import expected
from hat.errors import ConfigError
from hat.yaml_reader import Entry, shown

TASK = "hat_translation"

ACCEPTED: dict[str, tuple[str, ...]] = {
    "arch": tuple(ARCHITECTURES),
    "task": (TASK,),
    "criterion": ("label_smoothed_cross_entropy", "cross_entropy"),
    "optimizer": ("adam", "adamax", "adafactor", "adagrad", "adadelta", "nag", "sgd"),
    "lr-scheduler": (
        *("cosine", "inverse_sqrt", "polynomial_decay", "fixed", "tri_stage"),
        *("reduce_lr_on_plateau", "step"),
    ),
    "scoring": ("bleu", "sacrebleu", "chrf"),
    "dataset-impl": ("mmap", "cached", "lazy", "raw"),
    "ddp-backend": ("legacy_ddp", "pytorch_ddp", "c10d", "no_c10d"),
    "zero-sharding": ("none",),
    "best-checkpoint-metric": ("loss", "nll_loss", "ppl", "smallest_loss", "largest_loss"),
}
"""What may be chosen from fairseq's parts. Others evaluate options or lines of data as Python code
or pass names of files to a shell, and none of them is of use to a SuperTransformer."""

REFUSED = {
    "model-overrides": "the options of a checkpoint hold as they are",
    "optimizer-overrides": "the options of an optimizer hold as they are",
    "tokenizer": "the task's preprocess.sh splits the text",
    "bpe": "the task's preprocess.sh splits the text",
    "quantization-config-path": "SuperTransformers are not quantised in training",
    "use-plasma-view": "it starts another program",
    "plasma-path": "it starts another program",
    "use-bmuf": "SuperTransformers train with plain data parallelism",
    "model-parallel-size": "SuperTransformers train with plain data parallelism",
    "tpu": "there is no TPU code here",
    **dict.fromkeys(
        (
            *("eval-bleu", "eval-bleu-args", "eval-bleu-detok", "eval-bleu-detok-args"),
            *("eval-bleu-print-samples", "eval-bleu-remove-bpe", "eval-tokenized-bleu"),
        ),
        "its counts would stand in the checkpoint, which nobody could read then",
    ),
    "cpu-offload": "SuperTransformers train with plain data parallelism",
    "update-epoch-batch-itr": "batches are put together once",
    **dict.fromkeys(
        ("write-checkpoints-asynchronously", "save-async"),
        "checkpoints are whole when they are written, and another package would write these",
    ),
    "num-batch-buckets": "it pads batches for TPUs, and there is no TPU code here",
    **dict.fromkeys(
        (
            *("num-shards", "shard-id", "prefix-size", "replace-unk", "print-alignment"),
            *("constraints", "score-reference", "lm-path", "lm-weight", "retain-dropout"),
            *("retain-dropout-modules", "retain-iter-history", "iter-decode-eos-penalty"),
            *("iter-decode-max-iter", "iter-decode-force-max-iter", "iter-decode-with-beam"),
            *("iter-decode-with-external-reranker", "decoding-format", "print-step"),
            *("results-path", "beam-mt", "lenpen-mt", "max-len-a-mt", "max-len-b-mt"),
        ),
        "generate.py would translate as if it were not there",
    ),
    **dict.fromkeys(
        (
            *("pipeline-model-parallel", "pipeline-balance", "pipeline-devices"),
            *("pipeline-chunks", "pipeline-checkpoint", "pipeline-encoder-balance"),
            *("pipeline-encoder-devices", "pipeline-decoder-balance", "pipeline-decoder-devices"),
        ),
        "SuperTransformers train with plain data parallelism",
    ),
}
"""Options of fairseq that are not taken, from files or flags, and why."""

WHOLE_NUMBERS = (
    *("max-tokens-valid", "batch-size-valid", "max-sentences-valid"),
    "total-num-update",
)
"""Options that are whole numbers, which fairseq takes as any text and evaluates."""

EVALUATED: dict[str, int | None] = {
    "adam-betas": 2,
    "adamax-betas": 2,
    "adafactor-eps": 2,
    "adaptive-softmax-cutoff": None,
}
"""Text options that fairseq evaluates, and how many numbers each takes (None: any). Every option
with a type of fairseq's own is evaluated, too."""


def restricted(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Takes from ``parser``, one of fairseq's, what could run code. Twice does no harm."""
    for key, action in actions_by_key(parser).items():
        convert = action.type
        if key in REFUSED:
            action.help = argparse.SUPPRESS
        if key in ACCEPTED:
            action.choices = ACCEPTED[key]
        if key in WHOLE_NUMBERS:
            action.type = int
        if isinstance(convert, NumbersOnly):
            continue
        home = getattr(convert, "__module__", "").partition(".")[0]
        if callable(convert) and home == "fairseq":
            action.type = NumbersOnly(convert)
        elif key in EVALUATED:
            action.type = NumbersOnly(None, EVALUATED[key])
    return parser


def refuse(entries: Mapping[str, Entry], flags: Sequence[str]) -> None:
    """Refuses options that are not taken, and parts that are not, in keys of other stages too.

    Raises:
        ConfigError: naming the file and line, or the flag.
    """
    for key, entry in entries.items():
        if key in REFUSED:
            raise ConfigError(f"{entry.where}: {key!r} is not taken: {REFUSED[key]}")
        choices = ACCEPTED.get(key)
        if choices is not None and (text := entry.text()) not in choices:
            raise ConfigError(
                f"{entry.where}: {key} cannot be {shown(text)}{expected(text, choices)}"
            )
    for word in flags:
        key = word.partition("=")[0].removeprefix("--")
        if word.startswith("--") and key in REFUSED:
            raise ConfigError(f"--{key} is not taken: {REFUSED[key]}")
