"""How long steps will take on a machine where they never ran, by what this processor does.

Two things of it are measured: the rate of large products, and how long one small one takes. Where
networks are small it is the calls that take the time, not the products. All figures are rough.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hat.arch.config import SubTransformerConfig
from hat.pipeline.candidate import Found, Target
from hat.pipeline.plan import Plan
from hat.pipeline.steps import Step
from hat.text.dictionaries import vocabulary_sizes
from hat.yaml_reader import Entry, Items

_REACHED = 0.35
"""The part of the rate of large products that a training of small ones reaches."""

_WORDS = 10_000
"""Of a dictionary that is not there yet."""

_ENCODER_LAYER, _DECODER_LAYER, _DECODER_STEP = 46, 85, 35
"""Small calls of a layer, and of what is around the layers, in the time of one small product each.

Counted in HAT's engine, and scaled by what the number task's networks took on an idle machine.
"""

_START = 4.0
"""Seconds until a command of hat has imported all that it needs."""

_FIT = 5.0
"""Seconds to fit a predictor to some hundred rows."""

_UNSEEN = 6
"""A search and its contest: two more seeds of it, and random search with all three."""

_SCORED = 0.8
"""The part of the rate that scoring reaches. It multiplies forward only, in large batches."""

_RACED_FIRST, _RACED_LATER = 0.35, 0.2
"""The part of the sentences that races score, at first and later (docs/results/search.md)."""


Values = Mapping[str, str]
"""Settings by key, as they are written."""


@dataclass(frozen=True)
class Speed:
    """What was measured of a processor."""

    gflops: float
    """Rate of large products in the precision of the training."""

    call_seconds: float
    """Of one small product."""

    def products(self, operations: float, reached: float = _REACHED) -> float:
        """Seconds of so many operations in products, at the part of the rate that they reach."""
        return operations / (self.gflops * 1e9 * reached)


def step_seconds(plan: Plan, step: Step, speed: Speed) -> float | None:
    """Estimates a step on this machine's CPU; None where it is not known what there is to do.

    Args:
        plan: of the step.
        step: the step.
        speed: of the processor.
    """
    training = training_seconds(plan, step.stage, speed.gflops, _given(step))
    if training is not None:
        return _START + training
    return _OTHERS[step.stage](plan, step, speed) if step.stage in _OTHERS else None


def training_seconds(
    plan: Plan, stage: str, gflops: float, given: Values | None = None
) -> float | None:
    """Estimates a training; None for other steps, and where updates or batches are not given.

    A training multiplies each weight with each token of a batch three times, forward and back, two
    operations each. The SuperTransformer, and a winner that is not found yet, count as half way
    between the smallest and the largest SubTransformer.

    Args:
        plan: of the step.
        stage: what steps of its kind are called.
        gflops: rate of the processor's large products in the precision of the training.
        given: settings that win over those of the files.
    """
    key = {
        "train-supertransformer": "supertransformer",
        "train-subtransformer": "subtransformer",
        "train-largest": "subtransformer",
    }.get(stage)
    if key is None:
        return None
    said = {**_values(plan.file.entries(key)), **(given or {})}
    needed = ("max-update", "max-tokens", "qkv-dim")
    if not {*needed} <= said.keys():
        return None
    updates, tokens, qkv = (float(said[name]) for name in needed)
    words = _vocabulary(plan, said)
    space = plan.space
    sizes = [weights(arch, int(qkv), words) for arch in (space.smallest(), space.largest())]
    size = sizes[1] if stage == "train-largest" else sum(sizes) / 2
    return updates * 6 * size * tokens * _number(said, "update-freq", 1) / (gflops * 1e9 * _REACHED)


def weights(arch: SubTransformerConfig, qkv: int, words: int) -> float:
    """Weights of products, the output layer's among them; biases and norms are left out."""
    encoder, decoder = arch.encoder, arch.decoder
    total = sum(4 * encoder.embed_dim * qkv + 2 * encoder.embed_dim * f for f in encoder.ffn_dims)
    total += sum(8 * decoder.embed_dim * qkv + 2 * decoder.embed_dim * f for f in decoder.ffn_dims)
    return total + decoder.embed_dim * words


def sentence_seconds(
    plan: Plan, said: Values, arch: SubTransformerConfig, speed: Speed
) -> float | None:
    """Estimates the translation of one sentence as it is measured; None on other devices."""
    if said.get("device", "local") != "local" or "latgpu" in said:
        return None
    source = _number(said, "lat-src-len", 30)
    steps = _number(said, "lat-decode-steps", source)
    layers = (arch.encoder.num_layers, arch.decoder.num_layers)
    calls = _ENCODER_LAYER * layers[0] + steps * (_DECODER_STEP + _DECODER_LAYER * layers[1])
    network = _values(plan.file.entries("supertransformer"))
    size = weights(arch, int(_number(network, "qkv-dim", 512)), _vocabulary(plan, network))
    tokens = source + steps * _number(said, "beam", 5)
    return calls * speed.call_seconds + speed.products(2 * size * tokens / 2)


def _latency_dataset(plan: Plan, step: Step, speed: Speed) -> float | None:
    target = next(t for t in plan.targets if t.suffix == step.suffix)
    said = _measuring(plan, target, step)
    one = _measurement(plan, target, said, speed)
    rows = _number(said, "lat-dataset-size", 200)
    looks = rows / _number(said, "lat-reference-every", 10)
    return None if one is None else _START + one * (rows + looks)


def _predictor(plan: Plan, step: Step, speed: Speed) -> float:
    return _START + _FIT


def _search(plan: Plan, step: Step, speed: Speed) -> float | None:
    """Candidates times what is scored of the validation data, and the finalists' measurements."""
    found = _found(plan, step)
    files = {**plan.file.entries("supertransformer"), **plan.file.entries("evo-search")}
    said = {**_values(files), **_given(step)}
    tokens = _tokens(plan, "valid")
    if tokens is None or said.get("scorer", "inherited-loss") != "inherited-loss":
        return None
    rounds = _number(said, "evo-iter", 30)
    later = _number(said, "mutation-size", 50) + _number(said, "crossover-size", 50)
    is_raced = _number(said, "race-error", 1) > 0
    first, then = (_RACED_FIRST, _RACED_LATER) if is_raced else (1.0, 1.0)
    scored = _number(said, "population-size", 125) * first + (rounds - 1) * later * then
    passes = _UNSEEN * scored + _number(said, "rank-sample", 100)
    space = plan.space_of(found.target)
    words = _vocabulary(plan, said)
    qkv = int(_number(said, "qkv-dim", 512))
    size = sum(weights(arch, qkv, words) for arch in (space.smallest(), space.largest())) / 2
    one = speed.products(2 * size * tokens, _SCORED)
    measured = _measurement(plan, found.target, _measuring(plan, found.target), speed) or 0.0
    finalists = _number(said, "measure-finalists", 3) * _number(said, "measure-repeats", 5)
    return _START + passes * one + 2 * finalists * measured


def _translate(plan: Plan, step: Step, speed: Speed) -> float | None:
    tokens = _tokens(plan, plan.settings.subset)
    if tokens is None:
        return None
    said = _values(plan.file.entries("subtransformer"))
    words, qkv = _vocabulary(plan, said), int(_number(said, "qkv-dim", 512))
    size = weights(plan.space.largest(), qkv, words)
    return _START + speed.products(2 * size * tokens * plan.settings.beam)


def _compare(plan: Plan, step: Step, speed: Speed) -> float | None:
    target = next(t for t in plan.targets if t.suffix == step.suffix)
    said = _measuring(plan, target, step)
    one = _measurement(plan, target, said, speed)
    rows = 1 + sum(found.target is target for found in plan.found)
    # Each between two looks at the reference.
    rounds = _number(said, "compare-rounds", 7)
    return None if one is None else _START + one * rounds * rows * 2


def _short(plan: Plan, step: Step, speed: Speed) -> float:
    return _START


_OTHERS: Mapping[str, Callable[[Plan, Step, Speed], float | None]] = {
    "latency-dataset": _latency_dataset,
    "latency-predictor": _predictor,
    "evo-search": _search,
    "compare-latencies": _compare,
    "average-subtransformer": _short,
    "average-largest": _short,
    "export": _short,
    **{
        f"translate-{name}-{kind}": _translate
        for name in ("best", "largest")
        for kind in ("inherited", "retrained")
    },
    **{
        f"evaluate-{name}-{kind}": _short
        for name in ("best", "largest")
        for kind in ("inherited", "retrained")
    },
}


def _measurement(plan: Plan, target: Target, said: Values, speed: Speed) -> float | None:
    """Seconds of measuring one SubTransformer of middle size."""
    space = plan.space_of(target)
    runs = _number(said, "latiter", 300) + _number(said, "lat-warmup", 5)
    ends = [
        sentence_seconds(plan, said, arch, speed) for arch in (space.smallest(), space.largest())
    ]
    known = [seconds for seconds in ends if seconds is not None]
    return runs * sum(known) / 2 if len(known) == 2 else None


def _found(plan: Plan, step: Step) -> Found:
    return next(found for found in plan.found if found.best.suffix == step.suffix)


def _measuring(plan: Plan, target: Target, step: Step | None = None) -> Values:
    entries = {**plan.file.entries("latency-dataset"), **target.block.entries}
    return {**_values(entries), **(_given(step) if step is not None else {})}


def _values(entries: Mapping[str, Entry]) -> Values:
    """What files say in single words; of lists the first."""
    return {
        key: entry.scalars()[0].text
        for key, entry in entries.items()
        if not isinstance(entry.node, Items) or entry.node.nodes
    }


def _given(step: Step) -> Values:
    """What a step's command says, by key."""
    found = {}
    for word, after in zip(step.command, (*step.command[1:], ""), strict=True):
        if word.startswith("--"):
            key, equals, value = word[2:].partition("=")
            found[key] = value if equals else after
    return found


def _number(said: Values, key: str, default: float) -> float:
    try:
        return float(said[key])
    except (KeyError, ValueError):
        return default


def _tokens(plan: Plan, subset: str) -> float | None:
    """Target tokens of a subset, by the size of its file; None where there is none yet.

    fairseq takes two bytes a token where a dictionary has less than 65,500 words.
    """
    files = [
        path
        for path in plan.data.glob(f"{subset}.*-*.*.bin")
        if path.name.split(".")[1].endswith(f"-{path.name.split('.')[2]}")
    ]
    return files[0].stat().st_size / 2 if files else None


def _vocabulary(plan: Plan, said: Values) -> int:
    languages = [said[key] for key in ("source-lang", "target-lang") if key in said]
    if len(languages) == 2 and (plan.data / f"dict.{languages[1]}.txt").is_file():
        found = vocabulary_sizes(plan.data, languages[0], languages[1])
        return found[1] if found else _WORDS
    if plan.text and "vocabulary" in plan.text:
        return int(plan.text["vocabulary"].number())
    return _WORDS
