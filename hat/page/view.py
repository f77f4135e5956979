"""What a page shows of its facts, section by section: the same for HTML and for Markdown."""

from collections.abc import Sequence
from typing import Any

from hat.page import figures
from hat.page.facts import Facts, Point, RunFacts, SearchFacts
from hat.page.sizes import INT8_RULE
from hat.page.svg import bars
from hat.page.tables import fits, front_table, quality_text, ships_table, steps_table
from hat.page.translations import RULE
from hat.page.view_parts import Row, RunView, Section, Stat, Table
from hat.page.words import (
    amount,
    baseline_words,
    count,
    limit_words,
    score_words,
    seconds_words,
    step_words,
    workload_words,
)


def views(facts: Facts) -> list[RunView]:
    """Returns the sections of every run."""
    found = []
    for place, run in enumerate(facts.runs):
        sections: list[Section] = []
        if "search" in run.notes:
            sections.append(_missing(place, "front", "The front", run.notes["search"]))
        for number, search in enumerate(run.searches):
            sections += _search_sections(run, search, f"{place}-{number}", len(run.searches) > 1)
        sections += [
            _translations(run, place),
            _latencies(run, place),
            _curves(run, place),
            _time(run, place),
            _settings(run, place),
        ]
        what = "a pipeline's run" if run.kind == "pipeline" else "a search alone"
        about = f"{what}, {count(len(run.searches), 'search').replace('searchs', 'searches')}"
        found.append(RunView(name=run.name, anchor=f"run-{place}", about=about, sections=sections))
    return found


def compared(facts: Facts) -> Section | None:
    """Returns the section that sets several searches side by side; None for a single one."""
    rows = [(run, search) for run in facts.runs for search in run.searches]
    if len(rows) < 2:
        return None
    named = [(_name(run, search, facts), search) for run, search in rows]
    titles = [
        "search",
        "limit",
        "measured",
        "fits",
        "score",
        "BLEU retrained",
        "parameters",
        "fp32",
        "int8",
        "candidates",
    ]
    body = []
    for (run, search), (name, _) in zip(rows, named, strict=True):
        point = search.points.get(search.winner or "")
        key = f"{facts.runs.index(run)}-{run.searches.index(search)}"
        body.append(
            Row(
                cells=_compared_cells(name, search, point),
                point=f"{key}/{point.id}" if point else None,
            )
        )
    figure = figures.fronts_figure(named)
    texts = []
    if figure is None:
        texts.append("Their fronts are not drawn together: their scores or costs are not the same.")
    differing = [Row(cells=[name, *values]) for name, values in facts.differences.items()]
    folded = [
        Table(
            titles=["setting", *(name for name, _ in named)],
            rows=differing,
            words=99,
            caption=f"{count(len(differing), 'setting')} in which they differ",
        )
    ]
    return Section(
        anchor="compared",
        title="Side by side",
        texts=texts,
        tables=[Table(titles=titles, rows=body, stacks=True)],
        figures=[figure] if figure else [],
        folded=folded if differing else [],
    )


def _name(run: RunFacts, search: SearchFacts, facts: Facts) -> str:
    names = [each.name for each in facts.runs]
    place = f" ({facts.runs.index(run) + 1})" if names.count(run.name) > 1 else ""
    return f"{run.name}{place}: {search.name}" if len(run.searches) > 1 else f"{run.name}{place}"


def _compared_cells(name: str, search: SearchFacts, point: Point | None) -> list[str]:
    axis = next((each for each in search.axes if each.limit is not None), None)
    limit = limit_words(axis.limit, axis.unit) if axis else "none"
    if point is None:
        return [name, limit, *["–"] * 7, str(search.num_candidates)]
    measured = point.measured.get(axis.name) if axis else None
    keeps = None if axis is None else fits(point, axis.name, axis.limit)
    return [
        name,
        limit,
        amount(measured.mean, axis.unit) if measured and axis else "–",
        "–" if keeps is None else "yes" if keeps else "no",
        "–" if point.score is None else f"{point.score:.5g}",
        quality_text(point.retrained),
        "–" if point.params is None else amount(point.params, ""),
        "–" if point.bytes_fp32 is None else amount(point.bytes_fp32, "bytes"),
        "–" if point.bytes_int8 is None else amount(point.bytes_int8, "bytes"),
        f"{search.num_candidates:,}",
    ]


def _search_sections(run: RunFacts, search: SearchFacts, key: str, several: bool) -> list[Section]:
    of = f": {search.name}" if several else ""
    sections = [_ships(search, key, of), _front(search, key, of)]
    more = steps_table(search, key)
    if more is not None:
        sections.append(_more(search, key, of, more))
    sections += [_convergence(search, key, of), _ranking(search, key, of)]
    return sections


def _ships(search: SearchFacts, key: str, of: str) -> Section:
    point = search.points.get(search.winner or "")
    section = Section(anchor=f"ships-{key}", title=f"What ships{of}", search=key)
    if point is None:
        section.texts.append("This search has no winner yet.")
        return section
    limited = [axis for axis in search.axes if axis.limit is not None]
    for axis in limited:
        measured = point.measured.get(axis.name)
        known = point.cost(axis.name)
        keeps = fits(point, axis.name, axis.limit)
        limit = limit_words(axis.limit, axis.unit)
        section.stats.append(
            Stat(
                value=amount(known, axis.unit),
                label=f"{'measured' if measured else 'predicted'} {axis.title}",
                note=f"limit {limit}: "
                + ("kept" if keeps else "missed" if keeps is False else "not known"),
                style="bad" if keeps is False else "good" if keeps else "",
            )
        )
        if keeps is False:
            section.alert = (
                f"The winner misses its limit: {axis.title} {amount(known, axis.unit)}"
                f"{_at_most(point, axis.name, axis.unit)}, limit {limit}."
            )
    if point.retrained or point.inherited:
        best = point.retrained or point.inherited
        note = f"inherited weights {quality_text(point.inherited)}" if point.retrained else ""
        label = "BLEU, retrained" if point.retrained else "BLEU, inherited weights"
        section.stats.append(Stat(value=quality_text(best), label=label, note=note))
    elif point.score is not None:
        section.stats.append(Stat(value=f"{point.score:.5g}", label=search.objective_title))
    if point.params is not None:
        share = _share_of_largest(search, point)
        section.stats.append(Stat(value=amount(point.params, ""), label="parameters", note=share))
        section.stats.append(
            Stat(
                value=amount(point.bytes_int8, "bytes"),
                label="size in int8",
                note=f"in fp32 {amount(point.bytes_fp32, 'bytes')}",
            )
        )
    section.tables.append(ships_table(search, key))
    for axis in limited:
        work = workload_words(axis.workload)
        if work:
            section.texts.append(f"{axis.title[:1].upper()}{axis.title[1:]}: {work}.")
    if point.params is not None:
        section.texts.append(f"{INT8_RULE[:1].upper()}{INT8_RULE[1:]}.")
    named = [p for p in search.points.values() if p.names]
    if any(p.alone and not p.measured for p in named) and limited:
        section.texts.append("* Measured by itself, at another time than the finalists.")
    if any(p.measured for p in named):
        section.texts.append("± reaches to the 95% confidence bound of the mean.")
    section.texts += search.notes
    return section


def _at_most(point: Point, cost: str, unit: str) -> str:
    measured = point.measured.get(cost)
    if measured is None or measured.bound is None:
        return ""
    return f", at most {amount(measured.bound, unit)} with 95% confidence"


def _share_of_largest(search: SearchFacts, point: Point) -> str:
    largest = next((p for p in search.points.values() if "largest" in p.names), None)
    if largest is None or not largest.params or point.params is None:
        return ""
    return f"{100 * point.params / largest.params:.0f}% of the largest one's"


def _front(search: SearchFacts, key: str, of: str) -> Section:
    scored = search.num_candidates - search.num_unscored
    text = (
        f"{scored:,} candidates were scored in {count(search.num_rounds, 'round')} "
        f"by {search.objective_title}."
    )
    if search.num_unscored:
        text += f" {search.num_unscored:,} more could not be scored."
    if search.num_left_out:
        text += (
            f" Of these {search.num_left_out:,} are left out of the picture, evenly; none of them "
            "is on the front."
        )
    table = front_table(search, key)
    panels = figures.front_panels(search)
    if not panels:
        text += " None of them has both a score and a cost, so there is no front to draw."
    return Section(
        anchor=f"front-{key}",
        title=f"The front{of}",
        texts=[text],
        panels=panels,
        search=key,
        folded=[table] if table else [],
    )


def _more(search: SearchFacts, key: str, of: str, table: Table) -> Section:
    axis = search.axes[0]
    step = limit_words(search.steps[1].limit - search.steps[0].limit, axis.unit)
    text = "The best candidate under each budget, as predicted."
    if axis.limit is not None:
        limit = limit_words(axis.limit, axis.unit)
        text += (
            f" The search looked at nothing beyond its limit of {limit}: "
            "what more would bring, only another search can tell."
        )
    return Section(
        anchor=f"more-{key}",
        title=f"What do I get for {step} more?{of}",
        texts=[text],
        tables=[table],
        search=key,
    )


def _convergence(search: SearchFacts, key: str, of: str) -> Section:
    figure = figures.convergence_figure(search)
    section = Section(anchor=f"convergence-{key}", title=f"How the search converged{of}")
    if figure is None:
        section.texts.append("No candidate has a score yet.")
        return section
    section.figures.append(figure)
    if search.contest:
        titles = [
            "compared with",
            "it reached",
            "the search reached",
            "gain",
            "95% interval",
            "seeds each",
        ]
        rows = [
            Row(
                cells=[
                    baseline_words(str(row.get("baseline", ""))),
                    _spread(row, "baseline mean", "baseline std"),
                    _spread(row, "search mean", "search std"),
                    _plain(row.get("gain"), "+.3g"),
                    f"{_plain(row.get('95% low'), '+.3g')} to {_plain(row.get('95% high'), '+.3g')}"
                    if row.get("95% low") not in ("", None)
                    else "too few seeds",
                    _plain(row.get("seeds"), ".0f"),
                ]
            )
            for row in search.contest
        ]
        section.tables.append(Table(titles=titles, rows=rows, caption="Was the search worth it?"))
    else:
        section.texts.append("There was no contest, so nothing says what random search would find.")
    return section


def _spread(row: dict[str, Any], mean: str, std: str) -> str:
    return f"{_plain(row.get(mean), '.5g')} ± {_plain(row.get(std), '.2g')}"


def _plain(value: Any, form: str) -> str:
    return (
        format(value, form)
        if isinstance(value, float)
        else "–"
        if value in ("", None)
        else (str(value))
    )


def _ranking(search: SearchFacts, key: str, of: str) -> Section:
    section = Section(anchor=f"scores-{key}", title=f"How every score ranked{of}")
    rows = sorted(
        search.ranking,
        key=lambda row: row["kendall"] if isinstance(row.get("kendall"), float) else -2.0,
        reverse=True,
    )
    if not rows:
        section.texts.append("The scorers were not compared at the end of this search.")
        return section
    sample = _plain(rows[0].get("n"), ".0f")
    truth = score_words(search.ranking_truth) if search.ranking_truth else "the true score"
    section.texts.append(
        f"Agreement with {truth} on {sample} candidates drawn at random: Kendall's τ, 1 for the "
        "same order, 0 for chance."
    )
    known = [row for row in rows if isinstance(row.get("kendall"), float)]
    if known:
        section.drawings = bars(
            [
                (score_words(str(r.get("scorer"))), r["kendall"], f"{r['kendall']:.2f}")
                for r in known
            ],
            "Kendall's τ of each score",
            ends=(min(0.0, *(r["kendall"] for r in known)), 1.0),
        )
    titles = ["score", "Kendall's τ", "Spearman's ρ", "of its best tenth, truly so", "not scored"]
    section.folded.append(
        Table(
            titles=titles,
            rows=[
                Row(
                    cells=[
                        score_words(str(row.get("scorer"))),
                        _plain(row.get("kendall"), ".3f"),
                        _plain(row.get("spearman"), ".3f"),
                        _plain(row.get("top overlap"), ".0%"),
                        _plain(row.get("not scored"), ".0f"),
                    ]
                )
                for row in rows
            ],
            caption="All figures of agreement",
        )
    )
    return section


def _missing(place: int, anchor: str, title: str, note: str) -> Section:
    return Section(anchor=f"{anchor}-{place}", title=title, texts=[note])


def _translations(run: RunFacts, place: int) -> Section:
    title = "Translations side by side"
    if not run.translated:
        return _missing(place, "translations", title, run.notes.get("translations", ""))
    section = Section(anchor=f"translations-{place}", title=title)
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
    return section


def _latencies(run: RunFacts, place: int) -> Section:
    title = "Predicted against measured latency"
    if not run.latencies:
        return _missing(place, "latency", title, run.notes.get("latency", ""))
    section = Section(anchor=f"latency-{place}", title=title)
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
            f" {latency.marked} rows of a disturbed machine are left out."
            if (latency.marked)
            else ""
        )
        device = f" on {latency.device}" if latency.device else ""
        work = f" {workload_words(latency.workload)}." if latency.workload else ""
        section.texts.append(
            f"{len(latency.measured)} SubTransformers measured{device}, predictor "
            f"“{latency.predictor}”.{work} {judged}{error}{order}.{marked}"
        )
        finalists = [
            (m.mean, p.predicted[name])
            for search in run.searches
            for p in search.points.values()
            for name, m in p.measured.items()
            if name in p.predicted and len(run.latencies) == 1
        ]
        section.figures.append(figures.latency_figure(latency, finalists))
    return section


def _curves(run: RunFacts, place: int) -> Section:
    title = "Training"
    if not run.curves:
        return _missing(place, "training", title, run.notes.get("curves", ""))
    section = Section(anchor=f"training-{place}", title=title)
    for curve in run.curves:
        if curve.name.startswith("train-super"):
            figure = figures.curves_figure(curve.lines, f"losses of the {curve.title}")
            figure.title = f"{curve.title}: one SubTransformer, drawn at random, per update"
            section.figures.append(figure)
    rest = figures.retrained_curves(run.curves)
    if rest:
        figure = figures.curves_figure(rest, "validation losses of the trainings from scratch")
        figure.title = "Trained from scratch: validation loss"
        section.figures.append(figure)
    return section


def _time(run: RunFacts, place: int) -> Section:
    title = "Where the time went"
    if not run.seconds:
        section = _missing(place, "time", title, run.notes.get("time", ""))
        searched = [s.seconds for s in run.searches if s.seconds is not None]
        if searched:
            section.texts.append(f"Its rounds took {seconds_words(sum(searched))}.")
        return section
    rows = sorted(run.seconds.items(), key=lambda item: -item[1])
    total = sum(run.seconds.values())
    few = [row for row in rows if row[1] >= total / 200]
    shown = [(step_words(name), seconds, seconds_words(seconds)) for name, seconds in few]
    if len(few) < len(rows):
        rest = sum(seconds for _, seconds in rows[len(few) :])
        shown.append((f"{len(rows) - len(few)} shorter steps", rest, seconds_words(rest)))
    section = Section(anchor=f"time-{place}", title=title)
    section.texts.append(f"{seconds_words(total)} in all; each step as long as its last run took.")
    section.drawings = bars(shown, "time of each step")
    section.folded.append(
        Table(
            titles=["step", "time", "share"],
            rows=[
                Row(cells=[step_words(name), seconds_words(seconds), f"{seconds / total:.1%}"])
                for name, seconds in rows
            ],
            caption="All steps",
        )
    )
    return section


def _settings(run: RunFacts, place: int) -> Section:
    section = Section(anchor=f"settings-{place}", title="Settings and versions")
    if run.versions:
        rows = [Row(cells=[name, value]) for name, value in run.versions.items()]
        section.tables.append(Table(titles=["", ""], rows=rows, words=99))
    for search in run.searches:
        of = f" of {search.name}" if len(run.searches) > 1 else ""
        rows = [Row(cells=[name, _setting(value)]) for name, value in search.settings.items()]
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
        rows = [Row(cells=[step_words(name), text]) for name, text in run.commands.items()]
        section.folded.append(
            Table(titles=["step", "command"], rows=rows, words=99, caption="Commands of the steps")
        )
    return section


def _setting(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def differences(rows: Sequence[SearchFacts]) -> dict[str, list[str]]:
    """Returns the settings in which searches differ, with the value of each."""
    names = dict.fromkeys(name for search in rows for name in search.settings)
    found = {name: [_setting(search.settings.get(name, "–")) for search in rows] for name in names}
    return {name: values for name, values in found.items() if len(set(values)) > 1}
