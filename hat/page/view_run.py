"""The sections of a page about a whole run: translations, latency, training, time, settings."""

from collections.abc import Sequence
from typing import Any

from hat.numerals import number_of
from hat.page import figures
from hat.page.svg import bars
from hat.page.view_parts import Row, Section, Table
from hat.record.facts import RunFacts
from hat.record.translations import RULE
from hat.record.words import seconds_words, step_words, workload_words


def run_sections(run: RunFacts, place: int) -> list[Section]:
    """Returns the sections that follow those of the searches.

    Args:
        run: the run.
        place: its place on the page.
    """
    sections = []
    for anchor, title, fill in _PARTS:
        section = Section(anchor=f"{anchor}-{place}", title=title)
        note = fill(section, run)
        if note is not None:
            section.texts.insert(0, run.notes.get(note, ""))
        sections.append(section)
    return sections


def missing(place: int, anchor: str, title: str, note: str) -> Section:
    """A section that says why there is nothing in it."""
    return Section(anchor=f"{anchor}-{place}", title=title, texts=[note])


def _translations(section: Section, run: RunFacts) -> str | None:
    if not run.translated:
        return "translations"
    for each in run.translated:
        of = f" of {each.search}" if len(run.translated) > 1 else ""
        weights = "retrained" if each.weights == "retrained" else "with inherited weights"
        n = each.sentences
        section.texts.append(
            f"Winner{of} and largest, {weights}, on {n:,} sentences: they agree on "
            f"{100 * each.same / n:.1f}%. Word for word like the reference are "
            f"{100 * each.winner_exact / n:.1f}% of the winner's and "
            f"{100 * each.largest_exact / n:.1f}% of the largest one's. {RULE}"
        )
        rows = [
            Row(
                cells=[f"{e.number:,}", e.source, e.reference, e.winner, e.largest],
                style="differs" if e.winner != e.largest else "",
            )
            for e in each.examples
        ]
        section.tables.append(
            Table(
                titles=["no.", "source", "reference", "winner", "largest"],
                rows=rows,
                words=99,
                stacks=True,
            )
        )
    return None


def _latencies(section: Section, run: RunFacts) -> str | None:
    if not run.latencies:
        return "latency"
    for latency in run.latencies:
        held = sum(latency.held_back)
        judged = f"On {held} rows held back" if held > 1 else "On all rows"
        error = (
            ""
            if latency.error_percent is None
            else (f" it is off by {latency.error_percent:.1f}% on average")
        )
        order = "" if latency.tau is None else f", Kendall's τ of the order is {latency.tau:.2f}"
        marked = (
            f" Left out: {number_of(latency.marked, 'row')} of a disturbed machine."
            if (latency.marked)
            else ""
        )
        if latency.disturbed:
            disturbed = number_of(latency.disturbed, "row")
            marked += f" It learned from {disturbed} of a disturbed machine, too."
        device = f" on {latency.device}" if latency.device else ""
        work = f" {workload_words(latency.workload)}." if latency.workload else ""
        section.texts.append(
            f"{len(latency.measured)} SubTransformers measured{device}, predictor "
            f"“{latency.predictor}”.{work} {judged}{error}{order}.{marked}"
        )
        later = [
            (p, (m.mean, p.predicted[name]))
            for search in run.searches
            for p in search.points.values()
            for name, m in p.measured.items()
            if name in p.predicted and len(run.latencies) == 1
        ]
        largest = any("largest" in p.names for p, _ in later)
        who = "finalists and largest" if largest else "finalists"
        section.figures.append(figures.latency_figure(latency, [pair for _, pair in later], who))
    return None


def _curves(section: Section, run: RunFacts) -> str | None:
    if not run.curves:
        return "curves"
    for curve in run.curves:
        if curve.name.startswith("train-super"):
            figure = figures.curves_figure(curve.lines, f"losses of the {curve.title}")
            figure.title = f"{curve.title}: one SubTransformer, drawn at random, per update"
            section.figures.append(figure)
    rest = list(figures.retrained_curves(run.curves).items())
    # As many to a figure as there are lines that can be told apart.
    for start in range(0, len(rest), len(figures.LINES)):
        lines = dict(rest[start : start + len(figures.LINES)])
        figure = figures.curves_figure(
            lines, "validation losses of the SubTransformers' own trainings"
        )
        figure.title = "Retrained: validation loss"
        section.figures.append(figure)
    section.folded.append(
        Table(
            titles=["training", "loss", "first", "lowest", "last", "at update"],
            rows=[
                Row(
                    cells=[
                        curve.title,
                        name,
                        *(f"{loss:.3f}" for loss in _first_lowest_last(points)),
                        f"{points[-1][0]:,.0f}",
                    ]
                )
                for curve in run.curves
                for name, points in curve.lines.items()
            ],
            words=2,
            caption="All losses, in bits per token",
        )
    )
    return None


def _first_lowest_last(points: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    losses = [loss for _, loss in points]
    return losses[0], min(losses), losses[-1]


def _time(section: Section, run: RunFacts) -> str | None:
    if not run.seconds:
        searched = [s.seconds for s in run.searches if s.seconds is not None]
        if searched:
            section.texts.append(f"Its rounds took {seconds_words(sum(searched))}.")
        return "time"
    rows = sorted(run.seconds.items(), key=lambda item: -item[1])
    total = sum(run.seconds.values())
    few = [row for row in rows if row[1] >= total / 200]
    shown = [(step_words(name, run.seconds), s, seconds_words(s)) for name, s in few]
    if len(few) < len(rows):
        rest = sum(seconds for _, seconds in rows[len(few) :])
        shown.append((f"{len(rows) - len(few)} shorter steps", rest, seconds_words(rest)))
    section.texts.append(f"{seconds_words(total)} in all; each step as long as its last run took.")
    section.drawings = bars(shown, "time of each step")
    section.folded.append(
        Table(
            titles=["step", "time", "share"],
            rows=[
                Row(cells=[step_words(name, run.seconds), seconds_words(s), f"{s / total:.1%}"])
                for name, s in rows
            ],
            caption="All steps",
        )
    )
    return None


def _settings(section: Section, run: RunFacts) -> str | None:
    if run.versions:
        rows = [Row(cells=[name, value]) for name, value in run.versions.items()]
        section.tables.append(Table(titles=["", ""], rows=rows, words=99))
    for search in run.searches:
        of = f" of {search.name}" if len(run.searches) > 1 else ""
        rows = [Row(cells=[name, setting_words(value)]) for name, value in search.settings.items()]
        section.folded.append(
            Table(
                titles=["setting", "value"],
                rows=rows,
                words=99,
                caption=f"Settings of the search{of}",
            )
        )
        if search.signature:
            section.texts.append(f"Signature of the search{of}: {search.signature}")
    if run.commands:
        rows = [
            Row(cells=[step_words(name, run.commands), text]) for name, text in run.commands.items()
        ]
        section.folded.append(
            Table(titles=["step", "command"], rows=rows, words=99, caption="Commands of the steps")
        )
    return None


def setting_words(value: Any) -> str:
    """The value of a setting."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


_PARTS = (
    ("translations", "Translations side by side", _translations),
    ("latency", "Predicted against measured latency", _latencies),
    ("training", "Training", _curves),
    ("time", "Where the time went", _time),
    ("settings", "Settings and versions", _settings),
)
"""Anchor, title and what fills the section, or returns the key of the note why there is nothing."""
