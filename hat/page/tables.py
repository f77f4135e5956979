"""The tables about the points of a search: what ships, the front, what more brings."""

from collections.abc import Sequence

from hat.amounts import keeps_limit
from hat.numerals import number_of
from hat.page.front_figures import name_words
from hat.page.view_parts import Row, Table
from hat.record.budget import predicted_cost
from hat.record.facts import CostAxis, Point, Quality, SearchFacts
from hat.record.words import amount, limit_words, score_unit, with_spread

_NONE = "–"


def ships_table(search: SearchFacts, key: str) -> Table:
    """Winner, other finalists, baselines and largest: all that one can choose from."""
    named = [p for p in search.points.values() if p.names]
    named.sort(key=lambda p: (p.id != search.winner, _finalist(p), "largest" in p.names))
    costs = [axis for axis in search.axes if axis.limit is not None]
    titles = ["architecture"]
    for axis in costs:
        of = f" {short_place(axis)}" if len(costs) > 1 else ""
        titles += [
            f"limit{of}",
            *([f"predicted{of}", f"measured{of}"] if is_timed(axis) else [axis.title]),
            "fits",
        ]
    titles += ["BLEU inherited", "BLEU retrained", "parameters", "fp32", "int8"]
    rows = []
    for point in named:
        cells = [name_words(point)]
        for axis in costs:
            known = predicted_cost(point, axis.name)
            shown = _NONE if known is None else amount(known, axis.unit)
            cells += [limit_words(axis.limit, axis.unit), shown]
            cells += [_measured_text(point, axis)] if is_timed(axis) else []
            cells.append(fits_text(point, axis))
        cells += [
            quality_text(point.inherited),
            quality_text(point.retrained),
            _size(point.params, ""),
            _size(point.bytes_fp32, "bytes"),
            _size(point.bytes_int8, "bytes"),
        ]
        style = "winner" if point.id == search.winner else ""
        rows.append(Row(cells=cells, style=style, point=f"{key}/{point.id}"))
    return Table(titles=titles, rows=rows, stacks=True)


def is_timed(axis: CostAxis) -> bool:
    """Whether a cost is predicted and measured; others are counted."""
    return axis.unit == "ms"


def short_place(axis: CostAxis) -> str:
    """What tells one limit from another: ``on phone``, ``(parameters)``."""
    return axis.title.removeprefix("latency ") if is_timed(axis) else f"({axis.title})"


def _measured_text(point: Point, axis: CostAxis) -> str:
    measured = point.measured.get(axis.name)
    if measured is not None:
        spread = None if measured.bound is None else measured.bound - measured.mean
        slower = f", {measured.slower:.0%} slower" if measured.slower else ""
        return with_spread(measured.mean, spread, axis.unit) + slower
    return _NONE


def _finalist(point: Point) -> int:
    """Its place among the finalists; those that are none come after them."""
    places = [name.removeprefix("finalist ") for name in point.names if "finalist" in name]
    return int(places[0]) if places and places[0].isdigit() else 1000


def _size(value: int | None, unit: str) -> str:
    return _NONE if value is None else amount(value, unit)


def fits(point: Point, cost: str, limit: float | None) -> bool | None:
    """Whether a point keeps a limit, as measured with its bound, or else as predicted.

    None if that is not known: nothing is, or the machine was too slow or too unsteady when it was
    measured.
    """
    if limit is None:
        return None
    measured = point.measured.get(cost)
    if measured is not None:
        # In turn, the mean decides, as where the pipeline ends; a search wants its bound to fit.
        by_mean = point.in_turn or measured.bound is None
        value: float | None = measured.mean if by_mean else measured.bound
        slower = measured.slower
        error = measured.bound - measured.mean if by_mean and measured.bound is not None else 0.0
    else:
        value, slower, error = point.bound.get(cost, predicted_cost(point, cost)), 0.0, 0.0
    return None if value is None else keeps_limit(value, limit, slower, error)


def fits_text(point: Point, axis: CostAxis) -> str:
    """``fits`` in a word, and whether it rests on a prediction."""
    found = fits(point, axis.name, axis.limit)
    if found is None:
        return _NONE
    is_guess = is_timed(axis) and axis.name not in point.measured
    return f"{'yes' if found else 'no'}{', predicted' if is_guess else ''}"


def at_most(point: Point, cost: str, unit: str) -> str:
    """The upper bound of what was measured, to stand behind the mean."""
    measured = point.measured.get(cost)
    if measured is None or measured.bound is None:
        return ""
    return f", at most {amount(measured.bound, unit)} with 95% confidence"


def share_of_largest(search: SearchFacts, point: Point) -> str:
    """Parameters beside those of the largest SubTransformer, if both are known."""
    largest = next((p for p in search.points.values() if "largest" in p.names), None)
    if largest is None or not largest.params or point.params is None:
        return ""
    return f"{100 * point.params / largest.params:.0f}% of the largest one's"


def score_note(search: SearchFacts) -> str:
    """The unit of a search's score and which of two is better, in brackets."""
    unit = score_unit(search.objective)
    better = f"{'higher' if search.higher_is_better else 'lower'} is better"
    return f" (in {unit}; {better})" if unit else f" ({better})"


def quality_text(quality: Quality | None) -> str:
    """BLEU with its spread over trainings, and a word if it is not worth much: see ``doubts``."""
    if quality is None:
        return _NONE
    spread = f" ± {quality.std:.2f}" if quality.std is not None else ""
    return f"{quality.mean:.2f}{spread}{', doubtful' if quality.doubts else ''}"


def doubts(named: Sequence[Point]) -> list[str]:
    """Sentences of what is wrong with the figures of points that have names."""
    found = []
    for point in named:
        name = name_words(point)
        slower = max((measured.slower for measured in point.measured.values()), default=0)
        if slower:
            found.append(
                f"{name}: the machine was {slower:.0%} slower than usual when its latency was "
                "measured; hat pipeline measures again."
            )
        for what, quality in (("inherited", point.inherited), ("retrained", point.retrained)):
            found += [f"{name}, {what}: {each}." for each in (quality.doubts if quality else ())]
    return [f"{each[:1].upper()}{each[1:]}" for each in found]


def front_table(search: SearchFacts, key: str) -> Table | None:
    """The front of the first cost, as a table to be unfolded."""
    if not search.axes or not search.axes[0].front:
        return None
    axis = search.axes[0]
    rows = []
    for id_ in axis.front:
        point = search.points[id_]
        layers = [
            point.arch["encoder-layer-num-subtransformer"],
            point.arch["decoder-layer-num-subtransformer"],
        ]
        name = name_words(point) or f"candidate {id_.removeprefix('c')}"
        rows.append(
            Row(
                cells=[
                    name,
                    amount(predicted_cost(point, axis.name), axis.unit),
                    "" if point.score is None else f"{point.score:.5g}",
                    f"{layers[0]} + {layers[1]}",
                    _size(point.params, ""),
                    _size(point.bytes_int8, "bytes"),
                ],
                style="winner" if id_ == search.winner else "",
                point=f"{key}/{id_}",
            )
        )
    titles = [
        "architecture",
        f"predicted {axis.title}" if is_timed(axis) else axis.title,
        search.objective_title,
        "encoder + decoder layers",
        "parameters",
        "size in int8",
    ]
    return Table(
        titles=titles, rows=rows, caption=f"The front: {number_of(len(rows), 'architecture')}"
    )


def steps_table(search: SearchFacts, key: str) -> Table | None:
    """What each step of a larger budget brings."""
    if len(search.steps) < 2:
        return None
    axis = search.axes[0]
    rows, before = [], None
    for step in search.steps:
        point = search.points[step.id]
        same = before is not None and before.id == step.id
        gain = "–" if step.gain is None else "nothing" if same else f"{step.gain:+.4g} better"
        rows.append(
            Row(
                cells=[
                    amount(step.limit, axis.unit),
                    "the same as before" if same else amount(step.cost, axis.unit),
                    f"{step.score:.5g}",
                    gain if step.gain is None or same or step.gain >= 0 else f"{step.gain:+.4g}",
                    _size(point.params, ""),
                    str(point.arch["decoder-layer-num-subtransformer"]),
                ],
                style="winner" if step.id == search.winner and not same else "",
                point=f"{key}/{step.id}",
            )
        )
        before = step
    titles = [
        "budget",
        "the best takes",
        search.objective_title,
        "against the line above",
        "parameters",
        "decoder layers",
    ]
    return Table(titles=titles, rows=rows)
