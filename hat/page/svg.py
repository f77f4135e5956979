"""Drawing plots as SVG text: scales with round numbers, axes with words, marks by class.

Colours stand in the page's style sheet, so that a plot follows light, dark and paper. Every plot
is drawn twice, wide and narrow: text that is scaled down to a telephone cannot be read.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from markupsafe import Markup

Pair = tuple[float, float]


@dataclass(frozen=True)
class Size:
    """How large a plot is drawn, and the room around it for numbers and words."""

    name: str
    width: int
    height: int
    left: int = 62
    right: int = 14
    top: int = 12
    bottom: int = 50


_CHARACTER = 7.2
"""Pixels of a title's character, of 13 pixels a line; more than most have."""

_LEAST_TIMES = 0.75
"""A title becomes no smaller than that, which is ten pixels."""

WIDE = Size("wide", 640, 380)
NARROW = Size("narrow", 350, 320, left=50, right=10, bottom=48)
SIZES = (WIDE, NARROW)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Returns round numbers from ``low`` to ``high``, some ``about`` of them.

    The steps are 1, 2 or 5 times a power of ten (Heckbert, "Nice numbers for graph labels",
    Graphics Gems, 1990).
    """
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low]
    raw = span / max(about, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [place * step for place in range(first, last + 1)]


def tick_text(value: float, all_ticks: Sequence[float]) -> str:
    """Returns a tick's number with as many decimals as its neighbours need."""
    steps = [b - a for a, b in pairwise(all_ticks)]
    step = min(steps, default=abs(value) or 1.0)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value + 0.0:,.{min(decimals, 6)}f}"


@dataclass
class Scale:
    """A straight line from values to pixels."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def around(
        cls, values: Sequence[float], start: float, end: float, *, room: float = 0.07
    ) -> "Scale":
        """Returns a scale with some room around the values."""
        low, high = min(values), max(values)
        margin = (high - low) * room or abs(high) * 0.1 or 1.0
        bottom = 0.0 if low >= 0 > low - margin else low - margin
        return cls(bottom, high + margin, start, end)

    def __call__(self, value: float) -> float:
        """Returns the pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


@dataclass
class Canvas:
    """A plot in the making."""

    size: Size
    x: Scale
    y: Scale
    parts: list[Markup] = field(default_factory=list)

    def add(self, text: str, *values: object) -> None:
        """Adds SVG; ``values`` are escaped."""
        self.parts.append(Markup(text).format(*values))

    def axes(self, x_title: str, y_title: str) -> None:
        """Draws grid, numbers and titles."""
        s = self.size
        right, bottom = s.width - s.right, s.height - s.bottom
        narrow = s is NARROW
        x_ticks = ticks(self.x.low, self.x.high, 4 if narrow else 7)
        y_ticks = ticks(min(self.y.low, self.y.high), max(self.y.low, self.y.high), 5)
        for value in y_ticks:
            y = self.y(value)
            self.add('<path class="grid" d="M{:.1f} {:.1f}H{}"/>', s.left, y, right)
            label = tick_text(value, y_ticks)
            self.add(
                '<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>',
                s.left - 7,
                y + 4,
                label,
            )
        for value in x_ticks:
            x = self.x(value)
            self.add('<path class="grid" d="M{:.1f} {}V{}"/>', x, s.top, bottom)
            self.add(
                '<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>',
                x,
                bottom + 18,
                tick_text(value, x_ticks),
            )
        self.add('<path class="axis" d="M{} {}V{}H{}"/>', s.left, s.top, bottom, right)
        middle = (s.left + right) / 2
        self._title(x_title, f"translate({middle:.1f} {s.height - 8})", right - s.left)
        self._title(
            y_title, f"translate(13 {(s.top + bottom) / 2:.1f}) rotate(-90)", bottom - s.top
        )

    def _title(self, title: str, where: str, room: float) -> None:
        """Writes the title of an axis into ``room`` pixels."""
        text, times = fitted(title, room)
        scaled = "" if times == 1 else f" scale({times:.3f})"
        self.add(
            '<text class="title" transform="{}{}" text-anchor="middle">{}</text>',
            where,
            scaled,
            text,
        )

    def dots(self, points: Sequence[Pair], style: str) -> None:
        """Draws any number of points as one path of round caps."""
        if points:
            path = "".join(f"M{self.x(a):.1f} {self.y(b):.1f}h0" for a, b in points)
            self.add('<path class="dots {}" d="{}"/>', style, path)

    def line(self, points: Sequence[Pair], style: str, *, steps: bool = False) -> None:
        """Draws a line; with ``steps`` a staircase that keeps its height until the next point."""
        if not points:
            return
        path = f"M{self.x(points[0][0]):.1f} {self.y(points[0][1]):.1f}"
        for a, b in points[1:]:
            x, y = self.x(a), self.y(b)
            path += f"H{x:.1f}V{y:.1f}" if steps else f"L{x:.1f} {y:.1f}"
        self.add('<path class="line {}" d="{}"/>', style, path)

    def area(self, points: Sequence[Pair], style: str) -> None:
        """Fills a polygon."""
        path = "M" + "L".join(f"{self.x(a):.1f} {self.y(b):.1f}" for a, b in points) + "Z"
        self.add('<path class="area {}" d="{}"/>', style, path)

    def bar(self, a: Pair, b: Pair, style: str) -> None:
        """Draws an error bar with caps between two points, level or upright."""
        (x1, y1), (x2, y2) = ((self.x(p[0]), self.y(p[1])) for p in (a, b))
        level = abs(y1 - y2) < abs(x1 - x2)
        cap = "M{0:.1f} {1:.1f}v8" if level else "M{0:.1f} {1:.1f}h8"
        shift = (0.0, -4.0) if level else (-4.0, 0.0)
        ends = "".join(cap.format(x + shift[0], y + shift[1]) for x, y in ((x1, y1), (x2, y2)))
        self.add(
            '<path class="error {}" d="M{:.1f} {:.1f}L{:.1f} {:.1f}{}"/>',
            style,
            x1,
            y1,
            x2,
            y2,
            ends,
        )

    def upright(self, value: float, style: str) -> None:
        """Draws a vertical line from top to bottom."""
        x = self.x(value)
        self.add(
            '<path class="{}" d="M{:.1f} {}V{}"/>',
            style,
            x,
            self.size.top,
            self.size.height - self.size.bottom,
        )

    def mark(self, at: Pair, shape: str, style: str) -> None:
        """Draws a mark: a shape of ``SHAPES``."""
        self.add(
            '<path class="mark {}" transform="translate({:.1f} {:.1f})" d="{}"/>',
            style,
            self.x(at[0]),
            self.y(at[1]),
            Markup(SHAPES[shape]),
        )

    def svg(self, label: str, **data: object) -> Markup:
        """Returns the plot.

        Args:
            label: what it shows, for those who cannot see it.
            data: further attributes ``data-...``.
        """
        more = Markup("").join(
            Markup(' data-{}="{}"').format(name.replace("_", "-"), value)
            for name, value in data.items()
        )
        s = self.size
        return Markup(
            '<svg class="plot {}" viewBox="0 0 {} {}" role="img" aria-label="{}"{}>{}</svg>'
        ).format(s.name, s.width, s.height, label, more, Markup("").join(self.parts))


def fitted(title: str, room: float) -> tuple[str, float]:
    """What is written of a title into so many pixels, and how many times its usual size.

    Some scorers and devices have long names. What would be too small to be read is cut; the unit,
    behind the last comma, is not.
    """
    times = min(1.0, room / (max(1, len(title)) * _CHARACTER))
    if times >= _LEAST_TIMES:
        return title, times
    start, comma, unit = title.rpartition(", ")
    kept = int(room / (_CHARACTER * _LEAST_TIMES)) - len(comma + unit) - 1
    if not comma or kept < 1:
        start, comma, unit = title, "", ""
        kept = int(room / (_CHARACTER * _LEAST_TIMES)) - 1
    return f"{start[:kept].rstrip()}…{comma}{unit}", _LEAST_TIMES


def _star(outer: float, inner: float) -> str:
    corners = [
        (r * math.sin(math.pi * i / 5), -r * math.cos(math.pi * i / 5))
        for i, r in enumerate([outer, inner] * 5)
    ]
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in corners) + "Z"


SHAPES = {
    "circle": "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0Z",
    "small": "M-3.2 0a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0 -6.4 0Z",
    "star": _star(11, 4.6),
    "diamond": "M0 -6.5L6.5 0L0 6.5L-6.5 0Z",
    "square": "M-5 -5H5V5H-5Z",
    "up": "M0 -6.5L6 5H-6Z",
    "down": "M0 6.5L6 -5H-6Z",
    "cross": "M-5 -2H-2V-5H2V-2H5V2H2V5H-2V2H-5Z",
}
"""Shapes around the origin: told apart without colour."""


def key_mark(shape: str, style: str) -> Markup:
    """Returns the small picture of a mark for a legend."""
    return Markup(
        '<svg class="key" viewBox="-12 -12 24 24" aria-hidden="true">'
        '<path class="mark {}" d="{}"/></svg>'
    ).format(style, Markup(SHAPES[shape]))


def key_line(style: str) -> Markup:
    """Returns the small picture of a line for a legend."""
    return Markup(
        '<svg class="key line-key" viewBox="0 0 34 24" aria-hidden="true">'
        '<path class="{}" d="M1 12H33"/></svg>'
    ).format(style)


def key_dot(style: str) -> Markup:
    """Returns the small picture of a point of a cloud for a legend."""
    return Markup(
        '<svg class="key" viewBox="-12 -12 24 24" aria-hidden="true">'
        '<path class="dots {}" d="M0 0h0"/></svg>'
    ).format(style)


def bars(rows: Sequence[tuple[str, float, str]], label: str, *, ends: Pair | None = None) -> Markup:
    """Returns level bars with their names above and figures behind them, one drawing for any width.

    Args:
        rows: name, value and figure in words of each bar.
        label: what is shown, for those who cannot see it.
        ends: where the axis begins and ends; by default zero and the largest value.
    """
    low, high = ends or (0.0, max((row[1] for row in rows), default=1.0) or 1.0)
    lines = []
    for name, value, text in rows:
        start, end = sorted((max(low, min(0.0, high)), value))
        left, width = (start - low) / (high - low), (end - start) / (high - low)
        lines.append(
            Markup(
                '<div class="bar-row"><span class="bar-name">{}</span>'
                '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" '
                'aria-hidden="true"><rect class="bar-back" width="100" height="10"/>'
                '<rect class="bar-fill{}" x="{:.2f}" width="{:.2f}" height="10"/></svg>'
                '<span class="bar-text">{}</span></div>'
            ).format(name, Markup(" below") if value < 0 else "", 100 * left, 100 * width, text)
        )
    return Markup('<div class="bars" role="group" aria-label="{}">{}</div>').format(
        label, Markup("").join(lines)
    )
