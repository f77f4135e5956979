"""What came out of a whole pipeline: the table of SubTransformers, and the files that hold it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hat.conditions import file_digest
from hat.files import write_json, write_text
from hat.pipeline.plan import Candidate, Plan
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


def write_report(plan: Plan, results: Results) -> Report:
    """Writes the report and all results of a pipeline that has run."""
    search = results["evo-search"]
    rows = [
        _Row("found by the search", plan.best, results, search["predicted_ms"]),
        _Row("largest", plan.largest, results, None),
    ]
    arch = plan.best.yml.read_text(encoding="utf-8")
    text = signature(
        task=plan.settings.task,
        space=plan.space.fingerprint(),
        limit_ms=search["limit_ms"],
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
    body = f"# {plan.settings.task}\n\n{table}\n\n```yaml\n{arch}```\n\n{text}\n"
    write_text(files["report"], body)
    write_json(plan.report("results.json"), {"signature": text, "steps": dict(results)})
    return Report(text=f"{arch}\n{text_table(rows, _COLUMNS)}", files=files, signature=text)


@dataclass(frozen=True)
class _Row:
    """One SubTransformer of the closing table."""

    title: str
    which: Candidate
    results: Results
    predicted_ms: float | None

    def measured_ms(self) -> float:
        return float(self.results[f"measure-{self.which.name}"]["latency_ms"])

    def score(self, weights: str, metric: str) -> float | None:
        found = self.results.get(f"evaluate-{self.which.name}-{weights}")
        return None if found is None else float(found[metric])


_COLUMNS: list[Column[_Row]] = [
    Column("SubTransformer", lambda row: row.title),
    Column("predicted ms", lambda row: row.predicted_ms, ".2f"),
    Column("measured ms", lambda row: row.measured_ms(), ".2f"),
    Column("BLEU inherited", lambda row: row.score("inherited", "bleu"), ".2f"),
    Column("BLEU retrained", lambda row: row.score("retrained", "bleu"), ".2f"),
    Column("chrF retrained", lambda row: row.score("retrained", "chrf"), ".2f"),
    Column("exact retrained", lambda row: row.score("retrained", "exact_match"), ".1%"),
]
