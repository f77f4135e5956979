"""How large a task is made: vocabulary, widths and updates, by rules that docs/own-corpus.md gives.

Each figure comes out of the corpus and of the machine. They are where to begin, not the best there
are: each stands in one file of the task's folder and can be changed there.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Device = Literal["cpu", "gpu"]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The space of a size; the first of each is the SuperTransformer's."""

    embed_dims: tuple[int, ...]
    ffn_dims: tuple[int, ...]
    heads: tuple[int, ...]
    qkv_dim: int
    encoder_layers: int
    decoder_layers: tuple[int, ...]
    spans: tuple[int, ...]
    most_units: int
    """Units of the vocabulary: with narrow networks, the output layer is most of the work."""

    fewest_pairs: int
    """A smaller corpus does not fill such a network."""


SHAPES: Mapping[str, Shape] = {
    "tiny": Shape(
        embed_dims=(128, 96),
        ffn_dims=(512, 256, 128),
        heads=(4, 2),
        qkv_dim=128,
        encoder_layers=3,
        decoder_layers=(3, 2, 1),
        spans=(-1, 1),
        most_units=4000,
        fewest_pairs=0,
    ),
    "small": Shape(
        embed_dims=(256, 192),
        ffn_dims=(1024, 512, 256),
        heads=(4, 2),
        qkv_dim=256,
        encoder_layers=6,
        decoder_layers=(6, 5, 4, 3, 2, 1),
        spans=(-1, 1, 2),
        most_units=8000,
        fewest_pairs=25_000,
    ),
    "base": Shape(
        embed_dims=(512, 384),
        ffn_dims=(2048, 1024, 512),
        heads=(8, 4),
        qkv_dim=512,
        encoder_layers=6,
        decoder_layers=(6, 5, 4, 3, 2, 1),
        spans=(-1, 1, 2),
        most_units=16_000,
        fewest_pairs=150_000,
    ),
    "big": Shape(
        embed_dims=(640, 512),
        ffn_dims=(3072, 2048, 1024),
        heads=(8, 4),
        qkv_dim=512,
        encoder_layers=6,
        decoder_layers=(6, 5, 4, 3, 2, 1),
        spans=(-1, 1, 2),
        most_units=32_000,
        fewest_pairs=1_000_000,
    ),
}
"""``small`` and ``base`` are the spaces of Multi30k, ``big`` is HAT's of WMT."""

_WORDS_PER_UNIT = 100
"""Occurrences of a unit in the training data, on average: as many as Gowda and May (2020) want for
nearly all units."""

_UNITS = (500, 1000, 2000, 4000, 8000, 16_000, 32_000)

_EPOCHS = 25
_FEWEST_UPDATES, _MOST_UPDATES = 1000, 50_000
_SHARE_OF_WINNER = 0.6
"""Updates of the winner beside those of the SuperTransformer, whose updates are spread over all."""

_MAX_TOKENS: Mapping[str, int] = {"cpu": 2048, "gpu": 4096}
_HOURS: Mapping[str, float] = {"cpu": 0.35, "gpu": 12.0}
"""What training the SuperTransformer may take, so that a CPU is done with all within an hour."""

_REACHED = 0.35
"""The part of the machine's rate of large products that a training of small ones reaches."""

_GPU_GFLOPS = 40_000.0
"""Assumed of a GPU in half precision: a quarter of what today's smaller ones promise."""

_DROPOUT_PAIRS = 1_000_000


def vocabulary(words: int, shape: Shape) -> int:
    """Units of both languages together: 100 running words for each, in round numbers.

    Args:
        words: of both sides of the training data.
        shape: of the network, which says how many at most.
    """
    fitting = [units for units in _UNITS if units * _WORDS_PER_UNIT <= words]
    return min(fitting[-1] if fitting else _UNITS[0], shape.most_units)


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """What sizes go by."""

    pairs: int
    """To train on."""

    words: int
    """Of both sides together."""

    units_per_word: float = 1.3
    """Guessed before there is a vocabulary."""

    @property
    def side_units(self) -> float:
        """Units of one side."""
        return self.words * self.units_per_word / 2 + self.pairs


@dataclass(frozen=True, kw_only=True)
class Trainings:
    """How long the SuperTransformer and a SubTransformer are trained."""

    max_tokens: int
    updates: int
    wanted: int
    """Updates if the machine had the time."""

    winner_updates: int
    epochs: float
    lr: float
    dropout: float
    seconds: float
    """Estimate for the SuperTransformer."""

    @property
    def passes(self) -> str:
        """Passes of the SuperTransformer over the data, in words."""
        return f"{self.epochs:.1f} passes" if self.epochs < 2 else f"{self.epochs:.0f} passes"


def trainings(corpus: Corpus, shape: Shape, units: int, device: Device, gflops: float) -> Trainings:
    """Returns 25 passes over the data, at least 1,000 updates, as far as the machine has the time.

    Args:
        corpus: the training data.
        shape: of the network.
        units: of the vocabulary.
        device: what trains.
        gflops: its rate of large matrix products.
    """
    max_tokens = _MAX_TOKENS[device]
    epoch = max(1.0, corpus.side_units / max_tokens)
    wanted = round_figure(min(_MOST_UPDATES, max(_FEWEST_UPDATES, _EPOCHS * epoch)))
    each = seconds_of_update(shape, units, max_tokens, gflops)
    possible = _HOURS[device] * 3600 / each
    updates = round_figure(min(wanted, max(_FEWEST_UPDATES, possible)))
    width = shape.embed_dims[0]
    is_small = width < 512 or corpus.pairs >= _DROPOUT_PAIRS
    return Trainings(
        max_tokens=max_tokens,
        updates=updates,
        wanted=wanted,
        winner_updates=round_figure(updates * _SHARE_OF_WINNER),
        epochs=updates / epoch,
        lr=round(0.024 / math.sqrt(width), 4),
        dropout=0.1 if is_small else 0.3,
        seconds=updates * each,
    )


def seconds_of_update(shape: Shape, units: int, tokens: int, gflops: float) -> float:
    """Estimates an update with a SubTransformer of the middle of the space.

    A training multiplies each weight with each token three times, forward and back, two operations
    each.
    """
    width, ffn = shape.embed_dims[0], sum(shape.ffn_dims) / len(shape.ffn_dims)
    attention = 4 * width * shape.qkv_dim
    decoder = sum(shape.decoder_layers) / len(shape.decoder_layers)
    weights = shape.encoder_layers * (attention + 2 * width * ffn)
    weights += decoder * (2 * attention + 2 * width * ffn) + width * units
    return 6 * weights * tokens / (gflops * 1e9 * _REACHED)


def choose_size(corpus: Corpus, device: Device, gflops: float) -> tuple[str, str]:
    """Returns the largest size that the corpus fills and the machine trains, and why in words.

    The machine trains it if the updates of ``trainings`` are within its time.
    """
    filled = [name for name, shape in SHAPES.items() if shape.fewest_pairs <= corpus.pairs]
    for name in reversed(filled):
        shape = SHAPES[name]
        found = trainings(corpus, shape, vocabulary(corpus.words, shape), device, gflops)
        if found.updates >= found.wanted:
            larger = [each for each in SHAPES if SHAPES[each].fewest_pairs > corpus.pairs]
            if name == filled[-1]:
                why = (
                    f"{larger[0]} is for {SHAPES[larger[0]].fewest_pairs:,} pairs and more"
                    if larger
                    else "the corpus is large"
                )
            else:
                why = f"larger ones take this machine too long ({device})"
            return name, why
    return filled[0], f"larger ones take this machine too long ({device})"


def rate(device: Device) -> float:
    """Returns the GFLOP/s that a training's products can reach: measured on a CPU, else assumed."""
    if device == "gpu":
        return _GPU_GFLOPS
    from hat.machine.rates import rates

    gflops = rates().gflops
    # bf16: auto trains in it where the processor has it, and it gives less than it promises.
    return max(gflops["fp32"], gflops["bf16"] / 2)


def busy() -> str | None:
    """Returns a warning if other work keeps this machine from showing its rate."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load <= cores:
        return None
    return (
        f"this machine is busy (load {load:.0f} on {cores} cores): its rate, and with it the size "
        "and the number of updates, may be taken for less than it is"
    )


def round_figure(number: float) -> int:
    """Rounds to two digits: 1,400 or 37,000."""
    digits = 10 ** max(0, math.floor(math.log10(number)) - 1)
    return int(round(number / digits) * digits)
