"""The page as one HTML file that needs nothing else and runs nothing but its own script.

A run may be a stranger's, so every text of it is escaped, what the script reads is JSON that cannot
end its element, and the page's policy (CSP) allows one script and one style sheet, by their hashes.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hat.arch.hat_yaml import arch_from_mapping
from hat.page.front_figures import name_words, shown_cost
from hat.page.tables import fits_text, is_timed, quality_text
from hat.page.view import compared, views
from hat.record.facts import Facts, Point, SearchFacts
from hat.record.words import amount, limit_words

_TEMPLATES = Path(__file__).parent / "templates"


def page_html(facts: Facts) -> str:
    """Returns the page."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"is_number": _is_number}
    style, script = (
        (_TEMPLATES / name).read_text(encoding="utf-8") for name in ("page.css", "page.js")
    )
    return environment.get_template("page.html").render(
        facts=facts,
        runs=views(facts),
        compared=compared(facts),
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
        data=Markup(script_json(_data(facts))),
    )


def _is_number(place: int, words: int) -> bool:
    return place >= words


def _policy(style: str, script: str) -> str:
    def source(text: str) -> str:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        return f"'sha256-{digest}'"

    return (
        f"default-src 'none'; style-src {source(style)}; script-src {source(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def script_json(value: Any) -> str:
    """Returns JSON that may stand in a script element: no ``<``, ``>`` or ``&`` is left in it."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=True)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _data(facts: Facts) -> dict[str, Any]:
    """What the script needs to know of the points: where they are, and what is said of them."""
    return {
        f"{place}-{number}": _search(search)
        for place, run in enumerate(facts.runs)
        for number, search in enumerate(run.searches)
    }


def _search(search: SearchFacts) -> dict[str, Any]:
    points = list(search.points.values())
    archs = [_arch(point) for point in points]
    return {
        "winner": search.winner,
        "most": [max((a[place] for a in archs), default=1) for place in (0, 1)]
        + [max((max(a[place]) for a in archs), default=1) for place in (2, 3)],
        "points": [
            {
                "id": point.id,
                "title": _title(point),
                "front": any(point.id in axis.front for axis in search.axes),
                "named": bool(point.names),
                "score": point.score,
                "bleu": [q and q.mean for q in (point.inherited, point.retrained)],
                "at": [shown_cost(point, axis.name) for axis in search.axes],
                "trainedAt": [point.cost(axis.name) for axis in search.axes],
                "arch": arch,
                "rows": _rows(search, point),
            }
            for point, arch in zip(points, archs, strict=True)
        ],
    }


def _arch(point: Point) -> list[Any]:
    """Widths, feed-forward widths, heads and spans, encoder before decoder."""
    arch = arch_from_mapping(point.arch, point.id)
    e, d = arch.encoder, arch.decoder
    return [
        e.embed_dim,
        d.embed_dim,
        e.ffn_dims,
        d.ffn_dims,
        e.self_heads,
        d.self_heads,
        d.ende_heads,
        d.ende_spans,
    ]


def _title(point: Point) -> str:
    words = name_words(point)
    if words:
        return words[:1].upper() + words[1:]
    return f"Candidate {point.id.removeprefix('c')}"


def _rows(search: SearchFacts, point: Point) -> Sequence[tuple[str, str]]:
    """What is said of a point, in the order in which one asks."""
    rows: list[tuple[str, str]] = []
    for axis in search.axes:
        if axis.limit is None:
            continue
        of = "" if axis.unit == "ms" and axis.name == "latency_ms" else f", {axis.title}"
        measured = point.measured.get(axis.name)
        if measured is not None:
            bound = (
                "" if measured.bound is None else (f", at most {amount(measured.bound, axis.unit)}")
            )
            how = " in turn" if point.in_turn and axis.unit == "ms" else ""
            rows.append((f"measured{how}{of}", f"{amount(measured.mean, axis.unit)}{bound}"))
        predicted = point.predicted.get(axis.name)
        if predicted is not None:
            ends = point.interval.get(axis.name)
            spread = "" if ends is None else f" ({ends[0]:.3g} to {ends[1]:.3g})"
            rows.append((f"predicted{of}", f"{amount(predicted, axis.unit)}{spread}"))
        bound_ = point.bound.get(axis.name)
        if bound_ is not None:
            what = "upper end, held against the limit" if predicted is not None else "predicted"
            if is_timed(axis):
                rows.append((f"{what}{of}", amount(bound_, axis.unit)))
        if point.names:
            rows.append(
                (
                    f"keeps {limit_words(axis.limit, axis.unit)}{of}",
                    fits_text(point, axis),
                )
            )
    if point.during_search is not None:
        rows.append(("measured during the search", amount(point.during_search.mean, "ms")))
    if point.score is not None:
        share = "" if point.share >= 1 else f", estimated on {point.share:.0%} of the data"
        rows.append((search.objective_title, f"{point.score:.5g}{share}"))
    for quality, what in ((point.inherited, "inherited weights"), (point.retrained, "retrained")):
        if quality is not None:
            rows.append((f"BLEU, {what}", quality_text(quality)))
    if point.params is not None:
        rows.append(("parameters", f"{point.params:,}"))
        rows.append(("size in fp32", amount(point.bytes_fp32, "bytes")))
        rows.append(("size in int8", amount(point.bytes_int8, "bytes")))
    if point.round is not None:
        rows.append(("found in round", str(point.round + 1)))
    return rows
