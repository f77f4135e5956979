"""Fronts as plots: what architectures cost against how good they are."""

from collections.abc import Sequence

from hat.page.figures import (
    LINES,
    Figure,
    Legend,
    Panel,
    axis_title,
    better_up,
    draw,
    short_quality,
)
from hat.page.svg import Canvas, Pair, Scale, key_dot, key_line, key_mark
from hat.record.budget import predicted_cost
from hat.record.facts import COUNTS, CostAxis, Point, SearchFacts
from hat.record.words import BASELINES, baseline_words, limit_words, unit_words

_BASELINE_SHAPES = ("up", "down", "cross", "square")


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
    bars = [_interval(p, axis.name) for p in front] + [_measured(p, axis.name) for p in named]
    extra += [end for ends in bars if ends is not None for end in ends]
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
            if (ends := _interval(point, axis.name)) is not None:
                canvas.bar(at(point, ends[0]), at(point, ends[1]), "e-front")
            canvas.mark(at(point, predicted_cost(point, axis.name)), "circle", "m-front")
        for point in named:
            if (ends := _measured(point, axis.name)) is not None:
                canvas.bar(at(point, ends[0]), at(point, ends[1]), "e-measured")
            canvas.mark(at(point, shown_cost(point, axis.name)), *style_of(point))

    quality = short_quality(search)
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


def _interval(point: Point, cost: str) -> Pair | None:
    """The ends of the bar of a prediction."""
    return point.interval.get(cost)


def _measured(point: Point, cost: str) -> Pair | None:
    """The ends of the bar of a measurement; nothing takes less than no time."""
    measured = point.measured.get(cost)
    if measured is None or measured.bound is None:
        return None
    return max(0.0, 2 * measured.mean - measured.bound), measured.bound


def _spread(point: Point, axis: CostAxis) -> float | None:
    """Half of the bar of a latency in a view of BLEU."""
    if axis.unit != "ms":
        return None
    measured = point.measured.get(axis.name)
    if point.in_turn and measured is not None and measured.bound is not None:
        return measured.bound - measured.mean
    return None


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
        if (p.inherited or p.retrained) and (cost := p.cost(axis.name)) is not None
    ]
    if len(rows) < 2:
        return None
    extra = [axis.limit] if axis.limit is not None else []
    extra += [end for p, v in rows if (s := _spread(p, axis)) for end in (max(0.0, v - s), v + s)]
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
            spread = _spread(point, axis)
            for quality, style in ((point.inherited, "hollow"), (point.retrained, "")):
                if quality is None:
                    continue
                if quality.std:
                    low, high = quality.mean - quality.std, quality.mean + quality.std
                    canvas.bar((x, low), (x, high), "e-measured")
                if spread:
                    left, right = max(0.0, cost - spread) / scale, (cost + spread) / scale
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
        (key_mark("square", "m-plain"), "filled: retrained"),
        (key_mark("square", "m-plain hollow"), "hollow: inherited weights"),
    ]
    bars = ["95% interval of the latency"] if any(_spread(p, axis) for p in named) else []
    if any(p.retrained and p.retrained.std for p in named):
        bars.append("standard deviation of BLEU over trainings")
    if bars:
        legend.append((key_line("error e-measured"), f"bars: {'; '.join(bars)}"))
    if axis.limit is not None:
        legend.append((key_line("limit"), f"limit, {limit_words(axis.limit, axis.unit)}"))
    return Panel(axis.name, "bleu", axis.title, Figure(drawings, legend))


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
            style = LINES[place % len(LINES)]
            canvas.line(line, f"{style} main", steps=True)
            for point in line:
                canvas.mark(point, "circle", f"{style} dot")

    drawings = draw(
        lambda a, b: Scale.around([x for line in lines for x, _ in line], a, b),
        better_up([y for line in lines for _, y in line], first.higher_is_better),
        (f"{title}, {unit}" if unit else title, short_quality(first)),
        f"the fronts of {len(lines)} searches",
        paint,
    )
    legend = [
        (key_line(f"line main {LINES[place % len(LINES)]}"), name)
        for place, (name, _) in enumerate(rows)
    ]
    return Figure(drawings, legend)
