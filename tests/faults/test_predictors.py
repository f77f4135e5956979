"""Latency predictors whose files torch reads, and that hold what no predictor is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.fault import Fault, Spoil, as_tests, refused
from tests.faults.fault import run_here as run

torch = pytest.importorskip("torch")

PREDICT = "latency predict sub.yml --ckpt-path predictor.pt"
SEARCH = (
    "search --configs=space.yml --evo-configs=search.yml --restore-file net.pt "
    "--ckpt-path predictor.pt --write-config-path best.yml --cpu"
)


def edited(make: Callable[[dict[str, Any]], object]) -> Spoil:
    def spoil(world: Path) -> None:
        path = world / "predictor.pt"
        content = torch.load(path, weights_only=True)
        make(content)
        torch.save(content, path)

    return spoil


def held(name: str, value: Any) -> Spoil:
    return edited(lambda content: content.update({name: value}))


def state(name: str, make: Callable[[Any], Any]) -> Spoil:
    return edited(lambda content: content["state"].update({name: make(content["state"][name])}))


def facts(**values: Any) -> Spoil:
    def make(content: dict[str, Any]) -> None:
        content["facts"] = json.dumps(json.loads(content["facts"]) | values)

    return edited(make)


def choices(**values: Any) -> Spoil:
    return edited(lambda content: content["choices"].update(values))


ROWS: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    "state-of-numbers": (held("state", torch.ones(3)), ("'state' must be a JSON object",)),
    "no-prices": (edited(lambda c: c["state"].pop("prices")), ("prices must be a tensor", "None")),
    "prices-in-a-list": (state("prices", lambda _: [1.0]), ("prices must be a tensor", "[1.0]")),
    "prices-of-truth": (state("prices", lambda p: p > 0), ("prices must be", "torch.bool")),
    "prices-complex": (
        state("prices", lambda p: p.to(torch.complex64)),
        ("prices must be a tensor of float64 numbers", "torch.complex64"),
    ),
    "prices-in-a-square": (state("prices", lambda _: torch.ones(3, 4)), ("shape [3, 4]",)),
    "prices-of-ages": (state("prices", lambda p: 1e300 * torch.ones_like(p)), ("it predicts",)),
    "scales-in-words": (
        held("feature_norm", ["a"] * 10),
        ("'feature_norm' must be a number", "'a'"),
    ),
    "scales-of-truth": (held("lat_norm", True), ("'lat_norm' must be a number", "True")),
    "scales-in-a-tensor": (
        held("feature_norm", torch.ones(10)),
        ("'feature_norm' must be a list",),
    ),
    "residuals-in-a-square": (held("residuals", torch.zeros(3, 3)), ("shape [3, 3]",)),
    "residuals-gone": (edited(lambda c: c.pop("residuals")), ("residuals must be a tensor",)),
    "choices-in-a-list": (held("choices", [1]), ("choices: must be lists of numbers", "[1]")),
    "choices-without-end": (choices(encoder_embed_dim=[float("inf")]), ("whole numbers", "[inf]")),
    "choices-of-fractions": (choices(encoder_embed_dim=[16.7]), ("whole numbers", "[16.7]")),
    "choices-below-0": (choices(encoder_embed_dim=[-1]), ("whole numbers from 1", "[-1]")),
    "choices-unknown": (choices(encoder_embed=[8]), ("did you mean 'encoder_embed_dim'",)),
    "facts-are-an-object": (held("facts", {"a": 1}), ("'facts' must be a text",)),
    "facts-are-a-list": (held("facts", "[]"), ("expected a JSON object, but found []",)),
    "workload-in-a-list": (facts(workload=[1]), ("'workload' must be a JSON object", "[1]")),
    "workload-in-words": (facts(workload={"src_len": "3"}), ("src-len must be a whole", "'3'")),
    "workload-unknown": (facts(workload={"frob": 1}), ("unknown workload field 'frob'",)),
    "device-by-number": (facts(device=3), ("'device' must be a text, but found 3",)),
    "target": (facts(target="energy"), ("target must be latency or memory", "'energy'")),
    "split-by-number": (facts(split={"test": 3}), ("split: 'test' must be a list, but found 3",)),
    "reference-in-words": (facts(reference="x"), ("'reference' must be a JSON object",)),
    "reference-of-nothing": (
        facts(reference={"arch": {}, "latency_ms": 0, "noise": 0.1}),
        ("facts: reference: 'latency_ms' must be 1e-06 or more",),
    ),
}

FAULTS = [
    Fault(f"{reader}-{name}", words, ("predictor.pt: is a damaged latency predictor", *says), spoil)
    for name, (spoil, says) in ROWS.items()
    for reader, words in (("predict", PREDICT), ("search", SEARCH))
    if reader == "predict" or name.startswith(("workload", "reference", "prices"))
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, good: Path, tmp_path: Path) -> None:
    refused(fault, good, tmp_path)


def test_no_latency_is_below_0(good_copy: Path) -> None:
    """A line through disturbed rows may go there; a search notes nothing that no report shows."""
    state("prices", lambda prices: -prices)(good_copy)
    ended = run(f"{PREDICT}".split(), good_copy)
    assert ended.code == 0, ended.err
    assert "sub.yml: not known: the predictor comes to no more than 0 ms" in ended.out, ended.out
