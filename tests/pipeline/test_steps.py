"""Steps of a pipeline: what runs again, what is skipped, what a failure leaves."""

import sys
from pathlib import Path

import pytest

from hat.pipeline.steps import Runner, Step, StepError

COPY = (
    "import json, pathlib, sys; text = pathlib.Path(sys.argv[1]).read_text(); "
    "pathlib.Path(sys.argv[2]).write_text(text); print('busy'); "
    "print(json.dumps({'length': len(text)}))"
)


def make_step(folder: Path, code: str = COPY, **changes: object) -> Step:
    settings: dict[str, object] = {
        "name": "copy",
        "about": "copy a file",
        "command": (sys.executable, "-c", code, str(folder / "in"), str(folder / "out")),
        "inputs": (folder / "in",),
        "outputs": (folder / "out",),
    }
    return Step(**{**settings, **changes})  # type: ignore[arg-type]


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def runner(tmp_path: Path, lines: list[str]) -> Runner:
    (tmp_path / "in").write_text("abc")
    return Runner(tmp_path / "run", "this machine", lines.append)


def test_a_step_runs_once_and_again_when_its_input_changes(
    runner: Runner, tmp_path: Path, lines: list[str]
) -> None:
    step = make_step(tmp_path)
    first = runner.run(step)
    assert (first.skipped, first.result) == (False, {"length": 3})
    second = runner.run(step)
    assert (second.skipped, second.result) == (True, {"length": 3})
    assert lines[-1] == "= copy: up to date (copy a file)"
    (tmp_path / "in").write_text("abc")  # the same content, a newer clock
    assert runner.run(step).skipped
    (tmp_path / "in").write_text("abcd")
    assert runner.run(step).result == {"length": 4}


def test_a_changed_output_or_command_runs_the_step_again(runner: Runner, tmp_path: Path) -> None:
    step = make_step(tmp_path)
    runner.run(step)
    (tmp_path / "out").write_text("spoilt")
    assert not runner.run(step).skipped
    assert (tmp_path / "out").read_text() == "abc"
    (tmp_path / "out").unlink()
    assert not runner.run(step).skipped
    assert not runner.run(make_step(tmp_path, COPY + "; ")).skipped


def test_measurements_belong_to_a_machine(tmp_path: Path, runner: Runner) -> None:
    here, there = make_step(tmp_path), make_step(tmp_path, name="m", depends_on_machine=True)
    runner.run(here), runner.run(there)
    other = Runner(tmp_path / "run", "another machine", lambda _: None)
    assert other.run(here).skipped
    assert not other.run(there).skipped


def test_a_failed_step_shows_its_last_lines_and_leaves_no_state(
    runner: Runner, tmp_path: Path, lines: list[str]
) -> None:
    failing = make_step(tmp_path, "print('the reason'); raise SystemExit(3)")
    with pytest.raises(StepError, match=r"step 'copy' failed with exit code 3; its log is .*copy"):
        runner.run(failing)
    assert "  | the reason" in lines
    assert not (tmp_path / "run" / "steps" / "copy.json").exists()
    with pytest.raises(StepError, match=r"step 'copy' did not write .*out"):
        runner.run(make_step(tmp_path, "pass"))


def test_a_damaged_state_runs_the_step_again(runner: Runner, tmp_path: Path) -> None:
    step = make_step(tmp_path)
    runner.run(step)
    (tmp_path / "run" / "steps" / "copy.json").write_text("{")
    assert not runner.run(step).skipped


def test_changed_inputs_set_the_half_done_work_aside(
    runner: Runner, tmp_path: Path, lines: list[str]
) -> None:
    work = tmp_path / "work"
    step = make_step(tmp_path, "raise SystemExit(1)", work_dir=work)
    with pytest.raises(StepError):
        runner.run(step)
    work.mkdir()
    (work / "half").touch()
    with pytest.raises(StepError):
        runner.run(step)
    assert (work / "half").exists(), "the same inputs go on from it"
    (tmp_path / "in").write_text("changed")
    with pytest.raises(StepError):
        runner.run(step)
    assert not work.exists()
    assert (tmp_path / "work.old" / "half").exists()
    assert f"  its inputs have changed: {work} is now {work}.old" in lines


def test_expected_times(runner: Runner, tmp_path: Path) -> None:
    step = make_step(tmp_path, minutes=2.0)
    assert runner.expected_seconds(step) == 120.0
    assert runner.expected_seconds(make_step(tmp_path)) is None
    runner.run(step)
    assert runner.expected_seconds(step) == 0.0
    (tmp_path / "in").write_text("changed")
    assert 0.0 < (runner.expected_seconds(step) or 0.0) < 60.0
