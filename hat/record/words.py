"""Names in words: what a reader sees in place of the names of variables, steps and options."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

_HATS_ENGINE = "eager"
"""Of torch's modules one after the other, as HAT measures."""

SCORES = {
    "inherited-loss": "validation loss with inherited weights",
    "tuned-loss": "validation loss after a few updates of its own",
    "calibrated-loss": "validation loss with inherited weights, calibrated by depth",
    "bleu": "BLEU with inherited weights",
    "bleu-greedy": "BLEU of greedy decoding with inherited weights",
    "epsinas": "epsinas",
    "params": "number of parameters",
    "flops": "FLOPs of a sentence",
    "encoder_depth": "encoder layers",
    "decoder_depth": "decoder layers",
    "decoder_depth_then_params": "decoder layers, then parameters",
    "table": "score of the table",
}

SCORE_UNITS = dict.fromkeys(("inherited-loss", "tuned-loss", "calibrated-loss"), "bits per token")

STEPS = {
    "preprocess": "prepare the text",
    "train-supertransformer": "train the SuperTransformer",
    "latency-dataset": "measure SubTransformers",
    "latency-predictor": "fit the latency predictor",
    "evo-search": "search",
    "train-subtransformer": "train the winner by itself",
    "train-largest": "train the largest by itself",
    "average-subtransformer": "average checkpoints of the winner",
    "average-largest": "average checkpoints of the largest",
    "compare-latencies": "measure winners and largest in turn",
    "export": "write the model",
    "translate": "translate",
    "evaluate": "score translations of",
}

CANDIDATES = {
    "best": "the winner",
    "largest": "the largest",
    "inherited": "inherited weights",
    "retrained": "retrained",
}

BASELINES = {
    "random search": "best of random search",
    "largest by params": "most parameters that fit",
    "largest by decoder_depth": "deepest decoder that fits",
}


def score_words(name: str) -> str:
    """A score in words: ``validation loss with inherited weights``."""
    return SCORES.get(name, name.replace("_", " ").replace("-", " "))


def score_unit(name: str) -> str:
    """The unit of a score; nothing where it has none, or nobody knows."""
    return SCORE_UNITS.get(name, "")


_SEED = re.compile(r"\.seed(\d+)")


def step_words(label: str, labels: Iterable[str] = ()) -> str:
    """A step of a pipeline in words; what it is for, such as the hardware, in brackets.

    After the name stand what tells several of a kind apart, behind dots, and the hardware, behind
    an underscore: ``evo-search.phone.fast_cpu``, ``train-largest.seed2_cpu``.

    Args:
        label: of the step.
        labels: of all steps: where there are further seeds, the first one is told, too.
    """
    plain = _SEED.sub("", label)
    for name in sorted(STEPS, key=len, reverse=True):
        if not label.startswith(name):
            continue
        rest = plain[len(name) :]
        place = next((i for i, mark in enumerate(rest) if mark in "._"), len(rest))
        what = rest[place + 1 :]
        if rest[place : place + 1] == ".":
            names, dot, last = what.rpartition(".")
            what = names.replace(".", ", ") + dot.replace(".", ", ") + last.replace("_", ", ", 1)
        told = ", ".join(word for word in (what.replace("_", " "), _seed(label, labels)) if word)
        which = [CANDIDATES.get(word, word) for word in rest[:place].split("-") if word]
        text = " ".join([STEPS[name], *which[:1]]) + "".join(f", {word}" for word in which[1:])
        return f"{text} ({told})" if told else text
    return label


def _seed(label: str, labels: Iterable[str]) -> str:
    """``seed 2``; nothing where a step has one seed only."""
    if own := _SEED.search(label):
        return f"seed {own[1]}"
    more = [
        int(found[1])
        for one in labels
        if (found := _SEED.search(one)) is not None and _SEED.sub("", one) == label
    ]
    return f"seed {min(more) - 1}" if more else ""


def device_words(device: str | None, workload: Mapping[str, Any] | None) -> str:
    """Where something is measured: ``AMD EPYC``; ``this machine`` where nobody knows."""
    engine = engine_words(workload)
    of_engine = f" in {engine}" if engine else ""
    if device:
        return f"{device}{of_engine}"
    if workload is None:
        return "this machine"
    return ("the GPU" if workload.get("device") == "cuda" else "the CPU") + of_engine


def engine_words(workload: Mapping[str, Any] | None) -> str:
    """What runs the networks, where it is not HAT's: ``onnxruntime 1.22.0, int8``."""
    engine = (workload or {}).get("engine")
    if workload is None or engine in (None, _HATS_ENGINE):
        return ""
    version, precision = workload.get("engine_version"), workload.get("precision")
    text = f"{engine} {version}" if version else str(engine)
    return text if precision in (None, "fp32") else f"{text}, {precision}"


def workload_words(workload: Mapping[str, Any] | None) -> str:
    """What is timed: ``CPU, 2 threads, fp32; 16 source tokens, 12 target tokens ...``."""
    if workload is None:
        return ""
    on_gpu = workload.get("device") == "cuda"
    threads = "" if on_gpu else f", {count(workload.get('num_threads'), 'thread')}"
    sentences = count(workload.get("batch_size"), "sentence")
    return (
        f"{'GPU' if on_gpu else 'CPU'}{threads}, "
        f"{engine_words(workload) or workload.get('precision')}; "
        f"{workload.get('src_len')} source and {workload.get('decode_steps')} target tokens, "
        f"{sentences} at a time, beam {workload.get('beam')}"
    )


def count(value: Any, what: str) -> str:
    """``1 thread``, ``2 threads``."""
    return f"{value} {what}" if value == 1 else f"{value} {what}s"


def cost_words(
    name: str, device: str | None, workload: Mapping[str, Any] | None
) -> tuple[str, str]:
    """Title and unit of a cost that a search limits, by its name in ``trials.jsonl``."""
    kind, _, where = name.partition("@")
    if kind == "latency_ms":
        on = device_words(device, workload)
        return (
            f"latency on {where} ({on})" if where and device else f"latency on {where or on}"
        ), ("ms")
    if kind == "bytes":
        return f"size of the weights in {where or 'fp32'}", "bytes"
    if kind == "flops":
        return "FLOPs of a sentence", ""
    if kind == "params":
        return "parameters", ""
    return name.replace("_", " "), ""


def baseline_words(name: str) -> str:
    """A baseline in words."""
    return BASELINES.get(name, name.replace("_", " "))


def seconds_words(seconds: float) -> str:
    """``42 s``, ``7.5 min``, ``3.2 h``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def amount(value: float | None, unit: str, *, is_round: bool = False) -> str:
    """A figure with its unit, in the size that reads best: ``3.90 ms``, ``12.4 MB``, ``2.31 M``.

    Args:
        value: milliseconds, bytes or a count.
        unit: ``ms``, ``bytes`` or nothing.
        is_round: whether zeros at its end say nothing, as of a limit: ``4 ms``.
    """
    if value is None:
        return "not known"
    scale, prefix = (1.0, "ms") if unit == "ms" else prefix_of(value)
    number = value / scale
    text = f"{number:,.0f}" if abs(number) >= 100 else f"{number:#.3g}".rstrip(".")
    if is_round or (scale == 1.0 and unit != "ms"):
        text = f"{number:,.4g}" if abs(number) < 10000 else f"{number:,.0f}"
    return f"{text} {prefix}{'B' if unit == 'bytes' else ''}".strip()


def limit_words(limit: float | None, unit: str) -> str:
    """A limit or a budget: ``4.702 ms``, ``90 ms``, ``20 MB``."""
    return amount(limit, unit, is_round=True)


def with_spread(value: float, spread: float | None, unit: str) -> str:
    """A figure and its spread to the same decimals: ``3.86 ± 0.02 ms``."""
    if spread is None or spread <= 0 or unit != "ms":
        return amount(value, unit)
    decimals = max(0, min(3, 1 - math.floor(math.log10(spread))))
    return f"{value:,.{decimals}f} ± {spread:.{decimals}f} ms"


def prefix_of(value: float) -> tuple[float, str]:
    """The power of a thousand for numbers as large as ``value``, and its sign."""
    for scale, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= scale:
            return scale, prefix
    return 1.0, ""


def unit_words(unit: str, largest: float) -> tuple[float, str]:
    """What the numbers along an axis are divided by, and the unit that then stands there."""
    if unit == "ms":
        return 1.0, "ms"
    scale, prefix = prefix_of(largest)
    if unit == "bytes":
        return scale, f"{prefix}B" if prefix else "bytes"
    names = {"k": "thousands", "M": "millions", "G": "billions", "T": "trillions", "": ""}
    return scale, names[prefix]
