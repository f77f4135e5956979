"""What is drawn stays inside its plot, and has its true shape."""

import re
from dataclasses import replace

from hat.page.figures import Figure, latency_figure
from hat.page.front_figures import front_panels
from hat.page.svg import NARROW, WIDE, fitted
from hat.record.run import read_run


def wide_plot(figure: Figure) -> str:
    """The first drawing of a figure."""
    return str(figure.drawings).partition("</svg>")[0]


def places(drawing: str, style: str) -> list[tuple[float, float]]:
    """The corners of the paths of a style; caps and what else is relative are left out."""
    paths = re.findall(rf'<path class="[^"]*\b{style}\b[^"]*" d="([^"]*)"', drawing)
    return [
        (float(x), float(y)) for path in paths for x, y in re.findall(r"([\d.-]+) ([\d.-]+)", path)
    ]


def test_wide_bars_stay_inside_the_plot(made) -> None:
    (search,) = read_run(made).searches
    axis = search.axes[0]
    wide = {key: replace(p, interval={axis.name: (1.0, 400.0)}) for key, p in search.points.items()}
    panels = front_panels(replace(search, points=wide))
    drawing = wide_plot(panels[0].figure)
    found = places(drawing, "e-front")
    assert found and all(WIDE.left <= x <= WIDE.width - WIDE.right for x, _ in found)


def test_the_band_of_a_predictor_goes_on_to_the_edges(made) -> None:
    latency = replace(read_run(made).latencies[0], interval=(-0.4, 0.5))
    drawing = wide_plot(latency_figure(latency))
    corners = places(drawing, "band")
    right = max(x for x, _ in corners)
    on_the_right = {y for x, y in corners if x == right}
    assert len(on_the_right) == 2 and min(on_the_right) == min(y for _, y in corners)


def test_titles_of_axes_fit_a_phone_and_keep_their_unit(made) -> None:
    """Small letters before cut ones; what is cut is never the unit."""
    (search,) = read_run(made).searches
    drawings = "".join(str(panel.figure.drawings) for panel in front_panels(search))
    assert "lower is better: up)" in drawings and "…" not in drawings
    room = NARROW.width - NARROW.left - NARROW.right
    long = "latency on AMD EPYC in onnxruntime 1.32.0, int8, ms"
    assert fitted("latency, ms", room) == ("latency, ms", 1.0)
    for title in (long, long.replace("AMD", "AMD " * 9), "loss " * 60, "loss " * 60 + ", ms"):
        text, times = fitted(title, room)
        assert 0.75 <= times < 1 and len(text) * times * 6.5 < room
        assert text == title or ("…" in text and text.endswith(", ms") == title.endswith(", ms"))
