"""The plots of a page, each with a legend beside it that covers nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from hat.page.budget import predicted_cost
from hat.page.facts import COUNTS, CostAxis, Curve, LatencyFacts, Point, SearchFacts
from hat.page.svg import SIZES, Canvas, Pair, Scale, Size, key_dot, key_line, key_mark
from hat.page.words import BASELINES, baseline_words, limit_words, unit_words

Legend = list[tuple[Markup, str]]

_BASELINE_SHAPES = ("up", "down", "cross", "square")
_LINES = ("c1", "c2", "c3", "c4", "c5", "c6")


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


def _short_quality(search: SearchFacts) -> str:
    text = search.objective_title.replace("with inherited weights", "").strip()
    return quality_title(text[:1] + text[1:], search.higher_is_better)


def axis_title(axis: CostAxis, largest: float) -> tuple[float, str]:
    """What values are divided by, and the title with its unit: ``latency on this machine, ms``."""
    scale, unit = unit_words(axis.unit, largest)
    return scale, f"{axis.title}, {unit}" if unit else axis.title


def front_panels(search: SearchFacts) -> list[Panel]:
    """Returns the views of one search: each cost against the score, and against BLEU."""
    panels = []
    for index, axis in enumerate(search.axes):
        panel = _score_panel(search, axis, index)
        if panel is not None:
            panels.append(panel)
    for index, axis in enumerate(search.axes):
        panel = _bleu_panel(search, axis, index)
        if panel is not None:
            panels.append(panel)
    return panels


def shown_cost(point: Point, axis: str) -> float | None:
    """Where a point stands in a view of scores: named ones where they were measured."""
    return point.cost(axis) if point.names else predicted_cost(point, axis)


def trained_cost(point: Point, axis: str) -> float | None:
    """Where a point stands in a view of BLEU: on the clock that all of them were put to."""
    if point.alone is not None and axis.startswith("latency_ms"):
        return point.alone.mean
    return point.cost(axis)


def style_of(point: Point) -> tuple[str, str]:
    """Shape and style of a named point."""
    for name in point.names:
        if name == "winner":
            return "star", "m-winner"
        if name == "largest":
            return "square", "m-largest"
        if name.startswith("finalist"):
            return "diamond", "m-finalist"
    for place, name in enumerate(BASELINES):
        if name in point.names:
            return _BASELINE_SHAPES[place], "m-baseline"
    return "cross", "m-baseline"


def name_words(point: Point) -> str:
    """The names of a point in words."""
    return ", ".join(baseline_words(name) for name in point.names)


def _score_panel(search: SearchFacts, axis: CostAxis, index: int) -> Panel | None:
    scored = [p for p in search.points.values() if p.score is not None]
    placed = [(p, v) for p in scored if (v := shown_cost(p, axis.name)) is not None]
    if not placed:
        return None
    front = [search.points[i] for i in axis.front]
    named = sorted((p for p, _ in placed if p.names), key=lambda p: "winner" in p.names)
    extra = [axis.limit] if axis.limit is not None else []
    scale, x_title = axis_title(axis, max([v for _, v in placed] + extra))
    costs = [v / scale for _, v in placed] + [v / scale for v in extra]
    scores = [p.score for p, _ in placed if p.score is not None]
    limit_text = limit_words(axis.limit, axis.unit)

    def at(point: Point, cost: float | None) -> Pair:
        return (cost or 0.0) / scale, point.score or 0.0

    def paint(canvas: Canvas) -> None:
        exact = [at(p, v) for p, v in placed if not p.names and p.share >= 1]
        canvas.dots([at(p, v) for p, v in placed if not p.names and p.share < 1], "d-estimate")
        canvas.dots(exact, "d-cloud")
        if axis.limit is not None:
            canvas.upright(axis.limit / scale, "limit")
        path = [at(p, predicted_cost(p, axis.name)) for p in front]
        canvas.line(path, "l-front", steps=True)
        for point in front:
            ends = point.interval.get(axis.name)
            if ends is not None:
                canvas.bar(at(point, ends[0]), at(point, ends[1]), "e-front")
            canvas.mark(at(point, predicted_cost(point, axis.name)), "circle", "m-front")
        for point in named:
            measured = point.measured.get(axis.name)
            if measured is not None and measured.bound is not None:
                spread = measured.bound - measured.mean
                ends = (measured.mean - spread, measured.mean + spread)
                canvas.bar(at(point, ends[0]), at(point, ends[1]), "e-measured")
            canvas.mark(at(point, shown_cost(point, axis.name)), *style_of(point))

    quality = _short_quality(search)
    drawings = draw(
        lambda a, b: Scale.around(costs, a, b),
        better_up(scores, search.higher_is_better),
        (x_title, quality),
        f"{len(placed)} architectures: {x_title} against {search.objective_title}",
        paint,
        axis=index,
        quality="score",
        scale=f"{scale:g}",
    )
    legend: Legend = [(key_dot("d-cloud"), "candidate")]
    if any(p.share < 1 for p, _ in placed):
        legend.append((key_dot("d-estimate"), "estimate: dropped early"))
    if front:
        text = "front: nothing is both better and cheaper"
        has_bars = any(axis.name in p.interval for p in front)
        text += "; bars hold 90% of measurements" if has_bars else ""
        legend.append((key_mark("circle", "m-front"), text))
    legend += _named_legend(named, axis.name)
    if axis.limit is not None:
        legend.append((key_line("limit"), f"limit, {limit_text}"))
    return Panel(axis.name, "score", axis.title, Figure(drawings, legend))


def _named_legend(named: Sequence[Point], cost: str) -> Legend:
    legend: Legend = []
    seen = set()
    for point in reversed(named):
        shape, style = style_of(point)
        if (shape, style) in seen:
            continue
        seen.add((shape, style))
        text = {"m-winner": "winner", "m-finalist": "finalist", "m-largest": "largest"}.get(
            style, name_words(point)
        )
        measured = point.measured.get(cost)
        if measured is not None and style in ("m-winner", "m-finalist"):
            text += ", where it was measured" if style == "m-winner" else ", measured"
        legend.append((key_mark(shape, style), text))
    return legend


def _bleu_panel(search: SearchFacts, axis: CostAxis, index: int) -> Panel | None:
    rows = [
        (p, cost / 1.0)
        for p in search.points.values()
        if (p.inherited or p.retrained) and (cost := trained_cost(p, axis.name)) is not None
    ]
    if len(rows) < 2:
        return None
    extra = [axis.limit] if axis.limit is not None else []
    scale, x_title = axis_title(axis, max([v for _, v in rows] + extra))
    costs = [v / scale for _, v in rows] + [v / scale for v in extra]
    values = [
        q.mean + sign * (q.std or 0.0)
        for p, _ in rows
        for q in (p.inherited, p.retrained)
        if q is not None
        for sign in (-1, 1)
    ]

    def paint(canvas: Canvas) -> None:
        if axis.limit is not None:
            canvas.upright(axis.limit / scale, "limit")
        for point, cost in rows:
            x = cost / scale
            ends = [q.mean for q in (point.inherited, point.retrained) if q is not None]
            canvas.line([(x, value) for value in ends], "l-gain")
            spread = point.alone and axis.unit == "ms" and point.alone.std
            for quality, style in ((point.inherited, "hollow"), (point.retrained, "")):
                if quality is None:
                    continue
                if quality.std:
                    low, high = quality.mean - quality.std, quality.mean + quality.std
                    canvas.bar((x, low), (x, high), "e-measured")
                if spread:
                    left, right = (cost - spread) / scale, (cost + spread) / scale
                    canvas.bar((left, quality.mean), (right, quality.mean), "e-measured")
                shape, mark = style_of(point)
                canvas.mark((x, quality.mean), shape, f"{mark} {style}")

    drawings = draw(
        lambda a, b: Scale.around(costs, a, b),
        lambda a, b: Scale.around(values, a, b),
        (x_title, "BLEU on the test set"),
        f"BLEU of {len(rows)} architectures against {x_title}",
        paint,
        axis=index,
        quality="bleu",
        scale=f"{scale:g}",
    )
    named = [p for p, _ in rows]
    legend = [
        *_named_legend(named[::-1], "")[:4],
        (key_mark("square", "m-plain"), "filled: retrained from scratch"),
        (key_mark("square", "m-plain hollow"), "hollow: inherited weights"),
    ]
    if axis.limit is not None:
        legend.append((key_line("limit"), f"limit, {limit_words(axis.limit, axis.unit)}"))
    return Panel(axis.name, "bleu", axis.title, Figure(drawings, legend))


def convergence_figure(search: SearchFacts) -> Figure | None:
    """The best score so far against the candidates scored, a line for each seed."""
    curves = {name: found for name, found in search.convergence.items() if found}
    if not curves:
        return None
    everything = [point for found in curves.values() for curve in found for point in curve]
    most = max(place for place, _ in everything)
    # The first candidates are far from the end and would squeeze the rest into a line.
    shown = {n: [_after(curve, most / 50) for curve in found] for n, found in curves.items()}
    late = [score for found in shown.values() for curve in found for _, score in curve[1:]] or [
        score for _, score in everything
    ]
    low, high = min(late), max(late)
    shown = {
        name: [[p for p in curve if low <= p[1] <= high] for curve in found]
        for name, found in shown.items()
    }

    def paint(canvas: Canvas) -> None:
        for place, found in reversed(list(enumerate(shown.values()))):
            for number, curve in enumerate(found):
                canvas.line(
                    curve, f"{_LINES[place]} {'main' if number == 0 else 'thin'}", steps=True
                )

    drawings = draw(
        lambda a, b: Scale(0.0, float(most) * 1.02, a, b),
        better_up(late, search.higher_is_better),
        ("candidates scored", _short_quality(search)),
        f"best {search.objective_title} against candidates scored",
        paint,
    )
    legend: Legend = []
    for place, (name, found) in enumerate(curves.items()):
        seeds = f", {len(found)} seeds" if len(found) > 1 else ""
        legend.append((key_line(f"line main {_LINES[place]}"), f"{name}{seeds}"))
    return Figure(drawings, legend)


def _after(curve: Sequence[tuple[int, float]], start: float) -> list[Pair]:
    """A curve from ``start`` on, at the height that it has there."""
    before = [score for place, score in curve if place <= start]
    rest: list[Pair] = [(float(place), score) for place, score in curve if place > start]
    return [(start, before[-1]), *rest] if before else rest


def latency_figure(latency: LatencyFacts, finalists: Sequence[Pair] = ()) -> Figure:
    """Predicted against measured latency.

    Args:
        latency: the dataset.
        finalists: measured and predicted latency of finalists.
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
            top = min(ends[1], ends[1] / (1 + over))
            band = [(v * (1 + over), v) for v in (ends[0], top)]
            band += [(v * (1 + under), v) for v in (min(ends[1], ends[1]), ends[0])]
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
        legend.append((key_dot("d-cloud"), f"{len(learnt)} rows that it learned from"))
    if held:
        legend.append((key_mark("small", "m-front"), f"{len(held)} rows held back"))
    if finalists:
        legend.append((key_mark("diamond", "m-finalist"), "finalists of the search"))
    return Figure(drawings, legend)


def curves_figure(lines: Mapping[str, Sequence[Pair]], label: str) -> Figure:
    """Losses against updates, a line for each."""
    values = [y for points in lines.values() for _, y in points]
    updates = [x for points in lines.values() for x, _ in points]

    def paint(canvas: Canvas) -> None:
        for place, points in enumerate(lines.values()):
            style = _LINES[place % len(_LINES)]
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
        (key_line(f"line main {_LINES[place % len(_LINES)]}"), name)
        for place, name in enumerate(lines)
    ]
    return Figure(drawings, legend)


def retrained_curves(curves: Sequence[Curve]) -> dict[str, list[Pair]]:
    """Validation losses of the trainings from scratch, together."""
    found = {}
    for curve in curves:
        points = curve.lines.get("validation") or curve.lines.get("training") or []
        if not curve.name.startswith("train-super") and points:
            found[curve.title] = points
    return found


def fronts_figure(searches: Sequence[tuple[str, SearchFacts]]) -> Figure | None:
    """The fronts of several searches in one plot, where their scores are the same."""
    rows = [(name, s) for name, s in searches if s.axes and s.axes[0].front]
    kinds = {(s.objective, s.axes[0].unit, s.axes[0].name in COUNTS) for _, s in rows}
    if len(rows) < 2 or len(kinds) != 1:
        return None
    first = rows[0][1]
    lines = []
    for _, search in rows:
        axis = search.axes[0]
        points = [search.points[i] for i in axis.front]
        lines.append([(predicted_cost(p, axis.name) or 0.0, p.score or 0.0) for p in points])
    scale, unit = unit_words(first.axes[0].unit, max(x for line in lines for x, _ in line))
    places = {s.axes[0].title for _, s in rows}
    title = places.pop() if len(places) == 1 else "latency, each on its device"
    lines = [[(x / scale, y) for x, y in line] for line in lines]

    def paint(canvas: Canvas) -> None:
        for place, line in enumerate(lines):
            style = _LINES[place % len(_LINES)]
            canvas.line(line, f"{style} main", steps=True)
            for point in line:
                canvas.mark(point, "circle", f"{style} dot")

    drawings = draw(
        lambda a, b: Scale.around([x for line in lines for x, _ in line], a, b),
        better_up([y for line in lines for _, y in line], first.higher_is_better),
        (f"{title}, {unit}" if unit else title, _short_quality(first)),
        f"the fronts of {len(lines)} searches",
        paint,
    )
    legend = [
        (key_line(f"line main {_LINES[place % len(_LINES)]}"), name)
        for place, (name, _) in enumerate(rows)
    ]
    return Figure(drawings, legend)
