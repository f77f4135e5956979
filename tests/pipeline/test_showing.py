"""What a step does is shown as it goes on: a line on a terminal, milestones elsewhere."""

import io
import json
import time
from pathlib import Path

import pytest

from hat.pipeline import showing
from hat.pipeline.notes import cause, doubt, notes
from hat.pipeline.showing import describe, shown_progress
from hat.progress import VARIABLE, Progress


def test_a_command_tells_only_who_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Progress(10, "rows").advance(3)
    assert not list(tmp_path.iterdir())
    path = tmp_path / "told"
    monkeypatch.setenv(VARIABLE, str(path))
    progress = Progress(10, "rows", done=2)
    progress.advance(3)
    progress.reach(10)
    told = json.loads(path.read_text())
    assert (told["done"], told["total"], told["begin"], told["unit"]) == (10, 10, 2, "rows")
    path.unlink()
    Progress(0, "rows").advance()
    monkeypatch.setenv("RANK", "1")
    Progress(10, "rows").advance()
    assert not path.exists(), "nobody knows how many, or another process tells"


def test_time_left_goes_by_what_was_done_here() -> None:
    now = time.time()
    told = {"done": 30, "total": 50, "begin": 20, "unit": "updates"}
    told |= {"started": now - 60, "written": now}
    assert describe(told) == "30 of 50 updates, 2.0 min left"
    waiting = {**told, "started": now - 63, "written": now - 3}
    assert describe(waiting) == "30 of 50 updates, 1.9 min left"  # 117 s
    stuck = {**told, "started": now - 660, "written": now - 600}
    assert describe(stuck) == "30 of 50 updates, 1.9 min left"  # by one update at most
    assert describe({**told, "done": 20}) == "20 of 50 updates"
    assert describe(None) == ""


def test_milestones_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "_SECONDS", 0.005)
    lines: list[str] = []
    with shown_progress(lines.append, io.StringIO()) as path:
        for done in range(11):
            told = {"done": done, "total": 10, "begin": 0, "unit": "rows"}
            told |= {"started": time.time() - 30, "written": time.time()}
            Path(path).write_text(json.dumps(told))
            time.sleep(0.03)
    assert [line.split(" rows")[0] for line in lines] == ["  3 of 10", "  5 of 10", "  8 of 10"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1


def test_a_line_renews_itself_on_a_terminal_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(showing, "_SECONDS", 0.005)
    monkeypatch.setattr("os.get_terminal_size", lambda _: showing.os.terminal_size((24, 5)))
    stream, lines = Terminal(), list[str]()
    with shown_progress(lines.append, stream) as path:
        told = {"done": 5, "total": 10, "begin": 0, "unit": "rows"}
        told |= {"started": time.time() - 5, "written": time.time()}
        Path(path).write_text(json.dumps(told))
        time.sleep(0.1)
    shown = stream.getvalue().split("\r")
    assert "  5 of 10 rows, 5 s lef" in shown and not lines
    assert shown[-2].strip() == "" and shown[-1] == ""


def test_notes_say_what_the_owner_should_know() -> None:
    said = notes("latency-dataset", {"rows": 150, "marked_rows": 40})
    assert said == [
        "warning: 40 of 150 rows were measured while the machine was disturbed, and are left out"
    ]
    assert notes("latency-dataset", {"rows": 150, "marked_rows": 150}) == [
        "warning: 150 of 150 rows were measured while the machine was disturbed: the next run of "
        "this pipeline measures again"
    ]
    assert notes("latency-predictor", {"cv_error_percent": 4.24}) == [
        "the predictor is 4.2 % off on average, in cross-validation"
    ]
    assert notes("evo-search", {"finalists": 3, "finalists_that_missed": 1}) == [
        "1 of 3 measured finalists missed the limit and were repaired or dropped"
    ]
    assert notes("evo-search", {"finalists": 3, "finalists_that_missed": 0}) == []
    (unused,) = notes("evo-search", {"finalists": 3, "unused_percent": 18.7})
    assert unused.startswith("the winner leaves 19 % of its limit: the predictor's bound")
    assert notes("evo-search", {"finalists": 3, "unused_percent": 9.4}) == []
    disturbed = {"latency-dataset.a": {"rows": 9, "marked_rows": 9}, "latency-dataset.b": {}}
    assert cause("evo-search.a.fast", disturbed) == (
        "; 9 of 9 rows were disturbed as latencies were measured: the same command measures again"
    )
    assert cause("evo-search.b.fast", disturbed) == cause("train-largest", disturbed) == ""
    (nothing,) = notes("evaluate-best-retrained", {"bleu": 0.04, "chrf": 2.5})
    assert nothing.startswith("warning: BLEU 0.04 is next to nothing; the log of this step says")
    assert notes("evaluate-largest-inherited", {"bleu": 0.6, "chrf": 9.0}) == []
    assert notes("preprocess", {"rows": 1}) == notes("latency-dataset", {}) == []


@pytest.mark.parametrize(
    ("step", "result", "says"),
    [
        ("compare-latencies", {}, "has no 'rows'"),
        ("compare-latencies.phone", {"rows": {}}, "rows: has no 'best.yml'"),
        ("evaluate-best-retrained.seed2", {}, "has no 'bleu'"),
        ("evaluate-largest-inherited", {"bleu": 40, "chrf": "high"}, "'chrf' must be a number"),
        ("latency-dataset", {"rows": None}, "'rows' must be a number"),
        ("evo-search", {"finalists": [3]}, "'finalists' must be a number, but found [3]"),
        ("latency-predictor.phone", {"cv_error_percent": "small"}, "'cv_error_percent' must be"),
        ("average-largest", {"warning": ["a"]}, "'warning' must be a text"),
        ("latency-dataset", {"rows": 10, "marked_rows": 6}, "6 of 10 rows were disturbed"),
    ],
)
def test_a_result_that_the_report_cannot_use_is_made_again(
    step: str, result: dict[str, object], says: str
) -> None:
    found = doubt(step, result, rows=["best.yml"])
    assert found is not None and says in found


def test_results_of_other_steps_and_good_ones_are_relied_on() -> None:
    row = {"latency_ms": 5.0, "error_ms": 0.1, "predicted_ms": 5, "predicted_upper_ms": None}
    for step, result in (
        ("preprocess", {"rows": "many"}),
        ("compare-latencies", {"rows": {"best.yml": row}}),
        ("evaluate-best-inherited", {"bleu": 0.0, "chrf": None}),
        ("evo-search", {"limit_ms": None}),
        ("latency-predictor", {"cv_error_percent": None}),
    ):
        assert doubt(step, result, rows=["best.yml"]) is None, step
