"""Steps of a pipeline: run what is out of date, skip what is not, remember what came out."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hat.errors import HatError
from hat.files import write_json, write_text
from hat.version import __version__

_SHOWN_LINES = 20


class StepError(HatError):
    """A step of a pipeline failed."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of a pipeline."""

    name: str
    """Also the name of its log and state files."""

    about: str
    """What it does, in a few words."""

    command: tuple[str, ...]

    inputs: tuple[Path, ...]
    """Files and folders it reads. When their content changes, it runs again."""

    outputs: tuple[Path, ...]
    """Files and folders it writes. When one is missing or was changed, it runs again."""

    work_dir: Path | None = None
    """Folder from which an interrupted run goes on. It is set aside, as ``NAME.old``, when the
    inputs have changed since the run began: what it holds belongs to the old ones."""

    depends_on_machine: bool = False
    """Whether another machine has to run it again: for measurements."""

    minutes: float | None = None
    """How long it takes on two CPU cores, until this machine has run it once."""


@dataclass(frozen=True)
class Outcome:
    """What a step left."""

    result: Mapping[str, Any]
    """The JSON of the last line it printed; empty if that was not JSON."""

    seconds: float
    skipped: bool


def digest(paths: Sequence[Path]) -> str:
    """Returns a hash over names and contents of files; folders count with all their files."""
    total = hashlib.sha256()
    for path in paths:
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            total.update(str(file).encode())
            if file.is_file():
                with open(file, "rb") as stream:
                    total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


class Runner:
    """Runs steps in a folder that keeps their logs and states."""

    def __init__(self, folder: Path, machine: str, say: Callable[[str], None] = print) -> None:
        """Sets up the runner.

        Args:
            folder: gets ``logs/`` and ``steps/``.
            machine: names the machine, for steps that depend on it.
            say: takes the lines of progress.
        """
        self.folder = folder
        self.machine = machine
        self.say = say

    def run(self, step: Step) -> Outcome:
        """Runs ``step`` unless it is up to date.

        Raises:
            StepError: if the command fails or does not write its outputs. The end of its log
                has been shown by then.
        """
        state = self._state(step)
        key = self._key(step)
        if state.get("inputs") == key and state.get("outputs") == digest(step.outputs):
            self.say(f"= {step.name}: up to date ({step.about})")
            return Outcome(state["result"], state["seconds"], skipped=True)
        self.say(f"> {step.name}: {step.about}{self._estimate(step, state)}")
        self.say(f"  {_printable(step.command)}")
        log = self.folder / "logs" / f"{step.name}.log"
        self._begin(step, key)
        started = time.perf_counter()
        code = self._execute(step, log)
        seconds = time.perf_counter() - started
        if code != 0:
            self._show_end(log)
            raise StepError(f"step {step.name!r} failed with exit code {code}; its log is {log}")
        missing = [str(path) for path in step.outputs if not path.exists()]
        if missing:
            raise StepError(f"step {step.name!r} did not write {', '.join(missing)}; see {log}")
        result = _last_json(log)
        record = {
            "inputs": self._key(step),
            "outputs": digest(step.outputs),
            "seconds": seconds,
            "command": list(step.command),
            "result": result,
        }
        write_json(self._state_path(step), record)
        self.say(f"  done in {_duration(seconds)}; log: {log}")
        return Outcome(result, seconds, skipped=False)

    def expected_seconds(self, step: Step) -> float | None:
        """Returns how long the step will take: 0 if up to date, None if nobody knows."""
        state = self._state(step)
        ready = all(path.exists() for path in step.inputs)
        if ready and state.get("inputs") == self._key(step):
            return 0.0
        if "seconds" in state:
            return float(state["seconds"])
        return None if step.minutes is None else step.minutes * 60

    def _key(self, step: Step) -> str:
        parts = [digest(step.inputs), __version__, *step.command[1:]]
        if step.depends_on_machine:
            parts.append(self.machine)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _begin(self, step: Step, key: str) -> None:
        """Notes what a resumable run began with; sets aside what began with something else."""
        if step.work_dir is None:
            return
        note = self.folder / "steps" / f"{step.name}.began"
        if note.exists() and note.read_text(encoding="utf-8") != key and step.work_dir.exists():
            old = step.work_dir.with_name(f"{step.work_dir.name}.old")
            shutil.rmtree(old, ignore_errors=True)
            step.work_dir.rename(old)
            self.say(f"  its inputs have changed: {step.work_dir} is now {old}")
        write_text(note, key)

    def _state_path(self, step: Step) -> Path:
        return self.folder / "steps" / f"{step.name}.json"

    def _state(self, step: Step) -> dict[str, Any]:
        try:
            state = json.loads(self._state_path(step).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # never ran here, or the file is damaged: run it
        return state if isinstance(state, dict) else {}

    def _estimate(self, step: Step, state: Mapping[str, Any]) -> str:
        if "seconds" in state:
            return f", about {_duration(state['seconds'])} as last time"
        return "" if step.minutes is None else f", about {_duration(step.minutes * 60)}"

    def _execute(self, step: Step, log: Path) -> int:
        log.parent.mkdir(parents=True, exist_ok=True)
        environment = {"PYTHON": sys.executable, **os.environ}  # the tasks' scripts look there
        with open(log, "w", encoding="utf-8") as stream:
            process = subprocess.Popen(
                step.command, stdout=stream, stderr=subprocess.STDOUT, env=environment
            )
            try:
                return process.wait()
            except BaseException:
                process.terminate()
                process.wait()
                raise

    def _show_end(self, log: Path) -> None:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines[-_SHOWN_LINES:]:
            self.say(f"  | {line}")


def _printable(command: Sequence[str]) -> str:
    words = ["python" if word == sys.executable else word for word in command]
    return " ".join(words)


def _last_json(log: Path) -> dict[str, Any]:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    try:
        value = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"
