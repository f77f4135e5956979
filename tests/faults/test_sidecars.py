"""Sidecars of latency datasets: facts and events that nobody can have written, in every reader."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.documents import remake
from tests.faults.fault import Fault, as_tests, refused
from tests.faults.test_reports import REPORT

SIDECAR = "latency.csv.meta.jsonl"
FIT = "latency-predictor --configs=predictor.yml --lat-dataset-path latency.csv --ckpt-path new.pt"
RESUME = (
    "latency-dataset --configs=space.yml --configs=latency.yml --lat-dataset-path latency.csv "
    "--resume"
)
OF_RUN = "run/latency_cpu.csv.meta.jsonl"


def facts(name: str, value: Any, *, within: str | None = None) -> Callable[[bytes], bytes]:
    """Sets one of the facts, the first line, or a value within one."""

    def make(content: bytes) -> bytes:
        first, _, rest = content.partition(b"\n")
        found = json.loads(first)
        (found if within is None else found[within])[name] = value
        return json.dumps(found).encode() + b"\n" + rest

    return make


def event(**values: Any) -> Callable[[bytes], bytes]:
    """Adds an event."""
    return lambda content: content + json.dumps(values).encode() + b"\n"


BASELINE = {"event": "baseline", "baseline_ms": 1.0, "noise": 0.1}

SPOILT: dict[str, tuple[Callable[[bytes], bytes], int, tuple[str, ...]]] = {
    "empty": (lambda content: b"", 0, ("is empty; expected the facts of a latency dataset",)),
    "no-format": (facts("format", None), 1, ("format is None", "'hat-latency-dataset-1'")),
    "device-by-number": (facts("name", 3, within="device"), 1, ("device: 'name'", "a text", "3")),
    "workload-in-words": (facts("src_len", "3", within="workload"), 1, ("src-len", "'3'")),
    "workload-of-0": (facts("src_len", 0, within="workload"), 1, ("src-len must be at least 1",)),
    "workload-unknown": (facts("frob", 1, within="workload"), 1, ("workload field 'frob'",)),
    "space-in-words": (facts("space", "all"), 1, ("'space' must be a JSON object", "'all'")),
    "space-of-a-number": (
        facts("space", {"encoder_embed_dim": 32}),
        1,
        ("space: encoder_embed_dim must be a list of whole numbers", "found 32"),
    ),
    "space-of-words": (
        facts("space", {"encoder_embed_dim": ["32"]}),
        1,
        ("space: encoder_embed_dim must be a list of whole numbers", "['32']"),
    ),
    "space-of-fractions": (
        facts("space", {"decoder_ende_spans": [1.5]}),
        1,
        ("space: decoder_ende_spans must be a list of whole numbers", "[1.5]"),
    ),
    "space-too-wide": (
        facts("space", {"encoder_embed_dim": [10**18]}),
        1,
        ("whole numbers from 1 to 100,000,000",),
    ),
    "space-unknown": (
        facts("space", {"encoder_embed_dims": [32]}),
        1,
        ("no 'encoder_embed_dims'; did you mean 'encoder_embed_dim'",),
    ),
    "reference-in-words": (facts("reference", "x"), 1, ("'reference' must be a JSON object",)),
    "two-joined": (lambda content: content + content, 2, ("has no 'event'",)),
    "event-by-number": (event(event=3), 2, ("'event' must be a text, but found 3",)),
    "baseline-of-0": (
        event(**{**BASELINE, "baseline_ms": 0}),
        2,
        ("'baseline_ms' must be 1e-06 or more, but found 0",),
    ),
    "baseline-of-ages": (
        event(**{**BASELINE, "baseline_ms": 1e300}),
        2,
        ("'baseline_ms' must be 1e+09 or less, but found 1e+300",),
    ),
    "baseline-of-nothing": (event(event="baseline"), 2, ("has no 'baseline_ms'",)),
    "no-noise": (event(event="baseline", baseline_ms=1.0), 2, ("has no 'noise'",)),
    "rows-in-words": (event(event="marked", rows="all"), 2, ("'rows' must be a list", "'all'")),
    "no-such-row": (event(event="row", row=-1), 2, ("'row' must be a whole number from 0",)),
    "row-in-words": (
        event(event="row", row=0, encoder_ms="fast"),
        2,
        ("'encoder_ms' must be a number, but found 'fast'",),
    ),
}

FAULTS = [
    Fault(
        f"{reader}-{name}",
        words,
        (f"{sidecar}:{line}: " if line else f"{sidecar}: ", *says),
        remake(sidecar, make),
    )
    for name, (make, line, says) in SPOILT.items()
    for reader, words, sidecar in (
        ("fit", FIT, SIDECAR),
        ("resume", RESUME, SIDECAR),
        ("report", REPORT, OF_RUN),
    )
]

FAULTS += [
    Fault(
        f"report-network-{name}",
        REPORT,
        (f"{OF_RUN}:1: model: does not describe a SuperTransformer", says),
        remake(OF_RUN, facts("model", model)),
    )
    for name, model, says in (
        ("empty", {}, "lacks src_vocab_size"),
        ("unknown", {"frob": 1}, "unknown 'frob'"),
    )
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, good: Path, tmp_path: Path) -> None:
    refused(fault, good, tmp_path)
