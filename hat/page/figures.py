"""The plots of a page, each with a legend beside it that covers nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from hat.numerals import number_of
from hat.page.svg import SIZES, Canvas, Pair, Scale, Size, key_dot, key_line, key_mark
from hat.record.facts import CostAxis, Curve, LatencyFacts, SearchFacts
from hat.record.words import score_unit, unit_words

Legend = list[tuple[Markup, str]]

LINES = ("c1", "c2", "c3", "c4", "c5", "c6")
"""Styles of lines: told apart by colour and by dashes."""


@dataclass
class Figure:
    """A plot in all its sizes."""

    drawings: Markup
    legend: Legend = field(default_factory=list)
    title: str = ""


@dataclass
class Panel:
    """One view of a front, to be chosen by what it costs and what is good."""

    axis: str
    quality: str
    title: str
    figure: Figure


def draw(
    x: Callable[[float, float], Scale],
    y: Callable[[float, float], Scale],
    titles: tuple[str, str],
    label: str,
    paint: Callable[[Canvas], None],
    **data: object,
) -> Markup:
    """Returns a plot in all sizes.

    Args:
        x: makes the scale between two pixels, left to right.
        y: likewise, bottom to top.
        titles: of the axes, with units.
        label: what is shown, for those who cannot see it.
        paint: draws what is inside.
        data: see ``Canvas.svg``.
    """
    drawings = []
    for size in SIZES:
        canvas = Canvas(size, x(size.left, size.width - size.right), y(*_height(size)))
        canvas.axes(*titles)
        paint(canvas)
        data |= {
            "map": f"{_line(canvas.x)} {_line(canvas.y)}",
        }
        drawings.append(canvas.svg(label, **data))
    return Markup("").join(drawings)


def _height(size: Size) -> tuple[int, int]:
    return size.height - size.bottom, size.top


def _line(scale: Scale) -> str:
    """A scale as the numbers of a line: pixels = a * value + b."""
    a = (scale.end - scale.start) / (scale.high - scale.low)
    return f"{a:.8g} {scale.start - a * scale.low:.8g}"


def better_up(values: Sequence[float], higher_is_better: bool) -> Callable[[float, float], Scale]:
    """Returns what makes a scale on which better is higher, whatever better means."""

    def scale(start: float, end: float) -> Scale:
        if higher_is_better:
            return Scale.around(values, start, end)
        return Scale.around(values, end, start)

    return scale


def quality_title(title: str, higher_is_better: bool) -> str:
    """The title of an axis of quality."""
    return f"{title} ({'higher' if higher_is_better else 'lower'} is better: up)"


def short_quality(search: SearchFacts) -> str:
    """The score of a search as the title of an axis."""
    unit = score_unit(search.objective)
    short = search.objective_title.replace("with inherited weights", "").strip()
    return quality_title(f"loss, {unit}" if unit else short, search.higher_is_better)


def axis_title(axis: CostAxis, largest: float) -> tuple[float, str]:
    """What values are divided by, and the title with its unit: ``latency on this machine, ms``."""
    scale, unit = unit_words(axis.unit, largest)
    return scale, f"{axis.title}, {unit}" if unit else axis.title


def convergence_figure(search: SearchFacts) -> Figure | None:
    """The best score so far against the candidates scored, a line for each seed."""
    curves = {name: found for name, found in search.convergence.items() if found}
    if not curves:
        return None
    everything = [point for found in curves.values() for curve in found for point in curve]
    most = max(place for place, _ in everything)
    # The first candidates are far from the end and would squeeze the rest into a line.
    late = [
        score
        for found in curves.values()
        for curve in found
        for _, score in _after(curve, most / 10)
    ]
    low, high = min(late), max(late)
    shown = {
        name: [[p for p in curve if low <= p[1] <= high] for curve in found]
        for name, found in curves.items()
    }

    def paint(canvas: Canvas) -> None:
        for place, found in reversed(list(enumerate(shown.values()))):
            for number, curve in enumerate(found):
                canvas.line(
                    curve, f"{LINES[place]} {'main' if number == 0 else 'thin'}", steps=True
                )

    drawings = draw(
        lambda a, b: Scale(0.0, float(most) * 1.02, a, b),
        better_up(late, search.higher_is_better),
        ("candidates scored", short_quality(search)),
        f"best {search.objective_title} against candidates scored",
        paint,
    )
    legend: Legend = []
    for place, (name, found) in enumerate(curves.items()):
        seeds = f", {len(found)} seeds; bold: the first" if len(found) > 1 else ""
        legend.append((key_line(f"line main {LINES[place]}"), f"{name}{seeds}"))
    return Figure(drawings, legend)


def _after(curve: Sequence[tuple[int, float]], start: float) -> list[Pair]:
    """A curve from ``start`` on, at the height that it has there."""
    before = [score for place, score in curve if place <= start]
    rest: list[Pair] = [(float(place), score) for place, score in curve if place > start]
    return [(start, before[-1]), *rest] if before else rest


def latency_figure(
    latency: LatencyFacts, finalists: Sequence[Pair] = (), who: str = "finalists"
) -> Figure:
    """Predicted against measured latency.

    Args:
        latency: the dataset.
        finalists: measured and predicted latency of what was measured after the dataset.
        who: what these are.
    """
    pairs = list(zip(latency.measured, latency.predicted, strict=True))
    held = [pair for pair, is_held in zip(pairs, latency.held_back, strict=True) if is_held]
    learnt = [pair for pair, is_held in zip(pairs, latency.held_back, strict=True) if not is_held]
    values = [v for pair in [*pairs, *finalists] for v in pair]
    low, high = min(values), max(values)

    def paint(canvas: Canvas) -> None:
        ends = (max(canvas.x.low, canvas.y.low), min(canvas.x.high, canvas.y.high))
        if latency.interval is not None:
            # The interval is relative to the prediction, which stands upright.
            under, over = latency.interval
            # It has a corner where it leaves the plot on the right, and on the left.
            top = min(ends[1], max(ends[0], canvas.x.high / (1 + over)))
            foot = min(ends[1], max(ends[0], canvas.x.low / max(1 + under, 1e-6)))
            band = [(v * (1 + over), v) for v in (ends[0], top, ends[1])]
            band += [(v * (1 + under), v) for v in (ends[1], foot, ends[0])]
            canvas.area([(min(max(x, canvas.x.low), canvas.x.high), y) for x, y in band], "band")
        canvas.line([(v, v) for v in ends], "l-diagonal")
        canvas.dots(learnt, "d-cloud")
        for pair in held:
            canvas.mark(pair, "small", "m-front")
        for pair in finalists:
            canvas.mark(pair, "diamond", "m-finalist")

    drawings = draw(
        lambda a, b: Scale.around([low, high], a, b),
        lambda a, b: Scale.around([low, high], a, b),
        ("measured latency, ms", "predicted latency, ms"),
        f"predicted against measured latency of {len(pairs)} SubTransformers",
        paint,
    )
    legend: Legend = [(key_line("l-diagonal"), "prediction is right")]
    if latency.interval is not None:
        legend.append((key_line("key-band"), "holds 90% of measurements"))
    if learnt:
        legend.append((key_dot("d-cloud"), f"{number_of(len(learnt), 'row')} that it learned from"))
    if held:
        legend.append((key_mark("small", "m-front"), f"{number_of(len(held), 'row')} held back"))
    if finalists:
        legend.append((key_mark("diamond", "m-finalist"), f"{who}, measured later"))
    return Figure(drawings, legend)


def curves_figure(lines: Mapping[str, Sequence[Pair]], label: str) -> Figure:
    """Losses against updates, a line for each."""
    values = [y for points in lines.values() for _, y in points]
    updates = [x for points in lines.values() for x, _ in points]

    def paint(canvas: Canvas) -> None:
        for place, points in enumerate(lines.values()):
            style = LINES[place % len(LINES)]
            canvas.line(list(points), f"{style} main")
            if len(points) <= 40:
                for point in points:
                    canvas.mark(point, "small", f"{style} dot")

    drawings = draw(
        lambda a, b: Scale(0.0, max(updates) * 1.03 or 1.0, a, b),
        lambda a, b: Scale.around(values, a, b),
        ("updates", "loss, bits per token"),
        label,
        paint,
    )
    legend = [
        (key_line(f"line main {LINES[place % len(LINES)]}"), name)
        for place, name in enumerate(lines)
    ]
    return Figure(drawings, legend)


def retrained_curves(curves: Sequence[Curve]) -> dict[str, list[Pair]]:
    """Validation losses of the SubTransformers' own trainings, together."""
    found = {}
    for curve in curves:
        points = curve.lines.get("validation") or curve.lines.get("training") or []
        if not curve.name.startswith("train-super") and points:
            found[curve.title] = points
    return found
