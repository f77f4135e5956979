"""Runs whose files hold what no run leaves: ``hat report`` shows no such figures."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.documents import change, put
from tests.faults.fault import Fault, Spoil, as_tests, refused, run_here

REPORT = "report run"
SEARCH = "run/best_cpu.search"
FACTS, STATE, TRIALS = (
    f"{SEARCH}/{name}" for name in ("facts.json", "search_state.json", "trials.jsonl")
)


def changed(name: str, make: Callable[[dict[str, Any]], object]) -> Spoil:
    """Changes the object of a JSON file."""

    def spoil(world: Path) -> None:
        content = json.loads((world / name).read_text())
        make(content)
        (world / name).write_text(json.dumps(content))

    return spoil


def set_to(name: str, key: str, value: Any) -> Spoil:
    return changed(name, lambda content: content.update({key: value}))


def steps(**values: Any) -> Spoil:
    def spoil(world: Path) -> None:
        for path in (world / "run/steps").glob("*.json"):
            if path.name != "digests.json":
                set_to(str(path.relative_to(world)), *next(iter(values.items())))(world)

    return spoil


def result(step: str, **values: Any) -> Spoil:
    """Changes what is noted of a step's result."""
    name = f"run/steps/{step}.json"
    return changed(name, lambda content: content["result"].update(values))


ROWS: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    "cost-below-0": (
        change(TRIALS, '"latency_ms": ', '"latency_ms": -'),
        (f"{TRIALS}:1", "costs: latency_ms is below 0"),
    ),
    "round-beyond-all": (
        change(TRIALS, '"round": 0', '"round": 1e300'),
        (f"{TRIALS}:1", "'round' must be a whole number", "1e+300"),
    ),
    "round-in-words": (
        change(TRIALS, '"round": 0', '"round": "first"'),
        (f"{TRIALS}:1", "'round' must be a whole number", "'first'"),
    ),
    "time-below-0": (set_to(STATE, "elapsed_s", -5), (STATE, "is not the state of a search")),
    "time-in-words": (set_to(STATE, "elapsed_s", "long"), (STATE, "is not the state of a search")),
    "more-trials": (set_to(STATE, "trials", 10**9), (TRIALS, "expected 1000000000 lines")),
    "step-below-0": (steps(seconds=-1e9), ("run/steps/", "is not the state of a pipeline's step")),
    "step-not-finite": (steps(seconds="inf"), ("run/steps/", "is not the state")),
    "result-in-words": (
        result("compare-latencies_cpu", rows="many"),
        ("run/steps/compare-latencies_cpu.json: its result: 'rows'", "found 'many'"),
    ),
    "result-of-nothing": (
        result("compare-latencies_cpu", rows={"best.yml": {}}),
        ("rows: best.yml: has no 'latency_ms'",),
    ),
    "result-below-0": (
        result("compare-latencies_cpu", rows={"best.yml": {"latency_ms": -1, "error_ms": 1}}),
        ("rows: best.yml: 'latency_ms' must be 0 or more, but found -1",),
    ),
    "bleu-above-all": (
        result("evaluate-best-retrained_cpu", bleu=1e300),
        ("evaluate-best-retrained_cpu.json: its result: 'bleu' must be 100 or less",),
    ),
    "no-bleu": (result("evaluate-largest-inherited", bleu=None), ("'bleu' must be a number",)),
    "signature-in-a-list": (
        result("evaluate-best-retrained_cpu", signature=[1]),
        ("'signature' must be a text, but found [1]",),
    ),
    "rows-in-words": (
        result("latency-dataset_cpu", marked_rows="few"),
        ("latency-dataset_cpu.json: its result: 'marked_rows' must be a number",),
    ),
    "limit-in-a-list": (
        result("evo-search_cpu", limit_ms=[1]),
        ("evo-search_cpu.json: its result: 'limit_ms' must be a number, but found [1]",),
    ),
    "changed-later": (
        set_to("run/steps/evo-search_cpu.json", "digest", "0" * 16),
        ("run/steps/evo-search_cpu.json: was changed", "hat pipeline does its step again"),
    ),
    "direction": (
        set_to(FACTS, "higher_is_better", {"inherited-loss": "no"}),
        (FACTS, "'higher_is_better' of 'inherited-loss' must be true or false, but found 'no'"),
    ),
    "no-direction": (
        changed(FACTS, lambda content: content.pop("higher_is_better")),
        (FACTS, "'higher_is_better'"),
    ),
    "device": (
        set_to(FACTS, "limits", {"latency_ms": {"device": {"a": 1}, "workload": None}}),
        (FACTS, "'limits' of 'latency_ms' must hold a device by name and a workload"),
    ),
    "workload": (
        set_to(FACTS, "limits", {"latency_ms": {"device": "x", "workload": [1]}}),
        (FACTS, "'limits' of 'latency_ms' must hold a device by name and a workload"),
    ),
    "limits": (set_to(FACTS, "limits", {"latency_ms": 3}), (FACTS, "'limits' of 'latency_ms'")),
    "vocabulary": (
        changed(FACTS, lambda content: content["network"].update(src_vocab_size=10**15)),
        (FACTS, "src_vocab_size must be at most"),
    ),
}

FAULTS = [Fault(name, REPORT, says, spoil) for name, (spoil, says) in ROWS.items()]


FAULTS += [
    Fault(
        f"over-{name}",
        "report run --out notes.html",
        (f"{name}: is there already and is no page's", "--out names another file"),
        put(name, content),
    )
    for name, content in (("notes.md", "# mine\n"), ("notes.json", "{}"), ("notes.html", "mine"))
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, good: Path, tmp_path: Path) -> None:
    refused(fault, good, tmp_path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda world: (world / FACTS).unlink(),
        lambda world: [path.write_bytes(b"\xff\xfe\0") for path in (world / "run/logs").iterdir()],
    ],
    ids=["no-facts", "logs-of-bytes"],
)
def test_a_run_of_before_or_with_other_logs_is_shown(spoil: Spoil, good_copy: Path) -> None:
    spoil(good_copy)
    ended = run_here(REPORT.split(), good_copy)
    assert ended.code == 0, ended.err
    assert (good_copy / "run/page.html").stat().st_size > 10_000
    assert run_here(REPORT.split(), good_copy).code == 0, "a page takes the place of a page"
