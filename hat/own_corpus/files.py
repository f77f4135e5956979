"""The YAML files of a task's folder: each choice stands once, with a comment that says why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hat.own_corpus.sizing import Device, Shape, Trainings

TEXT_DIR, DATA_DIR, RUN_DIR, EXPORT_DIR = "text", "data", "runs", "model"
PIPELINE_FILE = "pipeline.yml"


@dataclass(frozen=True, kw_only=True)
class Choices:
    """All that was chosen for a task."""

    name: str
    """Of the task, for example ``mine.en-fr``."""

    languages: tuple[str, str]
    pairs: Mapping[str, int]
    """By split."""

    device: Device
    size: str
    why_size: str
    shape: Shape
    tokeniser: Literal["sentencepiece", "moses"]
    vocabulary: int
    trainings: Trainings
    source_units: int
    """Mean length of a source sentence, its end included."""

    target_units: int
    limit: str
    seed: int
    machine: str
    """Whose rates the updates go by."""


def task_files(choices: Choices) -> dict[str, str]:
    """Returns the content of each file by its name."""
    return {
        PIPELINE_FILE: _pipeline(choices),
        "network.yml": _network(choices),
        "space.yml": _space(choices),
        "text.yml": _text(choices),
        "training.yml": _training(choices),
        "supertransformer.yml": _supertransformer(choices),
        "subtransformer.yml": _subtransformer(choices),
        "latency.yml": _latency(choices),
        "predictor.yml": _predictor(choices),
        "search.yml": _search(choices),
    }


def _pipeline(c: Choices) -> str:
    source, target = c.languages
    splits = ", ".join(f"{count:,} {split}" for split, count in c.pairs.items())
    return f"""\
# {source} to {target}; sentence pairs: {splits}.
# Everything from one command, from any folder:
#
#   hat pipeline {PIPELINE_FILE} --dry-run    what would run
#   hat pipeline {PIPELINE_FILE}              runs what is not up to date
#
# A stage may name several files. What they share stands in one of them, and a later one wins.
task: {c.name}
# All paths hold from this folder.
base: .
run-dir: {RUN_DIR}
device: {c.device}

preprocess: [network.yml, text.yml]
supertransformer: [network.yml, space.yml, training.yml, supertransformer.yml]
latency-dataset: [network.yml, space.yml, latency.yml]
latency-predictor: [predictor.yml]
evo-search: [search.yml]
subtransformer: [network.yml, training.yml, subtransformer.yml]
# The largest SubTransformer trained by itself, too: what the winner is compared with.
retrain-largest: True
# These trainings begin with the weights that are inherited from the SuperTransformer; scratch: with
# new ones, as HAT's, which takes longer to be as good.
retrain-init: supernet

# More of each, all in one table at the end (docs/tasks.md):
# budgets: [{c.limit}, 50%]    a search for each limit, in place of that of search.yml
# targets:                a dataset, a predictor and searches for each engine or device
#   here: {{}}
#   onnx: {{lat-engine: onnxruntime, lat-precision: int8}}
# retrain-seeds: 3        BLEU with its spread
# export-formats: [onnx]

# scoring: sacreBLEU of what is translated by this beam search, against the raw text
metric: sacre
beam: 5
lenpen: 1
reference: {TEXT_DIR}/raw/{{subset}}.{target}

# The retrained winner with all that it needs: hat translate {EXPORT_DIR} < text
export: {EXPORT_DIR}
"""


def _network(c: Choices) -> str:
    one = c.shape
    return f"""\
# The data and the SuperTransformer: what every stage has to know alike. The widths are the largest
# of space.yml, and are changed with it.
data: {DATA_DIR}/{c.name}
source-lang: {c.languages[0]}
target-lang: {c.languages[1]}

# size {c.size}: {c.why_size}
arch: transformersuper
# one vocabulary for both languages, and one table of embeddings, which is the output layer, too
share-all-embeddings: True
# Layers are normalised before they compute: that trains in few updates, too.
encoder-normalize-before: True
decoder-normalize-before: True

encoder-embed-dim: {one.embed_dims[0]}
decoder-embed-dim: {one.embed_dims[0]}

encoder-ffn-embed-dim: {one.ffn_dims[0]}
decoder-ffn-embed-dim: {one.ffn_dims[0]}

encoder-layers: {one.encoder_layers}
decoder-layers: {one.decoder_layers[0]}

encoder-attention-heads: {one.heads[0]}
decoder-attention-heads: {one.heads[0]}

qkv-dim: {one.qkv_dim}
"""


def _space(c: Choices) -> str:
    one = c.shape
    embed, ffn, heads = list(one.embed_dims), list(one.ffn_dims), list(one.heads)
    return f"""\
# What is searched. Decoder layers cost most: they run once for every word that is written.
encoder-embed-choice: {embed}
decoder-embed-choice: {embed}

encoder-ffn-embed-dim-choice: {ffn}
decoder-ffn-embed-dim-choice: {ffn}

encoder-layer-num-choice: [{one.encoder_layers}]
decoder-layer-num-choice: {list(one.decoder_layers)}

encoder-self-attention-heads-choice: {heads}
decoder-self-attention-heads-choice: {heads}
decoder-ende-attention-heads-choice: {heads}

# -1, 1, 2: a decoder layer attends to the last one, two or three encoder layers
decoder-arbitrary-ende-attn-choice: {list(one.spans)}
"""


def _text(c: Choices) -> str:
    return f"""\
# How text becomes units. {TEXT_DIR}/raw holds it as it was cleaned and split.
text-dir: {TEXT_DIR}
# sentencepiece (pieces of raw text) or moses (Moses' tokeniser, then BPE)
tokeniser: {c.tokeniser}
# units of both languages together: each should occur about 100 times in the training data
vocabulary: {c.vocabulary}
"""


def _training(c: Choices) -> str:
    one = c.trainings
    precision = (
        "# bf16 where the processor has instructions for it, else fp32\nbf16: auto"
        if c.device == "cpu"
        else "fp16: True"
    )
    return f"""\
# What the trainings of the SuperTransformer and of SubTransformers have in common.
optimizer: adam
adam-betas: (0.9, 0.98)
clip-norm: 1.0
weight-decay: 0.0001
dropout: {one.dropout}
criterion: label_smoothed_cross_entropy
label-smoothing: 0.1
# tokens of a batch, of the longer side
max-tokens: {one.max_tokens}
required-batch-size-multiple: 1
seed: {c.seed}

{precision}

# The rate climbs from warmup-init-lr to max-lr, then falls to lr along a cosine. Narrow networks
# bear higher rates: max-lr is 0.024 over the square root of the width.
lr-scheduler: cosine
warmup-init-lr: 1e-7
max-lr: {one.lr}
lr: 1e-7

# What is saved: the best by validation loss, and the last one, from which a training goes on.
no-epoch-checkpoints: True
log-interval: 50
{_interval(c)}
"""


def _interval(c: Choices) -> str:
    """About ten validations."""
    one = c.trainings
    epochs = round(one.epochs / 10)
    if epochs >= 1:
        return f"# passes over the data\nsave-interval: {epochs}\nvalidate-interval: {epochs}"
    updates = max(1, one.updates // 10)
    return (
        f"# updates\nsave-interval-updates: {updates}\nvalidate-interval-updates: {updates}\n"
        "keep-interval-updates: 1"
    )


def _supertransformer(c: Choices) -> str:
    one = c.trainings
    cut = (
        ""
        if one.updates >= one.wanted
        else f"\n# 25 passes over the data, {one.wanted:,} updates, would take too long here."
    )
    minutes = f"{one.seconds / 60:.0f} minutes"
    return f"""\
# The training of the SuperTransformer; each update trains one SubTransformer of it.
# {one.updates:,} updates are {one.passes} over the training data: about {minutes} on
# {c.machine}.{cut}
max-update: {one.updates}
warmup-updates: {one.updates // 8}
"""


def _subtransformer(c: Choices) -> str:
    one = c.trainings
    return f"""\
# The training of one SubTransformer by itself. All updates are its own, so it takes fewer.
train-subtransformer: True
max-update: {one.winner_updates}
warmup-updates: {one.winner_updates // 8}
"""


def _latency(c: Choices) -> str:
    on_cpu = c.device == "cpu"
    device = "cpu: True\nlatcpu: True" if on_cpu else "latgpu: True"
    return f"""\
# How SubTransformers are measured on this machine: batch size 1, beam search.
{device}
# how many, and how often each is run
lat-dataset-size: {150 if on_cpu else 500}
latiter: {10 if on_cpu else 20}
latsilent: True
# how long to wait in total, in seconds, for a machine that is busy with other things
lat-patience: 120
# mean lengths of the training data in units, the end of sentence included
lat-src-len: {c.source_units}
lat-decode-steps: {c.target_units}
seed: {c.seed}
"""


def _predictor(c: Choices) -> str:
    return f"""\
# The predictor of latencies: the kind that cross-validates best on what was measured.
predictor: auto
seed: {c.seed}
"""


def _search(c: Choices) -> str:
    small = c.device == "cpu"
    population, parents = (50, 10) if small else (125, 25)
    return f"""\
# The search: the SubTransformer with the lowest validation loss under the limit.
# The limit: milliseconds a sentence (25, or 25ms), or a share of what the largest one takes.
latency-constraint: {c.limit}

# rounds, and architectures of the first and of each further one
evo-iter: {6 if small else 30}
population-size: {population}
parent-size: {parents}
mutation-size: {(population - parents) // 2}
crossover-size: {(population - parents) // 2}
mutation-prob: 0.3
"""
