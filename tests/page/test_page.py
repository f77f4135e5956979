"""The page in a real browser, as a stranger with a telephone or at a desk would open it."""

import html
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hat.commands.pipeline import _write_page
from hat.files import write_json, write_text
from hat.page.html import script_json
from hat.page.write import PageSettings, write_page
from tests.page import made_run
from tests.page.browser import Browser

WIDTHS = (360, 1280)
EVIL = "</script><img src=x onerror=hacked=1><script>hacked=1</script>"


@pytest.fixture(scope="module")
def page(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "page.html"
    return write_page([made], PageSettings(out=out))[0]


OVERFLOWS = """
(() => {
  const found = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) found.push("the page");
  const scrolls = (e) => e && (getComputedStyle(e).overflowX === "auto" || scrolls(e.parentElement));
  for (const e of document.body.querySelectorAll("*")) {
    if (e.namespaceURI.endsWith("svg") && e.localName !== "svg") continue;
    const box = e.getBoundingClientRect();
    if (box.width && (box.right > width + 1 || box.left < -1) && !scrolls(e)) found.push(e.outerHTML.slice(0, 80));
  }
  for (const text of document.querySelectorAll("svg.plot text")) {
    const box = text.getBoundingClientRect(), all = text.ownerSVGElement.getBoundingClientRect();
    if (!box.width) continue;
    if (box.left < all.left - 1 || box.right > all.right + 1 || box.top < all.top - 1 || box.bottom > all.bottom + 1)
      found.push(text.textContent);
  }
  return found;
})()
"""  # noqa: E501


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dark", [False, True])
def test_opens_without_a_complaint_and_nothing_overflows(
    chromium: Browser, page: Path, width: int, dark: bool
) -> None:
    chromium.open(f"file://{page}", width, dark=dark)
    assert chromium.complaints() == []
    assert chromium.run("document.documentElement.dataset.ready") == "yes"
    assert chromium.run(OVERFLOWS) == []
    visible = (
        "[...document.querySelectorAll('svg.plot')].filter(e => e.getBoundingClientRect().width)"
    )
    assert chromium.run(f"{visible}.length") >= 5
    name = "narrow" if width < 600 else "wide"
    assert chromium.run(f"{visible}.every(e => e.classList.contains('{name}'))")


CHOSEN = "document.querySelector('section.front').dataset.chosen"
PLOT = (
    "[...document.querySelectorAll('section.front .plot')]"
    ".find(e => e.getBoundingClientRect().width)"
)


def place_of(chromium: Browser, id_: str) -> tuple[float, float]:
    """Where a point is on the screen, from its data and the plot's map."""
    found = chromium.run(
        f"""(() => {{
          const svg = {PLOT};
          svg.scrollIntoView({{block: "center", behavior: "instant"}});
          const all = JSON.parse(document.getElementById("data").textContent)["0-0"].points;
          const point = all.find(p => p.id === "{id_}");
          const [ax, bx, ay, by] = svg.dataset.map.split(" ").map(Number), m = svg.getScreenCTM();
          return [m.a * (ax * point.at[0] + bx) + m.e, m.d * (ay * point.score + by) + m.f];
        }})()"""
    )
    return found[0], found[1]


def front_of(page: Path) -> list[str]:
    facts = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    return list(facts["runs"][0]["searches"][0]["axes"][0]["front"])


@pytest.mark.parametrize("width", WIDTHS)
def test_a_click_or_a_tap_shows_what_lies_there(chromium: Browser, page: Path, width: int) -> None:
    chromium.open(f"file://{page}", width)
    winner = chromium.run(CHOSEN)
    first = front_of(page)[0]
    assert first != winner
    point = place_of(chromium, first)
    (chromium.tap if width < 600 else chromium.click)(*point)
    assert chromium.run(CHOSEN) == first
    assert chromium.run("location.hash") == f"#point=0-0/{first}"
    text = chromium.run("document.querySelector('.details').textContent")
    assert "parameters" in text and "predicted" in text and "found in round" in text
    label = chromium.run("document.querySelector('.details svg.arch').getAttribute('aria-label')")
    assert re.match(r"Encoder of width \d+ with 6 layers", label)
    assert chromium.complaints() == []


def test_the_keyboard_goes_along_the_front(chromium: Browser, page: Path) -> None:
    chromium.open(f"file://{page}", 1280)
    chromium.run(f"{PLOT}.focus()")
    chromium.press("Home")
    seen = [chromium.run(CHOSEN)]
    for _ in range(3):
        chromium.press("ArrowRight")
        seen.append(chromium.run(CHOSEN))
    assert len(set(seen)) == 4 and seen[0] == front_of(page)[0]
    chromium.press("ArrowLeft")
    assert chromium.run(CHOSEN) == seen[2]


def test_the_address_names_a_point_and_a_wrong_one_does_no_harm(
    chromium: Browser, page: Path
) -> None:
    second = front_of(page)[1]
    chromium.open(f"file://{page}#point=0-0/{second}", 1280)
    assert chromium.run(CHOSEN) == second
    for wrong in ("#point=0-0/nobody", "#point=9-9/c1", "#point=0-0/%E0%A4%A", "#point=", "#x"):
        chromium.open(f"file://{page}{wrong}", 1280)
        assert chromium.run("document.documentElement.dataset.ready") == "yes"
        assert chromium.complaints() == []


def test_cost_and_quality_can_be_chosen(chromium: Browser, page: Path) -> None:
    chromium.open(f"file://{page}", 1280)
    shown = (
        "[...document.querySelectorAll('section.front .panel:not([hidden])')]"
        ".map(e => e.dataset.axis + ' ' + e.dataset.quality)"
    )
    assert chromium.run(shown) == ["latency_ms score"]
    chromium.run("document.querySelector('button[data-quality=bleu]').click()")
    assert chromium.run(shown) == ["latency_ms bleu"]
    chromium.run("document.querySelector('button[data-axis=bytes_int8]').click()")
    assert chromium.run(shown) == ["bytes_int8 bleu"]
    assert chromium.run("document.querySelectorAll('button[aria-pressed=true]').length") == 2


def test_prints_the_wide_plots_and_no_buttons(chromium: Browser, page: Path) -> None:
    chromium.open(f"file://{page}", 700)
    chromium.call("Emulation.setEmulatedMedia", media="print")
    assert chromium.run("getComputedStyle(document.querySelector('.choices')).display") == "none"
    assert chromium.run("getComputedStyle(document.querySelector('.plot.wide')).display") != "none"
    assert chromium.run("document.documentElement.scrollWidth <= innerWidth")
    chromium.call("Emulation.setEmulatedMedia", media="")


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of somebody who wants to run code in the page of others."""
    run = made_run.make_run(
        tmp_path_factory.mktemp("evil") / "<img src=x onerror=hacked=1>", rounds=2
    )
    for log in run.glob("*/exp/*_gen.out"):
        log.write_text(log.read_text().replace("nummer 4 ", f"{EVIL} "))
    state = run / "best_cpu.search" / "search_state.json"
    content = json.loads(state.read_text())
    content["conditions"] |= {EVIL: EVIL, "scorer": EVIL}
    write_json(state, content)
    trials = state.with_name("trials.jsonl")
    trials.write_text(trials.read_text().replace("inherited-loss", EVIL.replace('"', "'")))
    report = state.parent / "report"
    for name in ("rank_correlations.csv", "baselines.csv", "contest.csv", "finalists.csv"):
        text = (report / name).read_text().replace("random search", EVIL)
        write_text(report / name, text.replace("decoder_depth", EVIL))
    meta = run / "latency_cpu.csv.meta.jsonl"
    meta.write_text(meta.read_text().replace("Example CPU", EVIL))
    made_run.step(run, 'measure-best"><script>hacked=1', 5.0, {}, [EVIL])
    return run


@pytest.mark.parametrize("width", WIDTHS)
def test_a_stranger_runs_no_code_in_the_page(
    chromium: Browser, evil: Path, made: Path, tmp_path: Path, width: int
) -> None:
    page = write_page([evil, made], PageSettings(out=tmp_path / "page.html"))[0]
    text = page.read_text()
    assert text.count("<script") == 2 and "<img" not in text
    policy = html.unescape(text.partition('content="')[2].partition('"')[0])
    assert "script-src 'sha256-" in policy and "unsafe" not in policy
    chromium.open(f"file://{page}", width)
    assert chromium.complaints() == []
    assert chromium.run("typeof hacked") == "undefined"
    assert chromium.run("document.images.length") == 0
    assert chromium.run("document.documentElement.dataset.ready") == "yes"
    assert chromium.run(OVERFLOWS) == []
    assert "<img" not in page.with_suffix(".md").read_text().replace("\\<img", "")


def test_the_policy_stops_a_script_even_if_one_came_in(
    chromium: Browser, page: Path, tmp_path: Path
) -> None:
    """Two locks: were something not escaped after all, the browser would not run it."""
    broken = tmp_path / "broken.html"
    broken.write_text(page.read_text().replace("<main>", f"<main>{EVIL}", 1))
    chromium.open(f"file://{broken}", 1280)
    assert chromium.run("typeof hacked") == "undefined"
    assert any("Content Security Policy" in each for each in chromium.complaints())


def test_json_for_a_script_holds_nothing_that_ends_it() -> None:
    text = script_json({"<&>": "</script><!--\u2028"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"<&>": "</script><!--\u2028"}


def test_several_runs_stand_side_by_side(
    chromium: Browser, made: Path, run: Path, tmp_path: Path
) -> None:
    state = run / "best_cpu.search" / "search_state.json"
    content = json.loads(state.read_text())
    content["conditions"]["limit latency_ms"] = 30.0  # the winner of another limit misses this one
    write_json(state, content)
    page, markdown, data = write_page([made, run], PageSettings(out=tmp_path / "both.html"))
    facts = json.loads(data.read_text())
    assert facts["differences"] == {"limit latency_ms": ["90.0", "30.0"]}
    text = markdown.read_text()
    assert "## Side by side" in text and "their scores do not compare" not in text
    chromium.open(f"file://{page}", 1280)
    assert chromium.run("document.querySelectorAll('section.front').length") == 2
    alert = chromium.run("document.querySelector('[role=alert]').textContent")
    assert re.search(r"The winner misses its limit: latency on Example CPU .* limit 30 ms", alert)
    assert chromium.complaints() == []


def test_axes_speak_in_words_and_units(page: Path) -> None:
    titles = set(re.findall(r'<text class="title"[^>]*>([^<]*)<', page.read_text()))
    assert "latency on Example CPU, ms" in titles and "size of the weights in int8, MB" in titles
    assert not [title for title in titles if "_" in title]
    assert "loss, bits per token (lower is better: up)" in titles


def test_markdown_and_json_say_the_same(made: Path, page: Path) -> None:
    text = page.with_suffix(".md").read_text()
    for title in (
        "What ships",
        "The front",
        "What do I get for 10 ms more?",
        "How the search converged",
        "How every score ranked",
        "Where the time went",
        "Translations side by side",
        "Training",
        "Settings and versions",
    ):
        assert f"## {title}" in text
    facts = json.loads(page.with_suffix(".json").read_text())
    search = facts["runs"][0]["searches"][0]
    winner = search["points"][search["winner"]]
    assert f"| {winner['retrained']['mean']:.2f} |" in text
    assert facts["format"] == "hat-report-1"
    for section in re.split(r"^#+ ", text, flags=re.MULTILINE)[2:]:
        assert section.partition("\n")[2].strip(), f"nothing is said under {section!r}"
    assert "All losses, in bits per token:" in text


def hat(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "hat.cli", "report", *words],
        capture_output=True, text=True, cwd=cwd, check=False,
    )  # fmt: skip


def test_the_command_writes_the_page_and_says_where(run: Path) -> None:
    done = hat(str(run), cwd=run.parent)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["html"] == str(run / "page.html") and Path(result["json"]).is_file()


@pytest.mark.parametrize("words", [("nowhere",), ("run", "--out", "page.txt")])
def test_a_mistake_is_one_sentence(run: Path, words: tuple[str, ...]) -> None:
    done = hat(*words, cwd=run.parent)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("error: ")


def test_a_pipeline_ends_with_the_page_and_stays_done_without_it(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write_page(run)
    assert capsys.readouterr().out.split() == ["page", str(run / "page.html")]
    _write_page(tmp_path / "nothing")
    assert "the page of the run could not be written: " in capsys.readouterr().err
