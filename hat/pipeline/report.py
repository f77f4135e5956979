"""What came out of a whole pipeline: the table of SubTransformers, and the files that hold it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from hat.amounts import keeps_limit, lost_by_training
from hat.conditions import file_digest
from hat.files import write_json, write_text
from hat.pipeline.candidate import Candidate, Found
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
    """The winner, where there is one, and the table."""

    files: dict[str, Path]
    """What was written, the report first."""

    signature: str

    missed: tuple[str, ...]
    """A sentence for each winner that, measured, does not keep the limit it was found under."""

    unsettled: tuple[str, ...]
    """And for each that might, had the machine been as fast and as quiet as usual."""

    untrained: tuple[str, ...]
    """And for each SubTransformer that was better before it was trained by itself."""


def write_report(plan: Plan, results: Results) -> Report:
    """Writes the report and all results of a pipeline that has run."""
    rows = _rows(plan, results)
    winners = [row for row in rows if row.which.name == "best"]
    missed = tuple(_above(row) for row in winners if row.keeps_limit() is False)
    unsettled = tuple(_above(row) for row in winners if row.keeps_limit() is None)
    from_scratch = plan.settings.retrain_init == "scratch"
    lost = (row for row in rows if lost_by_training(row.inherited(), row.retrained("bleu")))
    untrained = tuple(_trained_too_little(row, from_scratch) for row in lost)
    limits = {f"limit_ms{row.which.suffix}": row.limit_ms for row in winners}
    scores = {
        f"score{suffix}": result.get("signature")
        for name, result in results.items()
        for stage, suffix in [_parted(name)]
        if stage == "evaluate-best-retrained"
    }
    text = signature(
        task=plan.settings.task,
        space=plan.space.fingerprint(),
        **limits,
        metric=plan.settings.metric,
        **{name: file_digest(path) for name, path in plan.results().items()},
        **scores,
    )
    trials = {
        f"trials{found.best.suffix}": found.best.yml.with_suffix(".search") / "trials.jsonl"
        for found in plan.found
    }
    files = {
        "report": plan.report("report.md"),
        **plan.results(),
        **trials,
        "logs": plan.run_dir / "logs",
    }
    archs = [(found, found.best.yml.read_text(encoding="utf-8")) for found in plan.found]
    columns = _columns(rows)
    said = [
        f"{note}{f' ({suffix[1:]})' if suffix else ''}"
        for name, result in results.items()
        for stage, suffix in [_parted(name)]
        for note in notes(stage, result)
    ]
    told = [*(f"**{one}**" for one in (*missed, *unsettled, *untrained)), _EXPLAINED]
    if any(row.trainings > 1 for row in rows):
        told.append(_SEEDS)
    parts = [
        f"# {plan.settings.task}",
        markdown_table(rows, columns),
        *told,
        *(["\n".join(f"- {note}" for note in said)] if said else []),
        *(f"{_heading(found)}```yaml\n{arch}```" for found, arch in archs),
        text,
    ]
    write_text(files["report"], "\n\n".join(parts) + "\n")
    write_json(plan.report("results.json"), {"signature": text, "steps": dict(results)})
    shown = text_table(rows, columns)
    return Report(
        text=shown if len(archs) > 1 else f"{archs[0][1]}\n{shown}",
        files=files,
        signature=text,
        missed=missed,
        unsettled=unsettled,
        untrained=untrained,
    )


def _parted(name: str) -> tuple[str, str]:
    """What all steps of a kind are called, and what the name of one ends in."""
    stage, dot, rest = name.partition(".")
    return stage, dot + rest


def _heading(found: Found) -> str:
    return f"## {', '.join(found.names)}\n\n" if found.names else ""


_EXPLAINED = (
    "Latencies are milliseconds a sentence. *Predicted at most* is the bound that the search held "
    "against the limit. *Measured* are means of rounds in which all rows of a target took turns, "
    "and ± is half of the 95 % interval of the mean."
)

_SEEDS = (
    "*Retrained* are means over trainings with different seeds; the ± of BLEU is their standard "
    "deviation. What is exported is the first training."
)


def _above(winner: "_Row") -> str:
    measured, limit = winner.measured["latency_ms"], winner.limit_ms
    assert limit is not None, "none is missed"
    who = f"The winner{f' of {winner.title}' if winner.which.suffix else ''}"
    figures = (
        f"measured {measured:.2f} ± {winner.measured['error_ms']:.2f} "
        f"ms, {measured / limit - 1:.0%} more than {limit:.2f} ms"
    )
    if winner.keeps_limit() is False:
        return f"{who} misses its limit: {figures}"
    slow = f"on a machine {winner.slower:.0%} slower than usual; the next run measures again"
    why = slow if winner.slower else "within the error; --from compare-latencies measures again"
    return f"{who} is not known to keep its limit: {figures}, {why}"


def _trained_too_little(row: "_Row", from_scratch: bool) -> str:
    who = "The largest one" if row.which.name == "largest" else "The winner"
    remedy = "raise its max-update"
    if from_scratch:
        remedy += ", or begin with the inherited weights (retrain-init: supernet)"
    return (
        f"{who}{f' of {row.title}' if row.which.suffix else ''} translates worse retrained "
        f"({row.retrained('bleu'):.2f} BLEU) than with inherited weights ({row.inherited():.2f}): "
        f"its own training is too short; {remedy}"
    )


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One SubTransformer of the closing table."""

    title: str
    which: Candidate
    results: Results
    limit_ms: float | None
    """Of the search; of the largest SubTransformer, which need not keep it, where there is one."""

    measured: Mapping[str, Any]
    """What ``hat latency compare`` says of it."""

    @property
    def slower(self) -> float:
        """By which part of its usual time the machine was slower when this was measured."""
        return float(self.measured.get("slower_percent", 0)) / 100

    def keeps_limit(self) -> bool | None:
        """Whether it does as measured; None if that is not known."""
        if self.limit_ms is None:
            return True
        ms, error_ms = self.measured["latency_ms"], self.measured["error_ms"]
        return keeps_limit(ms, self.limit_ms, self.slower, error_ms)

    def inherited(self) -> float | None:
        """BLEU with the SuperTransformer's weights."""
        found = self.results.get(f"evaluate-{self.which.name}-inherited{self.which.suffix}")
        return None if found is None else float(found["bleu"])

    @property
    def trainings(self) -> int:
        """How often it was trained by itself."""
        return len(self._retrained("bleu"))

    def retrained(self, metric: str) -> float | None:
        """The mean of a metric over its own trainings."""
        return fmean(values) if (values := self._retrained(metric)) else None

    def spread(self) -> float | None:
        """The standard deviation of BLEU over its own trainings."""
        values = self._retrained("bleu")
        return stdev(values) if len(values) > 1 else None

    def _retrained(self, metric: str) -> list[float]:
        names = (f"evaluate-{self.which.name}-retrained{t.suffix}" for t in self.which.trainings)
        found = (self.results[name] for name in names if name in self.results)
        return [float(each[metric]) for each in found if each.get(metric) is not None]


def _rows(plan: Plan, results: Results) -> list[_Row]:
    rows = []
    for target in plan.targets:
        compared = results[f"compare-latencies{target.suffix}"]["rows"]
        limits = set()
        for found in plan.found:
            if found.target is not target:
                continue
            limit = results[f"evo-search{found.best.suffix}"].get("limit_ms")
            limits.add(limit)
            title = ", ".join(found.names) or "found by the search"
            rows.append(_row(title, found.best, limit, results, compared))
        limit = limits.pop() if len(limits) == 1 else None
        title = f"largest{f', {target.block.name}' if target.block.name else ''}"
        rows.append(_row(title, target.largest, limit, results, compared))
    return rows


def _row(
    title: str,
    which: Candidate,
    limit: float | None,
    results: Results,
    compared: Mapping[str, Any],
) -> _Row:
    return _Row(
        title=title,
        which=which,
        results=results,
        limit_ms=limit,
        measured=compared[str(which.yml)],
    )


def _columns(rows: Sequence[_Row]) -> list[Column[_Row]]:
    spread = Column[_Row]("± BLEU", _Row.spread, ".2f")
    return [
        Column("SubTransformer", lambda row: row.title),
        Column("limit ms", lambda row: row.limit_ms, ".2f"),
        Column("predicted ms", lambda row: row.measured.get("predicted_ms"), ".2f"),
        Column("predicted at most", lambda row: row.measured.get("predicted_upper_ms"), ".2f"),
        Column("measured ms", lambda row: row.measured["latency_ms"], ".2f"),
        Column("±", lambda row: row.measured["error_ms"], ".2f"),
        Column("BLEU inherited", _Row.inherited, ".2f"),
        Column("BLEU retrained", lambda row: row.retrained("bleu"), ".2f"),
        *([spread] if any(row.trainings > 1 for row in rows) else []),
        Column("chrF retrained", lambda row: row.retrained("chrf"), ".2f"),
        Column("exact retrained", lambda row: row.retrained("exact_match"), ".1%"),
    ]
