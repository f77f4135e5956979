"""A report: sections of text, tables and plots, written as Markdown, CSV and PNG."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hat.files import write_text

REPORT_FILE = "report.md"


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section. Everything but the title may be left out."""

    title: str
    text: str = ""
    table: str = ""
    """Markdown."""

    csv: tuple[str, str] | None = None
    """File name and content of the numbers behind the section."""

    plot: tuple[str, Callable[[Path], None]] | None = None
    """File name, and what draws it at a path."""


def write_document(folder: str | Path, title: str, sections: Sequence[Section]) -> list[Path]:
    """Writes ``report.md`` with its tables and plots beside it.

    The Markdown comes last, so a report that is there is complete.

    Returns:
        The files written, the report first.
    """
    folder = Path(folder)
    lines = [f"# {title}", ""]
    written: list[Path] = []
    for section in sections:
        lines += [f"## {section.title}", ""]
        lines += [part + "\n" for part in (section.text, section.table) if part]
        if section.plot is not None:
            name, draw = section.plot
            draw(folder / name)
            written.append(folder / name)
            lines += [f"![{section.title}]({name})", ""]
        if section.csv is not None:
            name, content = section.csv
            write_text(folder / name, content)
            written.append(folder / name)
            lines += [f"Numbers: [{name}]({name})", ""]
    write_text(folder / REPORT_FILE, "\n".join(lines).rstrip() + "\n")
    return [folder / REPORT_FILE, *written]
