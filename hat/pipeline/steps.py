"""Steps of a pipeline: run what is out of date, skip what is not, remember what came out."""

import codecs
import contextlib
import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO, TextIO

from hat.conditions import OWN_DIGEST, own_digest
from hat.errors import DataError, HatError
from hat.files import told_as_of, write_json, write_text, writing
from hat.json_reader import parse_object, read_object
from hat.locks import Lock, LockedError, locked
from hat.machine.signals import Signals, StepError
from hat.numerals import duration
from hat.pipeline.digests import Digests
from hat.pipeline.showing import shown_progress
from hat.progress import VARIABLE
from hat.reading import read_log, read_text
from hat.version import __version__

_SHOWN_LINES = 20

_LONGEST = 1e9
"""Seconds; no step takes 30 years."""


class CommandError(StepError):
    """The command of a step failed."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of a pipeline."""

    name: str

    suffix: str = ""
    """What ``name`` ends in where there are several of a kind: ``.phone.fast``."""

    variant: str = ""
    """The hardware it is done for, where that matters: ``_cpu``. ``name`` and this are the name of
    its log and state files."""

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

    unattended: tuple[str, ...] = ()
    """Flags where no user is there to answer a refusal; they decide no result."""

    resumed: tuple[str, ...] = ()
    """In their place where a run with the same inputs was cut off: flags to go on with it."""

    stdout: Path | None = None
    """One of the outputs: what the command prints. Otherwise that is the log."""

    depends_on_machine: bool = False
    """Whether another machine has to run it again: for measurements."""

    minutes: float | None = None
    """How long it takes on two CPU cores, until this machine has run it once."""

    doubt: Callable[[Mapping[str, Any]], str | None] = lambda _: None
    """Says why a result of it is not to be relied on, so that it runs again; None if it is."""

    @property
    def stage(self) -> str:
        """What all steps of its kind are called."""
        return self.name.removesuffix(self.suffix)

    @property
    def label(self) -> str:
        """The name of its log and state files."""
        return f"{self.name}{self.variant}"


@dataclass(frozen=True)
class Outcome:
    """What a step left."""

    result: Mapping[str, Any]
    """The JSON object that it printed last; empty if there was none."""

    seconds: float
    skipped: bool


class Runner:
    """Runs steps in a folder that keeps their logs, states and digests of files."""

    def __init__(
        self,
        folder: Path,
        machine: str,
        say: Callable[[str], None] = print,
        *,
        by_hand: bool = False,
    ) -> None:
        """Sets up the runner.

        Args:
            folder: gets ``logs/`` and ``steps/``.
            machine: names the machine, for steps that depend on it.
            say: takes the lines of progress.
            by_hand: whether a user calls single steps. What they print is shown, too, and no
                half-done work is set aside: the command says itself whether it can go on with it.
        """
        self.folder = folder
        self.machine = machine
        self.say = say
        self.by_hand = by_hand
        self._digests = Digests(folder / "steps" / "digests.json")

    def run(self, step: Step, *, again: bool = False) -> Outcome:
        """Runs ``step`` unless it is up to date.

        Args:
            step: what to run.
            again: runs it even if it is up to date.

        Raises:
            CommandError: if the command fails. The end of its log has been shown by then.
            StepError: if it does not write its outputs.
        """
        state = self._state(step)
        key = self._key(step)
        is_done = self._is_done(step, state, key)
        doubt = step.doubt(state.get("result", {})) if is_done else None
        if doubt is not None:
            self.say(f"  {step.name}: {doubt}, so it is done again")
        elif is_done and not again:
            self.say(f"= {step.name}: up to date ({step.about})")
            if self.by_hand and state["result"]:
                print(json.dumps(state["result"]))
            return Outcome(state["result"], state["seconds"], skipped=True)
        if not state and (path := self._state_path(step)).exists():
            self.say(f"  {path}: is not as hat wrote it, so the step is done again")
        self.say(f"> {step.name}: {step.about}{self._estimate(step, state)}")
        was_cut_off = state.get("inputs") != key and self._noted(step) == key
        self._begin(step, key)
        outcome = self.execute(step, goes_on=was_cut_off)
        key = self._key(step)
        record = {
            "inputs": key,
            "outputs": self._digest(step.outputs),
            "seconds": outcome.seconds,
            "settings": self._settings(step),
            # The bytes of a path may be no text, which JSON cannot hold; this is for people.
            "command": [os.fsencode(word).decode(errors="replace") for word in step.command],
            "result": outcome.result,
        }
        record[OWN_DIGEST] = own_digest(record)
        write_json(self._state_path(step), record)
        if step.work_dir is not None or step.resumed:
            write_text(self._note_path(step), key)
        return outcome

    def execute(self, step: Step, *, goes_on: bool = False) -> Outcome:
        """Runs ``step`` whether it is up to date or not, and keeps no state of it.

        Args:
            step: what to run.
            goes_on: whether with what a run that was cut off has left, where the step can.

        Raises:
            StepError: as ``run``; or if the step still runs, as after a pipeline that was killed.
        """
        if not self.by_hand:
            more = step.resumed if goes_on and step.resumed else step.unattended
            step = replace(step, command=(*step.command, *more))
        self.say(f"  {printable(step.command)}")
        log = self.log_of(step)
        started = time.perf_counter()
        with _locked(step, log) as lock, open(log, "wb", buffering=0) as noted:
            if step.stdout is None:
                self._call(step, noted, noted, lock)
            else:
                with writing(step.stdout) as stream:
                    self._call(step, stream, noted, lock)
        seconds = time.perf_counter() - started
        missing = [str(path) for path in step.outputs if not path.exists()]
        if missing:
            raise StepError(f"step {step.name!r} did not write {', '.join(missing)}; see {log}")
        self.say(f"  done in {duration(seconds)}; log: {log}")
        return Outcome(_last_json(step.stdout or log), seconds, skipped=False)

    def log_of(self, step: Step) -> Path:
        """Gets what its command prints."""
        return self.folder / "logs" / f"{step.label}.log"

    def expected_seconds(self, step: Step, *, again: bool = False) -> float | None:
        """Returns how long it will take: 0 if up to date, None if never done with these settings.

        Args:
            step: the step.
            again: whether it runs even if it is up to date.
        """
        state = self._state(step)
        ready = all(path.exists() for path in step.inputs)
        is_done = ready and self._is_done(step, state, self._key(step))
        if is_done and not again and step.doubt(state.get("result", {})) is None:
            return 0.0
        if state:
            is_same = state.get("settings") == self._settings(step)
            return float(state["seconds"]) if is_same else None
        return None if step.minutes is None else step.minutes * 60

    def last_seconds(self, step: Step) -> float | None:
        """Returns how long the step took when it last ran, with whatever settings; None: never."""
        return self._state(step).get("seconds")

    def _is_done(self, step: Step, state: Mapping[str, Any], key: str) -> bool:
        """Whether it ran with what it would read now, and what it wrote is still there."""
        return state.get("inputs") == key and state.get("outputs") == self._digest(step.outputs)

    def _digest(self, paths: Sequence[Path]) -> str:
        return self._digests.of(paths)

    def _settings(self, step: Step) -> str:
        """A digest of its command and of the YAML files that this reads."""
        files = [path for path in step.inputs if path.suffix in (".yml", ".yaml")]
        parts = self._digest(files), *step.command[1:]
        return hashlib.sha256(os.fsencode("\0".join(parts))).hexdigest()

    def _key(self, step: Step) -> str:
        parts = [self._digest(step.inputs), __version__, *step.command[1:]]
        if step.depends_on_machine:
            parts.append(self.machine)
        return hashlib.sha256(os.fsencode("\0".join(parts))).hexdigest()

    def _begin(self, step: Step, key: str) -> None:
        """Notes what a resumable run began with; sets aside what began with something else."""
        if step.work_dir is None and not step.resumed:
            return
        note = self._note_path(step)
        if step.work_dir is not None and step.work_dir.exists():
            if self.by_hand:
                return
            if self._noted(step) not in (None, key):
                old = step.work_dir.with_name(f"{step.work_dir.name}.old")
                shutil.rmtree(old, ignore_errors=True)
                step.work_dir.rename(old)
                self.say(f"  its inputs have changed: {step.work_dir} is now {old}")
        write_text(note, key)

    def _state_path(self, step: Step) -> Path:
        return self.folder / "steps" / f"{step.label}.json"

    def _note_path(self, step: Step) -> Path:
        return self.folder / "steps" / f"{step.label}.began"

    def _noted(self, step: Step) -> str | None:
        """The inputs of the run that began last, done or not; None if nobody noted them."""
        try:
            return read_text(self._note_path(step))
        except DataError:
            return None

    def _state(self, step: Step) -> dict[str, Any]:
        """What a run has left; nothing if none did, or if it is not as it was written."""
        try:
            state = read_object(self._state_path(step), "the state of a pipeline's step")
        except HatError:
            return {}  # never ran here, or the file is damaged
        told = state.pop(OWN_DIGEST, None)  # states of older versions have none
        if told is not None and told != own_digest(state):
            return {}
        seconds, result = state.get("seconds"), state.get("result")
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        is_time = is_number and 0 <= float(seconds or 0) < _LONGEST
        return state if is_time and isinstance(result, dict) else {}

    def _estimate(self, step: Step, state: Mapping[str, Any]) -> str:
        if "seconds" in state:
            return f", about {duration(state['seconds'])} as last time"
        return "" if step.minutes is None else f", about {duration(step.minutes * 60)}"

    def _call(self, step: Step, stdout: BinaryIO, log: BinaryIO, lock: Lock) -> None:
        with shown_progress(self.say) if not self.by_hand else nullcontext("") as told:
            self._wait_for(step, stdout, log, lock, told)

    def _wait_for(self, step: Step, stdout: BinaryIO, log: BinaryIO, lock: Lock, told: str) -> None:
        # The tasks' scripts look for PYTHON.
        environment = {"PYTHON": sys.executable, **os.environ, VARIABLE: told}
        shown = {"stderr": sys.stderr} if self.by_hand else {}
        if self.by_hand and step.stdout is None:
            shown["stdout"] = sys.stdout
        files: dict[str, Any] = {"stdout": stdout, "stderr": log}
        pipes = dict.fromkeys(shown, subprocess.PIPE)
        held = () if lock.descriptor is None else (lock.descriptor,)
        # In a group of its own, so that a signal reaches it once, and all that it starts. It has
        # the lock as well: when we are killed and it goes on, the next pipeline finds out.
        with (
            Signals(self.say) as signals,
            subprocess.Popen(
                step.command, env=environment, process_group=0, pass_fds=held, **{**files, **pipes}
            ) as process,
        ):
            lock.note(process.pid, step.command)
            copying = [
                Thread(target=_copy, args=(getattr(process, name), files[name], shown[name]))
                for name in shown
            ]
            for thread in copying:
                thread.start()
            try:
                code = signals.wait_for(process)
            finally:
                for thread in copying:
                    thread.join()
        if code != 0:
            if not self.by_hand:
                self._show_end(Path(log.name))
            message = f"step {step.name!r} failed with exit code {code}; its log is {log.name}"
            raise CommandError(message, code)

    def _show_end(self, log: Path) -> None:
        lines = read_log(log).splitlines()
        for line in lines[-_SHOWN_LINES:]:
            self.say(f"  | {line}")


@contextlib.contextmanager
def _locked(step: Step, log: Path) -> Iterator[Lock]:
    """Holds the lock of a step, whose log is its first output."""
    with contextlib.ExitStack() as stack:
        try:
            lock = stack.enter_context(locked(log, say=lambda _: None))
            with told_as_of(log):
                log.touch()
        except LockedError as error:
            raise StepError(f"step {step.name!r} still runs: {error}") from None
        except DataError as error:
            raise StepError(f"{error}; --run-dir names another folder") from None
        yield lock


def this_machine() -> str:
    """Names the machine that a ``Runner`` runs on."""
    return f"{platform.machine()} {platform.node()}"


def printable(command: Sequence[str]) -> str:
    """Returns the command as a user would write it."""
    return shlex.join("python" if word == sys.executable else word for word in command)


def _copy(source: BufferedReader, noted: BinaryIO, shown: TextIO) -> None:
    """Copies what a command prints to its log and to a stream of ours, as soon as it comes."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = b""
    while chunk := source.read1():
        # Whole lines: another stream of the command goes to the same log.
        lines, end, rest = (rest + chunk).rpartition(b"\n")
        # The disk may be full, and whoever read our stream may have left; the command goes on.
        with contextlib.suppress(OSError):
            noted.write(lines + end)
        with contextlib.suppress(OSError):
            shown.write(decoder.decode(chunk))
            shown.flush()
    with contextlib.suppress(OSError):
        noted.write(rest)


def _last_json(log: Path) -> dict[str, Any]:
    """The last line that is a JSON object; what a program says on its way out may follow it."""
    for line in reversed(read_log(log).splitlines()):
        with contextlib.suppress(HatError):
            return parse_object(line, str(log), "a result")
    return {}
