"""What a page shows of its facts, section by section: the same for HTML and for Markdown."""

from collections.abc import Sequence
from typing import Any

from hat.amounts import lost_by_training
from hat.page import figures, front_figures
from hat.page.svg import bars
from hat.page.tables import (
    at_most,
    doubts,
    fits,
    front_table,
    is_timed,
    quality_text,
    score_note,
    share_of_largest,
    ships_table,
    steps_table,
)
from hat.page.view_parts import Row, RunView, Section, Stat, Table
from hat.page.view_run import missing, run_sections, setting_words
from hat.record.facts import Facts, Measured, Point, RunFacts, SearchFacts
from hat.record.sizes import INT8_RULE
from hat.record.words import (
    amount,
    baseline_words,
    count,
    limit_words,
    score_words,
    workload_words,
)

_DATA = "content of data (valid)"
"""The condition of a search that says what its candidates were scored on."""


def views(facts: Facts) -> list[RunView]:
    """Returns the sections of every run."""
    found = []
    for place, run in enumerate(facts.runs):
        sections: list[Section] = []
        if "search" in run.notes:
            sections.append(missing(place, "front", "The front", run.notes["search"]))
        for number, search in enumerate(run.searches):
            sections += _search_sections(run, search, f"{place}-{number}", len(run.searches) > 1)
        sections += run_sections(run, place)
        what = "a pipeline's run" if run.kind == "pipeline" else "a search alone"
        about = f"{what}, {count(len(run.searches), 'search').replace('searchs', 'searches')}"
        name = _run_name(run, facts)
        found.append(RunView(name=name, anchor=f"run-{place}", about=about, sections=sections))
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
    kinds = [search.objective_title for _, search in rows]
    if len(set(kinds)) > 1:  # a loss beside a BLEU: which is which?
        place = titles.index("score") + 1
        titles.insert(place, "of what")
        for row, kind in zip(body, kinds, strict=True):
            row.cells.insert(place, kind)
    figure = front_figures.fronts_figure(named)
    texts = []
    if figure is None:
        texts.append("Their fronts are not drawn together: their scores or costs are not the same.")
    if len({str(search.settings[_DATA]) for _, search in rows if _DATA in search.settings}) > 1:
        texts.append("They were scored on different validation data: their scores do not compare.")
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


def _run_name(run: RunFacts, facts: Facts) -> str:
    """Of a run, with its place where another one is called so, too."""
    if [each.name for each in facts.runs].count(run.name) == 1:
        return run.name
    return f"{run.name} ({next(i for i, each in enumerate(facts.runs, 1) if each is run)})"


def _name(run: RunFacts, search: SearchFacts, facts: Facts) -> str:
    if len(facts.runs) == 1:
        return search.name
    name = _run_name(run, facts)
    return f"{name}: {search.name}" if len(run.searches) > 1 else name


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
    of = f"{search.name}: " if several else ""
    sections = [_ships(search, key, of), _front(search, key, of)]
    more = steps_table(search, key)
    if more is not None:
        sections.append(_more(search, key, of, more))
    sections += [_convergence(search, key, of), _ranking(search, key, of)]
    return sections


def _kept(keeps: bool | None, measured: Measured | None, limit: float | None) -> str:
    if keeps and measured and measured.bound and limit and measured.bound > limit:
        return "kept by the mean, not by its bound"
    if keeps is not None:
        return "kept" if keeps else "missed"
    if measured is None:
        return "not known"
    if not measured.slower:
        return "not known, above it by less than the error"
    return f"not known, the machine was {measured.slower:.0%} slower"


def _ships(search: SearchFacts, key: str, of: str) -> Section:
    point = search.points.get(search.winner or "")
    section = Section(anchor=f"ships-{key}", title=f"{of}What ships", search=key)
    if point is None:
        section.texts.append("This search has no winner yet.")
        return section
    limited = [axis for axis in search.axes if axis.limit is not None]
    for axis in limited:
        measured = point.measured.get(axis.name)
        known = point.cost(axis.name)
        keeps = fits(point, axis.name, axis.limit)
        limit = limit_words(axis.limit, axis.unit)
        how = ("measured " if measured else "predicted ") if is_timed(axis) else ""
        section.stats.append(
            Stat(
                value=amount(known, axis.unit),
                label=f"{how}{axis.title}",
                note=f"limit {limit}: " + _kept(keeps, measured, axis.limit),
                style="bad" if keeps is False else "good" if keeps else "",
            )
        )
        if keeps is False:
            section.alert = (
                f"The winner misses its limit: {axis.title} {amount(known, axis.unit)}"
                f"{at_most(point, axis.name, axis.unit)}, limit {limit}."
            )
    if point.retrained or point.inherited:
        best = point.retrained or point.inherited
        note = f"inherited weights {quality_text(point.inherited)}" if point.retrained else ""
        label = "BLEU, retrained" if point.retrained else "BLEU, inherited weights"
        lost = lost_by_training(
            None if point.inherited is None else point.inherited.mean,
            None if point.retrained is None else point.retrained.mean,
        )
        if lost:
            note += ": trained too little"
        style = "bad" if lost or (best and best.doubts) else ""
        section.stats.append(Stat(value=quality_text(best), label=label, note=note, style=style))
    elif point.score is not None:
        section.stats.append(Stat(value=f"{point.score:.5g}", label=search.objective_title))
    if point.params is not None:
        share = share_of_largest(search, point)
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
    section.texts += doubts(named)
    if any(p.in_turn for p in named):
        section.texts.append(
            "Winner and largest were measured after the search, taking turns in every round: "
            "whether they fit, the mean says. Of other finalists, measured during the search, the "
            "bound does."
        )
    if any(p.measured for p in named):
        section.texts.append("± reaches to the 95% confidence bound of the mean.")
    section.texts += search.notes
    return section


def _front(search: SearchFacts, key: str, of: str) -> Section:
    scored = search.num_candidates - search.num_unscored
    text = (
        f"{scored:,} candidates were scored in {count(search.num_rounds, 'round')} "
        f"by {search.objective_title}{score_note(search)}."
    )
    if search.num_unscored:
        text += f" {search.num_unscored:,} more could not be scored."
    if search.num_left_out:
        text += (
            f" Of these {search.num_left_out:,} are left out of the picture, evenly; none of them "
            "is on the front."
        )
    table = front_table(search, key)
    panels = front_figures.front_panels(search)
    if not panels:
        text += " None of them has both a score and a cost, so there is no front to draw."
    return Section(
        anchor=f"front-{key}",
        title=f"{of}The front",
        texts=[text],
        panels=panels,
        search=key,
        folded=[table] if table else [],
    )


def _more(search: SearchFacts, key: str, of: str, table: Table) -> Section:
    axis = search.axes[0]
    step = limit_words(search.steps[1].limit - search.steps[0].limit, axis.unit)
    text = "The best candidate under each budget" + (", as predicted." if is_timed(axis) else ".")
    if axis.limit is not None:
        limit = limit_words(axis.limit, axis.unit)
        text += (
            f" The search looked at nothing beyond its limit of {limit}: "
            "what more would bring, only another search can tell."
        )
    return Section(
        anchor=f"more-{key}",
        title=f"{of}What do I get for {step} more?",
        texts=[text],
        tables=[table],
        search=key,
    )


def _convergence(search: SearchFacts, key: str, of: str) -> Section:
    figure = figures.convergence_figure(search)
    section = Section(anchor=f"convergence-{key}", title=f"{of}How the search converged")
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
        section.tables.append(
            Table(
                titles=titles,
                rows=rows,
                caption="Against simpler choices, by the score the search went by",
            )
        )
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
    section = Section(anchor=f"scores-{key}", title=f"{of}How every score ranked")
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


def differences(rows: Sequence[SearchFacts]) -> dict[str, list[str]]:
    """Returns the settings in which searches differ, with the value of each."""
    names = dict.fromkeys(name for search in rows for name in search.settings)
    found = {
        name: [setting_words(search.settings.get(name, "–")) for search in rows] for name in names
    }
    return {name: values for name, values in found.items() if len(set(values)) > 1}
