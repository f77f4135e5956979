"""Commands as processes that begin at once: forked from one that has imported everything.

They are real processes with files, locks and signals of their own, and can be killed for real; only
the seconds that imports take are saved. ``python -m tests.faults.forked`` is the first process.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Forked:
    """A command that runs."""

    pid: int
    begun: float
    log: Path
    ask: Callable[[dict[str, Any]], Any]
    code: int | None = None

    def poll(self) -> int | None:
        """Returns the exit code, negative for a signal; None while it runs."""
        if self.code is None:
            self.code = self.ask({"poll": self.pid})
        return self.code

    def wait(self, seconds: float = 300.0) -> int:
        """Returns the exit code, negative for a signal."""
        deadline = time.monotonic() + seconds
        while (code := self.poll()) is None:
            assert time.monotonic() < deadline, f"still runs:\n{self.said()}"
            time.sleep(0.01)
        return code

    def kill(self, number: int = signal.SIGKILL) -> int:
        """Sends a signal, and waits for the end."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
        return self.wait()

    def said(self) -> str:
        """All that it has printed."""
        return self.log.read_text(errors="replace")


class Forker:
    """Starts commands of hat."""

    def __init__(self, *packages: Path) -> None:
        """Args: packages: folders that commands can import from, too."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forked"],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(map(str, [ROOT, *packages])),
                "OMP_NUM_THREADS": "1",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._started: list[Forked] = []

    def start(
        self, words: str | Sequence[str], folder: Path, *, ignored: Sequence[int] = ()
    ) -> Forked:
        """Starts ``hat WORDS`` in ``folder``; what it prints goes to a log beside the folder.

        Signals may be ignored from the start, as ``nohup`` and shells have it.
        """
        argv = words.split() if isinstance(words, str) else list(words)
        log = folder.with_name(f"{folder.name}.log")
        log.write_bytes(b"")  # or what the last command printed is read until this one begins
        question = {"words": argv, "folder": str(folder), "log": str(log)}
        pid = self._ask({**question, "ignored": [int(number) for number in ignored]})
        self._started.append(Forked(pid, time.monotonic(), log, self._ask))
        return self._started[-1]

    def run(self, words: str | Sequence[str], folder: Path, seconds: float = 300.0) -> str:
        """Runs a command to its end, which must be a good one; returns what it printed."""
        process = self.start(words, folder)
        assert process.wait(seconds) == 0, process.said()
        return process.said()

    def close(self) -> None:
        """Ends the first process, and commands that a test left running or stopped."""
        for command in self._started:
            if command.poll() is None:
                command.kill()
        self._process.communicate()

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextlib.contextmanager
def forker(*packages: Path) -> Iterator[Forker]:
    """A forker that is closed at the end."""
    one = Forker(*packages)
    try:
        yield one
    finally:
        one.close()


def _serve() -> None:
    """Answers with a line for each question, until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import hat.commands.average_checkpoints
    import hat.commands.latency_dataset
    import hat.fairseq_plugin.generation
    import hat.fairseq_plugin.training
    import hat.measuring.dataset
    import hat.nas.run
    import hat.page.write  # noqa: F401
    from hat.cli.main import main

    running: set[int] = set()
    for line in sys.stdin:
        question = json.loads(line)
        if "poll" in question:
            answer = _polled(question["poll"], running)
        else:
            answer = os.fork()
            if answer == 0:
                _become(main, question)
            running.add(answer)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _polled(pid: int, running: set[int]) -> int | None:
    assert pid in running
    done, status = os.waitpid(pid, os.WNOHANG)
    if done == 0:
        return None
    running.remove(pid)
    return os.waitstatus_to_exitcode(status)


def _become(main: Callable[[Sequence[str]], None], question: dict[str, Any]) -> None:
    """Is the command from here on; never returns."""
    code = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler if number == 2 else signal.SIG_DFL)
        for number in question["ignored"]:
            signal.signal(number, signal.SIG_IGN)
        os.chdir(question["folder"])
        log = os.open(question["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for descriptor in (1, 2):
            os.dup2(log, descriptor)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        sys.argv = ["hat", *question["words"]]
        main(question["words"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
