"""What came out of a whole pipeline: the table of SubTransformers, and the files that hold it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hat.conditions import file_digest
from hat.files import write_json, write_text
from hat.pipeline.candidate import Candidate
from hat.pipeline.notes import notes
from hat.pipeline.plan import Plan
from hat.report.tables import Column, markdown_table, text_table
from hat.signature import signature

Results = Mapping[str, Mapping[str, Any]]
"""Step -> what its command printed last."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a pipeline ends with."""

    text: str
    """The winner and the table."""

    files: dict[str, Path]
    """What was written, the report first."""

    signature: str

    missed: str | None
    """A sentence if the winner, measured, does not keep the limit that it was found under."""


def write_report(plan: Plan, results: Results) -> Report:
    """Writes the report and all results of a pipeline that has run."""
    search = results["evo-search"]
    limit_ms = search.get("limit_ms")
    compared = results["compare-latencies"]["rows"]
    rows = [
        _Row(title, which, results, limit_ms, compared[str(which.yml)])
        for title, which in (("found by the search", plan.best), ("largest", plan.largest))
    ]
    missed = _missed(rows[0])
    arch = plan.best.yml.read_text(encoding="utf-8")
    text = signature(
        task=plan.settings.task,
        space=plan.space.fingerprint(),
        limit_ms=limit_ms,
        metric=plan.settings.metric,
        **{name: file_digest(path) for name, path in plan.results().items()},
        score=results["evaluate-best-retrained"].get("signature"),
    )
    files = {
        "report": plan.report("report.md"),
        **plan.results(),
        "trials": plan.best.yml.with_suffix(".search") / "trials.jsonl",
        "logs": plan.run_dir / "logs",
    }
    table = markdown_table(rows, _COLUMNS)
    said = [note for name, result in results.items() for note in notes(name, result)]
    told = [*([f"**{missed}**"] if missed else []), _EXPLAINED, *(f"- {note}" for note in said)]
    below = "\n\n".join(told)
    body = f"# {plan.settings.task}\n\n{table}\n\n{below}\n\n```yaml\n{arch}```\n\n{text}\n"
    write_text(files["report"], body)
    write_json(plan.report("results.json"), {"signature": text, "steps": dict(results)})
    shown = f"{arch}\n{text_table(rows, _COLUMNS)}"
    return Report(text=shown, files=files, signature=text, missed=missed)


_EXPLAINED = (
    "Latencies are milliseconds a sentence. *Predicted at most* is the bound that the search held "
    "against the limit. *Measured* are means of rounds in which all rows took turns, and ± is half "
    "of the 95 % interval of the mean."
)


def _missed(winner: "_Row") -> str | None:
    measured, limit = winner.measured["latency_ms"], winner.limit_ms
    if limit is None or measured <= limit:
        return None
    return (
        f"The winner misses its limit: measured {measured:.2f} ± {winner.measured['error_ms']:.2f} "
        f"ms, {measured / limit - 1:.0%} more than {limit:.2f} ms"
    )


@dataclass(frozen=True)
class _Row:
    """One SubTransformer of the closing table."""

    title: str
    which: Candidate
    results: Results
    limit_ms: float | None
    """Of the search; the largest SubTransformer need not keep it."""

    measured: Mapping[str, Any]
    """What ``hat latency compare`` says of it."""

    def score(self, weights: str, metric: str) -> float | None:
        found = self.results.get(f"evaluate-{self.which.name}-{weights}")
        return None if found is None else float(found[metric])


_COLUMNS: list[Column[_Row]] = [
    Column("SubTransformer", lambda row: row.title),
    Column("limit ms", lambda row: row.limit_ms, ".2f"),
    Column("predicted ms", lambda row: row.measured["predicted_ms"], ".2f"),
    Column("predicted at most", lambda row: row.measured["predicted_upper_ms"], ".2f"),
    Column("measured ms", lambda row: row.measured["latency_ms"], ".2f"),
    Column("±", lambda row: row.measured["error_ms"], ".2f"),
    Column("BLEU inherited", lambda row: row.score("inherited", "bleu"), ".2f"),
    Column("BLEU retrained", lambda row: row.score("retrained", "bleu"), ".2f"),
    Column("chrF retrained", lambda row: row.score("retrained", "chrf"), ".2f"),
    Column("exact retrained", lambda row: row.score("retrained", "exact_match"), ".1%"),
]
