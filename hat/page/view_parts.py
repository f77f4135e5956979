"""The parts that a page is put together from, whatever it is written as."""

from dataclasses import dataclass, field

from markupsafe import Markup

from hat.page.figures import Figure, Panel


@dataclass(kw_only=True)
class Row:
    """One row of a table."""

    cells: list[str]
    style: str = ""
    """``winner``, ``misses`` or nothing."""

    point: str | None = None
    """What a click on the first cell shows: ``0-0/c17``."""


@dataclass(kw_only=True)
class Table:
    """A table; columns after the first ``words`` are numbers."""

    titles: list[str]
    rows: list[Row]
    words: int = 1
    caption: str = ""
    stacks: bool = False
    """Whether each row becomes a list of its cells where the page is narrow."""


@dataclass(kw_only=True)
class Stat:
    """A figure that stands out."""

    value: str
    label: str
    note: str = ""
    style: str = ""


@dataclass(kw_only=True)
class Section:
    """One section of a page; what is empty is left out."""

    anchor: str
    title: str
    texts: list[str] = field(default_factory=list)
    stats: list[Stat] = field(default_factory=list)
    alert: str = ""
    """Said in red, and with a word."""

    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    drawings: Markup = field(default_factory=Markup)
    """Bars and the like, without a legend."""

    search: str = ""
    """The key of the search whose points the panels show: ``0-0``."""

    folded: list[Table] = field(default_factory=list)
    """Tables to be unfolded; each has a caption."""


@dataclass(kw_only=True)
class RunView:
    """All sections of one run."""

    name: str
    anchor: str
    about: str
    sections: list[Section]
