"""The page's words and tables as Markdown; the plots stand in the HTML file alone."""

import re

from hat.page.view import compared, views
from hat.page.view_parts import Section, Table
from hat.record.facts import Facts


def page_markdown(facts: Facts) -> str:
    """Returns the page."""
    lines = [f"# {_escaped(facts.title)}", ""]
    side_by_side = compared(facts)
    if side_by_side is not None:
        lines += _section(side_by_side, "##")
    views_ = views(facts)
    for run in views_:
        if len(views_) > 1:
            lines += [f"## {_escaped(run.name)}", ""]
        for section in run.sections:
            lines += _section(section, "###" if len(views_) > 1 else "##")
    return "\n".join(lines).rstrip() + "\n"


def _section(section: Section, mark: str) -> list[str]:
    lines = [f"{mark} {_escaped(section.title)}", ""]
    if section.alert:
        lines += [f"**{_escaped(section.alert)}**", ""]
    lines += [
        f"- {_escaped(s.label)}: **{_escaped(s.value)}**"
        + (f" ({_escaped(s.note)})" if s.note else "")
        for s in section.stats
    ]
    lines += [""] if section.stats else []
    for text in section.texts:
        lines += [_escaped(text), ""]
    for table in (*section.tables, *section.folded):
        lines += _table(table)
    return lines


def _table(table: Table) -> list[str]:
    rows = [[_cell(title) for title in table.titles]]
    rows.append(["---:" if place >= table.words else "---" for place in range(len(rows[0]))])
    rows += [[_cell(cell) for cell in row.cells] for row in table.rows]
    end = "" if table.caption.endswith("?") else ":"
    caption = [f"{_escaped(table.caption)}{end}", ""] if table.caption else []
    return [*caption, *(f"| {' | '.join(row)} |" for row in rows), ""]


def _cell(text: str) -> str:
    return _escaped(text).replace("|", "\\|")


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is: no HTML, no links, no marks, on one line."""
    one_line = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]<>#])", r"\\\1", one_line)
