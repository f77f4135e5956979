"""Steps of a pipeline: what runs again, what is skipped, what a failure leaves."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hat.pipeline.steps import CommandError, Runner, Step, StepError, printable

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


def test_a_result_that_is_not_to_be_relied_on_is_made_again(
    runner: Runner, tmp_path: Path, lines: list[str]
) -> None:
    step = make_step(tmp_path, doubt=lambda result: "too short" if result["length"] < 4 else None)
    runner.run(step)
    assert runner.expected_seconds(step) != 0
    assert not runner.run(step).skipped
    assert "  copy: too short, so it is done again" in lines
    (tmp_path / "in").write_text("abcd")
    runner.run(step)
    assert runner.expected_seconds(step) == 0
    assert runner.run(step).skipped


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


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda state: state["result"].update(length=4), id="another number"),
        pytest.param(lambda state: state["result"].update(length=None), id="no number"),
        pytest.param(lambda state: state.update(seconds=1e308), id="another time"),
        pytest.param(lambda state: (state.pop("digest"), state.pop("result")), id="no result"),
        pytest.param(lambda state: (state.pop("digest"), state.pop("seconds")), id="no time"),
    ],
)
def test_a_state_that_was_edited_runs_the_step_again_and_says_so(
    edit: Callable[[dict[str, Any]], object], runner: Runner, tmp_path: Path, lines: list[str]
) -> None:
    step = make_step(tmp_path)
    runner.run(step)
    path = tmp_path / "run" / "steps" / "copy.json"
    state = json.loads(path.read_text())
    edit(state)
    path.write_text(json.dumps(state))
    lines.clear()
    again = runner.run(step)
    assert (again.skipped, again.result) == (False, {"length": 3})
    assert lines[0] == f"  {path}: is not as hat wrote it, so the step is done again"
    assert runner.run(step).skipped


def test_a_state_of_a_version_without_digests_of_its_own_is_taken(
    runner: Runner, tmp_path: Path
) -> None:
    step = make_step(tmp_path)
    runner.run(step)
    path = tmp_path / "run" / "steps" / "copy.json"
    state = json.loads(path.read_text())
    del state["digest"]
    path.write_text(json.dumps(state))
    assert runner.run(step).skipped


def test_a_change_under_an_old_time_is_noticed(runner: Runner, tmp_path: Path) -> None:
    step = make_step(tmp_path)
    os.utime(tmp_path / "in", (1e9, 1e9))
    runner.run(step)
    runner.run(step)
    (tmp_path / "in").write_text("xyz")  # as long as before
    os.utime(tmp_path / "in", (1e9, 1e9))  # as copying tools do
    assert not runner.run(step).skipped


def test_files_of_a_linked_folder_count(runner: Runner, tmp_path: Path) -> None:
    for name in ("data", "disk"):
        (tmp_path / name).mkdir()
    (tmp_path / "disk" / "text").write_text("one")
    (tmp_path / "data" / "raw").symlink_to("../disk")
    (tmp_path / "disk" / "back").symlink_to("../data")  # has no end
    step = make_step(tmp_path, inputs=(tmp_path / "in", tmp_path / "data"))
    runner.run(step)
    assert runner.run(step).skipped
    (tmp_path / "disk" / "text").write_text("two")
    assert not runner.run(step).skipped


def test_a_folder_whose_name_is_no_text_has_steps_too(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path / "na") + b"\xefve"))
    folder.mkdir()
    (folder / "in").write_text("abc")
    runner = Runner(folder / "run", "this machine", lambda _: None)
    assert not runner.run(make_step(folder)).skipped
    assert runner.run(make_step(folder)).skipped


def test_changed_inputs_set_the_half_done_work_aside(
    runner: Runner, tmp_path: Path, lines: list[str]
) -> None:
    work = tmp_path / "work"
    step = make_step(tmp_path, "raise SystemExit(1)", work_dir=work)
    with pytest.raises(StepError, match="failed with exit code 1;"):
        runner.run(step)
    work.mkdir()
    (work / "half").touch()
    with pytest.raises(StepError, match="failed with exit code 1;"):
        runner.run(step)
    assert (work / "half").exists(), "the same inputs go on from it"
    (tmp_path / "in").write_text("changed")
    with pytest.raises(StepError, match="failed with exit code 1;"):
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
    last = runner.expected_seconds(step)
    assert last == runner.last_seconds(step) and 0.0 < (last or 0.0) < 60.0
    other = replace(step, command=(*step.command, "--more"))
    assert runner.expected_seconds(other) is None, "what it took with other settings says nothing"
    assert runner.last_seconds(other) == last


def test_what_a_step_prints_may_be_its_output_and_is_whole_or_absent(
    runner: Runner, tmp_path: Path, lines: list[str]
) -> None:
    printed, log = tmp_path / "exp" / "x.out", tmp_path / "run" / "logs" / "copy.log"
    code = "import sys; print('H-0'); print('noise', file=sys.stderr); print('{\"n\": 1}')"
    step = make_step(tmp_path, code, outputs=(printed,), stdout=printed)
    assert runner.run(step).result == {"n": 1}
    assert printed.read_text() == 'H-0\n{"n": 1}\n' and log.read_text() == "noise\n"
    failing = make_step(tmp_path, code + "; sys.exit(3)", outputs=(printed,), stdout=printed)
    printed.unlink()
    with pytest.raises(CommandError, match="failed with exit code 3;"):
        runner.run(failing)
    assert "  | noise" in lines and not list(printed.parent.iterdir())


def test_a_step_for_some_hardware_has_files_of_its_own(runner: Runner, tmp_path: Path) -> None:
    for variant in ("_cpu", "_gpu"):
        assert not runner.run(make_step(tmp_path, variant=variant)).skipped
    assert runner.run(make_step(tmp_path, variant="_cpu")).skipped
    folder = tmp_path / "run"
    found = {p.name for p in folder.glob("*/*")} - {"digests.json"}  # where steps take seconds
    assert found == {"copy_cpu.json", "copy_cpu.log", "copy_gpu.json", "copy_gpu.log"}


@pytest.fixture
def hand(tmp_path: Path, runner: Runner, lines: list[str]) -> Runner:
    return Runner(runner.folder, "this machine", lines.append, by_hand=True)


def test_by_hand_a_step_shows_what_it_prints_and_again_its_result(
    hand: Runner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = COPY + "; print('w\u00f6rter', file=sys.stderr)"
    step = make_step(tmp_path, code)
    hand.run(step)
    out, err = capsys.readouterr()
    assert (out, err) == ('busy\n{"length": 3}\n', "w\u00f6rter\n")
    log = (tmp_path / "run" / "logs" / "copy.log").read_text(encoding="utf-8")
    assert sorted(log.splitlines()) == ["busy", "w\u00f6rter", '{"length": 3}']
    hand.run(step)
    assert capsys.readouterr().out == '{"length": 3}\n'


def test_by_hand_a_failure_keeps_its_exit_code_and_is_shown_once(
    hand: Runner, tmp_path: Path, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError) as caught:
        hand.run(make_step(tmp_path, "sys = __import__('sys'); sys.exit('the reason')"))
    assert caught.value.code == 1
    assert capsys.readouterr().err == "the reason\n"
    assert not any("the reason" in line for line in lines if line.startswith("  |"))


def test_by_hand_nothing_half_done_is_set_aside(
    runner: Runner, hand: Runner, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    with pytest.raises(StepError, match="failed with exit code 1;"):
        runner.run(make_step(tmp_path, "raise SystemExit(1)", work_dir=work))
    work.mkdir()
    step = make_step(tmp_path, COPY, work_dir=work)  # another command than the one that began
    hand.run(step)
    assert work.exists()
    (tmp_path / "out").unlink()
    runner.run(step)
    assert work.exists(), "it is this command's now"


def test_a_failure_by_hand_does_not_claim_work_that_was_there(
    runner: Runner, hand: Runner, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(StepError, match="failed with exit code 1;"):
        hand.run(make_step(tmp_path, "raise SystemExit(1)", work_dir=work))
    runner.run(make_step(tmp_path, COPY, work_dir=work))
    assert work.exists(), "nobody noted what it was made with: the command decides"


def test_a_command_is_shown_as_one_can_type_it() -> None:
    assert printable((sys.executable, "-c", "a b")) == "python -c 'a b'"


SAVES = """
import signal, sys, time
def save(number, frame):
    open(sys.argv[2], "w").write(f"saved {number}")
    sys.exit(128 + number)
signal.signal(signal.SIGINT, save)
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
for _ in range(600):  # a signal that comes just before one long sleep would be taken after it
    time.sleep(0.1)
"""

RUNS = """
import signal
import subprocess
import sys
import time
from pathlib import Path
# A shell may have started the tests with these ignored, as nohup does.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from hat.machine.signals import InterruptedStepError
from hat.pipeline.steps import Runner, Step
folder = Path(sys.argv[1])
step = Step(
    name="long", about="sleep", inputs=(), outputs=(folder / "out",),
    command=(sys.executable, "-c", sys.argv[2], "x", str(folder / "out")),
)
try:
    Runner(folder / "run", "here").run(step)
except InterruptedStepError as error:
    print(error)
    raise SystemExit(error.code)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_stops_the_step_too_and_lets_it_save(tmp_path: Path, name: str) -> None:
    number = getattr(signal, name)
    process = subprocess.Popen(
        [sys.executable, "-c", RUNS, str(tmp_path), SAVES], stdout=subprocess.PIPE, text=True
    )
    log = tmp_path / "run" / "logs" / "long.log"
    deadline = time.monotonic() + 60
    while not (log.exists() and log.read_text() == "ready\n"):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    told = signal.SIGTERM if name == "SIGHUP" else number
    assert (tmp_path / "out").read_text() == f"saved {told}", "the step was told, and could save"
    assert said.splitlines()[-1] == "stopped; the same command goes on with this step"
    assert not (tmp_path / "run" / "steps" / "long.json").exists()
